//! Disentangled attention (He et al. 2021, arXiv 2006.03654; arXiv 2111.09543): beside the product of a query
//! and a key, a score has those of the query and the key's relative position, and of the key and the query's.

use std::sync::Arc;

use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::multi_head_attention::scored::{PositionScores, RelativeScores};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Settings of disentangled attention.
#[derive(Clone, Copy, Debug)]
pub struct DisentangledOptions {
    /// The embeddings of relative positions are for -span to span - 1.
    pub span: usize,
    /// Distances beyond span / 2 share embeddings, evenly on a logarithmic scale up to this distance; `None`:
    /// every distance has its own.
    pub max_distance: Option<usize>,
    /// Whether queries meet the key's position.
    pub content_to_position: bool,
    /// Whether keys meet the query's position.
    pub position_to_content: bool,
    /// Added to the variance in the norm of the embeddings; `None`: no norm.
    pub epsilon: Option<f64>,
    /// Dropout rate of the embeddings, drawn in each block.
    pub dropout: f64,
}

impl DisentangledOptions {
    /// The number of products in a score: scores are divided by the square root of it times the width of a
    /// head.
    pub fn products(&self) -> f64 {
        f64::from(1 + u8::from(self.content_to_position) + u8::from(self.position_to_content))
    }

    /// The relative position of a distance, with its sign.
    fn position(&self, distance: i64) -> i64 {
        let (middle, steps) = ((self.span / 2) as i64, distance.abs());
        let Some(max_distance) = self.max_distance.filter(|_| steps > middle) else { return distance };
        // In 32 bits, as the reference: the bounds depend on the rounding.
        let range = ((max_distance - 1) as f32 / middle as f32).ln();
        let share = (steps as f32 / middle as f32).ln() / range;
        ((share * (middle - 1) as f32).ceil() as i64 + middle) * distance.signum()
    }

    /// The row of the embeddings for each distance of a key (or, `reversed`, of a query) after the other
    /// step.
    fn rows(&self, reversed: bool) -> Arc<[u32]> {
        let (reach, span) = (self.max_distance.unwrap_or(self.span) as i64, self.span as i64);
        let sign = if reversed { 1 } else { -1 };
        let row = |distance: i64| (self.position(sign * distance) + span).clamp(0, 2 * span - 1) as u32;
        (-reach..=reach).map(row).collect()
    }
}

/// Built embeddings of relative positions, which all blocks share.
#[derive(Clone)]
pub struct DisentangledPositions {
    /// `[2 span, width]`
    table: Parameter,
    norm: Option<LayerNorm>,
    dropout: f64,
    key_rows: Option<Arc<[u32]>>,
    query_rows: Option<Arc<[u32]>>,
}

impl DisentangledPositions {
    /// Embeddings of `width`; weights are `{name}.weight` and those of `{name}_norm`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        options: &DisentangledOptions,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let shape = [2 * options.span, width];
        let table = weights.parameter(&format!("{name}.weight"), &shape, Init::Normal(0.02))?;
        let norm = options.epsilon;
        let norm = norm.map(|epsilon| LayerNorm::build(&format!("{name}_norm"), width, epsilon, weights));
        Ok(Self {
            table,
            norm: norm.transpose()?,
            dropout: options.dropout,
            key_rows: options.content_to_position.then(|| options.rows(false)),
            query_rows: options.position_to_content.then(|| options.rows(true)),
        })
    }

    /// The embeddings, for all blocks.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O) -> ModelResult<RelativeScores<O::Value>> {
        let table = ops.weight(&self.table)?;
        let table = match &self.norm {
            Some(norm) => norm.on(ops, &table)?,
            None => table,
        };
        Ok(RelativeScores::Positions(PositionScores {
            table,
            dropout: self.dropout,
            key_rows: self.key_rows.clone(),
            query_rows: self.query_rows.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::layer::transformer::disentangled::DisentangledOptions;

    #[test]
    fn positions_equal_transformers() {
        // transformers 5.24.0
        // make_log_bucket_position(torch.tensor([-511, -300, -129, ...]), 256, 512)
        let options = DisentangledOptions {
            span: 256,
            max_distance: Some(512),
            content_to_position: true,
            position_to_content: true,
            epsilon: None,
            dropout: 0.0,
        };
        let distances = [-511, -300, -129, -128, -127, -1, 0, 1, 128, 129, 256, 400, 511];
        let expected = [-255, -207, -129, -128, -127, -1, 0, 1, 128, 129, 192, 233, 255];
        assert_eq!(distances.map(|distance| options.position(distance)), expected);
        let (keys, queries) = (options.rows(false), options.rows(true));
        // A key 3 steps later: the position is -3, its row 256 - 3; for a query 3 steps later it is 3.
        assert_eq!((keys[512 + 3], queries[512 + 3]), (253, 259));
        assert_eq!((keys[0], keys[1024]), (511, 0));
        let every = DisentangledOptions { max_distance: None, ..options };
        assert_eq!((every.rows(true)[0], every.rows(true)[512]), (0, 511));
    }
}
