//! The layer `gru`: see [`GruSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Rate};
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::kernel::gru::Gru;
use crate::model::layer::recurrent::Passes;
use crate::model::layer::{LayerWords, Module, sequence};
use crate::model::weights::Weights;

/// Gated recurrent units over the steps of a sequence (Cho et al. 2014).
///
/// r, z = sigmoid(x W + h U + b), n = tanh(x W + b + r (h U + b')), h = (1 - z) n + z h.
/// Weights and bias begin evenly within 1 / sqrt(units), as PyTorch's; of its two biases the second is left
/// only where it is not merely added to the first: b', n's.
/// The backward direction of a bidirectional layer begins at each row's own last step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GruSpec {
    /// Width of the output of each direction.
    pub units: Count,
    /// Also from the last step to the first, both outputs side by side? Default false.
    #[serde(default)]
    pub bidirectional: bool,
    /// Such layers one upon the other. Default 1.
    #[serde(default = "one")]
    pub layers: Count,
    /// Dropped between two of these layers while training; from 0 up to but not 1. Default 0.
    #[serde(default = "nothing")]
    pub dropout: Rate,
}

impl Settings for GruSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{gru: {units: 64, bidirectional: true}}";
}

fn one() -> Count {
    Count::constant(1)
}

fn nothing() -> Rate {
    Rate::constant(0.0)
}

impl LayerWords for GruSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        sequence(input)?;
        let directions = if self.bidirectional { 2 } else { 1 };
        Ok(input.with_width(self.units.get() * directions))
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>> {
        let size = (self.units.get(), self.bidirectional, self.layers.get());
        Ok(Box::new(Passes::<Gru>::build(name, input.width(), size, self.dropout, weights)?))
    }

    fn is_causal(&self) -> bool {
        !self.bidirectional
    }
}
