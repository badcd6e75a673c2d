//! A recurrence over whole sequences as one operation.
//!
//! The gates are the sum of an input part, x W, and a recurrent part, h U. The input part of a block of steps
//! is one matrix product. At each step, the recurrent part is a product with weights that are packed once,
//! and one pass computes gates and state from both. The backward pass does the same in reverse; the gradient
//! of each weight is one product over all steps at the end.
//!
//! Threads own rows of the batch, and sums over rows have a fixed order, so results do not depend on the
//! number of threads. Rows are padded at the end: there the state stays, the output is 0, and no gradient
//! arises. A reversed recurrence begins at the last real step of each row.

mod backward;
mod composed;
mod forward;
mod operation;
mod row;

#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

pub use composed::composed;
pub use operation::recur;

/// Blocks of `units` numbers in the bias, for LSTM and GRU.
pub const BIAS: usize = 4;

/// A recurrent cell. A block is `units` numbers.
pub trait RecurrentCell: Send + Sync + 'static {
    /// Name of the operation.
    const NAME: &'static str;
    /// Blocks of columns of the weights.
    const GATES: usize;
    /// Blocks saved at each step for the backward pass, which overwrites the first `BIAS` of them with the
    /// gradients of the bias: those of the input part first.
    const SAVED: usize;
    /// Blocks of the state; h is the first.
    const STATE: usize;
    /// Which saved blocks hold the gradients of which gates of the recurrent part: (saved, gate, count).
    const RECURRENT_GATES: &'static [(usize, usize, usize)];

    /// Computes one step of one row for `N` units, beginning with `at`. `saved` holds the input part with its
    /// bias, `recurrent` the recurrent part, `bias` the blocks of the bias after those of the input part.
    fn step<const N: usize>(
        at: usize,
        units: usize,
        saved: &mut [f32],
        recurrent: &[f32],
        bias: &[f32],
        state: &mut [f32],
    );

    /// The backward pass of `step`. Replaces the gradient of the state after the step, `state_gradient`, by
    /// that of the state before it, without the part that comes through `recurrent`.
    fn backward_step<const N: usize>(at: usize, units: usize, saved: &mut [f32], step: &mut BackwardStep);

    /// Composed form of `step`, from the input part and the recurrent part `[batch, gates]`, and the blocks
    /// of the bias after those of the input part, if any. Returns the blocks of the next state.
    fn composed_step(
        input: &Tensor,
        recurrent: &Tensor,
        bias: Option<&Tensor>,
        state: &[Tensor],
    ) -> Result<Vec<Tensor>>;
}

/// Inputs and outputs of a backward step, apart from the saved blocks.
pub struct BackwardStep<'a> {
    /// h before the step.
    pub h: &'a [f32],
    /// c before the step, if the cell has one.
    pub memory: &'a [f32],
    /// The gradient of the step's output.
    pub y_gradient: &'a [f32],
    /// The gradient of the state after the step, overwritten by that of the state before it.
    pub state_gradient: &'a mut [f32],
    /// Output: the gradient of the recurrent part of the gates.
    pub recurrent_gradient: &'a mut [f32],
    /// The gradient of the bias is added here.
    pub bias_gradient: &'a mut [f32],
}

/// Which steps of the rows a recurrence visits, and in which direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceOptions<'a> {
    /// Real steps of each row; `None` if no row is padded.
    pub lengths: Option<&'a [u32]>,
    /// Whether it runs from the last real step of each row to the first.
    pub reversed: bool,
}

/// Loads `N` numbers, beginning at `at`, as an array that the compiler keeps in registers.
#[inline(always)]
pub fn load_lanes<const N: usize>(values: &[f32], at: usize) -> [f32; N] {
    let mut lanes = [0.0; N];
    lanes.copy_from_slice(&values[at..at + N]);
    lanes
}

/// Stores `N` numbers, beginning at `at`.
#[inline(always)]
pub fn store_lanes<const N: usize>(values: &mut [f32], at: usize, lanes: [f32; N]) {
    values[at..at + N].copy_from_slice(&lanes);
}

/// Adds `N` numbers to those that begin at `at`.
#[inline(always)]
pub fn add_lanes<const N: usize>(values: &mut [f32], at: usize, lanes: [f32; N]) {
    values[at..at + N].iter_mut().zip(lanes).for_each(|(value, lane)| *value += lane);
}
