//! One step: forward, losses, weights, backward, clipping, optimizer.

mod balanced;
mod by_layer;
mod lookahead;
mod validation_lookahead;

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::train::affinity::PairAffinity;
use crate::train::balance::LossBalancer;
use crate::train::balance::shared::SharedVariables;
use crate::train::batch::Batch;
use crate::train::comparison::GradientPairStep;
use crate::train::error::{TrainError, TrainResult};
use crate::train::gradient::{collect, optimizer_step};
use crate::train::optimizer::UpdateRule;
use crate::train::optimizer::fused_step::{Optimizer, Trainable};
use crate::train::record::TrainingStep;
use crate::train::regularization::PenaltyStrength;
use crate::train::schedule::{Schedule, ScheduleStep};
use crate::train::validation_sampler::ValidationSampler;

/// What stays the same at every step.
#[derive(Clone, Copy)]
pub struct LearnerConfig<'a> {
    pub seed: u64,
    pub update: &'a dyn UpdateRule,
    pub schedule: &'a dyn Schedule,
    pub strength: PenaltyStrength,
    pub clip_norm: Option<f64>,
    /// Steps between two measurements of inter-task affinity.
    pub affinity: Option<usize>,
}

/// Changes a network's weights.
pub struct Learner<'a> {
    network: &'a Network,
    config: LearnerConfig<'a>,
    pub variables: Vec<Trainable>,
    pub optimizer: Optimizer<'a>,
    pub balance: LossBalancer,
    /// Validation rows, where the balance learns from them.
    pub held_out: Option<ValidationSampler<'a>>,
    shared: SharedVariables,
    /// Per task: was it seen that its loss reaches all it should?
    proven: Vec<bool>,
}

/// What a step found. Vectors hold every task, in the signature's order.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    pub rows: usize,
    /// Rows with a label.
    pub labelled: Vec<usize>,
    /// `None` for a task without a label.
    pub losses: Vec<Option<f64>>,
    pub weights: Vec<f64>,
    /// What was minimised: weighted sum, weighting's own part, regularization.
    pub joint: f64,
    /// How the gradients of the batch's tasks stand to each other, when each was taken.
    pub pairs: Vec<GradientPairStep>,
    /// What a step of each task would have done to the others, when it was looked at.
    pub affinities: Vec<PairAffinity>,
    /// Did the gradient method find gradients that cancel, or are nothing?
    pub irregular: bool,
}

impl StepOutcome {
    /// The first task whose loss is no number any more.
    pub fn diverged(&self) -> Option<(usize, f64)> {
        let losses = self.losses.iter().enumerate();
        losses.filter_map(|(task, loss)| Some((task, (*loss)?))).find(|(_, loss)| !loss.is_finite())
    }

    /// As it joins the epoch's sums.
    pub fn step(&self) -> TrainingStep<'_> {
        let Self { rows, labelled, losses, weights, joint, pairs, affinities: looks, irregular } = self;
        TrainingStep {
            rows: *rows,
            labelled,
            losses,
            weights,
            joint: *joint,
            pairs,
            affinities: looks,
            irregular: *irregular,
        }
    }

    fn weighted_sum(&self) -> f64 {
        self.losses.iter().zip(&self.weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum()
    }
}

impl<'a> Learner<'a> {
    pub fn new(network: &'a Network, balance: LossBalancer, config: LearnerConfig<'a>) -> TrainResult<Self> {
        let trainable = network.weights().trainable();
        let variables: Vec<Trainable> = trainable
            .map(|weight| Trainable {
                name: weight.name.clone(),
                var: weight.var.clone(),
                decay: weight.decay,
            })
            .collect();
        let optimizer = Optimizer::new(config.update, &variables)?;
        let proven = vec![false; network.signature().tasks.len()];
        let shared = SharedVariables::from_network(network, &variables);
        Ok(Self { network, config, variables, optimizer, balance, held_out: None, shared, proven })
    }

    /// The learning rate of a step.
    pub fn rate(&self, clock: ScheduleStep) -> f64 {
        self.config.update.rate() * self.config.schedule.factor(clock)
    }

    /// Learns from one batch, in the parts its balance asks for. When a loss is no number, nothing is
    /// changed.
    pub fn learn(&mut self, parts: &[Batch], clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let preference;
        let parts = match self.balance.losses.preference(clock.step as u64) {
            Some(vector) => {
                preference = self.with_preference(parts, &vector)?;
                &preference
            }
            None => parts,
        };
        let due = self.config.affinity.is_some_and(|every| clock.step.is_multiple_of(every));
        let looks = if due { self.measure_affinity(parts, clock)? } else { Vec::new() };
        if let Some(wanted) = self.balance.losses.lookahead_request(clock.step as u64) {
            let gradient = self.validation_lookahead(parts, clock, &wanted)?;
            self.balance.losses.receive_lookahead(&gradient);
        }
        let mut outcome = match parts {
            [batch] if !self.balance.needs_task_gradients() => self.learn_jointly(batch, clock)?,
            [batch] if self.balance.is_by_layer() => self.learn_by_layer(batch, clock)?,
            _ => self.learn_balanced(parts, clock)?,
        };
        outcome.affinities = looks;
        if self.balance.losses.needs_losses_after_step() && outcome.diverged().is_none() {
            let after = self.losses_again(parts, clock)?;
            self.balance.losses.receive_losses_after_step(&after);
        }
        Ok(outcome)
    }

    /// The same parts with the preference that the network is told in this step.
    fn with_preference(&self, parts: &[Batch], vector: &[f64]) -> TrainResult<Vec<Batch>> {
        let preference = |part: &Batch| {
            let inputs = self.network.with_preference(&part.inputs, vector)?;
            Ok(Batch { rows: part.rows, inputs, labels: part.labels.clone() })
        };
        parts.iter().map(preference).collect()
    }

    /// One backward of the weighted sum of the losses.
    fn learn_jointly(&mut self, batch: &Batch, clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let tasks: Vec<usize> = batch.labels.iter().map(|labels| labels.task).collect();
        let ((losses, penalty), tape) = record(|| self.losses(batch, &self.mode(clock, 0, 1)))?;
        let parts = std::slice::from_ref(batch);
        let mut outcome = self.outcome(parts, &[&losses], &tasks)?;
        if losses.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        outcome.weights = self.balance.losses.weights(clock.step as u64, &outcome.losses);
        let mut joint = joint(&losses, tasks.iter().map(|task| outcome.weights[*task]))?;
        if let Some(penalty) = penalty {
            outcome.joint = f64::from(penalty.to_scalar::<f32>()?);
            joint = (joint + penalty)?;
        }
        drop(losses);
        let gradients = collect(tape.into_gradients(joint)?, &self.variables);
        // A task that counts nothing gives its variables nothing.
        let counting: Vec<usize> =
            tasks.iter().copied().filter(|task| outcome.weights[*task] != 0.0).collect();
        self.prove(&counting, &gradients.iter().map(Option::is_some).collect::<Vec<_>>())?;
        self.finish(outcome, gradients, clock)
    }

    /// The optimizer's step along these gradients, and what the weighting of losses learns.
    fn finish(
        &mut self,
        mut outcome: StepOutcome,
        gradients: Vec<Option<Tensor>>,
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let LearnerConfig { strength, clip_norm, schedule, .. } = self.config;
        let (step, penalty) =
            optimizer_step(&self.variables, &gradients, self.rate(clock), strength, clip_norm)?;
        self.optimizer.step(&self.variables, &gradients, &step)?;
        // What the sharing adds is there already.
        outcome.joint += outcome.weighted_sum() + self.balance.losses.penalty(&outcome.losses) + penalty;
        self.balance.losses.learn(&outcome.losses, schedule.factor(clock));
        Ok(outcome)
    }

    /// Every part of a batch has a dropout of its own.
    fn mode(&self, clock: ScheduleStep, part: usize, parts: usize) -> Mode<'static> {
        let per_epoch = clock.steps_per_epoch.max(1);
        let mode = Mode::train(self.config.seed, (clock.step * parts + part) as u64);
        mode.in_epoch(clock.step / per_epoch, clock.total / per_epoch)
    }

    /// The losses of the batch's tasks and the sharing's penalty, as scalar tensors.
    fn losses(&self, batch: &Batch, mode: &Mode) -> TrainResult<(Vec<Tensor>, Option<Tensor>)> {
        if batch.labels.is_empty() {
            return Ok((Vec::new(), None));
        }
        Ok(self.network.losses_and_penalty(&batch.inputs, &batch.labels, mode)?)
    }

    /// What the same batch costs after the step: the same dropout, and no running statistic touched.
    fn losses_again(&self, parts: &[Batch], clock: ScheduleStep) -> TrainResult<Vec<Option<f64>>> {
        let mut losses = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            losses.push(self.losses(part, &self.mode(clock, number, parts.len()).repeated())?.0);
        }
        let losses: Vec<&[Tensor]> = losses.iter().map(Vec::as_slice).collect();
        let tasks: Vec<usize> = (0..self.proven.len()).collect();
        Ok(self.outcome(parts, &losses, &tasks)?.losses)
    }

    /// What the losses of `tasks` are, mean over the labels of all parts.
    fn outcome(&self, parts: &[Batch], losses: &[&[Tensor]], tasks: &[usize]) -> TrainResult<StepOutcome> {
        let count = self.proven.len();
        let mut outcome = StepOutcome {
            rows: parts.iter().map(|part| part.rows).sum(),
            labelled: vec![0; count],
            losses: vec![None; count],
            weights: vec![0.0; count],
            joint: 0.0,
            pairs: Vec::new(),
            affinities: Vec::new(),
            irregular: false,
        };
        for (part, losses) in parts.iter().zip(losses) {
            for (labels, loss) in part.labels.iter().zip(*losses).filter(|(l, _)| tasks.contains(&l.task)) {
                let loss = f64::from(loss.to_scalar::<f32>()?);
                let (known, before) = (&mut outcome.losses[labels.task], outcome.labelled[labels.task]);
                let all = before + labels.labelled;
                *known = Some(match known {
                    Some(mean) => *mean + (loss - *mean) * labels.labelled as f64 / all as f64,
                    None => loss,
                });
                outcome.labelled[labels.task] = all;
            }
        }
        Ok(outcome)
    }

    /// At the first step of each task: did every variable it uses get a gradient? A layer without a
    /// backward would cut off all before it, and nobody would notice.
    fn prove(&mut self, tasks: &[usize], reached: &[bool]) -> TrainResult<()> {
        if tasks.iter().all(|task| self.proven[*task]) {
            return Ok(());
        }
        for (weight, reached) in self.network.weights().trainable().zip(reached) {
            if !reached && self.network.uses(tasks, weight) {
                return Err(TrainError::NoGradient { variable: weight.name.clone() });
            }
        }
        tasks.iter().for_each(|task| self.proven[*task] = true);
        Ok(())
    }
}

/// The weighted sum of the losses.
fn joint(losses: &[Tensor], weights: impl Iterator<Item = f64>) -> TrainResult<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (loss, weight) in losses.iter().zip(weights) {
        let weighted = if weight == 1.0 { loss.clone() } else { loss.affine(weight, 0.0)? };
        sum = Some(match sum {
            Some(sum) => (sum + weighted)?,
            None => weighted,
        });
    }
    sum.ok_or_else(|| candle_core::Error::Msg("a step has at least one loss".into()).into())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::name::TaskName;
    use crate::train::TrainError;
    use crate::train::balance::LossBalancer;
    use crate::train::config::{BalanceConfig, GradientsConfig, OptimizerConfig, ScheduleConfig};
    use crate::train::harness::TrainingHarness;
    use crate::train::learner::{Learner, LearnerConfig, joint};
    use crate::train::regularization::PenaltyStrength;
    use crate::train::weighting::WeightingContext;

    #[test]
    fn the_joint_loss_is_the_weighted_sum() {
        let loss = |value: f32| Tensor::new(value, &Device::Cpu).expect("a scalar");
        let sum = joint(&[loss(2.0), loss(3.0), loss(5.0)], [1.0, 0.5, 0.0].into_iter()).expect("a sum");
        assert_eq!(sum.to_scalar::<f32>().expect("a number"), 3.5);
        assert!(joint(&[], std::iter::empty()).is_err());
    }
    /// A variable that should have a gradient and has none is named; one the tasks do not use is not.
    #[test]
    fn a_variable_cut_off_from_the_loss_is_named() {
        let network = TrainingHarness::new().network();
        let optimizer: OptimizerConfig = serde_json::from_value(json!("adam")).expect("words");
        let schedule = ScheduleConfig::default();
        let config = LearnerConfig {
            seed: 0,
            update: optimizer.view(),
            schedule: schedule.view(),
            strength: PenaltyStrength::default(),
            clip_norm: None,
            affinity: None,
        };
        let tasks: Vec<TaskName> = network.signature().tasks.iter().map(|task| task.name.clone()).collect();
        let setting = WeightingContext { tasks: &tasks, seed: 0, rate: 0.1 };
        let balance = LossBalancer::new(&BalanceConfig::default(), &GradientsConfig::default(), &setting);
        let mut learner = Learner::new(&network, balance, config).expect("a learner");
        let names: Vec<String> = learner.variables.iter().map(|variable| variable.name.clone()).collect();
        let without =
            |missing: &str| -> Vec<bool> { names.iter().map(|name| !name.starts_with(missing)).collect() };
        let error = learner.prove(&[0, 1], &without("trunk.0.dense.weight")).expect_err("cut off");
        assert!(
            matches!(&error, TrainError::NoGradient { variable } if variable == "trunk.0.dense.weight"),
            "{error}"
        );
        let named = |error: TrainError| matches!(error, TrainError::NoGradient { variable } if variable.starts_with("head.sign."));
        assert!(named(learner.prove(&[0, 1], &without("head.sign.")).expect_err("cut off")));
        learner.prove(&[0], &without("head.sign.")).expect("the other head is not used");
        assert!(named(
            learner.prove(&[1], &without("head.sign.")).expect_err("a task's first step is looked at")
        ));
        learner.prove(&[0], &without("trunk.")).expect("looked at once");
    }
}
