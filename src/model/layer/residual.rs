//! The layer `residual`: see [`ResidualSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::layer::conv2d::Conv2d;
use crate::model::layer::padding::Padding;
use crate::model::layer::stack::{Stack, shape_after};
use crate::model::layer::{Layer, LayerSpec, LayerWords, Module};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// x + layers(x); a projection of x (dense, without bias) is added when the widths differ (He et al. 2016).
///
/// Of images the projection is a convolution of single pixels, taken every second one where the layers halve
/// the image, every third where they make it a third.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualSpec {
    /// The layers around which x is carried.
    pub layers: Vec<LayerSpec>,
}

impl Settings for ResidualSpec {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{residual: [{dense: {units: 64, activation: relu}}, {dense: 64}]}";
}

impl LayerWords for ResidualSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        if self.layers.iter().any(|layer| matches!(layer, LayerSpec::Mark(_))) {
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

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>> {
        let layers = Stack::build(name, &self.layers, input, weights)?;
        let name = format!("{name}.projection");
        let carry = match (input, layers.output()) {
            (input, output) if input == output => None,
            (Shape::Image { channels, height, width }, Shape::Image { channels: filters, .. }) => {
                let stride = stride(input, layers.output()).unwrap_or(1);
                let window =
                    Padding::Valid.window(height, width, 1, stride).map_err(candle_core::Error::msg)?;
                let function = Activation::Identity;
                let pixels = Conv2d::build(&name, channels, filters, window, function, false, weights)?;
                Some(Carry::Pixels(pixels))
            }
            (input, output) => {
                let (from, to) = (input.width(), output.width());
                Some(Carry::Width(Dense::build(&name, from, to, Activation::Identity, false, weights)?))
            }
        };
        Ok(Box::new(Residual { layers, carry }))
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
enum Carry {
    Width(Dense),
    Pixels(Conv2d),
}

/// carry(x) + layers(x)
struct Residual {
    layers: Stack,
    carry: Option<Carry>,
}

impl Layer for Residual {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        let y = self.layers.apply(ops, x)?;
        let carried = match &self.carry {
            Some(Carry::Width(projection)) => projection.on(ops, &x.x)?,
            Some(Carry::Pixels(projection)) => projection.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        Ok(y.with(ops.add(&carried, &y.x)?))
    }
}
