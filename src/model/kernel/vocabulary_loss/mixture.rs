//! The part of the vocabulary in a mixture with another predictor of the same token, such as copying from the
//! source, in one pass.
//!
//! -log (P + Q) has the gradient of r (-log P) + (1 - r) (-log Q), where the responsibility r = P / (P + Q)
//! is held constant (Fisher's identity). r needs P, which the kernel computes on its way to the gradient. So
//! the kernel takes the probabilities of the other predictor, and scales the gradient of each row by its r.

use candle_core::{Result, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::fits;
use crate::model::kernel::vocabulary_loss::composed::composed;
use crate::model::kernel::vocabulary_loss::operation::VocabularyLoss;
use crate::model::kernel::vocabulary_loss::{
    LossAndGradients, LossOptions, VocabularyTargets, counted_rows, is_dense, vocabulary_scores,
    with_matrices,
};

/// The responsibility r = P / (P + Q) of the vocabulary, from `cost` = -log P and `other_log_prob` = log Q.
pub fn responsibility(cost: f32, other_log_prob: f32) -> f64 {
    1.0 / (1.0 + (f64::from(cost) + f64::from(other_log_prob)).exp())
}

/// The mean over rows, weighted by their shares, of r (-log softmax(h W + b)[truth]), with r held constant;
/// and -log softmax(h W + b)[truth] of every row (0 for rows with a share of 0).
///
/// Shapes are those of `vocabulary_loss`. `other_log_probs` is log Q of each row, minus the logarithm of the
/// weight of P in the mixture.
///
/// # Errors
/// Shapes that do not fit together, or a class that is not in the vocabulary.
pub fn vocabulary_mixture(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    other_log_probs: &[f32],
) -> Result<(Tensor, Vec<f32>)> {
    let (rows, vocabulary) = (h.dim(0)?, weight.dim(1)?);
    truth.check(rows, vocabulary)?;
    if other_log_probs.len() != rows {
        candle_core::bail!("expected {rows} other log probabilities, found {}", other_log_probs.len());
    }
    if !fits(&[h, weight, bias]) || !is_dense(weight) {
        return mixture_composed(h, weight, bias, truth, other_log_probs);
    }
    let h = h.contiguous()?;
    let options = LossOptions { truth, smoothing: 0.0, other_log_probs: Some(other_log_probs) };
    let result = with_matrices(&h, weight, bias, |work| work.loss_and_gradients(options))?;
    let LossAndGradients { loss, gradients, costs: counted_costs } = result;
    let mut costs = vec![0.0; rows];
    counted_rows(truth).into_iter().zip(counted_costs).for_each(|(row, cost)| costs[row as usize] = cost);
    Ok((apply3(&h, weight, bias, VocabularyLoss { loss, gradients })?, costs))
}

/// Composed form of `vocabulary_mixture`, in two passes.
fn mixture_composed(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    other_log_probs: &[f32],
) -> Result<(Tensor, Vec<f32>)> {
    let scores = vocabulary_scores(&h.detach(), &weight.detach(), &bias.detach(), truth)?;
    let costs: Vec<f32> = scores.into_iter().map(|(cost, _)| cost).collect();
    let each = costs.iter().zip(other_log_probs).zip(truth.weights);
    let shares: Vec<f32> =
        each.map(|((cost, other), share)| share * responsibility(*cost, *other) as f32).collect();
    let sum = |weights: &[f32]| weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
    let (weighted, total) = (sum(&shares), sum(truth.weights));
    let loss =
        composed(h, weight, bias, VocabularyTargets { classes: truth.classes, weights: &shares }, 0.0)?;
    Ok(((loss * if total > 0.0 { weighted / total } else { 0.0 })?, costs))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::{mixture_composed, vocabulary_mixture};
    use crate::model::kernel::vocabulary_loss::VocabularyTargets;

    /// Both agree in value, costs and every gradient.
    #[test]
    fn one_pass_agrees_with_two_passes() {
        let (rows, width, size) = (70, 12, 1500);
        let wave = |count: usize, step: f32| (0..count).map(move |i| (i as f32 * step).sin()).collect();
        let var = |values: Vec<f32>, shape: &[usize]| {
            Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
        };
        let h = var(wave(rows * width, 0.7), &[rows, width]);
        let weight = var(wave(width * size, 1.3), &[width, size]);
        let bias = var(wave(size, 0.9), &[size]);
        let classes: Vec<u32> = (0..rows as u32).map(|row| row * 37 % size as u32).collect();
        let shares: Vec<f32> = (0..rows).map(|row| (row % 3) as f32).collect();
        let other_log_probs: Vec<f32> = (0..rows).map(|row| -(row as f32) / 5.0).collect();
        let truth = VocabularyTargets { classes: &classes, weights: &shares };
        let (one, costs) = vocabulary_mixture(&h, &weight, &bias, truth, &other_log_probs).unwrap();
        let (two, expected) = mixture_composed(&h, &weight, &bias, truth, &other_log_probs).unwrap();
        let near = |a: f32, b: f32| assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{a} {b}");
        near(one.to_scalar().unwrap(), two.to_scalar().unwrap());
        costs.iter().zip(&expected).for_each(|(a, b)| near(*a, *b));
        let (one, two) = (one.backward().unwrap(), two.backward().unwrap());
        for variable in [&h, &weight, &bias] {
            let flat = |store: &candle_core::backprop::GradStore| {
                store.get(variable.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            let (one, two) = (flat(&one), flat(&two));
            assert!(one.iter().any(|g| *g != 0.0));
            one.iter().zip(&two).for_each(|(a, b)| near(*a, *b));
        }
    }
}
