//! A recurrence over whole sequences as one operation. The input's part of all gates is one product per
//! stretch of steps; at each step the state's part is a product with weights that were laid out once, and one
//! pass makes gates and state of both. Backward the same in reverse; the weights' gradients are one
//! product each over all steps at the end.
//!
//! Threads own rows of the batch, and nothing is summed across rows but in an order of its own, so
//! results do not depend on their number. Rows are filled up behind their ends: there a row's state stays,
//! its output is 0, and no gradient comes from it. A reversed recurrence begins at each row's own last step.

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

/// Blocks of `units` numbers in a bias: both kinds have four.
pub const BIAS: usize = 4;

/// What one kind of recurrence computes. Blocks are of `units` numbers each.
pub trait RecurrentCell: Send + Sync + 'static {
    const NAME: &'static str;
    /// Blocks of columns of the weights.
    const GATES: usize;
    /// Blocks kept of each step for the way back. The first ones become the gradients of the gates'
    /// inputs: as many as the bias has, the input's part first.
    const KEPT: usize;
    /// Blocks of a state: h first.
    const STATE: usize;
    /// Which kept blocks hold the gradient of which blocks of the state's part: (kept, gates, count).
    const SIDES: &'static [(usize, usize, usize)];

    /// `N` units from `at` on of one row's step. `kept` holds the input's part and the bias; `side` the
    /// state's part; `bias` what is left of the bias behind the input's part.
    fn step<const N: usize>(
        at: usize,
        units: usize,
        kept: &mut [f32],
        side: &[f32],
        bias: &[f32],
        state: &mut [f32],
    );

    /// The way back of `step`. `carry` holds the gradient of the state after it, and then that of the state
    /// before it, but for what comes through `side`.
    fn back<const N: usize>(at: usize, units: usize, kept: &mut [f32], step: &mut BackwardStep);

    /// A step composed of candle's operations, from the input's part and the state's `[batch, gates]`, and
    /// what is left of the bias, if anything.
    fn plain(input: &Tensor, side: &Tensor, bias: Option<&Tensor>, state: &[Tensor]) -> Result<Vec<Tensor>>;
}

/// What a step backward takes and gives beside what was kept of it.
pub struct BackwardStep<'a> {
    /// The state before the step: h, and what was kept of the memory (c) if there is one.
    pub h: &'a [f32],
    pub memory: &'a [f32],
    /// The gradient of the step's output.
    pub gradient: &'a [f32],
    pub previous: &'a mut [f32],
    /// The gradient of the state's part of the gates.
    pub side: &'a mut [f32],
    /// To which the bias's gradient is added.
    pub bias: &'a mut [f32],
}

/// How a recurrence goes over the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traversal<'a> {
    /// Steps of each row; without it all are whole.
    pub lengths: Option<&'a [u32]>,
    /// From each row's last step to its first.
    pub reversed: bool,
}

/// `N` numbers from `at` on, as an array the compiler keeps in a register.
#[inline(always)]
pub fn take<const N: usize>(values: &[f32], at: usize) -> [f32; N] {
    let mut taken = [0.0; N];
    taken.copy_from_slice(&values[at..at + N]);
    taken
}

/// Puts `N` numbers back.
#[inline(always)]
pub fn store_lanes<const N: usize>(values: &mut [f32], at: usize, taken: [f32; N]) {
    values[at..at + N].copy_from_slice(&taken);
}

/// Adds `N` numbers.
#[inline(always)]
pub fn add<const N: usize>(values: &mut [f32], at: usize, taken: [f32; N]) {
    values[at..at + N].iter_mut().zip(taken).for_each(|(value, taken)| *value += taken);
}
