//! A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001): the negative log-likelihood
//! of the true path, and its gradient, by the forward-backward algorithm.
//!
//! score(y) = start[y_1] + sum_t e[t, y_t] + sum_t T[y_t, y_t+1] + end[y_n];
//! loss of a row = log sum over all paths of exp(score) - log sum over the paths that agree with the labels.
//!
//! If every step is labelled, only the true path is in the second sum; a step without a label allows every
//! class (Tsuboi et al. 2008). The losses of the rows are added and divided by the number of labelled steps,
//! so the loss is a mean over labels like other losses. The gradient of a score is the difference of its
//! expected counts: over all paths, and over those that agree with the labels.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply2;
use crate::model::kernel::{fits, with_floats};

/// Rows per task: their sums are added first, independently of the number of threads.
const ROWS: usize = 4;

/// The sum over rows of -log p(truth), divided by the number of labelled steps, as a scalar; 0 without
/// labels.
///
/// `emissions` is `[rows, time, classes]`. `transitions` is `[classes + 2, classes]`: the scores `[from, to]`
/// of transitions, then the scores of starting and of ending with a class. `truth` and `mask` are
/// `[rows, time]`, with mask 0 for steps without a label. Padding steps, from `lengths` on, do not count.
///
/// # Errors
/// Shapes that do not fit together.
pub fn crf(
    emissions: &Tensor,
    transitions: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    lengths: &[u32],
) -> Result<Tensor> {
    let (rows, time, classes) = emissions.dims3()?;
    if transitions.dims() != [classes + 2, classes] || truth.dims() != [rows, time] || lengths.len() != rows {
        candle_core::bail!(
            "the shapes of emissions {:?}, transitions {:?}, truth {:?} and lengths [{}] do not fit together",
            emissions.dims(),
            transitions.dims(),
            truth.dims(),
            lengths.len()
        );
    }
    if !fits(&[emissions, transitions, truth, mask]) {
        return composed(emissions, transitions, truth, mask, lengths);
    }
    let gradients = with_floats(emissions, |emissions| {
        with_floats(transitions, |transitions| {
            with_floats(truth, |truth| {
                with_floats(mask, |mask| {
                    let chain = CrfPotentials::new(transitions, classes);
                    Ok(chain.rows(emissions, truth, mask, lengths, time))
                })
            })
        })
    })?;
    let (device, inverse_count) =
        (emissions.device(), if gradients.labelled > 0 { 1.0 / gradients.labelled as f64 } else { 0.0 });
    let scaled = |numbers: Vec<f64>, shape: &Shape| {
        let numbers: Vec<f32> = numbers.into_iter().map(|number| (number * inverse_count) as f32).collect();
        Tensor::from_vec(numbers, shape, device)
    };
    let op = CrfOp {
        value: (gradients.loss * inverse_count) as f32,
        emissions: (Tensor::from_vec(gradients.emissions, emissions.shape(), device)? * inverse_count)?,
        transitions: scaled(gradients.transitions, transitions.shape())?,
    };
    apply2(emissions, transitions, op)
}

/// Composed form of `crf`.
pub fn composed(
    emissions: &Tensor,
    transitions: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    lengths: &[u32],
) -> Result<Tensor> {
    let (rows, time, classes) = emissions.dims3()?;
    let device = emissions.device();
    let columns = Tensor::from_iter((0..classes).map(|class| class as f32), device)?;
    let known = mask.reshape((rows, time, 1))?;
    let is_label = truth.reshape((rows, time, 1))?.broadcast_eq(&columns.reshape((1, 1, classes))?)?;
    // 1 for every class that contradicts a label; paths through it become impossible.
    let wrong = is_label.to_dtype(emissions.dtype())?.affine(-1.0, 1.0)?.broadcast_mul(&known)?;
    let all = log_sum(emissions, transitions, lengths)?;
    let agreeing = log_sum(&(emissions + (wrong * -1e9)?)?, transitions, lengths)?;
    let labelled = known.max(1)?.reshape(rows)?;
    let count = known.sum_all()?.maximum(1.0)?;
    ((all - agreeing)? * labelled)?.sum_all()?.div(&count)
}

/// log sum over all paths of exp(score), `[rows]`.
fn log_sum(emissions: &Tensor, transitions: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (rows, time, classes) = emissions.dims3()?;
    let transition = transitions.narrow(0, 0, classes)?.reshape((1, classes, classes))?;
    let step = |t: usize| emissions.narrow(1, t, 1)?.reshape((rows, classes));
    let mut sums = step(0)?.broadcast_add(&transitions.narrow(0, classes, 1)?)?;
    for t in 1..time {
        let paths = sums.reshape((rows, classes, 1))?.broadcast_add(&transition)?;
        let next = (log_sum_exp(&paths, 1)? + step(t)?)?;
        let inside: Vec<f32> = lengths.iter().map(|length| f32::from(t < *length as usize)).collect();
        let inside = Tensor::from_vec(inside, (rows, 1), emissions.device())?;
        sums = (next.broadcast_mul(&inside)? + sums.broadcast_mul(&inside.affine(-1.0, 1.0)?)?)?;
    }
    log_sum_exp(&sums.broadcast_add(&transitions.narrow(0, classes + 1, 1)?)?, 1)
}

fn log_sum_exp(x: &Tensor, dim: usize) -> Result<Tensor> {
    let largest = x.detach().max_keepdim(dim)?;
    let sum = x.broadcast_sub(&largest)?.exp()?.sum_keepdim(dim)?.log()?;
    (sum + largest)?.squeeze(dim)
}

struct CrfOp {
    value: f32,
    emissions: Tensor,
    transitions: Tensor,
}

impl CustomOp2 for CrfOp {
    fn name(&self) -> &'static str {
        "crf"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.value]), Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let factor = f64::from(gradient.to_scalar::<f32>()?);
        Ok((Some((&self.emissions * factor)?), Some((&self.transitions * factor)?)))
    }
}

/// The sum of the losses of some rows, and its gradients.
struct CrfGradients {
    loss: f64,
    /// Number of labelled steps.
    labelled: usize,
    /// `[rows, time, classes]`
    emissions: Vec<f32>,
    /// `[classes + 2, classes]`
    transitions: Vec<f64>,
}

/// The exponentials of the scores, so that a step of the recursion is a matrix product. Numbers have 64 bits,
/// and each step is scaled to a sum of 1, so that neither long rows nor large scores overflow.
struct CrfPotentials {
    classes: usize,
    /// exp(T - max T), `[from, to]`.
    transition: Vec<f64>,
    /// The same, `[to, from]`.
    transposed_transition: Vec<f64>,
    max: f64,
    start: Vec<f64>,
    end: Vec<f64>,
}

/// The forward and backward variables of one row, scaled at each step.
struct ForwardBackward {
    /// log sum over the paths of exp(score).
    log_sum: f64,
    /// `[steps, classes]`: the marginal probability of each class.
    marginals: Vec<f64>,
    /// `[steps, classes]`: weight of the paths up to each class.
    forward: Vec<f64>,
    /// `[steps, classes]`: weight of the paths from each class on, divided by the scale of the step.
    backward: Vec<f64>,
}

impl CrfPotentials {
    fn new(transitions: &[f32], classes: usize) -> Self {
        let scores: Vec<f64> = transitions.iter().map(|score| f64::from(*score)).collect();
        let (transition, ends) = scores.split_at(classes * classes);
        let max = transition.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let transition: Vec<f64> = transition.iter().map(|score| (score - max).exp()).collect();
        let transposed_transition =
            (0..classes * classes).map(|at| transition[at % classes * classes + at / classes]).collect();
        let (start, end) = ends.split_at(classes);
        Self { classes, transition, transposed_transition, max, start: start.to_vec(), end: end.to_vec() }
    }

    /// The losses and gradients of all rows, summed block by block in their order.
    fn rows(
        &self,
        emissions: &[f32],
        truth: &[f32],
        mask: &[f32],
        lengths: &[u32],
        time: usize,
    ) -> CrfGradients {
        let width = time * self.classes;
        let mut gradient = vec![0.0; emissions.len()];
        let block = |(block, gradient): (usize, &mut [f32])| {
            let mut sums = (0.0, 0, vec![0.0; (self.classes + 2) * self.classes]);
            for (offset, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                let row = block * ROWS + offset;
                let steps = row * time..row * time + lengths[row] as usize;
                let known = mask[steps.clone()].iter().filter(|known| **known != 0.0).count();
                if known == 0 {
                    continue;
                }
                sums.0 += self.row(emissions, truth, mask, steps, gradient, &mut sums.2);
                sums.1 += known;
            }
            sums
        };
        let blocks: Vec<(f64, usize, Vec<f64>)> =
            gradient.par_chunks_mut((ROWS * width).max(1)).enumerate().map(block).collect();
        let mut gradients = CrfGradients {
            loss: 0.0,
            labelled: 0,
            emissions: Vec::new(),
            transitions: vec![0.0; (self.classes + 2) * self.classes],
        };
        for (loss, labelled, transitions) in blocks {
            gradients.loss += loss;
            gradients.labelled += labelled;
            gradients.transitions.iter_mut().zip(&transitions).for_each(|(sum, block)| *sum += block);
        }
        gradients.emissions = gradient;
        gradients
    }

    /// Returns the loss of one row and adds its gradients to `emissions` and `transitions`.
    fn row(
        &self,
        scores: &[f32],
        truth: &[f32],
        mask: &[f32],
        steps: Range<usize>,
        emissions: &mut [f32],
        transitions: &mut [f64],
    ) -> f64 {
        let row_scores = &scores[steps.start * self.classes..steps.end * self.classes];
        let labels: Vec<Option<usize>> =
            steps.map(|step| (mask[step] != 0.0).then_some(truth[step] as usize)).collect();
        let all = self.forward_backward(row_scores, None);
        self.add_expected_counts(&all, 1.0, emissions, transitions);
        let agreeing = self.forward_backward(row_scores, Some(&labels));
        self.add_expected_counts(&agreeing, -1.0, emissions, transitions);
        all.log_sum - agreeing.log_sum
    }

    /// The forward-backward algorithm for one row, restricted to paths that agree with the labels.
    fn forward_backward(&self, emissions: &[f32], labels: Option<&[Option<usize>]>) -> ForwardBackward {
        let classes = self.classes;
        let steps = emissions.len() / classes;
        let mut weights = vec![0.0; emissions.len()];
        let mut log_sum = self.max * (steps - 1) as f64;
        for (step, weights) in weights.chunks_exact_mut(classes).enumerate() {
            let allowed = match labels.and_then(|labels| labels[step]) {
                Some(class) => class..class + 1,
                None => 0..classes,
            };
            let score = |class: usize| {
                let start = if step == 0 { self.start[class] } else { 0.0 };
                let end = if step + 1 == steps { self.end[class] } else { 0.0 };
                f64::from(emissions[step * classes + class]) + start + end
            };
            let max = allowed.clone().map(score).fold(f64::NEG_INFINITY, f64::max);
            allowed.for_each(|class| weights[class] = (score(class) - max).exp());
            log_sum += max;
        }
        let mut forward = weights.clone();
        let mut scales = vec![0.0; steps];
        for step in 0..steps {
            let (past, remaining) = forward.split_at_mut(step * classes);
            let here = &mut remaining[..classes];
            if step > 0 {
                let sums = product(&past[(step - 1) * classes..], &self.transition, classes);
                here.iter_mut().zip(&sums).for_each(|(here, sum)| *here *= sum);
            }
            let scale: f64 = here.iter().sum();
            here.iter_mut().for_each(|here| *here /= scale);
            scales[step] = scale;
            log_sum += scale.ln();
        }
        let mut backward = weights;
        let mut marginals = forward.clone();
        for step in (0..steps).rev() {
            // `backward` of a step starts with the weight of the step itself.
            if step + 1 < steps {
                let next = &backward[(step + 1) * classes..(step + 2) * classes];
                let sums = product(next, &self.transposed_transition, classes);
                let range = step * classes..(step + 1) * classes;
                backward[range.clone()].iter_mut().zip(&sums).for_each(|(weight, sum)| *weight *= sum);
                marginals[range].iter_mut().zip(&sums).for_each(|(marginal, sum)| *marginal *= sum);
            }
            let here = &mut backward[step * classes..(step + 1) * classes];
            here.iter_mut().for_each(|weight| *weight /= scales[step]);
        }
        ForwardBackward { log_sum, marginals, forward, backward }
    }

    /// Adds `sign` times the expected count of each score to the gradients.
    fn add_expected_counts(
        &self,
        row: &ForwardBackward,
        sign: f64,
        emissions: &mut [f32],
        transitions: &mut [f64],
    ) {
        let classes = self.classes;
        for (gradient, marginal) in emissions.iter_mut().zip(&row.marginals) {
            *gradient += (sign * marginal) as f32;
        }
        let (gradients, ends) = transitions.split_at_mut(classes * classes);
        let mut counts = vec![0.0; classes * classes];
        let steps = row.forward.chunks_exact(classes).zip(row.backward.chunks_exact(classes).skip(1));
        for (forward, backward) in steps {
            // At a labelled step, a single class has a weight other than 0.
            let possible =
                counts.chunks_exact_mut(classes).zip(forward).filter(|(_, weight)| **weight != 0.0);
            for (counts, weight) in possible {
                counts.iter_mut().zip(backward).for_each(|(count, backward)| *count += weight * backward);
            }
        }
        for ((gradient, count), factor) in gradients.iter_mut().zip(&counts).zip(&self.transition) {
            *gradient += sign * count * factor;
        }
        let last = row.marginals.len() - classes;
        let (start, end) = ends.split_at_mut(classes);
        start.iter_mut().zip(&row.marginals).for_each(|(start, marginal)| *start += sign * marginal);
        end.iter_mut().zip(&row.marginals[last..]).for_each(|(end, marginal)| *end += sign * marginal);
    }
}

/// The product v M of a row vector and a square matrix.
fn product(vector: &[f64], matrix: &[f64], classes: usize) -> Vec<f64> {
    let mut sums = vec![0.0; classes];
    for (factor, row) in vector.iter().zip(matrix.chunks_exact(classes)) {
        // At a labelled step, a single class has a weight other than 0.
        if *factor != 0.0 {
            sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += factor * number);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
