//! For tests: checks that a kernel and its composed form have the same values and gradients, both by candle's
//! backward pass and by the tape.

use candle_core::{Result, Tensor, Var};

use crate::model::autograd::record;
use crate::model::weights::host;

/// Compares `kernel(variables)` with `composed(variables)`, and the gradients of a weighted sum of their
/// outputs in which the weights differ.
pub fn check_against(
    variables: &[Var],
    tolerance: f32,
    kernel: impl Fn(&[Tensor]) -> Result<Tensor>,
    composed: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let (one, other) = (kernel(&inputs).expect("in a test"), composed(&inputs).expect("in a test"));
    assert_eq!(one.dims(), other.dims());
    near("values", &one, &other, tolerance);
    let factors: Vec<f32> = (0..one.elem_count()).map(|i| ((i * 7 % 11) as f32 - 4.5) / 5.0).collect();
    let factors = Tensor::from_vec(factors, one.dims(), one.device()).expect("in a test");
    let backward = |y: &Tensor| {
        y.mul(&factors).expect("in a test").sum_all().expect("in a test").backward().expect("in a test")
    };
    let (recorded, tape) = record(|| kernel(&inputs)).expect("in a test");
    let mut by_tape = tape.backward_from(&recorded, factors.clone()).expect("in a test");
    let (one, other) = (backward(&one), backward(&other));
    for (position, variable) in variables.iter().enumerate() {
        let other = other.get(variable).expect("the composed form has a gradient");
        let one = one.get(variable).expect("the kernel has a gradient");
        near(&format!("gradient {position}"), one, other, tolerance);
        let recorded = by_tape.remove(variable).expect("the tape has a gradient");
        near(&format!("gradient {position} of the tape"), &recorded, one, 0.0);
    }
}

/// Asserts that two tensors agree, up to a relative error above 1 and an absolute error below.
pub fn near(what: &str, one: &Tensor, other: &Tensor, tolerance: f32) {
    let (one, other) = (host(one).expect("in a test"), host(other).expect("in a test"));
    assert_eq!(one.len(), other.len(), "the number of values of {what}");
    for (index, (a, b)) in one.iter().zip(&other).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}[{index}]: {a} and {b}");
    }
}

/// A variable of pseudorandom numbers between -2 and 2.
pub fn variable(shape: &[usize], salt: u32) -> Var {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u32)
        .map(|i| ((i + salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0)
        .collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &candle_core::Device::Cpu).expect("in a test"))
        .expect("in a test")
}
