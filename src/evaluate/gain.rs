//! Relative change against a baseline, over all tasks.
//!
//! delta_m = 100/n sum_i s_i (M_i - B_i) / |B_i|, s_i = -1 where higher is better, else 1, over
//! metrics (Maninis et al. 2019): lower is better. `gain` is its opposite, and averages a task's
//! metrics first, so that a task with many metrics counts no more than one with few.

use crate::domain::name::TaskName;
use crate::domain::score::Direction;

/// One metric of one task, and what the baseline reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub task: TaskName,
    pub direction: Direction,
    pub value: f64,
    pub baseline: f64,
}

impl Change {
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
pub fn delta_m(changes: &[Change]) -> Option<f64> {
    let improvements = changes.iter().map(Change::improvement).collect::<Option<Vec<f64>>>()?;
    (!improvements.is_empty()).then(|| -100.0 * improvements.iter().sum::<f64>() / improvements.len() as f64)
}

/// Mean improvement in percent, each task counting alike; higher is better.
pub fn gain(changes: &[Change]) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::domain::score::Direction;
    use crate::evaluate::gain::{Change, delta_m, gain};

    fn change(task: &str, direction: Direction, value: f64, baseline: f64) -> Change {
        let task = TaskName::new(task).expect("a name");
        Change { task, direction, value, baseline }
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
}
