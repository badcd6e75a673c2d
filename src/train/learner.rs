//! One step: forward, losses, weights, backward, clipping, optimizer.

use candle_core::Tensor;

use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::train::batch::Batch;
use crate::train::error::{Error, Result};
use crate::train::gradient::{collect, stroke};
use crate::train::optimizer::Update;
use crate::train::optimizer::pass::{Optimizer, Trainable};
use crate::train::record::Step;
use crate::train::regularization::Strength;
use crate::train::schedule::{Clock, Schedule};
use crate::train::weighting::Weighting;

/// What stays the same at every step.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    pub seed: u64,
    pub update: &'a dyn Update,
    pub schedule: &'a dyn Schedule,
    pub strength: Strength,
    pub clip_norm: Option<f64>,
}

/// Changes a network's weights.
pub struct Learner<'a> {
    network: &'a Network,
    words: Words<'a>,
    pub variables: Vec<Trainable>,
    pub optimizer: Optimizer<'a>,
    pub weighting: Box<dyn Weighting>,
    /// Per task: was it seen that its loss reaches all it should?
    proven: Vec<bool>,
}

/// What a step found. Vectors hold every task, in the signature's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub rows: usize,
    /// Rows with a label.
    pub labelled: Vec<usize>,
    /// `None` for a task without a label.
    pub losses: Vec<Option<f64>>,
    pub weights: Vec<f64>,
    /// What was minimised: weighted sum, weighting's own part, regularization.
    pub joint: f64,
}

impl Outcome {
    /// The first task whose loss is no number any more.
    pub fn diverged(&self) -> Option<(usize, f64)> {
        let losses = self.losses.iter().enumerate();
        losses.filter_map(|(task, loss)| Some((task, (*loss)?))).find(|(_, loss)| !loss.is_finite())
    }

    /// As it joins the epoch's sums.
    pub fn step(&self) -> Step<'_> {
        let Self { rows, labelled, losses, weights, joint } = self;
        Step { rows: *rows, labelled, losses, weights, joint: *joint }
    }

    fn weighted_sum(&self) -> f64 {
        self.losses.iter().zip(&self.weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum()
    }
}

impl<'a> Learner<'a> {
    pub fn new(network: &'a Network, weighting: Box<dyn Weighting>, words: Words<'a>) -> Result<Self> {
        let trainable = network.weights().trainable();
        let variables: Vec<Trainable> = trainable
            .map(|weight| Trainable {
                name: weight.name.clone(),
                var: weight.var.clone(),
                decay: weight.decay,
            })
            .collect();
        let optimizer = Optimizer::new(words.update, &variables)?;
        let proven = vec![false; network.signature().tasks.len()];
        Ok(Self { network, words, variables, optimizer, weighting, proven })
    }

    /// The learning rate of a step.
    pub fn rate(&self, clock: Clock) -> f64 {
        self.words.update.rate() * self.words.schedule.factor(clock)
    }

    /// Learns from one batch. When a loss is no number, nothing is changed.
    pub fn learn(&mut self, batch: &Batch, clock: Clock) -> Result<Outcome> {
        let tasks: Vec<usize> = batch.labels.iter().map(|labels| labels.task).collect();
        let (losses, penalty) = self.losses(batch, &tasks, clock)?;
        let mut outcome = self.outcome(batch, &losses)?;
        if losses.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        outcome.weights = self.weighting.weights(clock.step as u64, &outcome.losses);
        let mut joint = joint(&losses, tasks.iter().map(|task| outcome.weights[*task]))?;
        let mut shared = 0.0;
        if let Some(penalty) = penalty {
            shared = f64::from(penalty.to_scalar::<f32>()?);
            joint = (joint + penalty)?;
        }
        let gradients = collect(joint.backward()?, &self.variables);
        // A task that counts nothing gives its variables nothing.
        let counting: Vec<usize> =
            tasks.iter().copied().filter(|task| outcome.weights[*task] != 0.0).collect();
        self.prove(&counting, &gradients)?;
        let Words { strength, clip_norm, schedule, .. } = self.words;
        let (stroke, penalty) = stroke(&self.variables, &gradients, self.rate(clock), strength, clip_norm)?;
        self.optimizer.step(&self.variables, &gradients, &stroke)?;
        outcome.joint = outcome.weighted_sum() + self.weighting.penalty(&outcome.losses) + penalty + shared;
        self.weighting.learn(&outcome.losses, schedule.factor(clock));
        Ok(outcome)
    }

    /// The losses of the batch's tasks and the sharing's penalty, as scalar tensors.
    fn losses(&self, batch: &Batch, tasks: &[usize], clock: Clock) -> Result<(Vec<Tensor>, Option<Tensor>)> {
        if tasks.is_empty() {
            return Ok((Vec::new(), None));
        }
        let Clock { step, steps_per_epoch, total } = clock;
        let per_epoch = steps_per_epoch.max(1);
        let mode = Mode::train(self.words.seed, step as u64).in_epoch(step / per_epoch, total / per_epoch);
        Ok(self.network.losses_and_penalty(&batch.inputs, &batch.labels, &mode)?)
    }

    fn outcome(&self, batch: &Batch, losses: &[Tensor]) -> Result<Outcome> {
        let tasks = self.proven.len();
        let mut outcome = Outcome {
            rows: batch.rows,
            labelled: vec![0; tasks],
            losses: vec![None; tasks],
            weights: vec![0.0; tasks],
            joint: 0.0,
        };
        for (labels, loss) in batch.labels.iter().zip(losses) {
            outcome.labelled[labels.task] = labels.labelled;
            outcome.losses[labels.task] = Some(f64::from(loss.to_scalar::<f32>()?));
        }
        Ok(outcome)
    }

    /// At the first step of each task: did every variable it uses get a gradient? A layer without a
    /// backward would cut off all before it, and nobody would notice.
    fn prove(&mut self, tasks: &[usize], gradients: &[Option<Tensor>]) -> Result<()> {
        if tasks.iter().all(|task| self.proven[*task]) {
            return Ok(());
        }
        for (weight, gradient) in self.network.weights().trainable().zip(gradients) {
            if gradient.is_none() && self.network.uses(tasks, weight) {
                return Err(Error::NoGradient { variable: weight.name.clone() });
            }
        }
        tasks.iter().for_each(|task| self.proven[*task] = true);
        Ok(())
    }
}

/// The weighted sum of the losses.
fn joint(losses: &[Tensor], weights: impl Iterator<Item = f64>) -> Result<Tensor> {
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
    use crate::train::Error;
    use crate::train::learner::{Learner, Words, joint};
    use crate::train::regularization::Strength;
    use crate::train::rehearsal::Rehearsal;
    use crate::train::spec::{OptimizerSpec, ScheduleSpec, WeightingSpec};
    use crate::train::weighting::Setting;

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
        let network = Rehearsal::new().network();
        let optimizer: OptimizerSpec = serde_json::from_value(json!("adam")).expect("words");
        let schedule = ScheduleSpec::default();
        let words = Words {
            seed: 0,
            update: optimizer.view(),
            schedule: schedule.view(),
            strength: Strength::default(),
            clip_norm: None,
        };
        let tasks: Vec<TaskName> = network.signature().tasks.iter().map(|task| task.name.clone()).collect();
        let setting = Setting { tasks: &tasks, seed: 0, rate: 0.1 };
        let weighting = WeightingSpec::default().view().build(&setting);
        let mut learner = Learner::new(&network, weighting, words).expect("a learner");
        let one = Tensor::new(1.0_f32, &Device::Cpu).expect("a scalar");
        let names: Vec<String> = learner.variables.iter().map(|variable| variable.name.clone()).collect();
        let without = |missing: &str| -> Vec<Option<Tensor>> {
            names.iter().map(|name| (!name.starts_with(missing)).then(|| one.clone())).collect()
        };
        let error = learner.prove(&[0, 1], &without("trunk.0.dense.weight")).expect_err("cut off");
        assert!(
            matches!(&error, Error::NoGradient { variable } if variable == "trunk.0.dense.weight"),
            "{error}"
        );
        let named = |error: Error| matches!(error, Error::NoGradient { variable } if variable.starts_with("head.sign."));
        assert!(named(learner.prove(&[0, 1], &without("head.sign.")).expect_err("cut off")));
        learner.prove(&[0], &without("head.sign.")).expect("the other head is not used");
        assert!(named(
            learner.prove(&[1], &without("head.sign.")).expect_err("a task's first step is looked at")
        ));
        learner.prove(&[0], &without("trunk.")).expect("looked at once");
    }
}
