//! The weighting `auto_lambda`: see [`AutoLambdaConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Count, Positive};
use crate::train::weighting::learned::LearnedScalar;
use crate::train::weighting::method::Lookahead;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Auto-lambda (Liu et al., TMLR 2022): the weights are trained on the effect of the next step on validation
/// rows.
///
/// Before a step, theta' = theta - r sum_k w_k grad L_k is tried. Adam then trains the weights to minimize
/// the sum of the primary tasks' losses on validation rows at theta'. With v the gradient of that sum at
/// theta', the derivative by w_k is -r grad L_k . v, computed as the finite difference -r (L_k(theta + e
/// v) - L_k(theta - e v)) / (2 e), e = 0.01 / |v|. The trial step is plain SGD with the current learning
/// rate r, whatever the optimizer. Weights start at 0.1 and stay positive.
///
/// Validation rows that train the weights are no longer held out: the validation scores of such a training
/// are slightly optimistic.
///
/// `weighting: {auto_lambda: {rate: 1.0e-3, every: 1, primary: [income]}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoLambdaConfig {
    /// Learning rate of the weights (Adam). Default 0.001.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// Steps between two lookaheads; each costs as much as two to three steps. Default 1.
    #[serde(default = "default_every")]
    pub every: Count,
    /// The tasks whose validation losses are minimized; the others are auxiliary. Default: all.
    #[serde(default)]
    pub primary: Vec<TaskName>,
    /// Initial value of every weight. Default 0.1.
    #[serde(default = "default_start")]
    pub start: Positive,
}

impl Settings for AutoLambdaConfig {
    const EXAMPLE: &'static str = "{auto_lambda: {rate: 1.0e-3, every: 1}}";
}

fn default_rate() -> Positive {
    Positive::constant(1e-3)
}

fn default_every() -> Count {
    Count::constant(1)
}

fn default_start() -> Positive {
    Positive::constant(0.1)
}

impl BuildWeighting for AutoLambdaConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let is_primary = |task: &TaskName| self.primary.is_empty() || self.primary.contains(task);
        WeightingMethod::losses(AutoLambda {
            rate: self.rate.get(),
            every: self.every.get(),
            primary: context.tasks.iter().map(is_primary).collect(),
            weights: vec![LearnedScalar::new(self.start.get()); context.tasks.len()],
        })
    }
}

struct AutoLambda {
    rate: f64,
    every: usize,
    primary: Vec<bool>,
    weights: Vec<LearnedScalar>,
}

/// Lower bound of a weight: a task with weight 0 would no longer be trained.
const MIN_WEIGHT: f64 = 1e-4;

impl Weighting for AutoLambda {
    fn weights(&mut self, _: u64, _: &[Option<f64>]) -> Vec<f64> {
        self.weights.iter().map(|weight| weight.value).collect()
    }

    fn lookahead_request(&self, step: u64) -> Option<Lookahead> {
        let every = self.every as u64;
        step.is_multiple_of(every)
            .then(|| Lookahead { number: (step / every) as usize, primary: self.primary.clone() })
    }

    fn receive_lookahead(&mut self, gradient: &[Option<f64>]) {
        for (weight, gradient) in self.weights.iter_mut().zip(gradient) {
            let Some(gradient) = gradient else { continue };
            weight.learn(*gradient, self.rate);
            weight.value = weight.value.max(MIN_WEIGHT);
        }
    }

    fn state(&self) -> Vec<f64> {
        LearnedScalar::state(&self.weights)
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        LearnedScalar::restore(&mut self.weights, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::auto_lambda::{
        AutoLambdaConfig, default_every, default_rate, default_start,
    };
    use crate::train::weighting::method::{assert_near, build};

    // torch 2.11: w = torch.full((3,), .1, requires_grad=True); o = torch.optim.Adam([w], 1e-3)
    // for g in ([.2, -.1, 3.], [.1, .3, 2.]): w.grad = torch.tensor(g); o.step() -> below
    #[test]
    fn weights_follow_adam_and_absent_tasks_do_not_change() {
        let config = AutoLambdaConfig {
            rate: default_rate(),
            every: default_every(),
            primary: Vec::new(),
            start: default_start(),
        };
        let mut weighting = build(&config, 4);
        weighting.receive_lookahead(&[Some(0.2), Some(-0.1), Some(3.0), None]);
        weighting.receive_lookahead(&[Some(0.1), Some(0.3), Some(2.0), None]);
        assert_near(&weighting.weights(2, &[None; 4]), &[0.098_067_820, 0.100_505_810, 0.098_029_648, 0.1]);
        let mut other = build(&config, 4);
        assert!(other.restore(&weighting.state()) && !other.restore(&[0.0; 4]));
        for _ in 0..500 {
            weighting.receive_lookahead(&[Some(1.0); 4]);
        }
        assert!(
            weighting.weights(502, &[None; 4]).iter().all(|weight| *weight > 0.0),
            "weights stay positive"
        );
    }

    #[test]
    fn it_asks_every_n_steps() {
        let config = AutoLambdaConfig {
            rate: default_rate(),
            every: crate::domain::number::Count::constant(3),
            primary: Vec::new(),
            start: default_start(),
        };
        let weighting = build(&config, 2);
        let numbers: Vec<Option<usize>> =
            (0..5).map(|step| weighting.lookahead_request(step).map(|lookahead| lookahead.number)).collect();
        assert_eq!(numbers, [Some(0), None, None, Some(1), None]);
    }
}
