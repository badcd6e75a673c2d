//! Self-attention whose scores are more than scaled products: a window, or terms that depend on the distance
//! of two steps. It is composed of operations, while attention without such terms is one kernel.

use std::sync::Arc;

use crate::model::activations::SequenceMask;
use crate::model::error::ModelResult;
use crate::model::ops::{AttentionSettings, Ops};

/// Added to masked scores: lower than any score, but finite.
const MASKED_SCORE: f32 = -1e30;

/// Terms of the attention scores that depend on the distance of two steps, the same for all blocks.
#[derive(Clone, Debug)]
pub enum RelativeScores<V> {
    /// Added after scaling: `[heads, time, time]`.
    Bias(V),
    /// Products of queries and keys with embeddings of relative positions.
    Positions(PositionScores<V>),
}

/// Embeddings of relative positions, which each block projects as it does its input (disentangled attention,
/// He et al. 2021, arXiv 2006.03654).
#[derive(Clone, Debug)]
pub struct PositionScores<V> {
    /// `[positions, width]`
    pub table: V,
    /// Dropout rate of the table, drawn in each block.
    pub dropout: f64,
    /// The position of a key, by its distance after the query; `None`: queries meet no positions.
    pub key_rows: Option<Arc<[u32]>>,
    /// The position of a query, by its distance after the key; `None`: keys meet no positions.
    pub query_rows: Option<Arc<[u32]>>,
}

/// Settings of the scores.
#[derive(Clone, Copy, Debug)]
pub struct ScoredAttention<'a> {
    /// Name of the random stream of dropout.
    pub name: &'a str,
    /// Heads, mask and rotation.
    pub heads: AttentionSettings,
    /// Width of the queries.
    pub width: usize,
    /// A step attends only to steps at most this far away; `None`: to all.
    pub window: Option<usize>,
    /// Factor of the products of queries and keys; `None`: 1 / sqrt(width of a head).
    pub scale: Option<f64>,
}

impl ScoredAttention<'_> {
    /// Attention of `packed` queries, keys and values, `[batch, time, width + 2 kv width]`: returns
    /// `[batch, time, width]`. `positions` `[positions, width + 2 kv width]` are those of
    /// [`RelativeScores::Positions`], projected likewise.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        packed: &O::Value,
        mask: Option<&SequenceMask<O::Value>>,
        relative: Option<&RelativeScores<O::Value>>,
        positions: Option<&O::Value>,
    ) -> ModelResult<O::Value> {
        let AttentionSettings { count, kv_count, .. } = self.heads;
        let (size, kv_width) = (self.width / count, self.heads.kv_width(self.width));
        let rotated = match &self.heads.rotary {
            Some(frequencies) => Some(ops.rotary(packed, self.width + kv_width, size, frequencies)?),
            None => None,
        };
        let packed = rotated.as_ref().unwrap_or(packed);
        let by_head = |ops: &mut O, first: usize, heads: usize, order: &[usize]| {
            let part = ops.narrow(packed, 2, first, heads * size)?;
            let part = ops.reshape(&part, &[0, 0, heads as i64, size as i64])?;
            ops.transpose(&part, order)
        };
        let q = by_head(ops, 0, count, &[0, 2, 1, 3])?;
        let k = by_head(ops, self.width, kv_count, &[0, 2, 3, 1])?;
        let v = by_head(ops, self.width + kv_width, kv_count, &[0, 2, 1, 3])?;
        // The queries that share keys are rows of one product.
        let (all, shared) = (count as i64, kv_count as i64);
        let is_grouped = kv_count < count;
        let q = if is_grouped { ops.reshape(&q, &[0, shared, -1, size as i64])? } else { q };
        let mut products = ops.matmul(&q, &k)?;
        if let (Some(RelativeScores::Positions(scores)), Some(positions)) = (relative, positions) {
            let keys = by_head(ops, self.width, kv_count, &[0, 2, 1, 3])?;
            products = self.with_positions(ops, products, [&q, &keys], scores, positions)?;
        }
        let mut scores = ops.scale(&products, self.scale.unwrap_or(1.0 / (size as f64).sqrt()))?;
        if is_grouped {
            scores = ops.reshape(&scores, &[0, all, -1, 0])?;
        }
        if let Some(RelativeScores::Bias(bias)) = relative {
            scores = ops.add(&scores, bias)?;
        }
        if let Some(offsets) = self.offsets(ops, packed, mask)? {
            scores = ops.add(&scores, &offsets)?;
        }
        let probabilities = ops.softmax(&scores)?;
        let mut probabilities = ops.dropout(self.name, self.heads.dropout, &probabilities)?;
        if is_grouped {
            probabilities = ops.reshape(&probabilities, &[0, shared, -1, 0])?;
        }
        let mut y = ops.matmul(&probabilities, &v)?;
        if is_grouped {
            y = ops.reshape(&y, &[0, all, -1, size as i64])?;
        }
        let y = ops.transpose(&y, &[0, 2, 1, 3])?;
        ops.reshape(&y, &[0, 0, self.width as i64])
    }

    /// Adds the products with relative positions to those of queries and keys `[batch, heads, time, size]`.
    fn with_positions<O: Ops>(
        &self,
        ops: &mut O,
        mut products: O::Value,
        [queries, keys]: [&O::Value; 2],
        scores: &PositionScores<O::Value>,
        positions: &O::Value,
    ) -> ModelResult<O::Value> {
        let (heads, size) = (self.heads.count as i64, (self.width / self.heads.count) as i64);
        // `[1, heads, size, positions]`
        let by_head = |ops: &mut O, first: usize| {
            let part = ops.narrow(positions, 1, first, self.width)?;
            let part = ops.reshape(&part, &[-1, heads, size])?;
            let part = ops.transpose(&part, &[1, 2, 0])?;
            ops.unsqueeze(&part, 0)
        };
        if let Some(rows) = &scores.key_rows {
            let of_keys = by_head(ops, self.width)?;
            let by_position = ops.matmul(queries, &of_keys)?;
            let by_key = ops.select_by_distance(&by_position, rows)?;
            products = ops.add(&products, &by_key)?;
        }
        if let Some(rows) = &scores.query_rows {
            let of_queries = by_head(ops, 0)?;
            let by_position = ops.matmul(keys, &of_queries)?;
            let by_query = ops.select_by_distance(&by_position, rows)?;
            let by_key = ops.transpose(&by_query, &[0, 1, 3, 2])?;
            products = ops.add(&products, &by_key)?;
        }
        Ok(products)
    }

    /// 0 where a query attends to a key, else a large negative number: `[batch or 1, 1, time or 1, time]`.
    fn offsets<O: Ops>(
        &self,
        ops: &mut O,
        packed: &O::Value,
        mask: Option<&SequenceMask<O::Value>>,
    ) -> ModelResult<Option<O::Value>> {
        let distant = match visible_distances(self.window, self.heads.causal) {
            Some(rows) => {
                let table = ops.constant("/constant/masked", &[2, 1], &[MASKED_SCORE, 0.0], packed)?;
                let offsets = ops.by_distance(packed, &table, &rows)?;
                Some(ops.squeeze(&offsets, 2)?)
            }
            None => None,
        };
        let padding = match mask {
            Some(mask) => {
                let padding = ops.shift(&mask.steps, -1.0)?;
                let padding = ops.scale(&padding, f64::from(-MASKED_SCORE))?;
                let padding = ops.unsqueeze(&padding, 1)?;
                Some(ops.unsqueeze(&padding, 1)?)
            }
            None => None,
        };
        match (padding, distant) {
            (Some(padding), Some(distant)) => Ok(Some(ops.add(&padding, &distant)?)),
            (padding, distant) => Ok(padding.or(distant)),
        }
    }
}

/// For distances from -reach to reach of a key after its query, whether the query attends to it (1 or 0);
/// all farther ones are like the last. `None` if it always does.
fn visible_distances(window: Option<usize>, causal: bool) -> Option<Vec<u32>> {
    let reach = match (window, causal) {
        (Some(window), _) => window + 1,
        (None, true) => 1,
        (None, false) => return None,
    };
    let is_visible = |index: usize| {
        let (distance, is_later) = (index.abs_diff(reach), index > reach);
        window.is_none_or(|window| distance <= window) && !(causal && is_later)
    };
    Some((0..=2 * reach).map(|index| u32::from(is_visible(index))).collect())
}

#[cfg(test)]
mod tests {
    use crate::model::layer::multi_head_attention::scored::visible_distances;

    #[test]
    fn windows_and_causal_masks_by_distance() {
        assert_eq!(visible_distances(None, false), None);
        assert_eq!(visible_distances(None, true), Some(vec![1, 1, 0]));
        assert_eq!(visible_distances(Some(1), false), Some(vec![0, 1, 1, 1, 0]));
        assert_eq!(visible_distances(Some(2), true), Some(vec![0, 1, 1, 1, 0, 0, 0]));
    }
}
