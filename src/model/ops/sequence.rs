//! Operations on sequences `[batch, time, width]`, padded at the end, and on token ids `[batch, time]`.

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask, WordSteps};
use crate::model::error::ModelResult;
use crate::model::kernel::rotary::RotaryFrequencies;
use crate::model::kernel::steps::StepWindow;
use crate::model::ops::pass::{OnnxCell, RecurrentPass};
use crate::model::ops::{Arithmetic, Ops};
use crate::model::weights::Parameter;

/// Settings of multi-head self-attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSettings {
    /// The number of heads.
    pub count: usize,
    /// The number of heads of keys and values, a divisor of `count`: each serves as many neighbouring heads
    /// of queries (grouped-query attention, Ainslie et al. 2023, arXiv 2305.13245).
    pub kv_count: usize,
    /// Does a step attend only to itself and earlier steps?
    pub causal: bool,
    /// How queries and keys are rotated by their positions (RoPE, arXiv 2104.09864); `None`: not at all.
    pub rotary: Option<RotaryFrequencies>,
    /// Dropout rate of the attention weights while training.
    pub dropout: f64,
}

impl AttentionSettings {
    /// So many heads, each with keys and values of its own; neither causal nor rotary, without dropout.
    pub fn of(count: usize) -> Self {
        Self { count, kv_count: count, causal: false, rotary: None, dropout: 0.0 }
    }

    /// The number of query heads that share keys and values.
    pub fn group(&self) -> usize {
        self.count / self.kv_count
    }

    /// Width of the keys, where the queries have this width.
    pub fn kv_width(&self, width: usize) -> usize {
        width / self.count * self.kv_count
    }
}

/// A part of a network that maps a sequence to a sequence, such as a transformer block, and can be computed
/// again: it has the same weights and draws the same dropout masks each time.
pub trait Recomputable: Clone + 'static {
    /// Maps x `[batch, time, width]` to the same shape.
    ///
    /// # Errors
    /// Errors of the operations.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value>;
}

/// Operations on sequences.
pub trait Sequences: Arithmetic {
    /// The output of `part`. With gradient checkpointing (arXiv 1604.06174), training does not keep what the
    /// part computes in between; backward computes it again.
    fn checkpoint<P: Recomputable>(
        &mut self,
        part: &P,
        mask: Option<&SequenceMask<Self::Value>>,
        x: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// Sets padding to zero; returns x unchanged if it has no mask.
    fn mask_padding(&mut self, x: &Activations<Self::Value>) -> ModelResult<Self::Value>;

    /// A mask of x `[batch, time, width]` without padding.
    fn full_mask(&mut self, x: &Self::Value) -> ModelResult<SequenceMask<Self::Value>>;

    /// A mask without padding for the rows of x and `time` steps.
    fn full(&mut self, x: &Self::Value, time: usize) -> ModelResult<SequenceMask<Self::Value>>;

    /// Looks up one row of the table per token: `[...]` to `[..., width]`.
    fn embedding(&mut self, table: &Parameter, tokens: &Self::Value) -> ModelResult<Self::Value>;

    /// The maximum of each column over the valid steps: `[batch, width]`.
    fn max_over_steps(
        &mut self,
        x: &Self::Value,
        mask: &SequenceMask<Self::Value>,
    ) -> ModelResult<Self::Value>;

    /// 1 / length of the row at valid steps, 0 at padding: `[batch, time]`.
    fn mean_weights(&mut self, mask: &SequenceMask<Self::Value>) -> ModelResult<Self::Value>;

    /// The last valid step of each row: `[batch, width]`.
    fn last_step(&mut self, x: &Self::Value, mask: &SequenceMask<Self::Value>) -> ModelResult<Self::Value>;

    /// The first piece of each word: x `[batch, time, width]` to `[batch, words, width]`.
    fn first_pieces(&mut self, x: &Self::Value, words: &WordSteps<Self::Value>) -> ModelResult<Self::Value>;

    /// Softmax of scores `[batch, time]` over the valid steps; 0 at padding.
    fn softmax_over_steps(
        &mut self,
        scores: &Self::Value,
        mask: &SequenceMask<Self::Value>,
    ) -> ModelResult<Self::Value>;

    /// The sum of the steps weighted by `weights` `[batch, time]`: `[batch, width]`.
    fn weighted_sum(&mut self, x: &Self::Value, weights: &Self::Value) -> ModelResult<Self::Value>;

    /// The first `time` rows of a position table `[length, width]`: `[time, width]`.
    ///
    /// # Errors
    /// [`ModelError::Shape`](crate::model::error::ModelError::Shape) if x has more than `length` steps.
    fn learned_positions(&mut self, x: &Self::Value, table: &Parameter) -> ModelResult<Self::Value>;

    /// sin(t f) and cos(t f) of step t and each frequency f: `[time, 2 * frequencies]`, the sines first.
    fn sinusoids(&mut self, x: &Self::Value, frequencies: &[f64]) -> ModelResult<Self::Value>;

    /// Rotates the first `columns` of x `[batch, time, width]`, which are heads of `size` columns, by their
    /// positions; the other columns are unchanged.
    fn rotary(
        &mut self,
        x: &Self::Value,
        columns: usize,
        size: usize,
        frequencies: &RotaryFrequencies,
    ) -> ModelResult<Self::Value>;

    /// Whether x `[batch, time, ...]` may have steps that are more than `window` apart.
    fn exceeds_window(&self, x: &Self::Value, window: usize) -> ModelResult<bool>;

    /// For each pair of steps of x `[batch, time, ...]` a row of `table` `[rows, columns]` by their distance:
    /// `[time, time, columns]`. A key d steps after the query gets the row `rows[reach + d]`, where `rows`
    /// has 2 reach + 1 elements; d is limited to reach.
    fn by_distance(&mut self, x: &Self::Value, table: &Self::Value, rows: &[u32])
    -> ModelResult<Self::Value>;

    /// The same for values that vary with the query: x `[batch, heads, time, rows]` to
    /// `[batch, heads, time, time]`.
    fn select_by_distance(&mut self, x: &Self::Value, rows: &[u32]) -> ModelResult<Self::Value>;

    /// Multi-head self-attention. `packed` holds the queries, `[batch, time, width]`, then keys and values,
    /// which are narrower if heads share them. Returns `[batch, time, width]`. `name` selects the random
    /// stream of dropout.
    fn self_attention(
        &mut self,
        name: &str,
        packed: &Self::Value,
        width: usize,
        mask: Option<&SequenceMask<Self::Value>>,
        heads: AttentionSettings,
    ) -> ModelResult<Self::Value>;

    /// A recurrence over the steps, bidirectional with two passes: `[batch, time, passes * units]`.
    fn recurrence<C: OnnxCell>(
        &mut self,
        passes: &[RecurrentPass<C>],
        x: &Self::Value,
        mask: Option<&SequenceMask<Self::Value>>,
    ) -> ModelResult<Self::Value>;

    /// Convolution over time followed by an activation; W `[kernel * width, filters]` with the rows of one
    /// step after the other, b `[filters]`.
    fn conv1d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        steps: StepWindow,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// Drops the last `by` steps of each row, keeping at least one, and trims the padding that is left over
    /// in all rows.
    fn drop_last_steps(
        &mut self,
        x: &Activations<Self::Value>,
        by: usize,
    ) -> ModelResult<Activations<Self::Value>>;
}
