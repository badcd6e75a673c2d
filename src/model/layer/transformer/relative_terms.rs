//! Terms of the attention scores by distance, which the blocks of a transformer share.

use crate::model::activations::{BackendValue, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::layer::multi_head_attention::scored::RelativeScores;
use crate::model::layer::transformer::block::EncoderBlock;
use crate::model::layer::transformer::disentangled::DisentangledPositions;
use crate::model::layer::transformer::relative_positions::RelativePositions;
use crate::model::ops::{Ops, Recomputable};

/// Built terms of the scores.
#[derive(Clone)]
pub enum RelativeTerms {
    /// A trained bias for each head.
    Bias(RelativePositions),
    /// Products with trained embeddings.
    Disentangled(DisentangledPositions),
}

impl RelativeTerms {
    fn scores<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<RelativeScores<O::Value>> {
        match self {
            Self::Bias(positions) => positions.on(ops, x),
            Self::Disentangled(positions) => positions.on(ops),
        }
    }
}

/// Blocks with the terms of their scores. The terms are computed once for all blocks; with gradient
/// checkpointing, where backward computes each block again, they are a part of it.
pub struct SharedTerms<'a, V> {
    terms: Option<&'a RelativeTerms>,
    scores: Option<RelativeScores<V>>,
}

impl<'a, V: BackendValue> SharedTerms<'a, V> {
    /// The terms between the steps of `x`, `[batch, time, width]`, if there are any.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn new<O: Ops<Value = V>>(ops: &mut O, terms: Option<&'a RelativeTerms>, x: &V) -> ModelResult<Self> {
        let is_recomputed = ops.mode().recomputed().is_some();
        let scores = match terms {
            Some(terms) if !is_recomputed => Some(terms.scores(ops, x)?),
            _ => None,
        };
        Ok(Self { terms, scores })
    }

    /// Applies a block to `x`, `[batch, time, width]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn apply<O: Ops<Value = V>>(
        &self,
        ops: &mut O,
        block: &EncoderBlock,
        mask: Option<&SequenceMask<V>>,
        x: &V,
    ) -> ModelResult<V> {
        match (&self.scores, self.terms) {
            (Some(scores), _) => block.relative(ops, mask, Some(scores), x),
            (None, Some(terms)) => {
                let part = BlockWithTerms { block: block.clone(), terms: terms.clone() };
                ops.checkpoint(&part, mask, x)
            }
            (None, None) => block.on(ops, mask, x),
        }
    }
}

/// A block that computes its terms.
#[derive(Clone)]
struct BlockWithTerms {
    block: EncoderBlock,
    terms: RelativeTerms,
}

impl Recomputable for BlockWithTerms {
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let scores = self.terms.scores(ops, x)?;
        self.block.relative(ops, mask, Some(&scores), x)
    }
}
