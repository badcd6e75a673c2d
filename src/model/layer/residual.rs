//! The layer `residual`: see [`ResidualConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::padding::Padding;
use crate::model::layer::stack::{Stack, shape_after};
use crate::model::layer::{BuildLayer, Layer, LayerConfig, Module};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// A residual connection: x + layers(x). If the widths differ, x is projected by a dense layer without bias
/// (He et al. 2016).
///
/// For images the projection is a 1 x 1 convolution, with stride 2 if the layers halve the image, stride 3 if
/// they reduce it to a third.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualConfig {
    /// The layers of the residual branch.
    pub layers: Vec<LayerConfig>,
}

impl Settings for ResidualConfig {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{residual: [{dense: {units: 64, activation: relu}}, {dense: 64}]}";
}

impl BuildLayer for ResidualConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        if self.layers.iter().any(|layer| matches!(layer, LayerConfig::Mark(_))) {
            return Err(
                "cannot contain a `mark`: marks are only allowed at the top level of the trunk".into()
            );
        }
        let after = shape_after(&self.layers, input)
            .map_err(|(index, reason)| format!("contains layer {index}, which {reason}"))?;
        if !self.keeps_steps() {
            return Err(
                "contains layers that shorten the sequence, so input and output cannot be added".into()
            );
        }
        let can_add = match (input, after) {
            (Shape::Image { .. }, Shape::Image { .. }) => stride(input, after).is_some(),
            _ => after.with_width(input.width()) == input,
        };
        if !can_add {
            return Err(format!("maps {input} to {after}, so input and output cannot be added"));
        }
        Ok(after)
    }

    fn is_causal(&self) -> bool {
        self.layers.iter().all(|layer| layer.view().is_causal())
    }

    fn keeps_steps(&self) -> bool {
        self.layers.iter().all(|layer| layer.view().keeps_steps())
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let layers = Stack::build(name, &self.layers, input, weights)?;
        let name = format!("{name}.projection");
        let shortcut = match (input, layers.output()) {
            (input, output) if input == output => None,
            (Shape::Image { channels, height, width }, Shape::Image { channels: filters, .. }) => {
                let stride = stride(input, layers.output()).unwrap_or(1);
                let window =
                    Padding::Valid.window(height, width, 1, stride).map_err(candle_core::Error::msg)?;
                let linear = Activation::Identity;
                let channels = ConvolutionChannels::full(channels, filters);
                let projection = Conv2d::build(&name, channels, window, linear, false, weights)?;
                Some(ResidualShortcut::Pixels(projection))
            }
            (input, output) => {
                let (from, to) = (input.width(), output.width());
                let projection = Dense::build(&name, from, to, Activation::Identity, false, weights)?;
                Some(ResidualShortcut::Width(projection))
            }
        };
        Ok(Box::new(Residual { layers, shortcut }))
    }
}

/// The stride that reduces an image of shape `from` to the size of `to`.
fn stride(from: Shape, to: Shape) -> Option<usize> {
    let (Shape::Image { height, width, .. }, Shape::Image { height: rows, width: columns, .. }) = (from, to)
    else {
        return None;
    };
    let stride = height.div_ceil(rows);
    (height.div_ceil(stride) == rows && width.div_ceil(stride) == columns).then_some(stride)
}

/// Projection of x to the shape of the layers' output.
enum ResidualShortcut {
    Width(Dense),
    Pixels(Conv2d),
}

/// shortcut(x) + layers(x)
struct Residual {
    layers: Stack,
    shortcut: Option<ResidualShortcut>,
}

impl Layer for Residual {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let y = self.layers.apply(ops, x)?;
        let shortcut = match &self.shortcut {
            Some(ResidualShortcut::Width(projection)) => projection.on(ops, &x.x)?,
            Some(ResidualShortcut::Pixels(projection)) => projection.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        Ok(y.with(ops.add(&shortcut, &y.x)?))
    }
}
