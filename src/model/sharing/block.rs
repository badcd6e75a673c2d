//! The trunk in blocks, for sharings that do something between its layers.
//!
//! A block begins with a layer that learns of its own: dense, embedding, recurrent, attention, transformer,
//! residual, convolution. What follows it up to the next of these (activation, dropout, normalization,
//! pool, flatten, mark ...) belongs to its block, and what stands before the first to the first.

use std::ops::Range;

use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::shape_after;
use crate::model::sharing::Body;

/// Where the blocks of a trunk stand in its list.
pub fn split_blocks(trunk: &[LayerConfig]) -> Vec<Range<usize>> {
    let begins = (1..trunk.len()).filter(|at| begins(&trunk[*at]) && trunk[..*at].iter().any(begins));
    let begins: Vec<usize> = std::iter::once(0).filter(|_| !trunk.is_empty()).chain(begins).collect();
    let ends = begins.iter().copied().skip(1).chain([trunk.len()]);
    begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect()
}

fn begins(layer: &LayerConfig) -> bool {
    matches!(
        layer,
        LayerConfig::Dense(_)
            | LayerConfig::Embedding(_)
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

/// Where a task reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPoint {
    pub block: usize,
    /// Without it, the end of the last block.
    pub mark: Option<MarkName>,
}

impl ReadPoint {
    /// Does the task go on behind this block, or read its very end?
    pub fn is_behind(&self, block: usize) -> bool {
        self.block > block || self.mark.is_none()
    }
}

/// Where each task of a body reads, its trunk being cut into these blocks.
pub fn stops(body: &Body, blocks: &[Range<usize>]) -> Vec<ReadPoint> {
    let last = blocks.len().saturating_sub(1);
    let stop = |from: &Option<MarkName>| {
        let is_it = |layer: &LayerConfig| matches!(layer, LayerConfig::Mark(mark) if from.as_ref() == Some(&mark.name));
        let at = body.trunk.iter().position(is_it);
        let block = at.and_then(|at| blocks.iter().position(|block| block.contains(&at)));
        ReadPoint { block: block.unwrap_or(last), mark: from.clone().filter(|_| block.is_some()) }
    };
    body.tasks.iter().map(|task| stop(&task.from)).collect()
}

/// What each block of the trunk gives, or why a sharing that stands between blocks cannot be built on it.
/// Every block but the first reads what the one before gave, as `between` makes it.
pub fn shapes(
    trunk: &[LayerConfig],
    input: Shape,
    between: impl Fn(Shape) -> Shape,
) -> Result<Vec<Shape>, String> {
    let blocks = split_blocks(trunk);
    if blocks.is_empty() {
        return Err(
            "is made of the trunk's layers, and the trunk has none: add `trunk: [{dense: 64}]`".into()
        );
    }
    let mut shapes: Vec<Shape> = Vec::new();
    for block in blocks {
        let read = shapes.last().map_or(input, |shape| between(*shape));
        let shape = shape_after(&trunk[block.clone()], read).map_err(|(index, reason)| {
            format!("reads {read} before layer {} of the trunk, which cannot: {reason}", block.start + index)
        })?;
        if matches!(shape, Shape::Tokens { .. }) {
            return Err("needs numbers: put an `embedding` into the trunk".into());
        }
        shapes.push(shape);
    }
    Ok(shapes)
}

/// A trunk of which every task has a copy can have no tied table: whose would it be?
pub fn nothing_tied(trunk: &[LayerConfig]) -> Result<(), String> {
    let is_tied =
        |layer: &LayerConfig| matches!(layer, LayerConfig::Embedding(config) if config.tied.is_some());
    match trunk.iter().any(is_tied) {
        true => {
            Err("gives every task a copy of the trunk, so that its `embedding` cannot be tied: put that \
                     into the input's `encoder`"
                .into())
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::block::split_blocks;

    #[test]
    fn a_block_begins_with_what_learns_of_its_own() {
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
