//! The history of a training: its position, the sums of the current epoch, and every finished epoch, so that
//! a resumed training can emit their events again.

use serde::{Deserialize, Serialize};

use crate::domain::event::{Event, FinishedEpoch, SourceShare, TaskRelation};
use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score, Split, TaskValue};
use crate::train::affinity::{AffinityAccumulator, PairAffinity};
use crate::train::comparison::{GradientComparison, GradientPairStep};
use crate::train::exact_number::{ExactNumber, ExactSum};

/// The position of a training between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingPosition {
    /// Finished epochs.
    pub epoch: usize,
    /// Finished steps of the running epoch.
    pub batch: usize,
    /// Finished steps since the start.
    pub step: usize,
}

/// Sums over the steps of the current epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochSums {
    /// Per task: the sum of losses times labelled rows, and the number of labelled rows.
    losses: Vec<(ExactSum, u64)>,
    /// Per task: the sum of weights over the steps with labels, and the number of these steps.
    weights: Vec<(ExactSum, u64)>,
    /// The sum of joint losses times rows.
    joint: ExactSum,
    rows: u64,
    /// Time spent, for display only.
    seconds: ExactNumber,
    /// Comparison of the tasks' gradients, if it is enabled.
    #[serde(default)]
    pub comparison: GradientComparison,
    /// Inter-task affinities, if they are measured.
    #[serde(default)]
    pub affinities: AffinityAccumulator,
}

/// The results of one training step.
#[derive(Clone, Debug)]
pub struct TrainingStep<'a> {
    /// Number of rows in the batch.
    pub rows: usize,
    /// Rows with a label, per task.
    pub labelled: &'a [usize],
    /// `None` for a task without labels in the batch.
    pub losses: &'a [Option<f64>],
    /// The weights of the tasks.
    pub weights: &'a [f64],
    /// The joint loss, with its penalties.
    pub joint: f64,
    /// The compared gradients.
    pub pairs: &'a [GradientPairStep],
    /// The measured affinities.
    pub affinities: &'a [PairAffinity],
    /// Whether the gradient method had no solution of its own.
    pub irregular: bool,
}

impl EpochSums {
    /// Sums of 0 for `tasks` tasks.
    pub fn new(tasks: usize) -> Self {
        Self {
            losses: vec![(ExactSum::ZERO, 0); tasks],
            weights: vec![(ExactSum::ZERO, 0); tasks],
            joint: ExactSum::ZERO,
            rows: 0,
            seconds: ExactNumber::from(0.0),
            comparison: GradientComparison::default(),
            affinities: AffinityAccumulator::default(),
        }
    }

    /// The number of tasks.
    pub fn tasks(&self) -> usize {
        self.losses.len()
    }

    /// Adds the results of a step.
    pub fn add(&mut self, step: &TrainingStep) {
        for (task, loss) in step.losses.iter().enumerate() {
            let Some(loss) = loss else { continue };
            let labelled = step.labelled[task] as u64;
            self.losses[task].0.add(loss * labelled as f64);
            self.losses[task].1 += labelled;
            self.weights[task].0.add(step.weights[task]);
            self.weights[task].1 += 1;
        }
        self.joint.add(step.joint * step.rows as f64);
        self.rows += step.rows as u64;
        self.comparison.add(step.pairs, step.irregular);
        self.affinities.add(step.affinities);
    }

    /// Adds time spent.
    pub fn add_seconds(&mut self, seconds: f64) {
        self.seconds = ExactNumber::from(self.seconds.get() + seconds);
    }

    /// Duration so far.
    pub fn seconds(&self) -> f64 {
        self.seconds.get()
    }

    /// Mean loss per task over its labelled rows.
    pub fn losses(&self) -> Vec<Option<f64>> {
        self.losses.iter().map(|(sum, rows)| sum.mean(*rows)).collect()
    }

    /// Mean weight per task over the steps where it had labels.
    pub fn weights(&self) -> Vec<Option<f64>> {
        self.weights.iter().map(|(sum, steps)| sum.mean(*steps)).collect()
    }

    /// The mean joint loss per row.
    pub fn joint(&self) -> f64 {
        self.joint.mean(self.rows).unwrap_or(0.0)
    }

    /// Training rows per second so far.
    pub fn rows_per_second(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.rows as f64 / seconds } else { 0.0 }
    }
}

/// A number of one task, stored exactly.
type TaskNumber = (TaskName, ExactNumber);

/// A finished epoch: [`Event::EpochFinished`] with exact numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochSummary {
    epoch: usize,
    step: usize,
    losses: Vec<TaskNumber>,
    joint_loss: ExactNumber,
    weights: Vec<TaskNumber>,
    rate: ExactNumber,
    rows_per_second: ExactNumber,
    seconds: ExactNumber,
    scores: Vec<(TaskName, Split, String, ExactNumber, Direction, usize)>,
    objective: Option<ExactNumber>,
    best: bool,
    relations: Vec<(TaskName, TaskName, ExactNumber)>,
    #[serde(default)]
    shares: Vec<(String, String, String, ExactNumber)>,
}

impl EpochSummary {
    /// The summary of a recorded epoch.
    pub fn from_event(finished: &FinishedEpoch) -> Self {
        let FinishedEpoch {
            trial: _,
            epoch,
            step,
            losses,
            joint_loss,
            weights,
            rate,
            rows_per_second,
            seconds,
            scores,
            objective,
            best,
            relations,
            shares,
        } = finished;
        let named = |values: &[TaskValue]| {
            values.iter().map(|v| (v.task.clone(), ExactNumber::from(v.value))).collect()
        };
        let score = |s: &Score| {
            (s.task.clone(), s.split, s.metric.clone(), ExactNumber::from(s.value), s.direction, s.rows)
        };
        let share = |s: &SourceShare| {
            (s.unit.clone(), s.reader.clone(), s.source.clone(), ExactNumber::from(s.value))
        };
        let relation = |r: &TaskRelation| (r.task.clone(), r.other.clone(), ExactNumber::from(r.value));
        Self {
            epoch: *epoch,
            step: *step,
            losses: named(losses),
            joint_loss: ExactNumber::from(*joint_loss),
            weights: named(weights),
            rate: ExactNumber::from(*rate),
            rows_per_second: ExactNumber::from(*rows_per_second),
            seconds: ExactNumber::from(*seconds),
            scores: scores.iter().map(score).collect(),
            objective: objective.map(ExactNumber::from),
            best: *best,
            relations: relations.iter().map(relation).collect(),
            shares: shares.iter().map(share).collect(),
        }
    }

    /// The event of a trial.
    pub fn event(&self, trial: u32) -> Event {
        let values = |named: &[TaskNumber]| {
            named.iter().map(|(task, value)| TaskValue { task: task.clone(), value: value.get() }).collect()
        };
        let score = |(task, split, metric, value, direction, rows): &(_, _, _, ExactNumber, _, _)| Score {
            task: TaskName::clone(task),
            split: *split,
            metric: String::clone(metric),
            value: value.get(),
            direction: *direction,
            rows: *rows,
            interval: None,
        };
        let relation = |(task, other, value): &(TaskName, TaskName, ExactNumber)| TaskRelation {
            task: task.clone(),
            other: other.clone(),
            value: value.get(),
        };
        let share = |(unit, reader, source, value): &(String, String, String, ExactNumber)| SourceShare {
            unit: unit.clone(),
            reader: reader.clone(),
            source: source.clone(),
            value: value.get(),
        };
        Event::EpochFinished(FinishedEpoch {
            trial,
            epoch: self.epoch,
            step: self.step,
            losses: values(&self.losses),
            joint_loss: self.joint_loss.get(),
            weights: values(&self.weights),
            rate: self.rate.get(),
            rows_per_second: self.rows_per_second.get(),
            seconds: self.seconds.get(),
            scores: self.scores.iter().map(score).collect(),
            objective: self.objective.map(ExactNumber::get),
            best: self.best,
            relations: self.relations.iter().map(relation).collect(),
            shares: self.shares.iter().map(share).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::event::{Event, FinishedEpoch, SourceShare, TaskRelation};
    use crate::domain::name::TaskName;
    use crate::domain::score::{Direction, Score, Split, TaskValue};
    use crate::train::record::{EpochSummary, EpochSums, TrainingStep};

    #[test]
    fn means_count_labelled_rows() {
        let mut sums = EpochSums::new(2);
        let step = TrainingStep {
            rows: 4,
            labelled: &[4, 0],
            losses: &[Some(1.0), None],
            weights: &[1.0, 1.0],
            joint: 1.0,
            pairs: &[],
            affinities: &[],
            irregular: false,
        };
        sums.add(&step);
        let step = TrainingStep {
            rows: 2,
            labelled: &[1, 2],
            losses: &[Some(6.0), Some(3.0)],
            weights: &[0.5, 2.0],
            joint: 4.0,
            pairs: &[],
            affinities: &[],
            irregular: false,
        };
        sums.add(&step);
        assert_eq!(sums.losses(), [Some(2.0), Some(3.0)]);
        assert_eq!(sums.weights(), [Some(0.75), Some(2.0)]);
        assert_eq!(sums.joint(), 2.0);
        assert_eq!(EpochSums::new(1).losses(), [None]);
    }

    #[test]
    fn an_epoch_is_restored_exactly() {
        let task = TaskName::new("a").expect("a name");
        let third = 1.0_f64 / 3.0;
        let score = Score {
            task: task.clone(),
            split: Split::Valid,
            metric: "auroc".into(),
            value: 0.1 + 0.2,
            direction: Direction::Higher,
            rows: 5,
            interval: None,
        };
        let finished = FinishedEpoch {
            trial: 2,
            epoch: 1,
            step: 10,
            losses: vec![TaskValue { task: task.clone(), value: third }],
            joint_loss: third * 1e-300,
            weights: vec![TaskValue { task: task.clone(), value: 1.0 }],
            rate: 1e-3 / 7.0,
            rows_per_second: 123.456,
            seconds: 0.7,
            scores: vec![score],
            objective: Some(third),
            best: true,
            relations: vec![TaskRelation { task: task.clone(), other: task, value: third }],
            shares: vec![SourceShare {
                unit: "level 1".into(),
                reader: "a".into(),
                source: "shared 1".into(),
                value: third,
            }],
        };
        let text = serde_json::to_string(&EpochSummary::from_event(&finished)).expect("text");
        let epoch: EpochSummary = serde_json::from_str(&text).expect("an epoch");
        assert_eq!(epoch.event(2), Event::EpochFinished(finished));
    }
}
