//! The weighting `famo`: see [`FamoConfig`].

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Finite, NonNegative, Positive};
use crate::train::solver::matrix::dot;
use crate::train::solver::simplex::softmax;
use crate::train::weighting::learned::LearnedScalar;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Fast adaptive multi-task optimization (FAMO; Liu et al., NeurIPS 2023): all losses decrease at the same
/// rate.
///
/// z = softmax(v), D_k = L_k - b_k + 1e-8, c = 1 / sum(z_k / D_k); w_k = c z_k / D_k, with sum 1. After the
/// step the losses L' of the same batch are computed again (the same rows and dropout mask; running
/// statistics do not change), and v is trained by Adam with dv_k = z_k (d_k - sum_j z_j d_j), d_k = ln D_k -
/// ln D'_k, plus `decay` v. Losses must stay above their lower bound b.
///
/// `weighting: {famo: {rate: 0.025, decay: 1.0e-3}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FamoConfig {
    /// Learning rate of the weights (Adam). Default 0.025.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// Pulls the weights towards each other. Default 0.001.
    #[serde(default = "default_decay")]
    pub decay: NonNegative,
    /// Lower bound of the task's loss. Default: 0 each.
    #[serde(default)]
    pub lower: IndexMap<TaskName, Finite>,
}

impl Settings for FamoConfig {
    const EXAMPLE: &'static str = "{famo: {rate: 0.025, decay: 1.0e-3}}";
}

fn default_rate() -> Positive {
    Positive::constant(0.025)
}

fn default_decay() -> NonNegative {
    NonNegative::constant(1e-3)
}

impl BuildWeighting for FamoConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let lower = context.by_task(&self.lower, Finite::constant(0.0));
        WeightingMethod::losses(Famo {
            rate: self.rate.get(),
            decay: self.decay.get(),
            lower: lower.into_iter().map(Finite::get).collect(),
            logits: vec![LearnedScalar::new(0.0); context.tasks.len()],
            before: Vec::new(),
        })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("lower", self.lower.keys().collect())]
    }
}

struct Famo {
    rate: f64,
    decay: f64,
    lower: Vec<f64>,
    /// v, one per task.
    logits: Vec<LearnedScalar>,
    /// The losses before the current step. Not part of the state: checkpoints are made between steps.
    before: Vec<Option<f64>>,
}

/// Keeps the weight finite for a loss at its bound.
const EPSILON: f64 = 1e-8;

impl Famo {
    /// D: the loss above its lower bound.
    fn gap(&self, task: usize, loss: f64) -> f64 {
        loss - self.lower[task] + EPSILON
    }

    /// softmax(v) over `tasks` only.
    fn shares(&self, tasks: &[usize]) -> Vec<f64> {
        softmax(&tasks.iter().map(|task| self.logits[*task].value).collect::<Vec<_>>())
    }

    /// The derivative by v, `decreases` being the tasks' differences of log losses.
    fn gradient(&self, tasks: &[usize], decreases: &[f64]) -> Vec<f64> {
        let shares = self.shares(tasks);
        let mean = dot(&shares, decreases);
        shares.iter().zip(decreases).map(|(share, decrease)| share * (decrease - mean)).collect()
    }
}

impl Weighting for Famo {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        self.before = losses.to_vec();
        let present: Vec<(usize, f64)> =
            losses.iter().enumerate().filter_map(|(task, loss)| Some((task, (*loss)?))).collect();
        let tasks: Vec<usize> = present.iter().map(|(task, _)| *task).collect();
        let shares = self.shares(&tasks);
        let rates: Vec<f64> =
            present.iter().zip(&shares).map(|((task, loss), share)| share / self.gap(*task, *loss)).collect();
        let sum: f64 = rates.iter().sum();
        let mut weights = vec![0.0; losses.len()];
        tasks.iter().zip(rates).for_each(|(task, rate)| weights[*task] = rate / sum);
        weights
    }

    fn needs_losses_after_step(&self) -> bool {
        true
    }

    fn receive_losses_after_step(&mut self, losses: &[Option<f64>]) {
        let pairs = self.before.iter().zip(losses).enumerate();
        let decreases = pairs.filter_map(|(task, (before, after))| {
            Some((task, self.gap(task, (*before)?).ln() - self.gap(task, (*after)?).ln()))
        });
        let (tasks, decreases): (Vec<usize>, Vec<f64>) = decreases.unzip();
        for (task, gradient) in tasks.iter().zip(self.gradient(&tasks, &decreases)) {
            let logit = &mut self.logits[*task];
            logit.learn(gradient + self.decay * logit.value, self.rate);
        }
    }

    fn state(&self) -> Vec<f64> {
        LearnedScalar::state(&self.logits)
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        LearnedScalar::restore(&mut self.logits, state)
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use crate::train::weighting::Weighting;
    use crate::train::weighting::famo::{FamoConfig, default_decay, default_rate};
    use crate::train::weighting::method::{assert_near, build};

    fn famo() -> Box<dyn Weighting> {
        build(&FamoConfig { rate: default_rate(), decay: default_decay(), lower: IndexMap::new() }, 3)
    }

    /// methods.md 5: w 4/7 2/7 1/7; L' = (.9, 1.9, 3) -> gradient -.014250 -.032273 .046523.
    #[test]
    fn golden_values() {
        let mut weighting = famo();
        assert_near(
            &weighting.weights(0, &[Some(1.0), Some(2.0), Some(4.0)]),
            &[4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0],
        );
        weighting.receive_losses_after_step(&[Some(0.9), Some(1.9), Some(3.0)]);
        let state = weighting.state();
        // Adam's first moment is a tenth of the gradient; v was 0, so the decay was 0.
        let gradient: Vec<f64> = state.chunks(4).map(|task| 10.0 * task[1]).collect();
        assert_near(&gradient, &[-0.014_250, -0.032_273, 0.046_523]);
        // The loss that decreased fastest gets less weight.
        let v: Vec<f64> = state.chunks(4).map(|task| task[0]).collect();
        assert_near(&v, &[0.025, 0.025, -0.025]);
    }

    #[test]
    fn a_restored_state_continues_exactly_and_absent_tasks_do_not_change() {
        let (mut one, mut two) = (famo(), famo());
        one.weights(0, &[Some(1.0), None, Some(4.0)]);
        one.receive_losses_after_step(&[Some(0.5), None, Some(3.9)]);
        assert_eq!(one.state()[4..8], [0.0; 4]);
        assert!(two.restore(&one.state()));
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        assert_eq!(one.weights(1, &losses), two.weights(1, &losses));
        one.receive_losses_after_step(&[Some(0.9), Some(1.0), Some(4.0)]);
        two.receive_losses_after_step(&[Some(0.9), Some(1.0), Some(4.0)]);
        assert_eq!(one.state(), two.state());
    }
}
