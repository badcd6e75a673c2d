//! The layer `patch_embedding`: see [`PatchEmbeddingConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::patch_tokens::{PatchOptions, PatchTokens, patch_grid};
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

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
        patch_grid(self.patch.get(), height, width)?;
        Ok(Shape::Sequence { width: self.width.get() })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let grid = patch_grid(self.patch.get(), height, width).map_err(candle_core::Error::msg)?;
        let options = PatchOptions {
            width: self.width.get(),
            patch: self.patch.get(),
            tokens: if self.class_token { &["class_token"] } else { &[] },
            positions: self.positions.then_some(grid),
        };
        Ok(Box::new(PatchTokens::build(name, &options, [channels, height, width], weights)?))
    }
}

impl Layer for PatchTokens {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        self.on(ops, &x.x)
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
