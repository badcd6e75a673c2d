//! Projection to a vocabulary and its cross entropy as one operation: -log softmax(h W + b)[truth].
//!
//! The logits of a batch, `[rows, vocabulary]`, exceed every cache, so rows are processed in chunks: the
//! logits of a chunk are computed, replaced by their gradient, and used for the gradients of h, W and b
//! before the next chunk. Rows with a share of 0 (padding) are skipped.

use candle_core::{Result, Storage, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply3;
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::softmax_row::{LogitSums, softmax_row};
pub use crate::model::kernel::vocabulary_loss::composed::composed;
pub use crate::model::kernel::vocabulary_loss::mixture::{responsibility, vocabulary_mixture};
use crate::model::kernel::vocabulary_loss::operation::VocabularyLoss;
pub use crate::model::kernel::vocabulary_loss::targets::VocabularyTargets;
use crate::model::kernel::{fits, floats, with_floats, zeros};

mod composed;
mod mixture;
mod operation;
mod targets;

/// Logits per chunk, which fit the L2 cache of a core.
const CHUNK: usize = 1 << 17;
/// Maximal number of elements of the groups' gradients of W together; there are at least two groups.
const GROUPS: usize = 1 << 23;

/// The mean cross entropy over rows, weighted by their shares, as a scalar; 0 if all shares are 0.
///
/// h is `[rows, width]`, W `[width, vocabulary]` (possibly a transposed view of `[vocabulary, width]`), b
/// `[vocabulary]`. With label smoothing e, the target distribution is 1 - e for the truth plus e / vocabulary
/// for every class.
///
/// # Errors
/// Shapes that do not fit together, or a class that is not in the vocabulary.
pub fn vocabulary_loss(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    truth: VocabularyTargets,
    smoothing: f32,
) -> Result<Tensor> {
    let ((rows, _), vocabulary) = (h.dims2()?, weight.dim(1)?);
    truth.check(rows, vocabulary)?;
    if !fits(&[h, weight, bias]) || !is_dense(weight) {
        return composed(h, weight, bias, truth, smoothing);
    }
    let h = h.contiguous()?;
    let options = LossOptions { truth, smoothing, other_log_probs: None };
    let LossAndGradients { loss, gradients, .. } =
        with_matrices(&h, weight, bias, |work| work.loss_and_gradients(options))?;
    apply3(&h, weight, bias, VocabularyLoss { loss, gradients })
}

/// The negative log-likelihood of the truth of each row, and its most likely class; (0, 0) for rows with a
/// share of 0. Without gradients, for evaluation.
///
/// # Errors
/// Shapes that do not fit together, or a class that is not in the vocabulary.
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
    let weight = if is_dense(&weight) { weight } else { weight.contiguous()? };
    with_matrices(&h, &weight, &bias.to_device(&cpu)?, |work| work.score(truth))
}

/// Whether the matrix, or its transpose, is contiguous.
fn is_dense(weight: &Tensor) -> bool {
    weight.is_contiguous() || weight.t().is_ok_and(|transposed| transposed.is_contiguous())
}

/// Targets and options of the loss.
#[derive(Clone, Copy)]
struct LossOptions<'a> {
    truth: VocabularyTargets<'a>,
    smoothing: f32,
    /// The `other_log_probs` of `vocabulary_mixture`.
    other_log_probs: Option<&'a [f32]>,
}

/// The operands of a projection.
struct Projection<'a> {
    h: &'a [f32],
    weight: MatrixView<'a>,
    /// Whether W is a transposed view.
    transposed: bool,
    bias: &'a [f32],
    width: usize,
    vocabulary: usize,
    /// Which gradients are needed: that of h, and those of W and b.
    needs: (bool, bool),
}

/// Calls `work` with the operands, whose shapes it checks.
fn with_matrices<T>(
    h: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    work: impl FnOnce(&Projection) -> Result<T>,
) -> Result<T> {
    let (width, vocabulary) = weight.dims2()?;
    if h.dim(1)? != width || bias.elem_count() != vocabulary {
        candle_core::bail!(
            "the shapes of h {:?}, weight {:?} and bias {:?} do not fit together",
            h.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    let transposed = !weight.is_contiguous();
    let untransposed = if transposed { weight.t()? } else { weight.clone() };
    let (storage, layout) = untransposed.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { candle_core::bail!("a fused kernel runs on the CPU only") };
    let values = floats(storage, layout)?;
    let matrix = match transposed {
        true => MatrixView::new(values, vocabulary, width).t(),
        false => MatrixView::new(values, width, vocabulary),
    };
    with_floats(h, |h_values| {
        with_floats(bias, |bias| {
            let needs = (h.track_op(), weight.track_op());
            work(&Projection { h: h_values, weight: matrix, transposed, bias, width, vocabulary, needs })
        })
    })
}

/// The gradients of the loss with respect to h, W (in the layout of W) and b.
pub struct VocabularyLossGradients {
    h: Option<Tensor>,
    weight: Option<(Tensor, Tensor)>,
}

/// The loss, its gradients, and the cost of each row.
struct LossAndGradients {
    loss: f64,
    gradients: VocabularyLossGradients,
    /// The negative log-likelihood of the truth, for every row with a share other than 0.
    costs: Vec<f32>,
}

/// The part of one group of rows in the loss and its gradients.
struct PartialGradients {
    loss: f64,
    costs: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Projection<'_> {
    /// Rows per chunk.
    fn chunk(&self) -> usize {
        (CHUNK / self.vocabulary).clamp(32, 256)
    }

    /// Divides the counted rows into groups. The sums of the groups are added, so the sizes alone determine
    /// the number of groups, not the number of threads.
    fn groups<'r>(&self, counted_rows: &'r [u32]) -> Vec<&'r [u32]> {
        let most = (GROUPS / (self.width * self.vocabulary)).clamp(2, 16);
        let chunks = counted_rows.len().div_ceil(self.chunk()).max(1);
        let each = chunks.div_ceil(most.min(chunks)) * self.chunk();
        counted_rows.chunks(each).collect()
    }

    /// Computes the logits of some rows, without b, chunk by chunk, and calls `each` with rows, their h, and
    /// logits.
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

    /// The loss and its gradients.
    fn loss_and_gradients(&self, options: LossOptions) -> Result<LossAndGradients> {
        let truth = options.truth;
        let rows = truth.classes.len();
        let counted_rows = counted_rows(truth);
        let total: f64 = truth.weights.iter().map(|share| f64::from(*share)).sum();
        let inverse_total = if total > 0.0 { 1.0 / total } else { 0.0 };
        let mut h_gradient = zeros(if self.needs.0 { rows * self.width } else { 0 });
        let groups = self.groups(&counted_rows);
        let jobs: Vec<(&[u32], usize, &mut [f32])> = match self.needs.0 {
            true => self.divide_gradient(&groups, &mut h_gradient),
            false => groups.iter().map(|group| (*group, 0, &mut [][..])).collect(),
        };
        let parts: Vec<PartialGradients> = jobs
            .into_par_iter()
            .map(|(group, first, h_gradient)| {
                self.group_part(group, options, inverse_total, first, h_gradient)
            })
            .collect();
        let loss = parts.iter().map(|part| part.loss).sum::<f64>() * inverse_total;
        let costs = parts.iter().flat_map(|part| part.costs.iter().copied()).collect();
        let device = candle_core::Device::Cpu;
        let h =
            self.needs.0.then(|| Tensor::from_vec(h_gradient, (rows, self.width), &device)).transpose()?;
        let weight = match self.needs.1 {
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
        Ok(LossAndGradients { loss, gradients: VocabularyLossGradients { h, weight }, costs })
    }

    /// Each group with its part of the gradient of h, and the first row of that part.
    fn divide_gradient<'r, 'h>(
        &self,
        groups: &[&'r [u32]],
        mut h_gradient: &'h mut [f32],
    ) -> Vec<(&'r [u32], usize, &'h mut [f32])> {
        let mut jobs = Vec::with_capacity(groups.len());
        let mut first = 0;
        for (index, group) in groups.iter().enumerate() {
            let count =
                groups.get(index + 1).map_or(h_gradient.len() / self.width, |next| next[0] as usize - first);
            let (own, remaining) = h_gradient.split_at_mut(count * self.width);
            jobs.push((*group, first, own));
            (h_gradient, first) = (remaining, first + count);
        }
        jobs
    }

    /// The loss and gradients of one group. `h_gradient` is its part of h's gradient, from row `first` on.
    fn group_part(
        &self,
        rows: &[u32],
        options: LossOptions,
        inverse_total: f64,
        first: usize,
        h_gradient: &mut [f32],
    ) -> PartialGradients {
        let LossOptions { truth, smoothing, other_log_probs } = options;
        let needs_weight = self.needs.1;
        let mut part = PartialGradients {
            loss: 0.0,
            costs: Vec::with_capacity(rows.len()),
            weight: vec![0.0; if needs_weight { self.width * self.vocabulary } else { 0 }],
            bias: vec![0.0; if needs_weight { self.vocabulary } else { 0 }],
        };
        let spread = smoothing / self.vocabulary as f32;
        let mut gathered = Vec::new();
        self.chunks(rows, |rows, h, logits| {
            for (row, z) in rows.iter().zip(logits.chunks_exact_mut(self.vocabulary)) {
                let (class, row_share) =
                    (truth.classes[*row as usize] as usize, truth.weights[*row as usize]);
                let scale = (f64::from(row_share) * inverse_total) as f32;
                let at_class = z[class] + self.bias[class];
                let LogitSums { log_sum, sum } = softmax_row(z, self.bias, scale, spread * scale);
                z[class] -= (1.0 - smoothing) * scale;
                let cost = log_sum - at_class;
                let own_loss = f64::from(1.0 - smoothing) * f64::from(cost);
                let smoothed_loss = f64::from(spread) * (f64::from(log_sum) * self.vocabulary as f64 - sum);
                let mut loss =
                    f64::from(row_share) * (own_loss + if smoothing > 0.0 { smoothed_loss } else { 0.0 });
                if let Some(other_log_probs) = other_log_probs {
                    let responsibility = responsibility(cost, other_log_probs[*row as usize]);
                    z.iter_mut().for_each(|z| *z *= responsibility as f32);
                    loss *= responsibility;
                }
                part.loss += loss;
                part.costs.push(cost);
            }
            let p = MatrixView::new(logits, rows.len(), self.vocabulary);
            if needs_weight {
                let h_transposed = MatrixView::new(h, rows.len(), self.width).t();
                let weight_gradient = match self.transposed {
                    true => MatrixMut::new(&mut part.weight, self.vocabulary, self.width).t(),
                    false => MatrixMut::new(&mut part.weight, self.width, self.vocabulary),
                };
                product(h_transposed, p, weight_gradient, true, ProductThreads::One);
                for row in logits.chunks_exact(self.vocabulary) {
                    part.bias.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
                }
            }
            if !h_gradient.is_empty() {
                gathered.resize(rows.len() * self.width, 0.0);
                let target = MatrixMut::new(&mut gathered, rows.len(), self.width);
                product(p, self.weight.t(), target, false, ProductThreads::One);
                for (row, own) in rows.iter().zip(gathered.chunks_exact(self.width)) {
                    h_gradient[(*row as usize - first) * self.width..][..self.width].copy_from_slice(own);
                }
            }
        });
        part
    }

    /// See `vocabulary_scores`.
    fn score(&self, truth: VocabularyTargets) -> Result<Vec<(f32, u32)>> {
        let counted_rows = counted_rows(truth);
        let mut scores = vec![(0.0, 0); truth.classes.len()];
        let targets: Vec<Vec<(u32, f32, u32)>> = counted_rows
            .par_chunks(self.chunk())
            .map(|rows| {
                let mut targets = Vec::with_capacity(rows.len());
                self.chunks(rows, |rows, _, logits| {
                    for (row, z) in rows.iter().zip(logits.chunks_exact_mut(self.vocabulary)) {
                        let best = most_likely(z, self.bias);
                        let class = truth.classes[*row as usize] as usize;
                        let at_class = z[class] + self.bias[class];
                        let LogitSums { log_sum, .. } = softmax_row(z, self.bias, 1.0, 0.0);
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

/// The rows with a share other than 0.
fn counted_rows(truth: VocabularyTargets) -> Vec<u32> {
    (0..truth.weights.len() as u32).filter(|row| truth.weights[*row as usize] != 0.0).collect()
}

fn most_likely(z: &[f32], bias: &[f32]) -> u32 {
    let mut best = (f32::NEG_INFINITY, 0);
    for (class, (z, b)) in z.iter().zip(bias).enumerate() {
        if z + b > best.0 {
            best = (z + b, class as u32);
        }
    }
    best.1
}

/// The sum of the groups' gradients of W and b, in the order of the groups.
fn sum(parts: Vec<PartialGradients>) -> Option<(Vec<f32>, Vec<f32>)> {
    let mut parts = parts.into_iter();
    let PartialGradients { mut weight, mut bias, .. } = parts.next()?;
    let others: Vec<PartialGradients> = parts.collect();
    let add = |total: &mut [f32], start: usize, values: fn(&PartialGradients) -> &[f32]| {
        for part in &others {
            total.iter_mut().zip(&values(part)[start..]).for_each(|(sum, g)| *sum += g);
        }
    };
    const PIECE: usize = 1 << 14;
    let pieces = weight.par_chunks_mut(PIECE).enumerate();
    pieces.for_each(|(index, piece)| add(piece, index * PIECE, |part| &part.weight));
    add(&mut bias, 0, |part| &part.bias);
    Some((weight, bias))
}

#[cfg(test)]
mod tests;
