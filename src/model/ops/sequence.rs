//! Sequences `[batch, time, width]`, whose rows are filled up behind their ends, and token numbers `[batch,
//! time]`.

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::kernel::steps::StepWindow;
use crate::model::ops::Arithmetic;
use crate::model::ops::pass::{OnnxCell, RecurrentPass};
use crate::model::weights::Parameter;

/// How a sequence attends to itself.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSettings {
    pub count: usize,
    /// Does a step see itself and those before it alone?
    pub causal: bool,
    /// Are queries and keys turned by their steps?
    pub rotary: bool,
    /// Share of the weights that are dropped while training.
    pub dropout: f64,
}

/// Operations of sequences.
pub trait Sequences: Arithmetic {
    /// x with zeros behind each row's end; as it is where there are no steps.
    fn mask_padding(&mut self, x: &Activations<Self::Value>) -> ModelResult<Self::Value>;

    /// The mask of x `[batch, time, width]` if all its steps are real.
    fn full_mask(&mut self, x: &Self::Value) -> ModelResult<SequenceMask<Self::Value>>;

    /// The same for as many rows as x has, of this many steps.
    fn full(&mut self, x: &Self::Value, time: usize) -> ModelResult<SequenceMask<Self::Value>>;

    /// The table's row for each number: `[...]` to `[..., width]`.
    fn embedding(&mut self, table: &Parameter, tokens: &Self::Value) -> ModelResult<Self::Value>;

    /// The largest of each column over real steps: `[batch, width]`.
    fn max_over_steps(
        &mut self,
        x: &Self::Value,
        mask: &SequenceMask<Self::Value>,
    ) -> ModelResult<Self::Value>;

    /// 1 / (steps of the row) at real steps, else 0: `[batch, time]`.
    fn mean_weights(&mut self, mask: &SequenceMask<Self::Value>) -> ModelResult<Self::Value>;

    /// Each row's last real step: `[batch, width]`.
    fn last_step(&mut self, x: &Self::Value, mask: &SequenceMask<Self::Value>) -> ModelResult<Self::Value>;

    /// Softmax over the real steps of scores `[batch, time]`, 0 elsewhere.
    fn softmax_over_steps(
        &mut self,
        scores: &Self::Value,
        mask: &SequenceMask<Self::Value>,
    ) -> ModelResult<Self::Value>;

    /// The sum of steps, each times its weight `[batch, time]`: `[batch, width]`.
    fn weighted_sum(&mut self, x: &Self::Value, weights: &Self::Value) -> ModelResult<Self::Value>;

    /// The rows of a table `[length, width]` for the steps of x: `[time, width]`. An error where there are
    /// more steps.
    fn learned_positions(&mut self, x: &Self::Value, table: &Parameter) -> ModelResult<Self::Value>;

    /// sin and cos of t f for each of the frequencies: `[time, 2 x frequencies]`, the sines first.
    fn sinusoids(&mut self, x: &Self::Value, frequencies: &[f64]) -> ModelResult<Self::Value>;

    /// Attention of a sequence to itself: `packed` is `[batch, time, 3 width]`, queries, keys and values side
    /// by side. Gives `[batch, time, width]`. What is dropped depends on the part called `name`.
    fn self_attention(
        &mut self,
        name: &str,
        packed: &Self::Value,
        width: usize,
        mask: Option<&SequenceMask<Self::Value>>,
        heads: AttentionSettings,
    ) -> ModelResult<Self::Value>;

    /// A recurrence over the steps, forward and, if there are two passes, backward: `[batch, time, passes x
    /// units]`.
    fn recurrence<C: OnnxCell>(
        &mut self,
        passes: &[RecurrentPass<C>],
        x: &Self::Value,
        mask: Option<&SequenceMask<Self::Value>>,
    ) -> ModelResult<Self::Value>;

    /// activation(windows of x W + b); W `[kernel x width, filters]`, step after step, b `[filters]`.
    fn conv1d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        steps: StepWindow,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// Each row without its last steps, of which it keeps one at least; then without those that no row keeps.
    fn shortened(&mut self, x: &Activations<Self::Value>, by: usize)
    -> ModelResult<Activations<Self::Value>>;
}
