//! Classification of every pixel by a 1 x 1 convolution and a softmax: `[batch, height, width, classes]`.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::output::Output;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// A projection of every pixel's channels: a 1 x 1 convolution.
pub struct PixelProjection {
    projection: Dense,
}

impl PixelProjection {
    /// Builds a projection to `logits` channels; `target` is the target's height and width.
    ///
    /// # Errors
    /// If `input` is not an image of the target's height and width.
    pub fn build(
        name: &str,
        input: Shape,
        target: (usize, usize),
        logits: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let refused = |reason| ModelError::Shape { part: name.to_owned(), reason };
        let Shape::Image { channels, height, width } = input else {
            return Err(refused(format!("needs an image, not {input}")));
        };
        if (height, width) != target {
            let help = match height <= target.0 && width <= target.1 {
                true => "add an `upsample` or a `conv_transpose2d`",
                false => "resize the image, or add a pooling layer",
            };
            let (rows, columns) = target;
            return Err(refused(format!(
                "needs an image of {rows} x {columns} pixels, the size of the target, not {input}; {help}"
            )));
        }
        Ok(Self { projection: Dense::projection(name, channels, logits, weights)? })
    }

    /// Maps `[batch, channels, height, width]` to `[batch, height, width, logits]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let pixels = ops.transpose(x, &[0, 2, 3, 1])?;
        self.projection.on(ops, &pixels)
    }
}

/// Head for one of several classes at every pixel.
pub struct Segmentation {
    pixels: PixelProjection,
}

impl Segmentation {
    /// One logit per class and pixel.
    pub fn new(pixels: PixelProjection) -> Self {
        Self { pixels }
    }
}

impl Output for Segmentation {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.pixels.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        ops.softmax(logits)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use crate::domain::shape::Shape;
    use crate::model::activation::Activation;
    use crate::model::head::segmentation::PixelProjection;
    use crate::model::kernel::convolution::convolution;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::kernel::window::Window;
    use crate::model::ops::Tensors;
    use crate::model::weights::Weights;

    #[test]
    fn the_image_must_have_the_size_of_the_target() {
        let input = Shape::Image { channels: 8, height: 14, width: 14 };
        let error = |target| {
            let mut weights = Weights::new(0, &Device::Cpu);
            PixelProjection::build("head.mask.output", input, target, 3, &mut weights)
                .err()
                .unwrap()
                .to_string()
        };
        assert_eq!(
            error((28, 28)),
            "`head.mask.output` needs an image of 28 x 28 pixels, the size of the target, not [8, 14, 14]; \
             add an `upsample` or a `conv_transpose2d`"
        );
        assert!(error((7, 7)).ends_with("; resize the image, or add a pooling layer"));
    }

    #[test]
    fn it_is_a_1_by_1_convolution() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let input = Shape::Image { channels: 3, height: 4, width: 5 };
        let pixels = PixelProjection::build("o", input, (4, 5), 2, &mut weights).unwrap();
        let built: Vec<_> = weights.iter().map(|weight| weight.var.clone()).collect();
        let window = Window { size: 1, stride: 1, top: 0, left: 0, height: 4, width: 5, rows: 4, columns: 5 };
        check_against(
            &[variable(&[2, 3, 4, 5], 1), built[0].clone(), built[1].clone()],
            1e-5,
            |v| Ok(pixels.on(&mut Tensors::evaluate(), &v[0]).unwrap()),
            |v| {
                let kernel = v[1].t()?.contiguous()?.reshape((2, 3, 1, 1))?;
                convolution(&v[0], &kernel, &v[2], window, Activation::Identity)?.permute((0, 2, 3, 1))
            },
        );
    }
}
