//! The interface of a weighting: it sees numbers, never tensors.

use indexmap::IndexMap;

use crate::domain::name::TaskName;
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::gradient_method::{GramianWeighting, RowWeighting};

/// What a weighting is built with.
#[derive(Clone, Copy, Debug)]
pub struct WeightingContext<'a> {
    /// Names of the tasks.
    pub tasks: &'a [TaskName],
    /// The trial's seed.
    pub seed: u64,
    /// The optimizer's learning rate, for weightings that learn.
    pub rate: f64,
}

impl WeightingContext<'_> {
    /// One value per task, in task order; `default` for tasks that `values` does not name.
    pub fn by_task<T: Copy>(&self, values: &IndexMap<TaskName, T>, default: T) -> Vec<T> {
        self.tasks.iter().map(|task| values.get(task).copied().unwrap_or(default)).collect()
    }
}

/// The settings of a weighting, which can build it.
pub trait BuildWeighting: Send + Sync {
    /// Builds the weighting for the given tasks.
    fn build(&self, context: &WeightingContext) -> WeightingMethod;

    /// What it balances, and what it needs to see.
    fn capabilities(&self) -> Capabilities {
        Capabilities::Losses
    }

    /// Settings that name tasks: the setting's key and the task names.
    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        Vec::new()
    }
}

/// A built weighting: of losses, of gradients, or of both.
pub struct WeightingMethod {
    /// The weighting of losses.
    pub losses: Option<Box<dyn Weighting>>,
    /// The gradient method.
    pub gradients: Option<GradientMethod>,
}

/// A built gradient method.
pub enum GradientMethod {
    /// Needs the Gramian of the gradients only.
    Gramian(Box<dyn GramianWeighting>),
    /// Needs the full gradients.
    Rows(Box<dyn RowWeighting>),
}

impl WeightingMethod {
    /// A weighting of losses only.
    pub fn losses(weighting: impl Weighting + 'static) -> Self {
        Self { losses: Some(Box::new(weighting)), gradients: None }
    }

    /// A gradient method that needs dot products only.
    pub fn gramian(method: impl GramianWeighting + 'static) -> Self {
        Self { losses: None, gradients: Some(GradientMethod::Gramian(Box::new(method))) }
    }

    /// A gradient method that needs full gradients.
    pub fn rows(method: impl RowWeighting + 'static) -> Self {
        Self { losses: None, gradients: Some(GradientMethod::Rows(Box::new(method))) }
    }

    /// Adds a weighting of losses; the gradient method then balances the weighted losses.
    pub fn with_losses(self, losses: impl Weighting + 'static) -> Self {
        Self { losses: Some(Box::new(losses)), ..self }
    }
}

/// What a weighting asks for before a step: the derivative, by its weights, of these tasks' losses on
/// validation rows after the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookahead {
    /// Zero-based index of the lookahead; it selects the validation rows.
    pub number: usize,
    /// One flag per task: does its validation loss count?
    pub primary: Vec<bool>,
}

/// A weighting of losses: maps the losses of one step (`None` for a task without a label in the batch) to
/// the weights of their sum.
pub trait Weighting: Send {
    /// The preference vector that the network reads in this step, if it reads one.
    fn preference(&self, step: u64) -> Option<Vec<f64>> {
        let _ = step;
        None
    }

    /// Do the weights depend on the losses of the step, and not only on which tasks have one? With gradient
    /// accumulation, such a weighting costs a further forward pass per batch.
    fn reads_losses(&self) -> bool {
        true
    }

    /// One weight per task for step number `step`, counted from the start of the trial.
    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64>;

    /// The part of the joint loss that is not the weighted sum.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let _ = losses;
        0.0
    }

    /// Updates learned parameters from the losses of one step; `schedule` is the learning rate's factor.
    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        let _ = (losses, schedule);
    }

    /// Does it need the losses of the same batch after the step?
    fn needs_losses_after_step(&self) -> bool {
        false
    }

    /// Receives the losses of the same batch after the step, if it asked for them.
    fn receive_losses_after_step(&mut self, losses: &[Option<f64>]) {
        let _ = losses;
    }

    /// The lookahead it needs before this step. A weighting that ever asks also asks before step 0.
    fn lookahead_request(&self, step: u64) -> Option<Lookahead> {
        let _ = step;
        None
    }

    /// Receives the derivative by each task's weight, if it asked for a lookahead; `None` for a task without
    /// a label in the batch.
    fn receive_lookahead(&mut self, gradient: &[Option<f64>]) {
        let _ = gradient;
    }

    /// Receives the mean training losses of an epoch; `None` for a task without a label in it.
    fn after_epoch(&mut self, losses: &[Option<f64>]) {
        let _ = losses;
    }

    /// Everything that has changed since it was built, as plain numbers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Restores a `state`; `false` if it does not belong to this weighting.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}

/// Number of tasks that have a loss.
pub fn count_present(losses: &[Option<f64>]) -> usize {
    losses.iter().flatten().count()
}

/// Copies `state` into `values`; `false` if the lengths differ.
pub fn restore_values(values: &mut [f64], state: &[f64]) -> bool {
    let fits = values.len() == state.len();
    if fits {
        values.copy_from_slice(state);
    }
    fits
}

/// The weighting of losses of this configuration for so many tasks.
#[cfg(test)]
pub fn build(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn Weighting> {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    let method = config.build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.01 });
    method.losses.expect("a weighting of losses")
}

/// The joint loss: the weighted sum and the penalty.
#[cfg(test)]
pub fn joint_loss(weighting: &mut dyn Weighting, losses: &[Option<f64>]) -> f64 {
    let weights = weighting.weights(0, losses);
    let sum: f64 = losses.iter().zip(weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum();
    sum + weighting.penalty(losses)
}

/// Panics unless the numbers agree to six decimals.
#[cfg(test)]
pub fn assert_near(actual: &[f64], expected: &[f64]) {
    let agree = actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(agree && actual.len() == expected.len(), "{actual:?} is not {expected:?}");
}
