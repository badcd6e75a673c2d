//! Test support: weights with given values.

use candle_core::{Device, Tensor};

use crate::model::weights::Weights;

/// Sets the weight of this name.
pub fn set(weights: &Weights, name: &str, values: &[f32]) {
    let var = &weights.iter().find(|weight| weight.name == name).expect(name).var;
    var.set(&Tensor::from_slice(values, var.dims(), &Device::Cpu).expect("a tensor")).expect("in a test");
}
