//! One weight of a network, with its name and its owner.

use candle_core::Var;

use crate::model::weights::owner::WeightOwner;
use crate::model::weights::parameter::FrozenFlag;

/// One named tensor.
#[derive(Clone, Debug)]
pub struct Weight {
    /// Name in checkpoints and in the ONNX graph.
    pub name: String,
    /// The part of the network it belongs to.
    pub owner: WeightOwner,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// The tensor.
    pub var: Var,
    /// Updated by the optimizer. Otherwise frozen, or a running statistic.
    pub trainable: bool,
    /// Whether weight decay applies: to matrices and embeddings, not to biases and norms.
    pub decay: bool,
    /// In a layer of blocks, such as `transformer`: the number of its blocks after this weight's, 0 for the
    /// last block, and the number of all blocks for what is before the first, such as embeddings.
    pub blocks_after: Option<usize>,
    pub(super) frozen: FrozenFlag,
}

impl Weight {
    /// Whether it would be trained, had it not been frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_set()
    }

    /// Number of elements; saturates at `usize::MAX`.
    pub fn count(&self) -> usize {
        elements(&self.shape)
    }
}

/// Number of elements of a shape; saturates at `usize::MAX`.
pub(in crate::model) fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product: usize, side| product.saturating_mul(*side))
}
