//! ONNX operators as functions, valid for opset 17 to 21.
//!
//! Each takes the graph and values and returns a value; shapes broadcast as in NumPy.

pub mod attention;
pub mod image;
pub mod recurrent;

use crate::domain::array::ElementType;
use crate::domain::signature::Keys;
use crate::onnx::graph::{Attribute, Graph, GraphValue, element_number};
use crate::onnx::opset::ML_DOMAIN;
use crate::onnx::proto::{TensorProto, data_type};

/// x W + b over the last dimension; `w` is `[in, out]`, `b` is `[out]`.
pub fn dense(g: &mut Graph, x: &GraphValue, w: &GraphValue, b: Option<&GraphValue>) -> GraphValue {
    let product = matmul(g, x, w);
    match b {
        Some(b) => add(g, &product, b),
        None => product,
    }
}

/// Matrix product over the last two dimensions.
pub fn matmul(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("MatMul", &[a, b], vec![])
}

/// a + b, with broadcasting.
pub fn add(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Add", &[a, b], vec![])
}

/// a - b, with broadcasting.
pub fn sub(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Sub", &[a, b], vec![])
}

/// a * b, element-wise, with broadcasting.
pub fn mul(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Mul", &[a, b], vec![])
}

/// a / b, with broadcasting.
pub fn div(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Div", &[a, b], vec![])
}

/// `x + number`
pub fn shift(g: &mut Graph, x: &GraphValue, number: f32) -> GraphValue {
    let number = g.scalar(number);
    add(g, x, &number)
}

/// `x * number`
pub fn scale(g: &mut Graph, x: &GraphValue, number: f32) -> GraphValue {
    let number = g.scalar(number);
    mul(g, x, &number)
}

/// The sum of several values.
pub fn sum(g: &mut Graph, values: &[&GraphValue]) -> GraphValue {
    g.node("Sum", values, vec![])
}

/// -x.
pub fn neg(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Neg", &[x], vec![])
}

/// Exponential.
pub fn exp(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Exp", &[x], vec![])
}

/// Natural logarithm.
pub fn log(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Log", &[x], vec![])
}

/// Square root.
pub fn sqrt(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Sqrt", &[x], vec![])
}

/// x limited to `low..=high`.
pub fn clip(g: &mut Graph, x: &GraphValue, low: f32, high: f32) -> GraphValue {
    let (low, high) = (g.scalar(low), g.scalar(high));
    g.node("Clip", &[x, &low, &high], vec![])
}

/// The larger of a and b, element-wise, with broadcasting.
pub fn max(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Max", &[a, b], vec![])
}

/// The smaller of a and b, element-wise, with broadcasting.
pub fn min(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Min", &[a, b], vec![])
}

/// An element-wise operator without attributes, by its ONNX name: `Relu`, `Tanh`, `Abs`.
pub fn unary(g: &mut Graph, op: &str, x: &GraphValue) -> GraphValue {
    g.node(op, &[x], vec![])
}

/// max(x, 0).
pub fn relu(g: &mut Graph, x: &GraphValue) -> GraphValue {
    unary(g, "Relu", x)
}

/// Hyperbolic tangent.
pub fn tanh(g: &mut Graph, x: &GraphValue) -> GraphValue {
    unary(g, "Tanh", x)
}

/// 1 / (1 + exp(-x)).
pub fn sigmoid(g: &mut Graph, x: &GraphValue) -> GraphValue {
    unary(g, "Sigmoid", x)
}

/// log(1 + exp(x))
pub fn softplus(g: &mut Graph, x: &GraphValue) -> GraphValue {
    unary(g, "Softplus", x)
}

/// x where x > 0, else slope x
pub fn leaky_relu(g: &mut Graph, x: &GraphValue, slope: f32) -> GraphValue {
    g.node("LeakyRelu", &[x], vec![Attribute::float("alpha", slope)])
}

/// x where x > 0, else exp(x) - 1
pub fn elu(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Elu", &[x], vec![Attribute::float("alpha", 1.0)])
}

/// x (1 + erf(x / sqrt(2))) / 2; ONNX has `Gelu` only from opset 20 on.
pub fn gelu(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let inner = scale(g, x, std::f32::consts::FRAC_1_SQRT_2);
    let erf = unary(g, "Erf", &inner);
    let shifted = shift(g, &erf, 1.0);
    let product = mul(g, x, &shifted);
    scale(g, &product, 0.5)
}

/// x sigmoid(x)
pub fn silu(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let gate = sigmoid(g, x);
    mul(g, x, &gate)
}

/// min(max(x / 6 + 1 / 2, 0), 1)
pub fn hard_sigmoid(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("HardSigmoid", &[x], vec![Attribute::float("alpha", 1.0 / 6.0), Attribute::float("beta", 0.5)])
}

/// x hard_sigmoid(x)
pub fn hard_swish(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let gate = hard_sigmoid(g, x);
    mul(g, x, &gate)
}

/// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
pub fn gelu_tanh(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let square = mul(g, x, x);
    let cube = mul(g, &square, x);
    let cubic = scale(g, &cube, 0.044_715);
    let inner = add(g, x, &cubic);
    let inner = scale(g, &inner, 0.797_884_6);
    let tanh = tanh(g, &inner);
    let shifted = shift(g, &tanh, 1.0);
    let product = mul(g, x, &shifted);
    scale(g, &product, 0.5)
}

/// x sigmoid(1.702 x)
pub fn quick_gelu(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let inner = scale(g, x, 1.702);
    let gate = sigmoid(g, &inner);
    mul(g, x, &gate)
}

/// x tanh(softplus(x)); ONNX has `Mish` only from opset 18 on.
pub fn mish(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let softplus = softplus(g, x);
    let gate = tanh(g, &softplus);
    mul(g, x, &gate)
}

/// Softmax over dimension `axis`; -1 is the last.
pub fn softmax(g: &mut Graph, x: &GraphValue, axis: i64) -> GraphValue {
    g.node("Softmax", &[x], vec![Attribute::int("axis", axis)])
}

/// Log-softmax over dimension `axis`; -1 is the last.
pub fn log_softmax(g: &mut Graph, x: &GraphValue, axis: i64) -> GraphValue {
    g.node("LogSoftmax", &[x], vec![Attribute::int("axis", axis)])
}

/// Layer normalization over the last dimension; `scale` and `bias` are `[width]`.
pub fn layer_normalization(
    g: &mut Graph,
    x: &GraphValue,
    scale: &GraphValue,
    bias: Option<&GraphValue>,
    epsilon: f32,
) -> GraphValue {
    let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", epsilon)];
    let inputs: Vec<&GraphValue> = [x, scale].into_iter().chain(bias).collect();
    g.node("LayerNormalization", &inputs, attributes)
}

/// Batch normalization with running statistics; x is `[batch, width, ...]`, the others are `[width]`.
pub fn batch_normalization(
    g: &mut Graph,
    x: &GraphValue,
    scale: &GraphValue,
    bias: &GraphValue,
    mean: &GraphValue,
    variance: &GraphValue,
    epsilon: f32,
) -> GraphValue {
    g.node(
        "BatchNormalization",
        &[x, scale, bias, mean, variance],
        vec![Attribute::float("epsilon", epsilon)],
    )
}

/// Concatenates along `axis`.
pub fn concat(g: &mut Graph, values: &[&GraphValue], axis: i64) -> GraphValue {
    match values {
        [only] => (*only).clone(),
        _ => g.node("Concat", values, vec![Attribute::int("axis", axis)]),
    }
}

/// The slices of `data` at `indices` along `axis`: an embedding lookup for axis 0.
pub fn gather(g: &mut Graph, data: &GraphValue, indices: &GraphValue, axis: i64) -> GraphValue {
    g.node("Gather", &[data, indices], vec![Attribute::int("axis", axis)])
}

/// Reshapes x; -1 (at most once) is the remaining size, 0 an unchanged dimension.
pub fn reshape(g: &mut Graph, x: &GraphValue, dims: &[i64]) -> GraphValue {
    let dims = g.ints(dims);
    g.node("Reshape", &[x, &dims], vec![])
}

/// Inserts dimensions of size 1 at `axes`.
pub fn unsqueeze(g: &mut Graph, x: &GraphValue, axes: &[i64]) -> GraphValue {
    let axes = g.ints(axes);
    g.node("Unsqueeze", &[x, &axes], vec![])
}

/// Removes the dimensions of size 1 at `axes`.
pub fn squeeze(g: &mut Graph, x: &GraphValue, axes: &[i64]) -> GraphValue {
    let axes = g.ints(axes);
    g.node("Squeeze", &[x, &axes], vec![])
}

/// Permutes the dimensions: dimension `order[i]` becomes dimension i.
pub fn transpose(g: &mut Graph, x: &GraphValue, order: &[i64]) -> GraphValue {
    g.node("Transpose", &[x], vec![Attribute::ints("perm", order.iter().copied())])
}

/// The elements `start..end` along `axis`; negative indices count from the end.
pub fn slice(g: &mut Graph, x: &GraphValue, axis: i64, start: i64, end: i64) -> GraphValue {
    let (start, end, axis) = (g.ints(&[start]), g.ints(&[end]), g.ints(&[axis]));
    g.node("Slice", &[x, &start, &end, &axis], vec![])
}

/// Consecutive slices of these lengths along `axis`.
pub fn split(g: &mut Graph, x: &GraphValue, axis: i64, lengths: &[i64]) -> Vec<GraphValue> {
    let parts = lengths.len();
    let lengths = g.ints(lengths);
    g.nodes("Split", &[x, &lengths], parts, vec![Attribute::int("axis", axis)])
}

/// The dimensions of x, as integers.
pub fn shape(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Shape", &[x], vec![])
}

/// x broadcast to `dims`, an integer value.
pub fn expand(g: &mut Graph, x: &GraphValue, dims: &GraphValue) -> GraphValue {
    g.node("Expand", &[x, dims], vec![])
}

/// Converts the elements.
pub fn cast(g: &mut Graph, x: &GraphValue, element: ElementType) -> GraphValue {
    g.node("Cast", &[x], vec![Attribute::int("to", element_number(element).into())])
}

/// x as booleans: true for everything but 0.
pub fn cast_bool(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("Cast", &[x], vec![Attribute::int("to", data_type::BOOL.into())])
}

/// Booleans: whether x is NaN.
pub fn is_nan(g: &mut Graph, x: &GraphValue) -> GraphValue {
    g.node("IsNaN", &[x], vec![])
}

/// `yes` where the boolean `condition` holds, otherwise `no`.
pub fn where_(g: &mut Graph, condition: &GraphValue, yes: &GraphValue, no: &GraphValue) -> GraphValue {
    g.node("Where", &[condition, yes, no], vec![])
}

/// Booleans: whether a equals b.
pub fn equal(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Equal", &[a, b], vec![])
}

/// `data` with `updates` added at `indices` along `axis`; indices may repeat.
pub fn scatter_add(
    g: &mut Graph,
    data: &GraphValue,
    indices: &GraphValue,
    updates: &GraphValue,
    axis: i64,
) -> GraphValue {
    let attributes = vec![Attribute::int("axis", axis), Attribute::text("reduction", "add")];
    g.node("ScatterElements", &[data, indices, updates], attributes)
}

/// Booleans: whether a > b.
pub fn greater(g: &mut Graph, a: &GraphValue, b: &GraphValue) -> GraphValue {
    g.node("Greater", &[a, b], vec![])
}

/// The sum over `axes`, which remain as size 1 if `keep`.
pub fn reduce_sum(g: &mut Graph, x: &GraphValue, axes: &[i64], keep: bool) -> GraphValue {
    let axes = g.ints(axes);
    g.node("ReduceSum", &[x, &axes], vec![Attribute::int("keepdims", keep.into())])
}

/// `ReduceMean`, `ReduceMax`, `ReduceMin`, `ReduceLogSumExp`... over `axes`, which remain as size 1 if
/// `keep`.
pub fn reduce(g: &mut Graph, op: &str, x: &GraphValue, axes: &[i64], keep: bool) -> GraphValue {
    if op == "ReduceSum" {
        return reduce_sum(g, x, axes, keep);
    }
    let attributes =
        vec![Attribute::ints("axes", axes.iter().copied()), Attribute::int("keepdims", keep.into())];
    g.node(op, &[x], attributes)
}

/// Integer codes of a category's raw values, in x's shape: the i-th key becomes `first` + i, others
/// `default`.
pub fn codes(g: &mut Graph, x: &GraphValue, keys: &Keys, first: i64, default: i64) -> GraphValue {
    match keys {
        Keys::Text(keys) => {
            let texts = Attribute::texts("keys_strings", keys.iter().map(String::as_str));
            label_encoder(g, x, keys.len(), texts, first, default)
        }
        Keys::Int(keys) => {
            let ints = Attribute::ints("keys_int64s", keys.iter().copied());
            label_encoder(g, x, keys.len(), ints, first, default)
        }
    }
}

fn label_encoder(
    g: &mut Graph,
    x: &GraphValue,
    count: usize,
    keys: Attribute,
    first: i64,
    default: i64,
) -> GraphValue {
    if count == 0 {
        // Runtimes refuse an encoder without keys: every value is the default.
        let dims = shape(g, x);
        let value = TensorProto::i64("", &[1], &[default]);
        return g.node("ConstantOfShape", &[&dims], vec![Attribute::tensor("value", value)]);
    }
    let values = Attribute::ints("values_int64s", (first..).take(count));
    let attributes = vec![keys, values, Attribute::int("default_int64", default)];
    g.node_in(ML_DOMAIN, "LabelEncoder", &[x], attributes)
}

/// One-hot encodes codes `[rows]` as floats `[rows, depth]`; a code of `depth` or more gives zeros. (A
/// negative code would count from the end.)
pub fn one_hot(g: &mut Graph, codes: &GraphValue, depth: usize) -> GraphValue {
    let depth = g.ints(&[depth as i64]);
    let levels = g.weight("/constant/off_on", &[2], &[0.0, 1.0]);
    g.node("OneHot", &[codes, &depth, &levels], vec![Attribute::int("axis", -1)])
}

#[cfg(test)]
mod tests;
