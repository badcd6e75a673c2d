//! The trunk in blocks, for sharings that insert modules between its layers.
//!
//! A block starts with a layer that learns a representation of its own: dense, embedding, recurrent,
//! attention, transformer, pretrained, residual or convolution. The layers up to the next one of these
//! (activation, dropout, normalization, pool, flatten, mark ...) belong to the same block; layers before the
//! first one belong to the first block.

use std::ops::Range;

use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::{Stack, shape_after};
use crate::model::sharing::Body;
use crate::model::sharing::pointwise::dense_features;

/// The index ranges of the blocks of a trunk.
pub fn split_blocks(trunk: &[LayerConfig]) -> Vec<Range<usize>> {
    let starts =
        (1..trunk.len()).filter(|at| starts_block(&trunk[*at]) && trunk[..*at].iter().any(starts_block));
    let starts: Vec<usize> = std::iter::once(0).filter(|_| !trunk.is_empty()).chain(starts).collect();
    let ends = starts.iter().copied().skip(1).chain([trunk.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Does a block start with this layer?
fn starts_block(layer: &LayerConfig) -> bool {
    matches!(
        layer,
        LayerConfig::Dense(_)
            | LayerConfig::Embedding(_)
            | LayerConfig::Pretrained(_)
            | LayerConfig::PatchEmbedding(_)
            | LayerConfig::Gru(_)
            | LayerConfig::Lstm(_)
            | LayerConfig::MultiHeadAttention(_)
            | LayerConfig::Transformer(_)
            | LayerConfig::Residual(_)
            | LayerConfig::Conv1d(_)
            | LayerConfig::Conv2d(_)
            | LayerConfig::ConvTranspose2d(_)
    )
}

/// The point of the trunk that a task reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPoint {
    /// Index of the block, from 0.
    pub block: usize,
    /// A mark inside the block; `None` for the end of the last block.
    pub mark: Option<MarkName>,
}

impl ReadPoint {
    /// Does the task read something after this block's last layer?
    pub fn is_after(&self, block: usize) -> bool {
        self.block > block || self.mark.is_none()
    }

    /// Does the task depend on layer `layer` of block `block`, which is `stack`?
    pub fn depends_on(&self, block: usize, stack: &Stack, layer: usize) -> bool {
        self.block > block || self.block == block && layer < stack.depth(self.mark.as_ref())
    }

    /// The shape at this point of its block, which is `stack`.
    pub fn shape(&self, stack: &Stack) -> Shape {
        let marked = stack.marks().find(|(name, _)| Some(*name) == self.mark.as_ref());
        marked.map_or(stack.output(), |(_, shape)| shape)
    }
}

/// Do these tasks depend on the weight of this name? `None` if it is not in the trunk `blocks`.
pub fn trunk_uses(
    blocks: &[Stack],
    read_points: &[ReadPoint],
    tasks: &[usize],
    weight: &str,
) -> Option<bool> {
    blocks.iter().enumerate().find_map(|(block, stack)| {
        let layer = stack.parts().iter().position(|part| part.owns(weight))?;
        Some(tasks.iter().any(|task| read_points[*task].depends_on(block, stack, layer)))
    })
}

/// The read point of each task of a body whose trunk is split into these blocks.
pub fn read_points(body: &Body, blocks: &[Range<usize>]) -> Vec<ReadPoint> {
    let last = blocks.len().saturating_sub(1);
    let read_point = |from: &Option<MarkName>| {
        let is_mark = |layer: &LayerConfig| match layer {
            LayerConfig::Mark(mark) => from.as_ref() == Some(&mark.name),
            _ => false,
        };
        let index = body.trunk.iter().position(is_mark);
        let block = index.and_then(|index| blocks.iter().position(|block| block.contains(&index)));
        ReadPoint { block: block.unwrap_or(last), mark: from.clone().filter(|_| block.is_some()) }
    };
    body.tasks.iter().map(|task| read_point(&task.from)).collect()
}

/// The output shapes of the trunk's blocks. Every block but the first reads the output of the block before,
/// transformed by `between`.
///
/// # Errors
///
/// Says why a sharing that works on blocks cannot be built on this trunk.
pub fn block_shapes(
    trunk: &[LayerConfig],
    input: Shape,
    between: impl Fn(Shape) -> Shape,
) -> Result<Vec<Shape>, String> {
    let blocks = split_blocks(trunk);
    if blocks.is_empty() {
        return Err("needs at least one trunk layer: add, for example, `trunk: [{dense: 64}]`".into());
    }
    let mut shapes: Vec<Shape> = Vec::new();
    for block in blocks {
        let read = shapes.last().map_or(input, |shape| between(*shape));
        let shape = shape_after(&trunk[block.clone()], read).map_err(|(index, reason)| {
            format!("cannot use layer {} of the trunk, which receives {read}: {reason}", block.start + index)
        })?;
        shapes.push(dense_features(shape)?);
    }
    Ok(shapes)
}

/// Refuses tied embeddings in a trunk that is copied for every task: the table would have several owners.
pub fn refuse_tied_embeddings(trunk: &[LayerConfig]) -> Result<(), String> {
    let is_tied =
        |layer: &LayerConfig| matches!(layer, LayerConfig::Embedding(config) if config.tied.is_some());
    match trunk.iter().any(is_tied) {
        true => Err("copies the trunk for every task, so its `embedding` cannot be tied: move it to the \
                     input's `encoder`"
            .into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::block::split_blocks;

    #[test]
    fn a_block_starts_with_a_representation_layer() {
        let trunk = json!([
            {"dropout": 0.1}, {"conv2d": 4}, "batch_norm", {"activation": "relu"}, {"mark": "m"},
            {"conv2d": 4}, "max_pool2d", "flatten", {"dense": 3}
        ]);
        let trunk: Vec<_> = serde_json::from_value(trunk).unwrap();
        assert_eq!(split_blocks(&trunk), [0..5, 5..8, 8..9]);
        assert_eq!(split_blocks(&trunk[..1]).first(), Some(&(0..1)));
        assert!(split_blocks(&[]).is_empty());
    }
}
