//! A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001): -log of the probability
//! of the true path among all paths, and its gradient, by the forward-backward recursion.
//!
//! score(y) = start[y_1] + sum_t e[t, y_t] + sum_t T[y_t, y_t+1] + end[y_n];
//! loss of a row = log sum over all paths of exp(score) - log sum over those through the known labels.
//!
//! With every step labelled the second sum has one path, the true one; a step without a label allows
//! every class (Tsuboi et al. 2008). The rows' losses are added and divided by the number of labelled steps,
//! as other losses are means over labels. The gradient of a score is how much likelier it is used by the
//! first sum's paths than by the second's.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply2;
use crate::model::kernel::{fits, with_floats};

/// Rows whose sums are made together; the same whatever the threads.
const ROWS: usize = 4;

/// The sum over rows of -log p(truth) over the number of labelled steps, as a scalar; 0 without labels.
///
/// `emissions` is `[rows, time, classes]`; `transitions` `[classes + 2, classes]`: what follows what
/// (`[from, to]`), then the scores of beginning and of ending; `truth` and `mask` `[rows, time]`.
/// Steps from a row's length on count for nothing.
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
            "emissions {:?}, transitions {:?}, truth {:?}, {} lengths",
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
    let (device, share) =
        (emissions.device(), if gradients.labelled > 0 { 1.0 / gradients.labelled as f64 } else { 0.0 });
    let scaled = |numbers: Vec<f64>, shape: &Shape| {
        let numbers: Vec<f32> = numbers.into_iter().map(|number| (number * share) as f32).collect();
        Tensor::from_vec(numbers, shape, device)
    };
    let op = CrfOp {
        value: (gradients.loss * share) as f32,
        emissions: (Tensor::from_vec(gradients.emissions, emissions.shape(), device)? * share)?,
        transitions: scaled(gradients.transitions, transitions.shape())?,
    };
    apply2(&emissions, transitions, op)
}

/// The same, composed of candle's operations.
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
    let own = truth.reshape((rows, time, 1))?.broadcast_eq(&columns.reshape((1, 1, classes))?)?;
    // 1 for every class that contradicts a known label; paths through it count as impossible.
    let wrong = own.to_dtype(emissions.dtype())?.affine(-1.0, 1.0)?.broadcast_mul(&known)?;
    let all = log_sum(emissions, transitions, lengths)?;
    let right = log_sum(&(emissions + (wrong * -1e9)?)?, transitions, lengths)?;
    let labelled = known.max(1)?.reshape(rows)?;
    let count = known.sum_all()?.maximum(1.0)?;
    ((all - right)? * labelled)?.sum_all()?.div(&count)
}

/// log sum over all paths of exp(score): `[rows]`.
fn log_sum(emissions: &Tensor, transitions: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (rows, time, classes) = emissions.dims3()?;
    let between = transitions.narrow(0, 0, classes)?.reshape((1, classes, classes))?;
    let step = |t: usize| emissions.narrow(1, t, 1)?.reshape((rows, classes));
    let mut sums = step(0)?.broadcast_add(&transitions.narrow(0, classes, 1)?)?;
    for t in 1..time {
        let paths = sums.reshape((rows, classes, 1))?.broadcast_add(&between)?;
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

/// What some rows lose, and the gradients of that.
struct CrfGradients {
    loss: f64,
    /// Labelled steps.
    labelled: usize,
    /// `[rows, time, classes]`
    emissions: Vec<f32>,
    /// `[classes + 2, classes]`
    transitions: Vec<f64>,
}

/// The exponentials of the scores, so that a step of the recursion is sums of products. 64-bit numbers,
/// and each step scaled to a sum of 1, so that neither length nor score runs out of them.
struct CrfPotentials {
    classes: usize,
    /// exp(T - greatest), `[from, to]`, and `[to, from]`.
    between: Vec<f64>,
    back: Vec<f64>,
    greatest: f64,
    start: Vec<f64>,
    end: Vec<f64>,
}

/// One row's sums: of step t, the paths' weight up to it by class, and from it on, both scaled.
struct ForwardBackward {
    /// log sum over the paths of exp(score).
    log_sum: f64,
    /// `[steps, classes]`: how likely each class is.
    likely: Vec<f64>,
    /// `[steps, classes]`: weight of the paths to each class.
    before: Vec<f64>,
    /// `[steps, classes]`: weight of each class and the paths after it, over the step's scale.
    after: Vec<f64>,
}

impl CrfPotentials {
    fn new(transitions: &[f32], classes: usize) -> Self {
        let scores: Vec<f64> = transitions.iter().map(|score| f64::from(*score)).collect();
        let (between, ends) = scores.split_at(classes * classes);
        let greatest = between.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let between: Vec<f64> = between.iter().map(|score| (score - greatest).exp()).collect();
        let back = (0..classes * classes).map(|at| between[at % classes * classes + at / classes]).collect();
        let (start, end) = ends.split_at(classes);
        Self { classes, between, back, greatest, start: start.to_vec(), end: end.to_vec() }
    }

    /// All rows, in blocks added up in their order.
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
            let mut sum = (0.0, 0, vec![0.0; (self.classes + 2) * self.classes]);
            for (offset, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                let row = block * ROWS + offset;
                let steps = row * time..row * time + lengths[row] as usize;
                let known = mask[steps.clone()].iter().filter(|known| **known != 0.0).count();
                if known == 0 {
                    continue;
                }
                sum.0 += self.row(emissions, truth, mask, steps, gradient, &mut sum.2);
                sum.1 += known;
            }
            sum
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

    /// One row's loss; adds its gradients to `emissions` and `transitions`.
    fn row(
        &self,
        scores: &[f32],
        truth: &[f32],
        mask: &[f32],
        steps: Range<usize>,
        emissions: &mut [f32],
        transitions: &mut [f64],
    ) -> f64 {
        let own = &scores[steps.start * self.classes..steps.end * self.classes];
        let labels: Vec<Option<usize>> =
            steps.map(|step| (mask[step] != 0.0).then_some(truth[step] as usize)).collect();
        let all = self.sweep(own, None);
        self.add(&all, 1.0, emissions, transitions);
        let right = self.sweep(own, Some(&labels));
        self.add(&right, -1.0, emissions, transitions);
        all.log_sum - right.log_sum
    }

    /// Forward and backward through one row, along the paths that agree with the labels.
    fn sweep(&self, own: &[f32], labels: Option<&[Option<usize>]>) -> ForwardBackward {
        let classes = self.classes;
        let steps = own.len() / classes;
        let mut weights = vec![0.0; own.len()];
        let mut log_sum = self.greatest * (steps - 1) as f64;
        for (step, weights) in weights.chunks_exact_mut(classes).enumerate() {
            let allowed = match labels.and_then(|labels| labels[step]) {
                Some(class) => class..class + 1,
                None => 0..classes,
            };
            let at = |class: usize| {
                let start = if step == 0 { self.start[class] } else { 0.0 };
                let end = if step + 1 == steps { self.end[class] } else { 0.0 };
                f64::from(own[step * classes + class]) + start + end
            };
            let greatest = allowed.clone().map(at).fold(f64::NEG_INFINITY, f64::max);
            allowed.for_each(|class| weights[class] = (at(class) - greatest).exp());
            log_sum += greatest;
        }
        let mut before = weights.clone();
        let mut scales = vec![0.0; steps];
        for step in 0..steps {
            let (past, rest) = before.split_at_mut(step * classes);
            let here = &mut rest[..classes];
            if step > 0 {
                let sums = product(&past[(step - 1) * classes..], &self.between, classes);
                here.iter_mut().zip(&sums).for_each(|(here, sum)| *here *= sum);
            }
            let scale: f64 = here.iter().sum();
            here.iter_mut().for_each(|here| *here /= scale);
            scales[step] = scale;
            log_sum += scale.ln();
        }
        let mut after = weights;
        let mut likely = before.clone();
        for step in (0..steps).rev() {
            // What `after` holds of a step begins with the step's own weight.
            if step + 1 < steps {
                let sums = product(&after[(step + 1) * classes..(step + 2) * classes], &self.back, classes);
                let range = step * classes..(step + 1) * classes;
                after[range.clone()].iter_mut().zip(&sums).for_each(|(after, sum)| *after *= sum);
                likely[range].iter_mut().zip(&sums).for_each(|(likely, sum)| *likely *= sum);
            }
            after[step * classes..(step + 1) * classes].iter_mut().for_each(|after| *after /= scales[step]);
        }
        ForwardBackward { log_sum, likely, before, after }
    }

    /// Adds `sign` times how often each score is used.
    fn add(&self, sweep: &ForwardBackward, sign: f64, emissions: &mut [f32], transitions: &mut [f64]) {
        let classes = self.classes;
        for (gradient, likely) in emissions.iter_mut().zip(&sweep.likely) {
            *gradient += (sign * likely) as f32;
        }
        let (between, ends) = transitions.split_at_mut(classes * classes);
        let mut used = vec![0.0; classes * classes];
        let steps = sweep.before.chunks_exact(classes).zip(sweep.after.chunks_exact(classes).skip(1));
        for (before, after) in steps {
            // A labelled step has one class only.
            let possible = used.chunks_exact_mut(classes).zip(before).filter(|(_, before)| **before != 0.0);
            for (used, before) in possible {
                used.iter_mut().zip(after).for_each(|(used, after)| *used += before * after);
            }
        }
        for ((between, used), factor) in between.iter_mut().zip(&used).zip(&self.between) {
            *between += sign * used * factor;
        }
        let last = sweep.likely.len() - classes;
        let (start, end) = ends.split_at_mut(classes);
        start.iter_mut().zip(&sweep.likely).for_each(|(start, likely)| *start += sign * likely);
        end.iter_mut().zip(&sweep.likely[last..]).for_each(|(end, likely)| *end += sign * likely);
    }
}

/// v M of a row vector and a square matrix.
fn product(vector: &[f64], matrix: &[f64], classes: usize) -> Vec<f64> {
    let mut sums = vec![0.0; classes];
    for (factor, row) in vector.iter().zip(matrix.chunks_exact(classes)) {
        // A labelled step has one class only.
        if *factor != 0.0 {
            sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += factor * number);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
