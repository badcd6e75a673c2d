//! One training step: forward, losses, weights, backward, clipping, optimizer.

mod accumulated;
mod balanced;
mod by_layer;
mod lookahead;
mod step_outcome;
mod validation_lookahead;

use candle_core::Tensor;

use crate::model::autograd::{Gradients, record};
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::train::balance::LossBalancer;
use crate::train::balance::shared::SharedVariables;
use crate::train::batch::Batch;
use crate::train::error::{TrainError, TrainResult};
use crate::train::gradient::{collect, optimizer_step};
use crate::train::learner::lookahead::scalars;
pub use crate::train::learner::step_outcome::StepOutcome;
use crate::train::optimizer::UpdateRule;
use crate::train::optimizer::fused_step::{Optimizer, Trainable};
use crate::train::parameter_groups::ParameterGroups;
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
    /// The batches of a step; the last step of an epoch may have fewer.
    pub accumulate: usize,
    /// Whether blocks do not keep their activations for the backward pass.
    pub checkpoints: bool,
    shared: SharedVariables,
    /// The zero-based epoch of the current step.
    epoch: usize,
    /// Per task: has it been checked that all variables it uses get a gradient?
    checked: Vec<bool>,
}

impl<'a> Learner<'a> {
    /// A learner for all trainable weights of the network, before the first step.
    ///
    /// # Errors
    /// Errors of candle when the optimizer allocates its state.
    pub fn new(network: &'a Network, balance: LossBalancer, config: LearnerConfig<'a>) -> TrainResult<Self> {
        let trainable = network.weights().trainable();
        let variables: Vec<Trainable> = trainable
            .map(|weight| Trainable::new(weight.name.clone(), weight.var.clone(), weight.decay))
            .collect();
        let optimizer = Optimizer::new(config.update, &variables)?;
        let checked = vec![false; network.signature().tasks.len()];
        let shared = SharedVariables::from_network(network, &variables, 0);
        Ok(Self {
            network,
            config,
            variables,
            optimizer,
            balance,
            held_out: None,
            accumulate: 1,
            checkpoints: false,
            shared,
            epoch: 0,
            checked,
        })
    }

    /// Sets each weight's learning rate and the epoch from which it is trained.
    pub fn set_groups(&mut self, groups: &ParameterGroups) {
        for (variable, weight) in self.variables.iter_mut().zip(self.network.weights().trainable()) {
            variable.relative_rate = groups.relative_rate(weight);
            variable.first_epoch = groups.first_epoch(weight);
        }
        self.shared = SharedVariables::from_network(self.network, &self.variables, self.epoch);
    }

    /// The optimizer's learning rate in a step.
    pub fn rate(&self, clock: ScheduleStep) -> f64 {
        self.config.update.rate() * self.config.schedule.factor(clock)
    }

    /// A step on one batch, which is split into as many parts as the balance needs. See
    /// [`Self::learn_batches`].
    ///
    /// # Errors
    /// Those of [`Self::learn_batches`].
    pub fn learn(&mut self, parts: &[Batch], clock: ScheduleStep) -> TrainResult<StepOutcome> {
        self.learn_batches(&[parts], clock)
    }

    /// A step on several batches, each split into as many parts as the balance needs. Changes nothing if a
    /// loss is not finite.
    ///
    /// # Errors
    /// [`TrainError::NoGradient`] in the first step of a task; errors of the network and of the optimizer.
    pub fn learn_batches(&mut self, batches: &[&[Batch]], clock: ScheduleStep) -> TrainResult<StepOutcome> {
        self.enter_epoch(clock);
        let (preference, with_preference): (Vec<Vec<Batch>>, Vec<&[Batch]>);
        let batches = match self.balance.losses.preference(clock.step as u64) {
            Some(vector) => {
                let parts = batches.iter().map(|parts| self.with_preference(parts, &vector));
                preference = parts.collect::<TrainResult<_>>()?;
                with_preference = preference.iter().map(Vec::as_slice).collect();
                &with_preference
            }
            None => batches,
        };
        // Lookaheads are measured on the first batch.
        let first = batches.first().copied().unwrap_or_default();
        let measure = self.config.affinity.is_some_and(|every| clock.step.is_multiple_of(every));
        let affinities = if measure { self.measure_affinity(first, clock)? } else { Vec::new() };
        if let Some(request) = self.balance.losses.lookahead_request(clock.step as u64) {
            let gradient = self.validation_lookahead(first, clock, &request)?;
            self.balance.losses.receive_lookahead(&gradient);
        }
        let needs_task_gradients = self.balance.needs_task_gradients();
        let accumulates = self.accumulate > 1 || batches.len() > 1;
        let mut outcome = match batches {
            _ if accumulates && needs_task_gradients => self.accumulate_balanced(batches, clock)?,
            _ if accumulates => self.accumulate_jointly(batches, clock)?,
            [[batch]] if !needs_task_gradients => self.learn_jointly(batch, clock)?,
            [[batch]] if self.balance.is_by_layer() => self.learn_by_layer(batch, clock)?,
            _ => self.learn_balanced(first, clock)?,
        };
        outcome.affinities = affinities;
        if self.balance.losses.needs_losses_after_step() && outcome.diverged().is_none() {
            let after = self.repeated_losses(batches, clock)?;
            self.balance.losses.receive_losses_after_step(&after.losses);
        }
        Ok(outcome)
    }

    /// With gradual unfreezing, another epoch may train more weights.
    fn enter_epoch(&mut self, clock: ScheduleStep) {
        let epoch = clock.step / clock.steps_per_epoch.max(1);
        if epoch != self.epoch && self.variables.iter().any(|variable| variable.first_epoch > 0) {
            self.shared = SharedVariables::from_network(self.network, &self.variables, epoch);
            self.checked.fill(false);
        }
        self.epoch = epoch;
    }

    /// Is the variable trained in this epoch?
    fn is_trained(&self, index: usize) -> bool {
        self.variables[index].first_epoch <= self.epoch
    }

    /// The gradients of all variables that are trained in this epoch.
    fn collect(&self, gradients: Gradients) -> Vec<Option<Tensor>> {
        let mut gradients = collect(gradients, &self.variables);
        for (index, gradient) in gradients.iter_mut().enumerate() {
            *gradient = gradient.take().filter(|_| self.is_trained(index));
        }
        gradients
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
        let mut outcome = self.outcome([batch], &[scalars(&losses)?], &tasks);
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
        let gradients = self.collect(tape.into_gradients(joint)?);
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

    /// The training mode of a forward pass of a step on batches of so many parts; every pass has its own
    /// dropout masks.
    fn mode(&self, clock: ScheduleStep, pass: usize, parts: usize) -> Mode<'static> {
        let per_epoch = clock.steps_per_epoch.max(1);
        let mode = Mode::train(self.config.seed, (clock.step * parts * self.accumulate + pass) as u64);
        let mode = mode.with_checkpoints(self.checkpoints);
        mode.in_epoch(clock.step / per_epoch, clock.total / per_epoch)
    }

    /// The losses of the batch's tasks and the sharing's penalty, as scalar tensors.
    fn losses(&self, batch: &Batch, mode: &Mode) -> TrainResult<(Vec<Tensor>, Option<Tensor>)> {
        if batch.labels.is_empty() {
            return Ok((Vec::new(), None));
        }
        Ok(self.network.losses_and_penalty(&batch.inputs, &batch.labels, mode)?)
    }

    /// The losses of batches that had or will have a forward pass in this step, with the same dropout masks
    /// and without updating running statistics.
    fn repeated_losses(&self, batches: &[&[Batch]], clock: ScheduleStep) -> TrainResult<StepOutcome> {
        let mut losses = Vec::new();
        for (number, parts) in batches.iter().enumerate() {
            for (part, batch) in parts.iter().enumerate() {
                let mode = self.mode(clock, number * parts.len() + part, parts.len());
                losses.push(scalars(&self.losses(batch, &mode.repeated())?.0)?);
            }
        }
        let tasks: Vec<usize> = (0..self.checked.len()).collect();
        Ok(self.outcome(batches.iter().copied().flatten(), &losses, &tasks))
    }

    /// An outcome with the losses of `tasks`: means over the labels of all parts.
    fn outcome<'b>(
        &self,
        parts: impl IntoIterator<Item = &'b Batch>,
        losses: &[Vec<f64>],
        tasks: &[usize],
    ) -> StepOutcome {
        let count = self.checked.len();
        let mut outcome = StepOutcome::empty(count);
        let mut cells = vec![0; count];
        for (part, losses) in parts.into_iter().zip(losses) {
            outcome.rows += part.rows;
            for (labels, loss) in part.labels.iter().zip(losses).filter(|(l, _)| tasks.contains(&l.task)) {
                let (mean, cells) = (&mut outcome.losses[labels.task], &mut cells[labels.task]);
                outcome.labelled[labels.task] += labels.labelled;
                *cells += labels.cells;
                *mean = Some(match mean {
                    Some(mean) => *mean + (loss - *mean) * labels.cells as f64 / *cells as f64,
                    None => *loss,
                });
            }
        }
        outcome
    }

    /// In the first step of each task, checks that every variable it uses has a gradient. A layer without a
    /// backward would silently stop the training of all layers before it.
    fn check_gradients(&mut self, tasks: &[usize], reached: &[bool]) -> TrainResult<()> {
        if tasks.iter().all(|task| self.checked[*task]) {
            return Ok(());
        }
        for (index, (weight, reached)) in self.network.weights().trainable().zip(reached).enumerate() {
            if !reached && self.is_trained(index) && self.network.uses(tasks, weight) {
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
