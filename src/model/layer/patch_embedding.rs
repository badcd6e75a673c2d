//! The layer `patch_embedding`: see [`PatchEmbeddingConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::padding::Padding;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Splits an image into square patches, row by row, and maps the pixels of each to a vector: the sequence
/// that a vision transformer reads (ViT, Dosovitskiy et al. 2021).
///
/// Class token and positions are initialized from N(0, 0.02²).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchEmbeddingConfig {
    /// Width of the vectors.
    pub width: Count,
    /// Height and width of a patch in pixels. Default 16.
    #[serde(default = "default_patch")]
    pub patch: Count,
    /// Whether the sequence begins with a learned class token, which `{pool: first}` selects. Default false.
    #[serde(default)]
    pub class_token: bool,
    /// Whether to add a learned vector for each position. Default true.
    #[serde(default = "default_positions")]
    pub positions: bool,
}

impl Settings for PatchEmbeddingConfig {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{patch_embedding: {width: 8, patch: 1, class_token: true}}";
}

fn default_patch() -> Count {
    Count::constant(16)
}

fn default_positions() -> bool {
    true
}

impl BuildLayer for PatchEmbeddingConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (_, height, width) = image(input)?;
        let patch = self.patch.get();
        match height.is_multiple_of(patch) && width.is_multiple_of(patch) {
            true => Ok(Shape::Sequence { width: self.width.get() }),
            false => Err(format!(
                "has patches of {patch} x {patch} pixels, which do not divide the image of {height} x {width}"
            )),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let patch = self.patch.get();
        let window = Padding::Valid.window(height, width, patch, patch).map_err(candle_core::Error::msg)?;
        let (units, patches) = (self.width.get(), window.positions());
        let channels = ConvolutionChannels::full(channels, units);
        let projection = Conv2d::build(name, channels, window, Activation::Identity, true, weights)?;
        let mut vectors = |part: &str, shape: &[usize]| {
            weights.parameter(&format!("{name}.{part}.weight"), shape, Init::Normal(0.02))
        };
        let class_token = match self.class_token {
            true => Some(vectors("class_token", &[1, units])?),
            false => None,
        };
        let time = patches + usize::from(self.class_token);
        let positions = match self.positions {
            true => Some(vectors("positions", &[time, units])?),
            false => None,
        };
        Ok(Box::new(PatchEmbedding { projection, patches, width: units, class_token, positions }))
    }
}

/// A built patch embedding.
struct PatchEmbedding {
    projection: Conv2d,
    patches: usize,
    width: usize,
    /// `[1, width]`
    class_token: Option<Parameter>,
    /// `[time, width]`
    positions: Option<Parameter>,
}

impl Layer for PatchEmbedding {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let planes = self.projection.on(ops, &x.x)?;
        let columns = ops.reshape(&planes, &[-1, self.width as i64, self.patches as i64])?;
        let mut steps = ops.transpose(&columns, &[0, 2, 1])?;
        let mut time = self.patches;
        if let Some(token) = &self.class_token {
            let token = ops.weight(token)?;
            // One token for each row of the batch, whose number a graph does not know.
            let first = ops.narrow(&steps, 1, 0, 1)?;
            let zeros = ops.scale(&first, 0.0)?;
            let tokens = ops.add(&zeros, &token)?;
            steps = ops.concat(&[tokens, steps], 1)?;
            time += 1;
        }
        if let Some(positions) = &self.positions {
            let positions = ops.weight(positions)?;
            steps = ops.add(&steps, &positions)?;
        }
        Ok(Activations { x: steps, mask: Some(ops.full(&x.x, time)?) })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::patch_embedding::PatchEmbeddingConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    /// (i * 7 % 11 - 5) / 5
    fn numbers(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 7 % 11) as f32 - 5.0) / 5.0).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn values_of_pytorch() {
        // n = lambda *s: ((torch.arange(math.prod(s)) * 7 % 11 - 5) / 5).float().reshape(s)
        // y = F.conv2d(n(1,2,2,4), n(3,2,2,2), torch.tensor([.5, -1, 0]), stride=2).flatten(2).transpose(1,
        // 2) torch.cat([n(1,1,3), y], 1) + n(1,3,3)
        let config: PatchEmbeddingConfig =
            serde_json::from_str(r#"{"width": 3, "patch": 2, "class_token": true}"#).unwrap();
        let input = Shape::Image { channels: 2, height: 2, width: 4 };
        assert_eq!(config.shape(input).unwrap(), Shape::Sequence { width: 3 });
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = config.build("p", input, &mut weights).unwrap();
        for weight in weights.iter() {
            let values = match weight.name.as_str() {
                "p.bias" => Tensor::new(&[0.5f32, -1.0, 0.0], &Device::Cpu).unwrap(),
                _ => numbers(&weight.shape),
            };
            weight.var.set(&values).unwrap();
        }
        let y = layer.forward(&Activations::plain(numbers(&[1, 2, 2, 4])), &Mode::evaluate()).unwrap();
        let expected = [-2.0, 0.8, -0.8, 1.78, 0.56, -0.36, 31.4 / 10.0, 1.12, -0.6_f32];
        near("sequence", &y.x, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
        assert_eq!(y.mask.unwrap().steps.dims(), [1, 3]);
        let refused = config.shape(Shape::Image { channels: 2, height: 3, width: 4 }).unwrap_err();
        assert_eq!(refused, "has patches of 2 x 2 pixels, which do not divide the image of 3 x 4");
    }
}
