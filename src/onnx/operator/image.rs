//! Operators on images `[batch, channels, height, width]`, and convolutions over steps.

use crate::onnx::graph::{Attribute, Graph, GraphValue};

/// The window of a convolution or pooling, with one number per dimension.
#[derive(Clone, Debug)]
pub struct WindowGeometry {
    /// Size of the window.
    pub size: Vec<usize>,
    /// Distance of neighbouring positions.
    pub stride: Vec<usize>,
    /// Distance of neighbours in the window.
    pub dilation: Vec<usize>,
    /// Zero padding, first before each dimension, then after: top, left, bottom, right.
    pub padding: Vec<usize>,
}

impl WindowGeometry {
    fn attributes(&self) -> Vec<Attribute> {
        let ints = |name: &str, values: &[usize]| Attribute::ints(name, values.iter().map(|v| *v as i64));
        vec![
            ints("kernel_shape", &self.size),
            ints("strides", &self.stride),
            ints("dilations", &self.dilation),
            ints("pads", &self.padding),
        ]
    }
}

/// A convolution; `w` is `[filters, channels / groups, size...]`, `b` is `[filters]`.
pub fn conv(
    g: &mut Graph,
    x: &GraphValue,
    w: &GraphValue,
    b: Option<&GraphValue>,
    moves: &WindowGeometry,
    groups: usize,
) -> GraphValue {
    let inputs: Vec<&GraphValue> = [x, w].into_iter().chain(b).collect();
    let mut attributes = moves.attributes();
    if groups > 1 {
        attributes.push(Attribute::int("group", groups as i64));
    }
    g.node("Conv", &inputs, attributes)
}

/// A transposed convolution; `w` is `[channels, filters, size...]`; `output_padding` is added to the size of
/// the output.
pub fn conv_transpose(
    g: &mut Graph,
    x: &GraphValue,
    w: &GraphValue,
    b: Option<&GraphValue>,
    moves: &WindowGeometry,
    output_padding: &[usize],
) -> GraphValue {
    let inputs: Vec<&GraphValue> = [x, w].into_iter().chain(b).collect();
    let mut attributes = moves.attributes();
    attributes.push(Attribute::ints("output_padding", output_padding.iter().map(|v| *v as i64)));
    g.node("ConvTranspose", &inputs, attributes)
}

/// Max pooling.
pub fn max_pool(g: &mut Graph, x: &GraphValue, moves: &WindowGeometry) -> GraphValue {
    g.node("MaxPool", &[x], moves.attributes())
}

/// Average pooling; padding does not count.
pub fn average_pool(g: &mut Graph, x: &GraphValue, moves: &WindowGeometry) -> GraphValue {
    let mut attributes = moves.attributes();
    // The operator has dilations only from opset 19 on; here they are always 1.
    attributes.retain(|attribute| attribute.name != "dilations");
    attributes.push(Attribute::int("count_include_pad", 0));
    g.node("AveragePool", &[x], attributes)
}

/// Nearest-neighbor upsampling by an integer factor.
pub fn repeat(g: &mut Graph, x: &GraphValue, factor: usize) -> GraphValue {
    let attributes = vec![
        Attribute::text("coordinate_transformation_mode", "asymmetric"),
        Attribute::text("mode", "nearest"),
        Attribute::text("nearest_mode", "floor"),
    ];
    resize(g, x, factor, attributes)
}

/// Bilinear upsampling by an integer factor, between pixel centers.
pub fn interpolate(g: &mut Graph, x: &GraphValue, factor: usize) -> GraphValue {
    let attributes = vec![
        Attribute::text("coordinate_transformation_mode", "half_pixel"),
        Attribute::text("mode", "linear"),
    ];
    resize(g, x, factor, attributes)
}

fn resize(g: &mut Graph, x: &GraphValue, factor: usize, attributes: Vec<Attribute>) -> GraphValue {
    let factor = factor as f32;
    let scales = g.weight("/constant/scales", &[4], &[1.0, 1.0, factor, factor]);
    g.node("Resize", &[x, &GraphValue::none(), &scales], attributes)
}
