//! Operators of images `[batch, channels, height, width]`, and of convolutions over steps.

use crate::onnx::graph::{Attribute, Graph, GraphValue};

/// How a window moves: one number per dimension, and for zeros around first all before, then all after.
#[derive(Clone, Debug)]
pub struct WindowMoves {
    pub size: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    /// Zeros before and after: top, left, bottom, right.
    pub zeros: Vec<usize>,
}

impl WindowMoves {
    fn attributes(&self) -> Vec<Attribute> {
        let ints = |name: &str, values: &[usize]| Attribute::ints(name, values.iter().map(|v| *v as i64));
        vec![
            ints("kernel_shape", &self.size),
            ints("strides", &self.stride),
            ints("dilations", &self.dilation),
            ints("pads", &self.zeros),
        ]
    }
}

/// A convolution; `w` is `[filters, channels, size...]`, `b` is `[filters]`.
pub fn conv(
    g: &mut Graph,
    x: &GraphValue,
    w: &GraphValue,
    b: Option<&GraphValue>,
    moves: &WindowMoves,
) -> GraphValue {
    let inputs: Vec<&GraphValue> = [x, w].into_iter().chain(b).collect();
    g.node("Conv", &inputs, moves.attributes())
}

/// A transposed convolution; `w` is `[channels, filters, size...]`, `more` rows and columns are added
/// behind the end.
pub fn conv_transpose(
    g: &mut Graph,
    x: &GraphValue,
    w: &GraphValue,
    b: Option<&GraphValue>,
    moves: &WindowMoves,
    more: &[usize],
) -> GraphValue {
    let inputs: Vec<&GraphValue> = [x, w].into_iter().chain(b).collect();
    let mut attributes = moves.attributes();
    attributes.push(Attribute::ints("output_padding", more.iter().map(|v| *v as i64)));
    g.node("ConvTranspose", &inputs, attributes)
}

/// The largest value of each window.
pub fn max_pool(g: &mut Graph, x: &GraphValue, moves: &WindowMoves) -> GraphValue {
    g.node("MaxPool", &[x], moves.attributes())
}

/// The mean of what each window covers of the image.
pub fn average_pool(g: &mut Graph, x: &GraphValue, moves: &WindowMoves) -> GraphValue {
    let mut attributes = moves.attributes();
    // Its dilations are known from opset 19 on only, and are always 1 here.
    attributes.retain(|attribute| attribute.name != "dilations");
    attributes.push(Attribute::int("count_include_pad", 0));
    g.node("AveragePool", &[x], attributes)
}

/// Every pixel `factor` times in both directions.
pub fn repeat(g: &mut Graph, x: &GraphValue, factor: usize) -> GraphValue {
    let attributes = vec![
        Attribute::text("coordinate_transformation_mode", "asymmetric"),
        Attribute::text("mode", "nearest"),
        Attribute::text("nearest_mode", "floor"),
    ];
    resize(g, x, factor, attributes)
}

/// `factor` times as large, between the centers of pixels in straight lines.
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
