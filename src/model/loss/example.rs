//! Test support: small tensors, and assertions of losses on them.

use candle_core::{Device, Tensor};

use crate::domain::task::FittedTarget;
use crate::model::loss::Loss;

/// `[rows, 1]`
pub fn column(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).expect("in a test").unsqueeze(1).expect("in a test")
}

/// `[rows, columns]`
pub fn matrix(rows: &[&[f32]]) -> Tensor {
    let values: Vec<f32> = rows.concat();
    Tensor::from_vec(values, (rows.len(), rows[0].len()), &Device::Cpu).expect("in a test")
}

/// Panics unless the loss of these logits, labels and mask is the expected one.
pub fn assert_loss(loss: &dyn Loss, tensors: [&Tensor; 3], target: &FittedTarget, expected: f64) {
    let [logits, truth, mask] = tensors;
    assert!(loss.accepts(target.kind()));
    loss.check(target).expect("in a test");
    let actual = f64::from(
        loss.forward(logits, truth, mask, target).expect("in a test").to_scalar::<f32>().expect("in a test"),
    );
    assert!((actual - expected).abs() < 2e-6, "{actual} is not {expected}");
}
