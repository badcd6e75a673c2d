//! Operations on sequences `[batch, time, width]`, padded at the end, and on token ids `[batch, time]`.

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask, WordSteps};
use crate::model::error::ModelResult;
use crate::model::kernel::steps::StepWindow;
use crate::model::ops::Arithmetic;
use crate::model::ops::pass::{OnnxCell, RecurrentPass};
use crate::model::weights::Parameter;

/// Settings of multi-head self-attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSettings {
    /// The number of heads.
    pub count: usize,
    /// Does a step attend only to itself and earlier steps?
    pub causal: bool,
    /// Are queries and keys rotated by their positions (RoPE, arXiv 2104.09864)?
    pub rotary: bool,
    /// Dropout rate of the attention weights while training.
    pub dropout: f64,
}

/// Operations on sequences.
pub trait Sequences: Arithmetic {
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

    /// Multi-head self-attention. `packed` `[batch, time, 3 * width]` holds queries, keys and values. Returns
    /// `[batch, time, width]`. `name` selects the random stream of dropout.
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
