//! Operations on images.

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::interpolation::Interpolation;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::ops::BatchNorm;
use crate::model::ops::{Arithmetic, Images, Nodes};
use crate::model::weights::Parameter;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;
use crate::onnx::operator::image as operators;
use crate::onnx::operator::image::WindowGeometry;

impl Images for Nodes<'_> {
    fn conv2d(
        &mut self,
        x: &GraphValue,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        groups: usize,
        activation: Activation,
    ) -> ModelResult<GraphValue> {
        let weight = self.weight(weight)?;
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let y = operators::conv(self.graph, x, &weight, bias.as_ref(), &moves(window), groups);
        self.activation(activation, &y)
    }

    fn conv_transpose2d(
        &mut self,
        x: &GraphValue,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        activation: Activation,
    ) -> ModelResult<GraphValue> {
        let weight = self.weight(weight)?;
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let Window { size, stride, top, left, height, width, rows, columns } = window;
        let padding = |length: usize, before: usize, count: usize| {
            (length + before).saturating_sub((count - 1) * stride + size)
        };
        let output_padding = [padding(height, top, rows), padding(width, left, columns)];
        let y =
            operators::conv_transpose(self.graph, x, &weight, bias.as_ref(), &moves(window), &output_padding);
        self.activation(activation, &y)
    }

    fn pool2d(&mut self, x: &GraphValue, window: Window, pooling: Pooling) -> ModelResult<GraphValue> {
        Ok(match pooling {
            Pooling::Max => operators::max_pool(self.graph, x, &moves(window)),
            Pooling::Mean => operators::average_pool(self.graph, x, &moves(window)),
        })
    }

    fn global_pool(&mut self, x: &GraphValue, pooling: Pooling) -> ModelResult<GraphValue> {
        let reduction = match pooling {
            Pooling::Max => "ReduceMax",
            Pooling::Mean => "ReduceMean",
        };
        Ok(operator::reduce(self.graph, reduction, x, &[2, 3], false))
    }

    fn upsample(&mut self, x: &GraphValue, factor: usize, method: Interpolation) -> ModelResult<GraphValue> {
        Ok(match method {
            Interpolation::Nearest => operators::repeat(self.graph, x, factor),
            Interpolation::Bilinear => operators::interpolate(self.graph, x, factor),
        })
    }

    fn batch_norm(&mut self, x: &GraphValue, norm: &BatchNorm) -> ModelResult<GraphValue> {
        let (gamma, beta) = (self.weight(&norm.gamma)?, self.weight(&norm.beta)?);
        let (mean, variance) = (self.weight(&norm.mean)?, self.weight(&norm.variance)?);
        let epsilon = norm.epsilon as f32;
        Ok(operator::batch_normalization(self.graph, x, &gamma, &beta, &mean, &variance, epsilon))
    }
}

/// The attributes of an ONNX operator with this window.
fn moves(window: Window) -> WindowGeometry {
    WindowGeometry {
        size: vec![window.size; 2],
        stride: vec![window.stride; 2],
        dilation: vec![1; 2],
        padding: vec![window.top, window.left, window.bottom(), window.right()],
    }
}
