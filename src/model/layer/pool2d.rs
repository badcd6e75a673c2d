//! Pooling over windows of an image, shared by `avg_pool2d` and `max_pool2d`.

use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::layer::padding::Padding;
use crate::model::layer::{Layer, Module, image};
use crate::model::ops::Ops;

/// Size, stride and padding of a pooling.
#[derive(Clone, Copy, Debug)]
pub struct PoolWindow {
    pub size: Count,
    pub stride: Option<Count>,
    pub padding: Padding,
}

impl PoolWindow {
    fn window(&self, height: usize, width: usize) -> ModelResult<Window, String> {
        self.padding.window(height, width, self.size.get(), self.stride.unwrap_or(self.size).get())
    }

    pub fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        let Window { rows, columns, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels, height: rows, width: columns })
    }

    pub fn build(&self, input: Shape, pooling: Pooling) -> ModelResult<Box<dyn Module>> {
        let (_, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let window = self.window(height, width).map_err(candle_core::Error::msg)?;
        Ok(Box::new(Pool2d { window, pooling }))
    }
}

/// The default size.
pub fn two() -> Count {
    Count::constant(2)
}

/// The default padding.
pub fn valid() -> Padding {
    Padding::Valid
}

/// A built 2D pooling.
struct Pool2d {
    window: Window,
    pooling: Pooling,
}

impl Layer for Pool2d {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(Activations::plain(ops.pool2d(&x.x, self.window, self.pooling)?))
    }
}
