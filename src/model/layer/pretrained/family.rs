//! A family of pretrained models: an architecture and the names of its weights.

use std::fmt::Debug;

use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::Module;
use crate::model::layer::pretrained::decoder::DecoderArchitecture;
use crate::model::layer::pretrained::layer_mix::LayerMix;
use crate::model::pretrained::WeightSource;
use crate::model::weights::{LowRankOptions, LowRankTargets, Weights};

/// Which blocks of a pretrained model are built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelPart {
    /// All of it.
    #[default]
    Whole,
    /// The embeddings and this many blocks next to the input.
    Before(usize),
    /// What comes after this many blocks; its input is their output.
    After(usize),
    /// The block of this index alone.
    Only(usize),
}

impl ModelPart {
    /// The indices of its blocks, of so many.
    pub fn blocks(self, blocks: usize) -> std::ops::Range<usize> {
        match self {
            Self::Whole => 0..blocks,
            Self::Before(end) => 0..end.min(blocks),
            Self::After(start) => start.min(blocks)..blocks,
            Self::Only(index) => index.min(blocks)..(index + 1).min(blocks),
        }
    }

    /// Whether it begins with the input.
    pub fn has_start(self) -> bool {
        !matches!(self, Self::After(_) | Self::Only(_))
    }

    /// Whether it ends with the output.
    pub fn has_end(self) -> bool {
        !matches!(self, Self::Before(_) | Self::Only(_))
    }
}

/// What is changed of a pretrained model while it is trained.
#[derive(Clone, Debug, Default)]
pub struct FineTuning {
    /// The number of frozen blocks next to the input, with the embeddings; `None`: nothing is frozen.
    pub frozen_blocks: Option<usize>,
    /// Dropout rate in place of the configuration's.
    pub dropout: Option<f64>,
    /// Low-rank updates of the other blocks, whose pretrained weights are frozen too.
    pub low_rank: Option<LowRankOptions>,
    /// What is built; a family that is not divisible builds all.
    pub part: ModelPart,
    /// Whether the output is a trained mean over all blocks.
    pub mix: bool,
}

impl FineTuning {
    /// The trained mean over the embeddings and so many blocks, if it is asked for. It is trained even if all
    /// blocks are frozen.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn layer_mix(
        &self,
        name: &str,
        blocks: usize,
        weights: &mut Weights,
    ) -> ModelResult<Option<LayerMix>> {
        weights.freeze_new(false);
        self.mix.then(|| LayerMix::build(&format!("{name}.mix"), blocks + 1, weights)).transpose()
    }

    /// Prepares `weights` for the embeddings of a model with so many blocks. Returns what
    /// [`Weights::set_blocks_after`] is to be restored to.
    pub fn enter_embeddings(&self, blocks: usize, weights: &mut Weights) -> Option<usize> {
        weights.freeze_new(self.frozen_blocks.is_some() || self.low_rank.is_some());
        weights.set_blocks_after(Some(blocks))
    }

    /// Prepares `weights` for the block with this index.
    pub fn enter_block(&self, index: usize, blocks: usize, weights: &mut Weights) {
        let is_frozen = self.freezes(index);
        weights.freeze_new(is_frozen || self.low_rank.is_some());
        weights.set_low_rank(self.low_rank_of(is_frozen));
        weights.set_blocks_after(Some(blocks - 1 - index));
    }

    /// The low-rank updates of a block. A frozen block has none, but those of an adapter, frozen too.
    fn low_rank_of(&self, is_frozen: bool) -> Option<LowRankOptions> {
        let options = self.low_rank.clone()?;
        match (is_frozen, &options.targets) {
            (false, _) => Some(options),
            (true, LowRankTargets::Weights(_)) => {
                Some(LowRankOptions { dropout: 0.0, frozen: true, ..options })
            }
            (true, LowRankTargets::Projections { .. }) => None,
        }
    }

    /// Ends the model: weights created from now on are others'.
    pub fn leave(&self, outside: Option<usize>, weights: &mut Weights) {
        weights.freeze_new(false);
        weights.set_low_rank(None);
        weights.set_blocks_after(outside);
    }

    /// Dropout rate after the embeddings: 0 if they are frozen on purpose.
    pub fn embedding_dropout(&self, configured: f64) -> f64 {
        if self.frozen_blocks.is_some() { 0.0 } else { self.dropout.unwrap_or(configured) }
    }

    /// Dropout rate in a block: 0 if it is frozen on purpose.
    pub fn dropout(&self, block: usize, configured: f64) -> f64 {
        if self.freezes(block) { 0.0 } else { self.dropout.unwrap_or(configured) }
    }

    /// Whether the block with this index is frozen on purpose.
    pub fn freezes(&self, block: usize) -> bool {
        self.frozen_blocks.is_some_and(|frozen| block < frozen)
    }
}

/// An architecture with its configuration.
pub trait PretrainedFamily: Debug + Send + Sync {
    /// The input that it is made for; for tokens, with the size of its own vocabulary.
    fn input(&self) -> Shape;

    /// Shape of one row of the output.
    ///
    /// # Errors
    /// Why it does not accept `input`, a phrase whose subject is the layer.
    fn shape(&self, input: Shape) -> ModelResult<Shape, String>;

    /// The number of blocks, which can be frozen from the input on.
    fn blocks(&self) -> usize;

    /// Maximum number of tokens; `None` if any number is possible.
    fn max_tokens(&self) -> Option<usize>;

    /// Whether the output at a step depends only on this step and previous ones.
    fn is_causal(&self) -> bool {
        false
    }

    /// Whether all blocks return the same shape, so that a mean over them is possible ([`FineTuning::mix`]).
    fn has_equal_blocks(&self) -> bool {
        false
    }

    /// Whether it can be built in two parts, before and after any block ([`FineTuning::part`]).
    fn is_divisible(&self) -> bool {
        false
    }

    /// The name of the matrix `[vocabulary, width]` that projects its output to the logits of the next token.
    fn logits_weight(&self) -> Option<&'static str> {
        None
    }

    /// The decoder that reads its output.
    fn decoder(&self) -> Option<&DecoderArchitecture> {
        None
    }

    /// What the names of its weights begin with in the checkpoint of a model with a head, such as `bert`.
    fn prefix(&self) -> &'static str;

    /// Where its weights are in a checkpoint, by our names after that of the layer.
    fn sources(&self) -> Vec<WeightSource>;

    /// Builds the layers; names of weights start with `name`. Says which weights are frozen
    /// ([`Weights::freeze_new`]) and how many blocks come after them ([`Weights::set_blocks_after`]).
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    fn build(
        &self,
        name: &str,
        input: Shape,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<Box<dyn Module>>;
}
