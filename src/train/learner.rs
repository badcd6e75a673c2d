//! One training step: forward, losses, weights, backward, clipping, optimizer.

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

/// Settings that stay the same for all steps.
#[derive(Clone, Copy)]
pub struct LearnerConfig<'a> {
    /// The trial's seed.
    pub seed: u64,
    /// The optimizer's update rule.
    pub update: &'a dyn UpdateRule,
    /// The learning-rate schedule.
    pub schedule: &'a dyn Schedule,
    /// Factors of the L1 and L2 penalties.
    pub strength: PenaltyStrength,
    /// Upper limit of the gradient's norm.
    pub clip_norm: Option<f64>,
    /// Steps between two measurements of inter-task affinity.
    pub affinity: Option<usize>,
}

/// Trains a network step by step.
pub struct Learner<'a> {
    network: &'a Network,
    config: LearnerConfig<'a>,
    /// The trainable weights.
    pub variables: Vec<Trainable>,
    /// The optimizer with its moments.
    pub optimizer: Optimizer<'a>,
    /// The weighting of losses and the gradient method.
    pub balance: LossBalancer,
    /// Validation rows, for weightings that learn from them.
    pub held_out: Option<ValidationSampler<'a>>,
    shared: SharedVariables,
    /// Per task: has it been checked that all variables it uses get a gradient?
    checked: Vec<bool>,
}

/// The results of a step. Vectors hold one value per task, in the signature's order.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    /// Number of rows in the batch.
    pub rows: usize,
    /// Rows with a label, per task.
    pub labelled: Vec<usize>,
    /// `None` for a task without labels in the batch.
    pub losses: Vec<Option<f64>>,
    /// The weights of the tasks.
    pub weights: Vec<f64>,
    /// The minimized loss: the weighted sum, the penalties of the weighting and of the sharing, and
    /// regularization.
    pub joint: f64,
    /// Comparisons of the gradients of the batch's tasks, in steps that compute one gradient per task.
    pub pairs: Vec<GradientPairStep>,
    /// Inter-task affinities, in steps that measure them.
    pub affinities: Vec<PairAffinity>,
    /// Did the gradient method find gradients that cancel or are zero?
    pub irregular: bool,
}

impl StepOutcome {
    /// The first task whose loss is not finite, and that loss.
    pub fn diverged(&self) -> Option<(usize, f64)> {
        let losses = self.losses.iter().enumerate();
        losses.filter_map(|(task, loss)| Some((task, (*loss)?))).find(|(_, loss)| !loss.is_finite())
    }

    /// The results as they are added to the sums of the epoch.
    pub fn step(&self) -> TrainingStep<'_> {
        let Self { rows, labelled, losses, weights, joint, pairs, affinities, irregular } = self;
        TrainingStep {
            rows: *rows,
            labelled,
            losses,
            weights,
            joint: *joint,
            pairs,
            affinities,
            irregular: *irregular,
        }
    }

    fn weighted_sum(&self) -> f64 {
        self.losses.iter().zip(&self.weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum()
    }
}

impl<'a> Learner<'a> {
    /// A learner for all trainable weights of the network, before the first step.
    ///
    /// # Errors
    /// Errors of candle when the optimizer allocates its state.
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
        let checked = vec![false; network.signature().tasks.len()];
        let shared = SharedVariables::from_network(network, &variables);
        Ok(Self { network, config, variables, optimizer, balance, held_out: None, shared, checked })
    }

    /// The learning rate of a step.
    pub fn rate(&self, clock: ScheduleStep) -> f64 {
        self.config.update.rate() * self.config.schedule.factor(clock)
    }

    /// Trains on one batch, which is split into as many parts as the balance needs. Changes nothing if a loss
    /// is not finite.
    ///
    /// # Errors
    /// [`TrainError::NoGradient`] in the first step of a task; errors of the network and of the optimizer.
    pub fn learn(&mut self, parts: &[Batch], clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let preference;
        let parts = match self.balance.losses.preference(clock.step as u64) {
            Some(vector) => {
                preference = self.with_preference(parts, &vector)?;
                &preference
            }
            None => parts,
        };
        let measure = self.config.affinity.is_some_and(|every| clock.step.is_multiple_of(every));
        let affinities = if measure { self.measure_affinity(parts, clock)? } else { Vec::new() };
        if let Some(request) = self.balance.losses.lookahead_request(clock.step as u64) {
            let gradient = self.validation_lookahead(parts, clock, &request)?;
            self.balance.losses.receive_lookahead(&gradient);
        }
        let mut outcome = match parts {
            [batch] if !self.balance.needs_task_gradients() => self.learn_jointly(batch, clock)?,
            [batch] if self.balance.is_by_layer() => self.learn_by_layer(batch, clock)?,
            _ => self.learn_balanced(parts, clock)?,
        };
        outcome.affinities = affinities;
        if self.balance.losses.needs_losses_after_step() && outcome.diverged().is_none() {
            let after = self.losses_after_step(parts, clock)?;
            self.balance.losses.receive_losses_after_step(&after);
        }
        Ok(outcome)
    }

    /// The parts with this step's preference vector as an input of the network.
    fn with_preference(&self, parts: &[Batch], vector: &[f64]) -> TrainResult<Vec<Batch>> {
        let preference = |part: &Batch| {
            let inputs = self.network.with_preference(&part.inputs, vector)?;
            Ok(Batch { rows: part.rows, inputs, labels: part.labels.clone() })
        };
        parts.iter().map(preference).collect()
    }

    /// A step with one backward pass, of the weighted sum of the losses.
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
        // A task of weight 0 contributes no gradient.
        let weighted: Vec<usize> =
            tasks.iter().copied().filter(|task| outcome.weights[*task] != 0.0).collect();
        self.check_gradients(&weighted, &gradients.iter().map(Option::is_some).collect::<Vec<_>>())?;
        self.apply_gradients(outcome, gradients, clock)
    }

    /// Runs the optimizer with these gradients, and passes the losses to the weighting of losses.
    fn apply_gradients(
        &mut self,
        mut outcome: StepOutcome,
        gradients: Vec<Option<Tensor>>,
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let LearnerConfig { strength, clip_norm, schedule, .. } = self.config;
        let (step, penalty) =
            optimizer_step(&self.variables, &gradients, self.rate(clock), strength, clip_norm)?;
        self.optimizer.step(&self.variables, &gradients, &step)?;
        // `joint` already holds the penalty of the sharing.
        outcome.joint += outcome.weighted_sum() + self.balance.losses.penalty(&outcome.losses) + penalty;
        self.balance.losses.learn(&outcome.losses, schedule.factor(clock));
        Ok(outcome)
    }

    /// The training mode of one part of a batch; every part has its own dropout masks.
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

    /// The losses of the same batch after the step, with the same dropout masks and without updating running
    /// statistics.
    fn losses_after_step(&self, parts: &[Batch], clock: ScheduleStep) -> TrainResult<Vec<Option<f64>>> {
        let mut losses = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            losses.push(self.losses(part, &self.mode(clock, number, parts.len()).repeated())?.0);
        }
        let losses: Vec<&[Tensor]> = losses.iter().map(Vec::as_slice).collect();
        let tasks: Vec<usize> = (0..self.checked.len()).collect();
        Ok(self.outcome(parts, &losses, &tasks)?.losses)
    }

    /// An outcome with the losses of `tasks`: means over the labels of all parts.
    fn outcome(&self, parts: &[Batch], losses: &[&[Tensor]], tasks: &[usize]) -> TrainResult<StepOutcome> {
        let count = self.checked.len();
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
                let (mean, count) = (&mut outcome.losses[labels.task], &mut outcome.labelled[labels.task]);
                *count += labels.labelled;
                *mean = Some(match mean {
                    Some(mean) => *mean + (loss - *mean) * labels.labelled as f64 / *count as f64,
                    None => loss,
                });
            }
        }
        Ok(outcome)
    }

    /// In the first step of each task, checks that every variable it uses has a gradient. A layer without a
    /// backward would silently stop the training of all layers before it.
    fn check_gradients(&mut self, tasks: &[usize], reached: &[bool]) -> TrainResult<()> {
        if tasks.iter().all(|task| self.checked[*task]) {
            return Ok(());
        }
        for (weight, reached) in self.network.weights().trainable().zip(reached) {
            if !reached && self.network.uses(tasks, weight) {
                return Err(TrainError::NoGradient { variable: weight.name.clone() });
            }
        }
        tasks.iter().for_each(|task| self.checked[*task] = true);
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
    sum.ok_or_else(|| candle_core::Error::Msg("a training step needs at least one loss".into()).into())
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

    /// The error names a variable that a task uses and that has no gradient. Other variables need none.
    #[test]
    fn a_variable_cut_off_from_the_loss_is_named() {
        let network = TrainingHarness::new().network();
        let optimizer: OptimizerConfig = serde_json::from_value(json!("adam")).expect("settings");
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
        let context = WeightingContext { tasks: &tasks, seed: 0, rate: 0.1 };
        let balance = LossBalancer::new(&BalanceConfig::default(), &GradientsConfig::default(), &context);
        let mut learner = Learner::new(&network, balance, config).expect("a learner");
        let names: Vec<String> = learner.variables.iter().map(|variable| variable.name.clone()).collect();
        let without =
            |prefix: &str| -> Vec<bool> { names.iter().map(|name| !name.starts_with(prefix)).collect() };
        let error = learner.check_gradients(&[0, 1], &without("trunk.0.dense.weight")).expect_err("cut off");
        assert!(
            matches!(&error, TrainError::NoGradient { variable } if variable == "trunk.0.dense.weight"),
            "{error}"
        );
        let names_head = |error: TrainError| match error {
            TrainError::NoGradient { variable } => variable.starts_with("head.sign."),
            _ => false,
        };
        let error = learner.check_gradients(&[0, 1], &without("head.sign.")).expect_err("cut off");
        assert!(names_head(error));
        learner.check_gradients(&[0], &without("head.sign.")).expect("the other head is not used");
        let error = learner.check_gradients(&[1], &without("head.sign.")).expect_err("the task's first step");
        assert!(names_head(error));
        learner.check_gradients(&[0], &without("trunk.")).expect("each task is checked once");
    }
}
