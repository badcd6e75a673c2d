//! What a gradient method is: the dot products of the tasks' gradients in, the weights of their sum out.
//! Those that need whole gradients are a second trait beside it.

use crate::train::solver::Matrix;

/// What a method sees of one step: the tasks of the batch alone, in their order.
#[derive(Clone, Copy, Debug)]
pub struct GradientContext<'a> {
    /// Counted from the trial's beginning.
    pub step: u64,
    /// Their numbers among all tasks.
    pub tasks: &'a [usize],
    pub losses: &'a [f64],
    /// G = J J^T of the gradients J, one row per task. For methods that split the batch, J_1 J_2^T of its
    /// first two parts.
    pub gramian: &'a Matrix,
}

/// What a method answers.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientWeights {
    /// One per task of the batch: the step is along J^T w.
    pub weights: Vec<f64>,
    /// `false`: gradients that cancel, or are nothing, left the method's equation without a solution of its
    /// own. The weights are what its file says for that case; such steps are counted and told.
    pub regular: bool,
}

impl GradientWeights {
    pub fn new(weights: Vec<f64>, regular: bool) -> Self {
        let finite = weights.iter().all(|weight| weight.is_finite());
        match finite {
            true => Self { weights, regular },
            // Nothing rather than no number: the step is left out, and counted.
            false => Self { weights: vec![0.0; weights.len()], regular: false },
        }
    }
}

/// A method that needs dot products alone.
pub trait GramianWeighting: Send {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights;

    /// All that changed since it was built, as plain numbers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Goes on from a `state`; `false` when it is not one of this method's.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}

/// The tasks' gradients, whole.
#[derive(Clone, Debug)]
pub struct GradientRows {
    /// One per task of the batch, all shared numbers one after the other.
    pub values: Vec<Vec<f32>>,
    /// Where the gradients are of what tasks read: what they read, and how many rows of the batch it holds.
    pub point: Option<(Vec<f32>, usize)>,
}

/// A method that needs whole gradients. It may put others in their place; the step is along their weighted
/// sum.
pub trait RowWeighting: Send {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights;

    /// All that changed since it was built, but for what is as long as a gradient.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// What is kept of each task that is as long as a gradient; empty before the first step.
    fn buffers(&self) -> Vec<Vec<f32>> {
        Vec::new()
    }

    /// Goes on from a `state` and what was `kept`; `false` when they are not this method's.
    fn restore(&mut self, state: &[f64], kept: Vec<Vec<f32>>) -> bool {
        state.is_empty() && kept.is_empty()
    }
}

/// The length of a gradient.
pub fn norm(row: &[f32]) -> f64 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Numbers of all tasks as those of `tasks`.
pub fn select_tasks<T: Copy>(all: &[T], tasks: &[usize]) -> Vec<T> {
    tasks.iter().map(|task| all[*task]).collect()
}
