//! What the best epoch is chosen by: one task's metric, or all tasks' validation losses as one number.
//!
//! Over all tasks: mean over tasks of L_k / R_k, where R_k is what the same validation rows cost when
//! the answer is always that of the training rows' mean or class frequencies. 1 is no better than
//! knowing nothing, 0 is perfect. Unlike the first epoch's loss, R_k depends on neither seed, network
//! nor rate, so trials compare by it, and a task that is quickly learned counts no less.

use crate::domain::array::Array;
use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score};
use crate::domain::signature::Signature;
use crate::domain::task::FittedTarget;
use crate::evaluate::metric::MetricConfig;
use crate::train::config::MonitorConfig;
use crate::train::error::{TrainError, TrainResult};

/// What a monitor came down to.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// One task's metric.
    Metric { task: TaskName, metric: MetricConfig },
    /// All tasks' losses, each in units of its reference.
    Losses,
}

impl Objective {
    pub fn new(monitor: &MonitorConfig, metrics: &[(TaskName, Vec<MetricConfig>)]) -> TrainResult<Self> {
        let Some(task) = &monitor.task else { return Ok(Self::Losses) };
        let Some((_, own)) = metrics.iter().find(|(name, _)| name == task) else {
            return Err(TrainError::UnknownTask(task.clone()));
        };
        let metric = monitor.metric.as_ref().or(own.first());
        let metric = metric.ok_or_else(|| TrainError::NoMetric(task.clone()))?.clone();
        Ok(Self::Metric { task: task.clone(), metric })
    }

    pub fn direction(&self) -> Direction {
        match self {
            Self::Metric { metric, .. } => metric.view().direction(),
            Self::Losses => Direction::Lower,
        }
    }

    /// The epoch's value; `None` when it is not defined on these validation rows.
    pub fn value(&self, scores: &[Score], losses: &[Option<f64>], references: &[f64]) -> Option<f64> {
        match self {
            Self::Metric { task, metric } => {
                let label = metric.label();
                let score = scores.iter().find(|score| score.task == *task && score.metric == label)?;
                score.defined()
            }
            Self::Losses => joint(losses, references),
        }
    }

    /// A loss to choose by where the value is not defined: the task's own, or the mean over all tasks.
    pub fn fallback_loss(
        &self,
        signature: &Signature,
        losses: &[Option<f64>],
        references: &[f64],
    ) -> Option<f64> {
        let Self::Metric { task, .. } = self else { return None };
        let own = signature.tasks.iter().position(|one| one.name == *task).and_then(|at| losses[at]);
        own.or_else(|| joint(losses, references)).filter(|loss| loss.is_finite())
    }
}

/// The mean of the tasks' losses, each in units of its reference; `None` where no task has one.
fn joint(losses: &[Option<f64>], references: &[f64]) -> Option<f64> {
    let shares: Vec<f64> = losses.iter().zip(references).filter_map(|(loss, r)| Some((*loss)? / r)).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// The logits that always give the training rows' class frequencies or mean, one row of them.
/// Classes that never occur count as half a row.
pub fn constant_logits(target: &FittedTarget, truth: &Array, train: &[u32]) -> Vec<f32> {
    let odds = |yes: u64, no: u64| ((yes as f64 + 0.5) / (no as f64 + 0.5)).ln() as f32;
    match target {
        FittedTarget::Binary { counts, .. } => vec![odds(counts[1], counts[0])],
        FittedTarget::Multiclass { counts, .. }
        | FittedTarget::Tagging { counts, .. }
        | FittedTarget::Segmentation { counts, .. } => {
            counts.iter().map(|count| (*count as f64 + 0.5).ln() as f32).collect()
        }
        FittedTarget::Multilabel { positives, present, .. } => {
            positives.iter().zip(present).map(|(yes, all)| odds(*yes, all - yes)).collect()
        }
        // One question per cut: is it above?
        FittedTarget::Ordinal { counts, .. } => (1..counts.len())
            .map(|cut| odds(counts[cut..].iter().sum(), counts[..cut].iter().sum()))
            .collect(),
        FittedTarget::PixelRegression { center, scale, .. } => {
            vec![((mean(truth, 0, 1, train) - center) / scale) as f32]
        }
        // Nobody asks: a vocabulary is too wide for a row of logits at every token.
        FittedTarget::Text { .. } | FittedTarget::LanguageModel { .. } => Vec::new(),
        FittedTarget::Regression { center, scale, .. } => (0..center.len())
            .map(|column| {
                ((mean(truth, column, center.len(), train) - center[column]) / scale[column]) as f32
            })
            .collect(),
    }
}

/// What a token of the validation rows costs when the answer is always the training rows' frequencies:
/// the mean of -log p. A token that never occurs counts as half a one.
pub fn token_entropy(truth: &Array, vocabulary: usize, train: &[u32], valid: &[u32]) -> Option<f64> {
    let cells = truth.as_f32()?;
    let tokens = |rows: &'_ [u32]| -> Vec<usize> {
        let steps = rows.iter().flat_map(|row| truth.row(*row as usize));
        steps.map(|step| cells[step]).filter(|cell| !cell.is_nan()).map(|cell| cell as usize).collect()
    };
    let mut counts = vec![0.5_f64; vocabulary];
    tokens(train).into_iter().for_each(|token| counts[token] += 1.0);
    let total: f64 = counts.iter().sum();
    let asked = tokens(valid);
    let sum: f64 = asked.iter().map(|token| (total / counts[*token]).ln()).sum();
    (!asked.is_empty()).then(|| sum / asked.len() as f64)
}

/// The mean of the present cells that stand at `column` of `columns`; 0 of none.
fn mean(truth: &Array, column: usize, columns: usize, rows: &[u32]) -> f64 {
    let (width, cells) = (truth.width(), truth.to_f64().unwrap_or_default());
    let row = |row: &u32| cells[*row as usize * width..][..width].iter().skip(column).step_by(columns);
    let present = rows.iter().flat_map(row).filter(|cell| !cell.is_nan());
    // As it goes along: the sum of many large numbers would lose their last digits.
    present.zip(1_u64..).fold(0.0, |mean, (cell, count)| mean + (cell - mean) / count as f64)
}

/// What a task's loss is divided by: a reference of nothing divides nothing.
pub fn reference(loss: Option<f64>) -> f64 {
    loss.filter(|loss| loss.is_finite() && *loss > 1e-9).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use crate::domain::array::Array;
    use crate::domain::name::TaskName;
    use crate::domain::score::{Direction, Score, Split};
    use crate::domain::task::{FittedTarget, TagScheme};
    use crate::domain::task_kind::TaskKind;
    use crate::evaluate::default_metrics;
    use crate::train::config::MonitorConfig;
    use crate::train::error::TrainError;
    use crate::train::objective::{Objective, constant_logits, reference};

    fn name(text: &str) -> TaskName {
        TaskName::new(text).expect("a name")
    }

    #[test]
    fn all_tasks_count_alike() {
        let value = Objective::Losses.value(&[], &[Some(0.5), None, Some(30.0)], &[1.0, 1.0, 100.0]);
        assert_eq!(value, Some(0.4));
        assert_eq!(Objective::Losses.value(&[], &[None], &[1.0]), None);
        assert_eq!([Some(0.0), None, Some(f64::INFINITY), Some(0.7)].map(reference), [1.0, 1.0, 1.0, 0.7]);
    }

    #[test]
    fn one_tasks_first_metric() {
        let metrics = [
            (name("a"), default_metrics(TaskKind::Regression, TagScheme::None)),
            (name("b"), default_metrics(TaskKind::Binary, TagScheme::None)),
        ];
        let monitor = |task| MonitorConfig { task: Some(name(task)), ..MonitorConfig::default() };
        let objective = Objective::new(&monitor("b"), &metrics).expect("an objective");
        assert_eq!(objective.direction(), Direction::Higher);
        let score = |task, metric: &str, value| Score {
            task: name(task),
            split: Split::Valid,
            metric: metric.into(),
            value,
            direction: Direction::Higher,
            rows: 1,
        };
        let scores = [score("a", "auroc", 0.1), score("b", "f1", 0.2), score("b", "auroc", 0.3)];
        assert_eq!(objective.value(&scores, &[], &[]), Some(0.3));
        assert_eq!(objective.value(&scores[..2], &[], &[]), None);
        assert!(matches!(Objective::new(&monitor("c"), &metrics), Err(TrainError::UnknownTask(_))));
    }

    #[test]
    fn constants_give_frequencies_and_means() {
        let truth = Array::f32(&[4, 1], vec![1.0, 3.0, f32::NAN, 100.0]);
        let train = [0, 1, 2];
        let of = |target: FittedTarget| constant_logits(&target, &truth, &train);
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let counts = vec![10_000, 20_000, 70_000];
        let binary = of(FittedTarget::Binary {
            classes: ["n".into(), "y".into()],
            counts: [30_000, 10_000],
            threshold: 0.5,
        });
        assert!((sigmoid(binary[0]) - 0.25).abs() < 1e-4);
        let multiclass = of(FittedTarget::Multiclass { classes: classes.clone(), counts: counts.clone() });
        assert!(((multiclass[2] - multiclass[0]).exp() - 7.0).abs() < 1e-2);
        let ordinal = of(FittedTarget::Ordinal { classes, counts });
        assert!((sigmoid(ordinal[0]) - 0.9).abs() < 1e-4 && (sigmoid(ordinal[1]) - 0.7).abs() < 1e-4);
        let raw = FittedTarget::Regression { columns: vec!["y".into()], center: vec![0.0], scale: vec![1.0] };
        assert_eq!(of(raw), [2.0]);
        let standardized =
            FittedTarget::Regression { columns: vec!["y".into()], center: vec![2.0], scale: vec![5.0] };
        assert_eq!(of(standardized), [0.0]);
    }
}
