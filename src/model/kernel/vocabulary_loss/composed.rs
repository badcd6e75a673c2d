//! Composed form of the cross entropy over a vocabulary, for other devices and as the reference of tests.

use candle_core::{D, Result, Tensor};

use crate::model::kernel::vocabulary_loss::VocabularyTargets;

/// Composed form of `vocabulary_loss`.
pub fn composed(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    smoothing: f32,
) -> Result<Tensor> {
    let logits = h.matmul(weight)?.broadcast_add(bias)?;
    let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(D::Minus1)?)?;
    let log_probs = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)?;
    let classes: Vec<u32> = truth
        .classes
        .iter()
        .zip(truth.weights)
        .map(|(class, share)| if *share == 0.0 { 0 } else { *class })
        .collect();
    let classes = Tensor::from_vec(classes, (truth.classes.len(), 1), h.device())?;
    let of_truth = log_probs.gather(&classes, 1)?.squeeze(1)?;
    let of_all = log_probs.mean(1)?;
    let rows = ((of_truth * f64::from(1.0 - smoothing))? + (of_all * f64::from(smoothing))?)?.neg()?;
    let total = f64::from(truth.weights.iter().sum::<f32>());
    let shares = Tensor::new(truth.weights, h.device())?;
    rows.mul(&shares)?.sum_all()? * if total > 0.0 { 1.0 / total } else { 0.0 }
}
