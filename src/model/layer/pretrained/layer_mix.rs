//! A trained mean of what all blocks compute.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Which blocks' output a pretrained layer returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputLayers {
    /// That of the last block.
    #[default]
    Last,
    /// A trained mean over the embeddings and all blocks.
    Mix,
}

/// gamma sum_i softmax(s)_i h_i, where h_0 are the embeddings, h_i the output of block i, and the last one
/// the output of the model (Peters et al. 2018, arXiv 1802.05365, equation 1). s begins as 0 and gamma as 1:
/// the mean of all.
pub struct LayerMix {
    /// s, `[layers]`
    weights: Parameter,
    /// gamma, `[1]`
    scale: Parameter,
}

impl LayerMix {
    /// Of so many tensors; names of weights start with `name`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, layers: usize, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self {
            weights: weights.parameter(&format!("{name}.weights"), &[layers], Init::Zeros)?,
            scale: weights.parameter(&format!("{name}.scale"), &[1], Init::Ones)?,
        })
    }

    /// Of `layers`, each `[batch, time, width]`; the same shape.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O, layers: &[O::Value]) -> ModelResult<O::Value> {
        let (weights, scale) = (ops.weight(&self.weights)?, ops.weight(&self.scale)?);
        let shares = ops.softmax(&weights)?;
        let shares = ops.mul(&shares, &scale)?;
        let mut sum = None;
        for (index, layer) in layers.iter().enumerate() {
            let share = ops.narrow(&shares, 0, index, 1)?;
            let part = ops.mul(layer, &share)?;
            sum = Some(match sum {
                Some(sum) => ops.add(&sum, &part)?,
                None => part,
            });
        }
        sum.ok_or_else(|| candle_core::Error::msg("a mean of no layers").into())
    }
}
