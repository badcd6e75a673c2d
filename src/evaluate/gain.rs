//! Relative improvement over a baseline, averaged over tasks.
//!
//! gain = 100/T sum_t 1/n_t sum_i s_i (M_i - B_i) / |B_i|, where s_i = 1 if higher is better, else -1:
//! Delta_m of Maninis et al. (2019), but averaged over each task's metrics first, so that all tasks have the
//! same weight; higher is better. `delta_m` is the form of Navon et al. (2022): averaged over all metrics;
//! lower is better.
//!
//! `evaluate: {baselines: single_task}`

use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Gain, Score, Split};
use crate::evaluate::config::TaskMetrics;
use crate::evaluate::metric::MetricConfig;

/// One metric of one task, and the baseline's value.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricGain {
    /// Name of the task.
    pub task: TaskName,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// The value after joint training.
    pub value: f64,
    /// The value after training the task alone.
    pub baseline: f64,
}

impl MetricGain {
    /// The relative improvement, positive if better; `None` if it is not finite, as with a baseline of 0.
    pub fn improvement(&self) -> Option<f64> {
        let sign = match self.direction {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
        };
        let change = sign * (self.value - self.baseline) / self.baseline.abs();
        change.is_finite().then_some(change)
    }
}

/// Delta_m in percent; lower is better. `None` if any improvement is undefined.
pub fn delta_m(changes: &[MetricGain]) -> Option<f64> {
    let improvements = changes.iter().map(MetricGain::improvement).collect::<Option<Vec<f64>>>()?;
    (!improvements.is_empty()).then(|| -100.0 * improvements.iter().sum::<f64>() / improvements.len() as f64)
}

/// The mean improvement in percent with equal weight per task; higher is better. `None` if any is undefined.
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

/// Compares every metric of the joint training with the same task trained alone. `metrics` has the tasks in
/// order; `counted` selects the metrics that count towards a task's gain.
pub fn gains(
    joint: &[Score],
    alone: &[Score],
    metrics: &[(TaskName, Vec<MetricConfig>)],
    counted: TaskMetrics,
) -> Vec<Gain> {
    let find = |scores: &[Score], task: &TaskName, split: Split, metric: &str| {
        let mut scores = scores.iter().filter(|score| score.task == *task && score.split == split);
        scores.find(|score| score.metric == metric).and_then(Score::defined)
    };
    let mut gains = Vec::new();
    for split in Split::ALL {
        // Skips splits that were not scored or have no label of the task.
        let is_scored = |task: &TaskName| {
            joint.iter().chain(alone).any(|score| score.task == *task && score.split == split)
        };
        for (task, metrics) in metrics.iter().filter(|(task, _)| is_scored(task)) {
            for (index, metric) in metrics.iter().enumerate() {
                let (label, direction) = (metric.label(), metric.view().direction());
                let (value, baseline) = (find(joint, task, split, &label), find(alone, task, split, &label));
                let improvement = value.zip(baseline).and_then(|(value, baseline)| {
                    MetricGain { task: task.clone(), direction, value, baseline }.improvement()
                });
                gains.push(Gain {
                    task: task.clone(),
                    split,
                    metric: label,
                    direction,
                    value,
                    baseline,
                    gain: improvement.map(|improvement| 100.0 * improvement),
                    counts: index == 0 || counted == TaskMetrics::All,
                });
            }
        }
    }
    gains
}

/// The gain over all tasks on each split on which all counted gains are defined.
pub fn overall(gains: &[Gain]) -> Vec<(Split, f64)> {
    let change = |gain: &Gain| {
        let (task, direction) = (gain.task.clone(), gain.direction);
        Some(MetricGain { task, direction, value: gain.value?, baseline: gain.baseline? })
    };
    let of_split = |split: Split| {
        let counted = gains.iter().filter(|gain| gain.counts && gain.split == split);
        Some((split, gain(&counted.map(change).collect::<Option<Vec<_>>>()?)?))
    };
    Split::ALL.into_iter().filter_map(of_split).collect()
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
    fn a_baseline_of_0_has_no_gain() {
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
            interval: None,
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
        // With a metric undefined on one side there is no mean.
        let incomplete = gains(&joint[1..], &alone, &metrics, TaskMetrics::First);
        assert_eq!((incomplete[0].gain, overall(&incomplete)), (None, Vec::new()));
    }
}
