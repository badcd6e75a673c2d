//! A projection to many classes and its cross entropy as one operation: -log softmax(h W + b)[truth].
//!
//! All logits of a batch are rows times vocabulary numbers, which no cache holds. So rows come in chunks:
//! a chunk's logits are made, turned into their gradient where they stand, and used for the gradients of h, W
//! and b, before the next chunk's. Rows that do not count (padding) are passed over.

use std::ops::Range;

use candle_core::{Result, Storage, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply3;
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::softmax_row::{SoftmaxTarget, softmax_row};
pub use crate::model::kernel::vocabulary_loss::composed::composed;
pub use crate::model::kernel::vocabulary_loss::mixture::{share as vocabulary_share, vocabulary_mixture};
use crate::model::kernel::vocabulary_loss::operation::VocabularyLoss;
use crate::model::kernel::{fits, floats, with_floats, zeros};

mod composed;
mod mixture;
mod operation;

/// Logits of a chunk: so many that they stay in a core's own cache.
const CHUNK: usize = 1 << 17;
/// Numbers at most in all groups' gradients of W together, unless two groups are more.
const GROUPS: usize = 1 << 23;

/// The truth of every row, and how much the row counts (0: not at all).
#[derive(Clone, Copy, Debug)]
pub struct VocabularyTargets<'a> {
    pub classes: &'a [u32],
    pub weights: &'a [f32],
}

impl VocabularyTargets<'_> {
    fn check(&self, rows: usize, vocabulary: usize) -> Result<()> {
        if self.classes.len() != rows || self.weights.len() != rows {
            candle_core::bail!("{rows} rows, {} classes, {} shares", self.classes.len(), self.weights.len());
        }
        let counted = self.classes.iter().zip(self.weights).filter(|(_, share)| **share != 0.0);
        match counted.map(|(class, _)| *class).find(|class| *class as usize >= vocabulary) {
            Some(class) => candle_core::bail!("class {class} is beyond {vocabulary} classes"),
            None => Ok(()),
        }
    }
}

/// The mean over rows by their shares, as a scalar; 0 when none counts. h `[rows, width]`, W
/// `[width, vocabulary]` (it may be a transposed `[vocabulary, width]`), b `[vocabulary]`. Smoothing by e
/// gives (1-e) of the loss to the truth and e / vocabulary to every class.
pub fn vocabulary_loss(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    smoothing: f32,
) -> Result<Tensor> {
    let ((rows, _), vocabulary) = (h.dims2()?, weight.dim(1)?);
    truth.check(rows, vocabulary)?;
    if !fits(&[h, weight, bias]) || !dense(weight) {
        return composed(h, weight, bias, truth, smoothing);
    }
    let h = h.contiguous()?;
    let goal = VocabularyLossGoal { truth, smoothing, sampled_tokens: None };
    let ProjectionWeights { loss, gradients, .. } = with_matrices(&h, weight, bias, |work| work.learn(goal))?;
    apply3(&h, weight, bias, VocabularyLoss { loss, gradients })
}

/// -log probability of each row's truth, and its likeliest class; (0, 0) for rows that do not count. For
/// evaluation: nothing is learned.
pub fn vocabulary_scores(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
) -> Result<Vec<(f32, u32)>> {
    let ((rows, _), vocabulary) = (h.dims2()?, weight.dim(1)?);
    truth.check(rows, vocabulary)?;
    let cpu = candle_core::Device::Cpu;
    let (h, weight) = (h.to_device(&cpu)?.contiguous()?, weight.to_device(&cpu)?);
    let weight = if dense(&weight) { weight } else { weight.contiguous()? };
    with_matrices(&h, &weight, &bias.to_device(&cpu)?, |work| work.score(truth))
}

/// Is one of the matrix's strides 1, the other that of full rows or columns?
fn dense(weight: &Tensor) -> bool {
    weight.is_contiguous() || weight.t().is_ok_and(|transposed| transposed.is_contiguous())
}

/// What is learned.
#[derive(Clone, Copy)]
struct VocabularyLossGoal<'a> {
    truth: VocabularyTargets<'a>,
    smoothing: f32,
    /// See `vocabulary_mixture`.
    sampled_tokens: Option<&'a [f32]>,
}

/// What one call works on.
struct LossBlock<'a> {
    h: &'a [f32],
    weight: MatrixView<'a>,
    /// Does W lie column by column?
    transposed: bool,
    bias: &'a [f32],
    width: usize,
    vocabulary: usize,
    /// Which gradients are wanted: of h, and of W and b.
    wanted: (bool, bool),
}

fn with_matrices<T>(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    work: impl FnOnce(&LossBlock) -> Result<T>,
) -> Result<T> {
    let (width, vocabulary) = weight.dims2()?;
    if h.dim(1)? != width || bias.elem_count() != vocabulary {
        candle_core::bail!("h {:?}, weight {:?}, bias {:?}", h.dims(), weight.dims(), bias.dims());
    }
    let transposed = !weight.is_contiguous();
    let flat = if transposed { weight.t()? } else { weight.clone() };
    let (storage, layout) = flat.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { candle_core::bail!("a kernel works on the CPU") };
    let values = floats(storage, layout)?;
    let matrix = match transposed {
        true => MatrixView::new(values, vocabulary, width).t(),
        false => MatrixView::new(values, width, vocabulary),
    };
    with_floats(h, |h_values| {
        with_floats(bias, |bias| {
            let wanted = (h.track_op(), weight.track_op());
            work(&LossBlock { h: h_values, weight: matrix, transposed, bias, width, vocabulary, wanted })
        })
    })
}

/// The gradients of the loss with respect to h, W (as W lies) and b.
pub struct VocabularyLossGradients {
    h: Option<Tensor>,
    weight: Option<(Tensor, Tensor)>,
}

struct ProjectionWeights {
    loss: f64,
    gradients: VocabularyLossGradients,
    /// -log probability of the truth, of every row that counts, in their order.
    costs: Vec<f32>,
}

/// What one group of rows adds.
struct PartialGradients {
    loss: f64,
    costs: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl LossBlock<'_> {
    /// Rows of one chunk.
    fn chunk(&self) -> usize {
        (CHUNK / self.vocabulary).clamp(32, 256)
    }

    /// The rows that count, divided among groups. As the sums of each group are added up, how many there are
    /// depends on the sizes alone.
    fn groups<'r>(&self, counted: &'r [u32]) -> Vec<&'r [u32]> {
        let most = (GROUPS / (self.width * self.vocabulary)).clamp(2, 16);
        let chunks = counted.len().div_ceil(self.chunk()).max(1);
        let each = chunks.div_ceil(most.min(chunks)) * self.chunk();
        counted.chunks(each).collect()
    }

    /// Makes the logits of some rows, without b, and passes them on chunk by chunk: rows, their h, logits.
    fn chunks(&self, rows: &[u32], mut each: impl FnMut(&[u32], &[f32], &mut [f32])) {
        let size = self.chunk().min(rows.len());
        let mut logits = vec![0.0; size * self.vocabulary];
        let mut gathered = Vec::new();
        for rows in rows.chunks(self.chunk()) {
            let (first, last) = (rows[0] as usize, rows[rows.len() - 1] as usize);
            let h = if last - first + 1 == rows.len() {
                &self.h[first * self.width..(last + 1) * self.width]
            } else {
                gathered.clear();
                rows.iter().for_each(|row| gathered.extend_from_slice(self.row(*row)));
                gathered.as_slice()
            };
            let logits = &mut logits[..rows.len() * self.vocabulary];
            let z = MatrixMut::new(logits, rows.len(), self.vocabulary);
            product(MatrixView::new(h, rows.len(), self.width), self.weight, z, false, ProductThreads::One);
            each(rows, h, logits);
        }
    }

    fn row(&self, row: u32) -> &[f32] {
        &self.h[row as usize * self.width..][..self.width]
    }

    fn learn(&self, goal: VocabularyLossGoal) -> Result<ProjectionWeights> {
        let truth = goal.truth;
        let rows = truth.classes.len();
        let counted = counted(truth);
        let total: f64 = truth.weights.iter().map(|share| f64::from(*share)).sum();
        let share = if total > 0.0 { 1.0 / total } else { 0.0 };
        let mut of_h = zeros(if self.wanted.0 { rows * self.width } else { 0 });
        let groups = self.groups(&counted);
        let jobs: Vec<(&[u32], usize, &mut [f32])> = match self.wanted.0 {
            true => self.divided(&groups, &mut of_h),
            false => groups.iter().map(|group| (*group, 0, &mut [][..])).collect(),
        };
        let parts: Vec<PartialGradients> = jobs
            .into_par_iter()
            .map(|(group, first, of_h)| self.part(group, goal, share, first, of_h))
            .collect();
        let loss = parts.iter().map(|part| part.loss).sum::<f64>() * share;
        let costs = parts.iter().flat_map(|part| part.costs.iter().copied()).collect();
        let device = candle_core::Device::Cpu;
        let h = match self.wanted.0 {
            true => Some(Tensor::from_vec(of_h, (rows, self.width), &device)?),
            false => None,
        };
        let weight = match self.wanted.1 {
            true => {
                let (weight, bias) = sum(parts)
                    .unwrap_or_else(|| (vec![0.0; self.width * self.vocabulary], vec![0.0; self.vocabulary]));
                let weight = match self.transposed {
                    true => Tensor::from_vec(weight, (self.vocabulary, self.width), &device)?.t()?,
                    false => Tensor::from_vec(weight, (self.width, self.vocabulary), &device)?,
                };
                Some((weight, Tensor::from_vec(bias, self.vocabulary, &device)?))
            }
            false => None,
        };
        Ok(ProjectionWeights { loss, gradients: VocabularyLossGradients { h, weight }, costs })
    }

    /// Every group with its own piece of h's gradient, and the row with which that begins.
    fn divided<'r, 'h>(
        &self,
        groups: &[&'r [u32]],
        mut of_h: &'h mut [f32],
    ) -> Vec<(&'r [u32], usize, &'h mut [f32])> {
        let mut jobs = Vec::with_capacity(groups.len());
        let mut first = 0;
        for (index, group) in groups.iter().enumerate() {
            let end = groups.get(index + 1).map_or(of_h.len() / self.width, |next| next[0] as usize - first);
            let (own, rest) = of_h.split_at_mut(end * self.width);
            jobs.push((*group, first, own));
            (of_h, first) = (rest, first + end);
        }
        jobs
    }

    fn part(
        &self,
        rows: &[u32],
        goal: VocabularyLossGoal,
        share: f64,
        first: usize,
        of_h: &mut [f32],
    ) -> PartialGradients {
        let VocabularyLossGoal { truth, smoothing, sampled_tokens: sampled } = goal;
        let learns = self.wanted.1;
        let mut part = PartialGradients {
            loss: 0.0,
            costs: Vec::with_capacity(rows.len()),
            weight: vec![0.0; if learns { self.width * self.vocabulary } else { 0 }],
            bias: vec![0.0; if learns { self.vocabulary } else { 0 }],
        };
        let spread = smoothing / self.vocabulary as f32;
        let mut gathered = Vec::new();
        self.chunks(rows, |rows, h, logits| {
            for (row, z) in rows.iter().zip(logits.chunks_exact_mut(self.vocabulary)) {
                let (class, own) = (truth.classes[*row as usize] as usize, truth.weights[*row as usize]);
                let scale = (f64::from(own) * share) as f32;
                let at_class = z[class] + self.bias[class];
                let SoftmaxTarget { log_sum, sum } = softmax_row(z, self.bias, scale, spread * scale);
                z[class] -= (1.0 - smoothing) * scale;
                let cost = log_sum - at_class;
                let certain = f64::from(1.0 - smoothing) * f64::from(cost);
                let others = f64::from(spread) * (f64::from(log_sum) * self.vocabulary as f64 - sum);
                let mut loss = f64::from(own) * (certain + if smoothing > 0.0 { others } else { 0.0 });
                if let Some(sampled) = sampled {
                    let part = mixture::share(cost, sampled[*row as usize]);
                    z.iter_mut().for_each(|z| *z *= part as f32);
                    loss *= part;
                }
                part.loss += loss;
                part.costs.push(cost);
            }
            let p = MatrixView::new(logits, rows.len(), self.vocabulary);
            if learns {
                let transposed = MatrixView::new(h, rows.len(), self.width).t();
                let of_weight = match self.transposed {
                    true => MatrixMut::new(&mut part.weight, self.vocabulary, self.width).t(),
                    false => MatrixMut::new(&mut part.weight, self.width, self.vocabulary),
                };
                product(transposed, p, of_weight, true, ProductThreads::One);
                for row in logits.chunks_exact(self.vocabulary) {
                    part.bias.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
                }
            }
            if !of_h.is_empty() {
                gathered.resize(rows.len() * self.width, 0.0);
                let own = MatrixMut::new(&mut gathered, rows.len(), self.width);
                product(p, self.weight.t(), own, false, ProductThreads::One);
                for (row, own) in rows.iter().zip(gathered.chunks_exact(self.width)) {
                    of_h[(*row as usize - first) * self.width..][..self.width].copy_from_slice(own);
                }
            }
        });
        part
    }

    fn score(&self, truth: VocabularyTargets) -> Result<Vec<(f32, u32)>> {
        let counted = counted(truth);
        let mut scores = vec![(0.0, 0); truth.classes.len()];
        let targets: Vec<Vec<(u32, f32, u32)>> = counted
            .par_chunks(self.chunk())
            .map(|rows| {
                let mut targets = Vec::with_capacity(rows.len());
                self.chunks(rows, |rows, _, logits| {
                    for (row, z) in rows.iter().zip(logits.chunks_exact_mut(self.vocabulary)) {
                        let best = likeliest(z, self.bias);
                        let class = truth.classes[*row as usize] as usize;
                        let at_class = z[class] + self.bias[class];
                        let SoftmaxTarget { log_sum, .. } = softmax_row(z, self.bias, 1.0, 0.0);
                        targets.push((*row, log_sum - at_class, best));
                    }
                });
                targets
            })
            .collect();
        targets.into_iter().flatten().for_each(|(row, loss, best)| scores[row as usize] = (loss, best));
        Ok(scores)
    }
}

fn counted(truth: VocabularyTargets) -> Vec<u32> {
    (0..truth.weights.len() as u32).filter(|row| truth.weights[*row as usize] != 0.0).collect()
}

fn likeliest(z: &[f32], bias: &[f32]) -> u32 {
    let mut best = (f32::NEG_INFINITY, 0);
    for (class, (z, b)) in z.iter().zip(bias).enumerate() {
        if z + b > best.0 {
            best = (z + b, class as u32);
        }
    }
    best.1
}

/// The groups' gradients of W and b, added in the groups' order.
fn sum(parts: Vec<PartialGradients>) -> Option<(Vec<f32>, Vec<f32>)> {
    let mut parts = parts.into_iter();
    let PartialGradients { mut weight, mut bias, .. } = parts.next()?;
    let others: Vec<PartialGradients> = parts.collect();
    let add = |into: &mut [f32], range: Range<usize>, of: fn(&PartialGradients) -> &[f32]| {
        for part in &others {
            into.iter_mut().zip(&of(part)[range.clone()]).for_each(|(sum, g)| *sum += g);
        }
    };
    const PIECE: usize = 1 << 14;
    weight.par_chunks_mut(PIECE).enumerate().for_each(|(index, piece)| {
        let start = index * PIECE;
        let range = start..start + piece.len();
        add(piece, range, |part| &part.weight);
    });
    let all = 0..bias.len();
    add(&mut bias, all, |part| &part.bias);
    Some((weight, bias))
}

#[cfg(test)]
mod tests;
