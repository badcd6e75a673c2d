//! The norm of a transformer: layer norm or root mean square norm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::rms_norm::RmsNorm;
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Kind of the norms of a transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Layer normalization (Ba, Kiros & Hinton 2016).
    #[default]
    Layer,
    /// Layer normalization with a gain and no bias, as of ModernBERT (Warner et al. 2024).
    LayerWithoutBias,
    /// Root mean square normalization (Zhang & Sennrich 2019).
    Rms,
}

/// A built norm.
#[derive(Clone, Debug)]
pub enum Norm {
    /// Layer normalization.
    Layer(LayerNorm),
    /// Root mean square normalization.
    Rms(RmsNorm),
}

impl Norm {
    /// A norm of `width` features; weights are named below `name`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        kind: NormKind,
        name: &str,
        width: usize,
        epsilon: f64,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        Ok(match kind {
            NormKind::Layer => Self::Layer(LayerNorm::build(name, width, epsilon, weights)?),
            NormKind::LayerWithoutBias => {
                Self::Layer(LayerNorm::without_bias(name, width, epsilon, weights)?)
            }
            NormKind::Rms => Self::Rms(RmsNorm::build(name, width, epsilon, weights)?),
        })
    }

    /// Normalizes `x`, `[..., width]`.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        match self {
            Self::Layer(norm) => norm.on(ops, x),
            Self::Rms(norm) => norm.on(ops, x),
        }
    }
}
