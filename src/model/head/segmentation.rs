//! One logit per class at every pixel, from the pixel's channels alone (a 1 x 1 convolution); their
//! probabilities are exp(logit) over the sum of all. Classes stand last: `[rows, height, width, classes]`.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::error::{Error, Result};
use crate::model::head::Head;
use crate::model::head::multiclass::softmax;
use crate::model::layer::dense::Dense;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A projection of every pixel's channels.
pub struct Pixels {
    projection: Dense,
}

impl Pixels {
    /// `input` must be an image of the truth's height and width.
    pub fn build(
        name: &str,
        input: Shape,
        truth: (usize, usize),
        logits: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let refused = |reason| Error::Shape { part: name.to_owned(), reason };
        let Shape::Image { channels, height, width } = input else {
            return Err(refused(format!("needs an image, not {input}")));
        };
        if (height, width) != truth {
            let help = match height <= truth.0 && width <= truth.1 {
                true => "add an `upsample` or a `conv_transpose2d`",
                false => "give the image another size, or add a pooling",
            };
            let (high, wide) = truth;
            return Err(refused(format!(
                "needs an image of {high} x {wide} pixels, which the target has, not {input}; {help}"
            )));
        }
        Ok(Self { projection: Dense::projection(name, channels, logits, weights)? })
    }

    /// `[rows, channels, height, width]` to `[rows, height, width, logits]`.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, channels, height, width) = x.dims4()?;
        let pixels = x.permute((0, 2, 3, 1))?.contiguous()?.reshape((rows * height * width, channels))?;
        Ok(self.projection.apply(&pixels)?.reshape((rows, height, width, ()))?)
    }

    pub fn nodes(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let pixels = operator::transpose(graph, x, &[0, 2, 3, 1]);
        self.projection.nodes(graph, &pixels)
    }
}

/// One of several classes at every pixel.
pub struct Segmentation {
    pixels: Pixels,
}

impl Segmentation {
    pub fn new(pixels: Pixels) -> Self {
        Self { pixels }
    }
}

impl Head for Segmentation {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.pixels.apply(&x.x)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        softmax(logits)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.pixels.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(operator::softmax(graph, logits, -1))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use crate::domain::shape::Shape;
    use crate::model::head::segmentation::Pixels;
    use crate::model::kernel::agreement::{agree, variable};
    use crate::model::kernel::convolution::convolution;
    use crate::model::kernel::window::Window;
    use crate::model::layer::activation::Activation;
    use crate::model::weights::Weights;

    #[test]
    fn the_image_has_the_pixels_of_the_target() {
        let input = Shape::Image { channels: 8, height: 14, width: 14 };
        let error = |truth| {
            let mut weights = Weights::new(0, &Device::Cpu);
            Pixels::build("head.mask.output", input, truth, 3, &mut weights).err().unwrap().to_string()
        };
        assert_eq!(
            error((28, 28)),
            "`head.mask.output` needs an image of 28 x 28 pixels, which the target has, not [8, 14, 14]; add an `upsample` or a `conv_transpose2d`"
        );
        assert!(error((7, 7)).ends_with("; give the image another size, or add a pooling"));
    }

    #[test]
    fn it_is_a_convolution_of_single_pixels() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let input = Shape::Image { channels: 3, height: 4, width: 5 };
        let pixels = Pixels::build("o", input, (4, 5), 2, &mut weights).unwrap();
        let found: Vec<_> = weights.iter().map(|weight| weight.var.clone()).collect();
        let window = Window { size: 1, stride: 1, top: 0, left: 0, height: 4, width: 5, rows: 4, columns: 5 };
        agree(
            &[variable(&[2, 3, 4, 5], 1), found[0].clone(), found[1].clone()],
            1e-5,
            |v| Ok(pixels.apply(&v[0]).unwrap()),
            |v| {
                let kernel = v[1].t()?.contiguous()?.reshape((2, 3, 1, 1))?;
                convolution(&v[0], &kernel, &v[2], window, Activation::Identity)?.permute((0, 2, 3, 1))
            },
        );
    }
}
