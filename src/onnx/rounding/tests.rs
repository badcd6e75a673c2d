//! Rounded graphs in ONNX Runtime. Expected values are from NumPy:
//!
//! ```python
//! import numpy as np
//! f = np.float32
//! def quantize(w):
//!     low, high = np.minimum(w.min(0), 0), np.maximum(w.max(0), 0)
//!     scale = ((high - low) / f(127)).astype(f)
//!     zero = np.clip(np.rint(-64 - low / scale), -64, 63).astype(np.int8)
//!     return np.clip(np.rint(w / scale) + zero, -64, 63).astype(np.int8), scale, zero
//! def dynamic(x):  # DynamicQuantizeLinear
//!     low, high = min(x.min(), f(0)), max(x.max(), f(0))
//!     scale = f((high - low) / f(255)); zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
//!     return np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8), scale, zero
//! def product(x, w):
//!     (q, s, z), (a, t, u) = quantize(w), dynamic(x)
//!     return ((a.astype(np.int32) - u) @ (q.astype(np.int32) - z)).astype(f) * (t * s)
//! w = np.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.125], [-0.3, 0.1, 2.0]], f)
//! x = np.array([[-1.5, 0.0, 2.0], [0.5, -0.25, 3.0]], f)
//! head = np.array([[1.0, -1.0], [0.5, 2.0], [-0.25, 0.125]], f)
//! t = np.array([[0.1, -0.2, 0.3], [5.0, 1.25, -4.0]], f)
//! scale = (np.abs(t).max(1, keepdims=True) / f(127)).astype(f)
//! print(quantize(w), np.maximum(product(x, w), 0) @ head)
//! print(np.clip(np.rint(t / scale), -127, 127).astype(np.int8).astype(f) * scale)
//! ```

use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::precision::Precision;
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator::attention::{AttentionMasking, attention, by_head};
use crate::onnx::operator::{self as op};
use crate::onnx::proto::{ModelProto, data_type};
use crate::onnx::rounding::half::half_bits;
use crate::onnx::rounding::int8::quantize_columns;
use crate::onnx::rounding::{Rounding, round};
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::write::save;

const W: [f32; 9] = [0.5, -1.0, 0.25, 1.5, 0.75, -0.125, -0.3, 0.1, 2.0];
const X: [f32; 6] = [-1.5, 0.0, 2.0, 0.5, -0.25, 3.0];

fn run(model: &ModelProto, inputs: &[(String, Array)]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    save(model, &path).unwrap();
    let mut session = OnnxSession::open_with(&for_tests(), &path, 1).unwrap();
    session.run(inputs).unwrap().remove(0).1.as_f32().unwrap().to_vec()
}

fn x() -> Vec<(String, Array)> {
    vec![("x".to_owned(), Array::f32(&[2, 3], X.to_vec()))]
}

fn near(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (a, b) in actual.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{actual:?} {expected:?}");
    }
}

/// x W, relu, and a head.
fn network() -> Graph {
    let mut g = Graph::new("network");
    let x = g.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    g.scope("trunk");
    let w = g.weight("trunk.weight", &[3, 3], &W);
    let y = op::matmul(&mut g, &x, &w);
    let y = op::relu(&mut g, &y);
    g.scope("head");
    let w = g.weight("head.weight", &[3, 2], &[1.0, -1.0, 0.5, 2.0, -0.25, 0.125]);
    let y = op::matmul(&mut g, &y, &w);
    g.output("y_logits", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(2)]);
    g
}

fn ops(model: &ModelProto, name: &str) -> usize {
    model.graph.as_ref().unwrap().node.iter().filter(|node| node.op_type == name).count()
}

#[test]
fn columns_are_quantized_as_numpy_does() {
    let (rounded, scales, zeros) = quantize_columns(&W, 3);
    assert_eq!(rounded, [-8, -64, -42, 63, 63, -64, -64, 16, 63]);
    assert_eq!(scales, [0.014_173_228, 0.013_779_527_5, 0.016_732_283]);
    assert_eq!(zeros, [-43, 9, -57]);
    // A column of zeros stays zero.
    assert_eq!(quantize_columns(&[0.0, 1.0, 0.0, 2.0], 2).0, [0, 0, 0, 63]);
    assert_eq!(quantize_columns(&[0.0, 1.0, 0.0, 2.0], 2).1[0], 1.0);
}

#[test]
fn a_product_of_integers_has_the_values_of_numpy() {
    for opset in 17..=21 {
        let mut model = network().finish(opset, &[]).unwrap();
        let rounding = round(&mut model, Precision::Int8, 0).unwrap();
        assert_eq!(rounding, Rounding { products: 1, heads: 1, ..Rounding::default() });
        assert_eq!(rounding.to_string(), "1 product and 0 tables; f32: 1 head");
        let expected = [-0.056_262_97, 3.855_841_4, -1.544_143_7, 0.772_071_84];
        near(&run(&model, &x()), &expected, 1e-6);
        // Only the head's weights, scales and shared constants are left in 32 bits.
        let graph = model.graph.unwrap();
        let is_wide = |name: &str| {
            let tensor = graph.initializer.iter().find(|tensor| tensor.name == name);
            tensor.map(|tensor| tensor.data_type)
        };
        assert_eq!(is_wide("trunk.weight"), None);
        assert_eq!(is_wide("trunk.weight.int8"), Some(Some(data_type::INT8)));
        assert_eq!(is_wide("head.weight"), Some(Some(data_type::FLOAT)));
    }
}

#[test]
fn small_products_stay_and_products_of_one_value_share_its_quantization() {
    let mut g = Graph::new("shared");
    let x = g.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    let w = g.weight("w", &[3, 3], &W);
    let (a, b) = (op::matmul(&mut g, &x, &w), op::matmul(&mut g, &x, &w));
    let small = g.weight("small", &[3, 1], &[1.0, 2.0, 3.0]);
    let c = op::matmul(&mut g, &x, &small);
    let nan = g.weight("nan", &[3, 3], &[f32::NAN; 9]);
    let d = op::matmul(&mut g, &x, &nan);
    let y = op::concat(&mut g, &[&a, &b, &c, &d], 1);
    g.output("y", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(10)]);
    let mut model = g.finish(17, &[]).unwrap();
    let rounding = round(&mut model, Precision::Int8, 9).unwrap();
    assert_eq!(rounding, Rounding { products: 2, small: 1, unsuitable: 1, ..Rounding::default() });
    assert_eq!(ops(&model, "DynamicQuantizeLinear"), 1);
    assert_eq!(ops(&model, "MatMulInteger"), 2);
    let y = run(&model, &x_of(&[1.0, 1.0, 1.0]));
    assert_eq!(y[..3], y[3..6]);
    assert_eq!(y[6], 6.0);
}

fn x_of(row: &[f32]) -> Vec<(String, Array)> {
    vec![("x".to_owned(), Array::f32(&[1, row.len()], row.to_vec()))]
}

/// The rows of a table, and a product after them.
fn lookup() -> Graph {
    let mut g = Graph::new("lookup");
    let x = g.input("x", ElementType::Int64, &[Dim::Batch]);
    let table = g.weight("table", &[2, 3], &[0.1, -0.2, 0.3, 5.0, 1.25, -4.0]);
    let y = op::gather(&mut g, &table, &x, 0);
    g.output("y", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    g
}

#[test]
fn a_table_of_integers_has_a_scale_for_each_row() {
    let mut model = lookup().finish(17, &[]).unwrap();
    let rounding = round(&mut model, Precision::Int8, 0).unwrap();
    assert_eq!(rounding, Rounding { tables: 1, ..Rounding::default() });
    let rows = vec![("x".to_owned(), Array::new(&[3], ArrayValues::I64(vec![1, 0, 1])))];
    let second = [5.0, 1.259_842_5, -4.015_748];
    let expected = [&second[..], &[0.099_212_6, -0.200_787_4, 0.3], &second[..]].concat();
    near(&run(&model, &rows), &expected, 1e-6);
}

#[test]
fn numbers_are_rounded_to_16_bits_as_numpy_does() {
    // [hex(b) for b in np.array([...], np.float32).astype(np.float16).view(np.uint16)]
    let values = [
        (0.0, 0x0),
        (1.0, 0x3c00),
        (-2.5, 0xc100),
        (0.1, 0x2e66),
        (65504.0, 0x7bff),
        (65519.99, 0x7bff),
        (65520.0, 0x7c00),
        (1e30, 0x7c00),
        (6.103_515_6e-5, 0x400),
        (6e-5, 0x3ef),
        (1e-7, 0x2),
        (2.9e-8, 0x0),
        (3e-8, 0x1),
        (1.0 / 3.0, 0x3555),
        (-1e-30, 0x8000),
        (2049.0, 0x6800),
        (2051.0, 0x6802),
        (f32::NAN, 0x7e00),
    ];
    for (value, bits) in values {
        assert_eq!(half_bits(value), bits, "{value}");
    }
}

/// Two blocks of masked attention with residuals and normalization, then a head: `[batch, time, 4]` -> 1.
fn attention_network() -> Graph {
    let mut g = Graph::new("attention");
    let dims = [Dim::Batch, Dim::Dynamic("time".to_owned()), Dim::Fixed(4)];
    let x = g.input("x", ElementType::Float32, &dims);
    let real = g.input("real", ElementType::Float32, &dims[..2]);
    let weight = |g: &mut Graph, name: &str, columns: usize| {
        let values: Vec<f32> =
            (0..4 * columns).map(|i| ((i * 7 + name.len()) % 11) as f32 / 11.0 - 0.4).collect();
        g.weight(name, &[4, columns], &values)
    };
    let mut y = x;
    for block in ["one", "second"] {
        let project = |g: &mut Graph, part: &str, y: &GraphValue| {
            let w = weight(g, &format!("{block}.{part}"), 4);
            let y = op::matmul(g, y, &w);
            by_head(g, &y, 2, 2)
        };
        let (q, k, v) = (project(&mut g, "q", &y), project(&mut g, "key", &y), project(&mut g, "value", &y));
        let masking = AttentionMasking { keys: Some(&real), causal: true };
        let z = attention(&mut g, [&q, &k, &v], 2, 2, &masking);
        let w = weight(&mut g, &format!("{block}.out"), 4);
        let z = op::matmul(&mut g, &z, &w);
        let z = op::gelu_tanh(&mut g, &z);
        let z = op::add(&mut g, &y, &z);
        let (scale, bias) = (g.weight("scale", &[4], &[1.0; 4]), g.weight("bias", &[4], &[0.1; 4]));
        y = op::layer_normalization(&mut g, &z, &scale, Some(&bias), 1e-12);
    }
    let w = weight(&mut g, "head", 1);
    let y = op::matmul(&mut g, &y, &w);
    g.output("y_logits", &y, ElementType::Float32, &[Dim::Batch, dims[1].clone(), Dim::Fixed(1)]);
    g
}

fn steps(mask: [f32; 6]) -> Vec<(String, Array)> {
    let values = (0..24).map(|i| (i * 5 % 13) as f32 / 3.0 - 2.0).collect();
    vec![
        ("x".to_owned(), Array::f32(&[2, 3, 4], values)),
        ("real".to_owned(), Array::f32(&[2, 3], mask.to_vec())),
    ]
}

#[test]
fn attention_in_16_bits_stays_finite_and_near() {
    for opset in [17, 21] {
        let full = attention_network().finish(opset, &[]).unwrap();
        let mut half = full.clone();
        let rounding = round(&mut half, Precision::F16, 0).unwrap();
        assert_eq!(rounding, Rounding { products: 8, heads: 1, ..Rounding::default() });
        let mut int8 = full.clone();
        assert_eq!(round(&mut int8, Precision::Int8, 0).unwrap().products, 8);
        assert_eq!(ops(&int8, "DynamicQuantizeLinear"), 4);
        // The second row has padding, or nothing but padding.
        for mask in [[1.0, 1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]] {
            let expected = run(&full, &steps(mask));
            near(&run(&half, &steps(mask)), &expected, 1e-2);
            near(&run(&int8, &steps(mask)), &expected, 0.15);
        }
    }
}

/// An operation between two products.
fn between(operation: impl Fn(&mut Graph, &GraphValue) -> GraphValue) -> Graph {
    let mut g = Graph::new("between");
    let x = g.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    let w = g.weight("first.weight", &[3, 3], &W);
    let y = op::matmul(&mut g, &x, &w);
    let y = operation(&mut g, &y);
    let w = g.weight("second.weight", &[3, 3], &W);
    let y = op::matmul(&mut g, &y, &w);
    g.output("y", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
    g
}

#[test]
fn operators_between_products_compute_in_16_bits() {
    type Operation = fn(&mut Graph, &GraphValue) -> GraphValue;
    let operations: [(&str, Operation); 17] = [
        ("relu", op::relu),
        ("tanh", op::tanh),
        ("sigmoid", op::sigmoid),
        ("softplus", op::softplus),
        ("leaky_relu", |g, x| op::leaky_relu(g, x, 0.01)),
        ("elu", op::elu),
        ("gelu", op::gelu),
        ("gelu_tanh", op::gelu_tanh),
        ("silu", op::silu),
        ("mish", op::mish),
        ("hard_swish", op::hard_swish),
        ("relu6", |g, x| op::clip(g, x, 0.0, 6.0)),
        ("softmax", |g, x| op::softmax(g, x, -1)),
        ("sum", |g, x| {
            let sum = op::reduce_sum(g, x, &[1], true);
            op::sub(g, x, &sum)
        }),
        ("split and join", |g, x| {
            let parts = op::split(g, x, 1, &[1, 2]);
            op::concat(g, &[&parts[1], &parts[0]], 1)
        }),
        ("where", |g, x| {
            let zero = g.scalar(0.0);
            let positive = op::greater(g, x, &zero);
            let twice = op::scale(g, x, 2.0);
            op::where_(g, &positive, &twice, x)
        }),
        ("rms_norm", |g, x| {
            let squares = op::mul(g, x, x);
            let mean = op::reduce(g, "ReduceMean", &squares, &[-1], true);
            let shifted = op::shift(g, &mean, 1e-12);
            let root = op::sqrt(g, &shifted);
            op::div(g, x, &root)
        }),
    ];
    for (name, operation) in operations {
        let full = between(operation).finish(17, &[]).unwrap();
        let mut half = full.clone();
        let rounding = round(&mut half, Precision::F16, 0).unwrap();
        assert_eq!(rounding, Rounding { products: 2, ..Rounding::default() }, "{name}");
        near(&run(&half, &x()), &run(&full, &x()), 5e-3);
        // Its weights are of 16 bits.
        let graph = half.graph.unwrap();
        let is_half = |name: &str| {
            graph
                .initializer
                .iter()
                .any(|tensor| tensor.name == name && tensor.data_type == Some(data_type::FLOAT16))
        };
        assert!(is_half("first.weight.half") && is_half("second.weight.half"), "{name}");
    }
}

#[test]
fn inputs_beyond_16_bits_are_limited_and_squares_do_not_overflow() {
    let mut half = between(|_, x| x.clone()).finish(17, &[]).unwrap();
    round(&mut half, Precision::F16, 0).unwrap();
    // Without a limit, infinity minus infinity in the second product.
    let y = run(&half, &x_of(&[1e9, 0.0, 0.0]));
    assert!(!y.iter().any(|value| value.is_nan()), "{y:?}");
    // Squares of 300 are beyond 16 bits, their root is not.
    let norm = |g: &mut Graph, x: &GraphValue| {
        let squares = op::mul(g, x, x);
        let mean = op::reduce(g, "ReduceMean", &squares, &[-1], true);
        let root = op::sqrt(g, &mean);
        op::div(g, x, &root)
    };
    let full = between(norm).finish(17, &[]).unwrap();
    let mut half = full.clone();
    round(&mut half, Precision::F16, 0).unwrap();
    let row = x_of(&[300.0, -200.0, 250.0]);
    near(&run(&half, &row), &run(&full, &row), 5e-3);
}

#[test]
fn an_unknown_operator_is_named() {
    let graph = || between(|g, x| g.node("Swish", &[x], vec![]));
    let mut model = graph().finish(17, &[]).unwrap();
    let error = round(&mut model, Precision::F16, 0).unwrap_err();
    assert!(matches!(&error, OnnxError::Precision { operator, .. } if operator == "Swish"), "{error}");
    assert!(error.to_string().contains("`export.onnx.precision: f16` does not know the operator Swish"));
    // 8 bits replace products only, whatever is around them.
    let mut model = graph().finish(17, &[]).unwrap();
    assert_eq!(round(&mut model, Precision::Int8, 0).unwrap().products, 2);
    assert_eq!(round(&mut model, Precision::F32, 0).unwrap(), Rounding::default());
}
