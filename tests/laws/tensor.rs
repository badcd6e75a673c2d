//! Test tensors, comparisons, and ONNX Runtime sessions.

use std::path::Path;

use candle_core::{Device, Tensor};
use mtl::model::weights::host;
use mtl::onnx;
use mtl::onnx::graph::Graph;
use mtl::onnx::runtime::{OnnxRuntime, RuntimeSearch};
use mtl::onnx::session::OnnxSession;

/// `[rows, width]` of pseudo-random numbers in [-2, 2).
pub fn tensor(rows: usize, width: usize, salt: u32) -> Tensor {
    let values: Vec<f32> = (0..(rows * width) as u32)
        .map(|i| ((i + 1 + 1000 * salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0)
        .collect();
    Tensor::from_vec(values, (rows, width), &Device::Cpu).unwrap()
}

/// The sum of all elements, each times its [`factor`], in 64 bits.
pub fn weighted_sum(y: &Tensor) -> f64 {
    host(y).unwrap().iter().enumerate().map(|(i, y)| f64::from(*y) * f64::from(factor(i))).sum()
}

pub fn factor(index: usize) -> f32 {
    ((index * 7 % 11) as f32 - 4.5) / 5.0
}

pub fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    // A maximum would ignore NaN.
    differences.fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
}

/// Opens a graph in ONNX Runtime.
pub fn session(graph: Graph, folder: &Path, opset: i64) -> OnnxSession {
    let path = folder.join("model.onnx");
    onnx::write::save(&graph.finish(opset, &[]).unwrap(), &path).unwrap();
    let runtime = OnnxRuntime::find(&RuntimeSearch::everywhere(&|note| eprintln!("{note}"))).unwrap();
    OnnxSession::open(&runtime, &path).unwrap()
}
