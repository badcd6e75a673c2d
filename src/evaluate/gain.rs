//! Relative change against a baseline, over all tasks.
//!
//! gain = 100/T sum_t 1/n_t sum_i s_i (M_i - B_i) / |B_i|, s_i = 1 where higher is better, else -1: the
//! Delta_m of Maninis et al. (2019), with a task's metrics averaged first, so that a task with many metrics
//! counts no more than one with few; higher is better. `delta_m` is the form of Navon et al. (2022): over
//! metrics, and lower is better.
//!
//! `evaluate: {baselines: single_task}`

use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Gain, Score, Split};
use crate::evaluate::config::TaskMetrics;
use crate::evaluate::metric::MetricConfig;

/// One metric of one task, and what the baseline reached.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricGain {
    pub task: TaskName,
    pub direction: Direction,
    pub value: f64,
    pub baseline: f64,
}

impl MetricGain {
    /// Relative improvement, positive when better. `None` when the baseline is 0: nothing is
    /// relative to nothing.
    pub fn improvement(&self) -> Option<f64> {
        let sign = match self.direction {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
        };
        let change = sign * (self.value - self.baseline) / self.baseline.abs();
        change.is_finite().then_some(change)
    }
}

/// Delta_m in percent; lower is better. `None` when a change has none, for a mean without it
/// would be another number.
pub fn delta_m(changes: &[MetricGain]) -> Option<f64> {
    let improvements = changes.iter().map(MetricGain::improvement).collect::<Option<Vec<f64>>>()?;
    (!improvements.is_empty()).then(|| -100.0 * improvements.iter().sum::<f64>() / improvements.len() as f64)
}

/// Mean improvement in percent, each task counting alike; higher is better.
pub fn gain(changes: &[MetricGain]) -> Option<f64> {
    let mut tasks: Vec<(&TaskName, f64, f64)> = Vec::new();
    for change in changes {
        let improvement = change.improvement()?;
        match tasks.iter_mut().find(|(task, ..)| *task == &change.task) {
            Some((_, sum, count)) => {
                *sum += improvement;
                *count += 1.0;
            }
            None => tasks.push((&change.task, improvement, 1.0)),
        }
    }
    let sum: f64 = tasks.iter().map(|(_, sum, count)| sum / count).sum();
    (!tasks.is_empty()).then(|| 100.0 * sum / tasks.len() as f64)
}

/// Every metric of the joint training beside the same task's trained alone; `metrics` are the tasks', in
/// their order.
pub fn gains(
    joint: &[Score],
    alone: &[Score],
    metrics: &[(TaskName, Vec<MetricConfig>)],
    judged: TaskMetrics,
) -> Vec<Gain> {
    let value = |scores: &[Score], task: &TaskName, split: Split, metric: &str| {
        let mut own = scores.iter().filter(|score| score.task == *task && score.split == split);
        own.find(|score| score.metric == metric).and_then(Score::defined)
    };
    let mut all = Vec::new();
    for split in Split::ALL {
        // A split that was not scored, or has no label of a task, says nothing of it.
        let scored = |task: &TaskName| {
            joint.iter().chain(alone).any(|score| score.task == *task && score.split == split)
        };
        for (task, own) in metrics.iter().filter(|(task, _)| scored(task)) {
            for (index, metric) in own.iter().enumerate() {
                let (label, direction) = (metric.label(), metric.view().direction());
                let pair = (value(joint, task, split, &label), value(alone, task, split, &label));
                let change =
                    |(value, baseline)| MetricGain { task: task.clone(), direction, value, baseline };
                let improvement = pair.0.zip(pair.1).and_then(|pair| change(pair).improvement());
                all.push(Gain {
                    task: task.clone(),
                    split,
                    metric: label,
                    direction,
                    value: pair.0,
                    baseline: pair.1,
                    gain: improvement.map(|share| 100.0 * share),
                    counts: index == 0 || judged == TaskMetrics::All,
                });
            }
        }
    }
    all
}

/// The gain over all tasks on each split where every task's is defined.
pub fn overall(gains: &[Gain]) -> Vec<(Split, f64)> {
    let change = |gain: &Gain| {
        let (task, direction) = (gain.task.clone(), gain.direction);
        Some(MetricGain { task, direction, value: gain.value?, baseline: gain.baseline? })
    };
    let of = |split: Split| {
        let counting = gains.iter().filter(|gain| gain.counts && gain.split == split);
        Some((split, gain(&counting.map(change).collect::<Option<Vec<_>>>()?)?))
    };
    Split::ALL.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::domain::score::{Direction, Score, Split};
    use crate::domain::task::TagScheme;
    use crate::domain::task_kind::TaskKind;
    use crate::evaluate::config::TaskMetrics;
    use crate::evaluate::default_metrics;
    use crate::evaluate::gain::{MetricGain, delta_m, gain, gains, overall};

    fn change(task: &str, direction: Direction, value: f64, baseline: f64) -> MetricGain {
        let task = TaskName::new(task).expect("a name");
        MetricGain { task, direction, value, baseline }
    }

    #[test]
    fn by_hand() {
        // seg: +10 % and -5 %; depth: error 0.5 -> 0.4 is +20 %.
        let changes = [
            change("seg", Direction::Higher, 0.55, 0.50),
            change("seg", Direction::Higher, 0.76, 0.80),
            change("depth", Direction::Lower, 0.40, 0.50),
        ];
        assert!((delta_m(&changes).expect("defined") + (10.0 - 5.0 + 20.0) / 3.0).abs() < 1e-9);
        assert!((gain(&changes).expect("defined") - (2.5 + 20.0) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn better_is_better_from_a_negative_baseline_too() {
        let changes = [change("depth", Direction::Higher, -0.1, -0.2)];
        assert!((gain(&changes).expect("defined") - 50.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_relative_to_nothing() {
        let changes = [change("a", Direction::Higher, 0.5, 0.5), change("b", Direction::Lower, 0.1, 0.0)];
        assert_eq!(delta_m(&changes), None);
        assert_eq!(gain(&changes), None);
        assert_eq!(gain(&[]), None);
    }

    /// By hand: auroc 0.90 -> 0.945 is +5 %; rmse 12 -> 13.2 is -10 %, mae 10 -> 8 is +20 %.
    #[test]
    fn every_metric_is_compared_and_the_first_counts() {
        let score = |task: &str, metric: &str, value| Score {
            task: TaskName::new(task).expect("a name"),
            split: Split::Test,
            metric: metric.into(),
            value,
            direction: Direction::Higher,
            rows: 9,
        };
        let joint = [score("a", "auroc", 0.945), score("b", "mae", 8.0), score("b", "rmse", 13.2)];
        let alone = [score("a", "auroc", 0.9), score("b", "mae", 10.0), score("b", "rmse", 12.0)];
        let mut metrics: Vec<_> = [("a", TaskKind::Binary), ("b", TaskKind::Regression)]
            .map(|(name, kind)| {
                (TaskName::new(name).expect("a name"), default_metrics(kind, TagScheme::None))
            })
            .to_vec();
        metrics[0].1.truncate(1);
        metrics[1].1.truncate(2);
        let near = |result: Option<f64>, expected: f64| {
            assert!((result.expect("defined") - expected).abs() < 1e-9, "{result:?} is not {expected}");
        };
        let first = gains(&joint, &alone, &metrics, TaskMetrics::First);
        assert_eq!(first.iter().map(|gain| gain.counts).collect::<Vec<_>>(), [true, true, false]);
        for (gain, expected) in first.iter().zip([5.0, -10.0, 20.0]) {
            near(gain.gain, expected);
        }
        near(overall(&first).first().map(|(_, gain)| *gain), -2.5);
        let all = gains(&joint, &alone, &metrics, TaskMetrics::All);
        near(overall(&all).first().map(|(_, gain)| *gain), (5.0 + 5.0) / 2.0);
        // A task whose metric is undefined on one side leaves no mean.
        let lacking = gains(&joint[1..], &alone, &metrics, TaskMetrics::First);
        assert_eq!((lacking[0].gain, overall(&lacking)), (None, Vec::new()));
    }
}
