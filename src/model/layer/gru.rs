//! The layer `gru`: see [`GruConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Rate};
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::kernel::gru::GruCell;
use crate::model::layer::recurrent::{RecurrentLayers, default_dropout, default_layers};
use crate::model::layer::{BuildLayer, Module, sequence};
use crate::model::weights::Weights;

/// Gated recurrent unit (GRU, Cho et al. 2014).
///
/// r, z = sigmoid(x W + h U + b), n = tanh(x W + b + r (h U + b')), h = (1 - z) n + z h.
/// Weights and biases are initialized from U(-1 / sqrt(units), 1 / sqrt(units)), as in PyTorch. PyTorch's
/// second bias exists only for n (b'), since it is redundant for r and z. The backward direction of a
/// bidirectional layer starts at the last real step of each sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GruConfig {
    /// Hidden size of each direction.
    pub units: Count,
    /// Whether to also run backward and concatenate both outputs. Default false.
    #[serde(default)]
    pub bidirectional: bool,
    /// Number of stacked layers. Default 1.
    #[serde(default = "default_layers")]
    pub layers: Count,
    /// Dropout rate between stacked layers, in [0, 1). Default 0.
    #[serde(default = "default_dropout")]
    pub dropout: Rate,
}

impl Settings for GruConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{gru: {units: 64, bidirectional: true}}";
}

impl BuildLayer for GruConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        sequence(input)?;
        let directions = if self.bidirectional { 2 } else { 1 };
        Ok(input.with_width(self.units.get() * directions))
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let size = (self.units.get(), self.bidirectional, self.layers.get());
        Ok(Box::new(RecurrentLayers::<GruCell>::build(name, input.width(), size, self.dropout, weights)?))
    }

    fn is_causal(&self) -> bool {
        !self.bidirectional
    }
}
