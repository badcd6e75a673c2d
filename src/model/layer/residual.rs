//! The layer `residual`: see [`ResidualConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::conv2d::Conv2d;
use crate::model::layer::padding::Padding;
use crate::model::layer::stack::{Stack, shape_after};
use crate::model::layer::{BuildLayer, Layer, LayerConfig, Module};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// x + layers(x); a projection of x (dense, without bias) is added when the widths differ (He et al. 2016).
///
/// Of images the projection is a convolution of single pixels, taken every second one where the layers halve
/// the image, every third where they make it a third.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualConfig {
    /// The layers around which x is carried.
    pub layers: Vec<LayerConfig>,
}

impl Settings for ResidualConfig {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{residual: [{dense: {units: 64, activation: relu}}, {dense: 64}]}";
}

impl BuildLayer for ResidualConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        if self.layers.iter().any(|layer| matches!(layer, LayerConfig::Mark(_))) {
            return Err("may not hold a `mark`: marks stand in the trunk itself".into());
        }
        let after = shape_after(&self.layers, input)
            .map_err(|(index, reason)| format!("has a layer {index} that {reason}"))?;
        if !self.keeps_steps() {
            return Err("has layers that make rows shorter, which cannot be added to them".into());
        }
        let added = match (input, after) {
            (Shape::Image { .. }, Shape::Image { .. }) => stride(input, after).is_some(),
            _ => after.with_width(input.width()) == input,
        };
        if !added {
            return Err(format!("turns {input} into {after}, which cannot be added to it"));
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
                let function = Activation::Identity;
                let pixels = Conv2d::build(&name, channels, filters, window, function, false, weights)?;
                Some(ResidualShortcut::Pixels(pixels))
            }
            (input, output) => {
                let (from, to) = (input.width(), output.width());
                Some(ResidualShortcut::Width(Dense::build(
                    &name,
                    from,
                    to,
                    Activation::Identity,
                    false,
                    weights,
                )?))
            }
        };
        Ok(Box::new(Residual { layers, shortcut }))
    }
}

/// How far apart the pixels of `from` lie that make an image of `to`'s size.
fn stride(from: Shape, to: Shape) -> Option<usize> {
    let (Shape::Image { height, width, .. }, Shape::Image { height: rows, width: columns, .. }) = (from, to)
    else {
        return None;
    };
    let stride = height.div_ceil(rows);
    (height.div_ceil(stride) == rows && width.div_ceil(stride) == columns).then_some(stride)
}

/// What makes x of the layers' shape.
enum ResidualShortcut {
    Width(Dense),
    Pixels(Conv2d),
}

/// carry(x) + layers(x)
struct Residual {
    layers: Stack,
    shortcut: Option<ResidualShortcut>,
}

impl Layer for Residual {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let y = self.layers.apply(ops, x)?;
        let carried = match &self.shortcut {
            Some(ResidualShortcut::Width(projection)) => projection.on(ops, &x.x)?,
            Some(ResidualShortcut::Pixels(projection)) => projection.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        Ok(y.with(ops.add(&carried, &y.x)?))
    }
}
