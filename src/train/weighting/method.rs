//! What a weighting is: numbers in, numbers out, never tensors.

use indexmap::IndexMap;

use crate::domain::name::TaskName;
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::gradient_method::{GramianWeighting, RowWeighting};

/// What a weighting is built for.
#[derive(Clone, Copy, Debug)]
pub struct WeightingContext<'a> {
    pub tasks: &'a [TaskName],
    /// The trial's seed.
    pub seed: u64,
    /// The optimizer's learning rate, for weightings that learn.
    pub rate: f64,
}

impl WeightingContext<'_> {
    /// What is given by name, in the tasks' order.
    pub fn by_task<T: Copy>(&self, given: &IndexMap<TaskName, T>, otherwise: T) -> Vec<T> {
        self.tasks.iter().map(|task| given.get(task).copied().unwrap_or(otherwise)).collect()
    }
}

/// What every weighting's words can do.
pub trait BuildWeighting: Send + Sync {
    fn build(&self, setting: &WeightingContext) -> WeightingMethod;

    /// What it balances, and how it may be asked to.
    fn capabilities(&self) -> Capabilities {
        Capabilities::Losses
    }

    /// Settings that name tasks: the setting's key, and the names.
    fn named(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        Vec::new()
    }
}

/// A built weighting: of losses, of gradients, or of both.
pub struct WeightingMethod {
    pub losses: Option<Box<dyn Weighting>>,
    pub gradients: Option<GradientMethod>,
}

/// A built gradient method.
pub enum GradientMethod {
    Gramian(Box<dyn GramianWeighting>),
    Rows(Box<dyn RowWeighting>),
}

impl WeightingMethod {
    pub fn losses(weighting: impl Weighting + 'static) -> Self {
        Self { losses: Some(Box::new(weighting)), gradients: None }
    }

    pub fn gramian(method: impl GramianWeighting + 'static) -> Self {
        Self { losses: None, gradients: Some(GradientMethod::Gramian(Box::new(method))) }
    }

    pub fn rows(method: impl RowWeighting + 'static) -> Self {
        Self { losses: None, gradients: Some(GradientMethod::Rows(Box::new(method))) }
    }

    /// Both: the gradient method balances the weighted losses.
    pub fn after(self, losses: impl Weighting + 'static) -> Self {
        Self { losses: Some(Box::new(losses)), ..self }
    }
}

/// What a weighting wants to know before a step: how the losses of these tasks on validation rows, after the
/// step, depend on its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookahead {
    /// The how manieth look this is, counted from 0: it says which rows are looked at.
    pub number: usize,
    /// One per task: does it count?
    pub primary: Vec<bool>,
}

/// A weighting of losses: the losses of one step (`None` for a task without a label in the batch) in, the
/// weights of their sum out.
pub trait Weighting: Send {
    /// The preference that the network is told before this step, where it reads one.
    fn preference(&self, step: u64) -> Option<Vec<f64>> {
        let _ = step;
        None
    }

    /// One weight per task for step number `step`, counted from the trial's beginning.
    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64>;

    /// What the joint loss holds beside the weighted sum.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let _ = losses;
        0.0
    }

    /// Changes what is learned from one step's losses; `schedule` is the learning rate's factor.
    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        let _ = (losses, schedule);
    }

    /// Does it ask what the same batch costs after the step?
    fn wants_losses_after(&self) -> bool {
        false
    }

    /// Told the losses of the same batch after the step, if it asked.
    fn receive_losses_after(&mut self, losses: &[Option<f64>]) {
        let _ = losses;
    }

    /// What it asks before this step; one that ever asks does so before step 0.
    fn lookahead_request(&self, step: u64) -> Option<Lookahead> {
        let _ = step;
        None
    }

    /// Told the derivative by each task's weight, if it asked; `None` for a task without a label in the
    /// batch.
    fn receive_lookahead(&mut self, gradient: &[Option<f64>]) {
        let _ = gradient;
    }

    /// Told the mean training losses of each epoch (`None` for a task that had no label in it).
    fn after_epoch(&mut self, losses: &[Option<f64>]) {
        let _ = losses;
    }

    /// All that changed since it was built, as plain numbers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Goes on from a `state`; `false` when it is not one of this weighting's.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}

/// How many tasks have a loss.
pub fn present(losses: &[Option<f64>]) -> usize {
    losses.iter().flatten().count()
}

/// Tasks with numbers that look random, for tests.
#[cfg(test)]
pub fn build(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn Weighting> {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    let method = config.build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.01 });
    method.losses.expect("a weighting of losses")
}

/// Panics unless numbers agree to six places.
#[cfg(test)]
pub fn near(solution: &[f64], expected: &[f64]) {
    let agree = solution.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(agree && solution.len() == expected.len(), "{solution:?} is not {expected:?}");
}
