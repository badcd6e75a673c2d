//! The interfaces of gradient methods: the dot products of the tasks' gradients, or the full gradients, in;
//! the weights of their sum out.

use crate::train::solver::Matrix;

/// What a method sees of one step. Only the tasks of the batch are listed, in task order.
#[derive(Clone, Copy, Debug)]
pub struct GradientContext<'a> {
    /// Counted from the start of the trial.
    pub step: u64,
    /// Their indices among all tasks.
    pub tasks: &'a [usize],
    /// Loss of each task.
    pub losses: &'a [f64],
    /// G = J J^T of the gradients J, one row per task. For methods that split the batch: J_1 J_2^T of its
    /// first two parts.
    pub gramian: &'a Matrix,
}

/// The result of a gradient method.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientWeights {
    /// One weight per task of the batch; the step is along J^T w.
    pub weights: Vec<f64>,
    /// `false` if gradients cancel or are zero, so that the method's equation has no solution. Each method
    /// documents its weights for that case; such steps are counted and reported.
    pub regular: bool,
}

impl GradientWeights {
    /// `weights`, or zeros and not regular if one of them is not finite.
    pub fn new(weights: Vec<f64>, regular: bool) -> Self {
        match weights.iter().all(|weight| weight.is_finite()) {
            true => Self { weights, regular },
            // Zero weights instead of NaN: the step is skipped and counted.
            false => Self { weights: vec![0.0; weights.len()], regular: false },
        }
    }
}

/// A method that needs dot products only.
pub trait GramianWeighting: Send {
    /// Weights from losses and dot products.
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights;

    /// Everything that has changed since it was built, as plain numbers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Restores a `state`; `false` if it does not belong to this method.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}

/// The full gradients of the tasks.
#[derive(Clone, Debug)]
pub struct GradientRows {
    /// One row per task of the batch, all shared parameters concatenated.
    pub values: Vec<Vec<f32>>,
    /// For gradients at the shared representation: its values and the number of batch rows in it.
    pub representation: Option<(Vec<f32>, usize)>,
}

/// A method that needs full gradients. It may replace them; the step is along their weighted sum.
pub trait RowWeighting: Send {
    /// Weights, after changing the rows if the method does so.
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights;

    /// Everything that has changed since it was built, except the buffers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Buffers as long as a gradient, one per task; empty before the first step.
    fn buffers(&self) -> Vec<Vec<f32>> {
        Vec::new()
    }

    /// Restores a `state` and its `buffers`; `false` if they do not belong to this method.
    fn restore(&mut self, state: &[f64], buffers: Vec<Vec<f32>>) -> bool {
        state.is_empty() && buffers.is_empty()
    }
}

/// The Euclidean norm of a gradient.
pub fn norm(row: &[f32]) -> f64 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// The entries of `all` that belong to `tasks`.
pub fn select_tasks<T: Copy>(all: &[T], tasks: &[usize]) -> Vec<T> {
    tasks.iter().map(|task| all[*task]).collect()
}
