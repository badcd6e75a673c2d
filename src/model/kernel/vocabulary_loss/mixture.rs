//! The vocabulary's part in a mixture with another guesser of the same token, which is learned in one pass.
//!
//! -log (P + Q) has the gradient of r (-log P) + (1 - r) (-log Q), with r = P / (P + Q) taken as given
//! (Fisher's identity). r needs P, which the kernel finds on its way to the gradient: so it is told how
//! likely the other is, and scales each row's gradient by its r.

use candle_core::{Result, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::fits;
use crate::model::kernel::vocabulary_loss::composed::composed;
use crate::model::kernel::vocabulary_loss::operation::VocabularyLoss;
use crate::model::kernel::vocabulary_loss::{
    ProjectionWeights, VocabularyLossGoal, VocabularyTargets, counted, dense, vocabulary_scores,
    with_matrices,
};

/// P's share r of P + Q, where P costs `cost` = -log P and `rival` = log Q.
pub fn share(cost: f32, rival: f32) -> f64 {
    1.0 / (1.0 + (f64::from(cost) + f64::from(rival)).exp())
}

/// The mean over rows, by their shares, of r (-log softmax(h W + b)[truth]), with r taken as given; and every
/// row's -log softmax(h W + b)[truth] (0 for rows that do not count). Shapes as of `vocabulary_loss`;
/// `rivals` is log Q of each row, less a logarithm that P has as a factor.
pub fn vocabulary_mixture(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    sampled: &[f32],
) -> Result<(Tensor, Vec<f32>)> {
    let (rows, vocabulary) = (h.dim(0)?, weight.dim(1)?);
    truth.check(rows, vocabulary)?;
    if sampled.len() != rows {
        candle_core::bail!("{rows} rows, {} rivals", sampled.len());
    }
    if !fits(&[h, weight, bias]) || !dense(weight) {
        return mixture_composed(h, weight, bias, truth, sampled);
    }
    let h = h.contiguous()?;
    let goal = VocabularyLossGoal { truth, smoothing: 0.0, sampled_tokens: Some(sampled) };
    let learned = with_matrices(&h, weight, bias, |work| work.learn(goal))?;
    let ProjectionWeights { loss, gradients, costs: result } = learned;
    let mut costs = vec![0.0; rows];
    counted(truth).into_iter().zip(result).for_each(|(row, cost)| costs[row as usize] = cost);
    Ok((apply3(&h, weight, bias, VocabularyLoss { loss, gradients })?, costs))
}

/// The same, in two passes.
fn mixture_composed(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    sampled: &[f32],
) -> Result<(Tensor, Vec<f32>)> {
    let scores = vocabulary_scores(&h.detach(), &weight.detach(), &bias.detach(), truth)?;
    let costs: Vec<f32> = scores.into_iter().map(|(cost, _)| cost).collect();
    let each = costs.iter().zip(sampled).zip(truth.weights);
    let shares: Vec<f32> = each.map(|((cost, rival), own)| own * share(*cost, *rival) as f32).collect();
    let sum = |shares: &[f32]| shares.iter().map(|share| f64::from(*share)).sum::<f64>();
    let (part, total) = (sum(&shares), sum(truth.weights));
    let loss =
        composed(h, weight, bias, VocabularyTargets { classes: truth.classes, weights: &shares }, 0.0)?;
    Ok(((loss * if total > 0.0 { part / total } else { 0.0 })?, costs))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::{mixture_composed, vocabulary_mixture};
    use crate::model::kernel::vocabulary_loss::VocabularyTargets;

    /// One pass and two agree, in value, costs and every gradient; a row that does not count has none.
    #[test]
    fn one_pass_gives_what_two_give() {
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
        let sampled: Vec<f32> = (0..rows).map(|row| -(row as f32) / 5.0).collect();
        let truth = VocabularyTargets { classes: &classes, weights: &shares };
        let (one, costs) = vocabulary_mixture(&h, &weight, &bias, truth, &sampled).unwrap();
        let (two, expected) = mixture_composed(&h, &weight, &bias, truth, &sampled).unwrap();
        let near = |a: f32, b: f32| assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{a} {b}");
        near(one.to_scalar().unwrap(), two.to_scalar().unwrap());
        costs.iter().zip(&expected).for_each(|(a, b)| near(*a, *b));
        let (one, two) = (one.backward().unwrap(), two.backward().unwrap());
        for of in [&h, &weight, &bias] {
            let flat = |store: &candle_core::backprop::GradStore| {
                store.get(of.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            let (one, two) = (flat(&one), flat(&two));
            assert!(one.iter().any(|g| *g != 0.0));
            one.iter().zip(&two).for_each(|(a, b)| near(*a, *b));
        }
    }
}
