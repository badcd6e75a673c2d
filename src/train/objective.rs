//! The objective that chooses the best epoch: one task's metric, or the validation losses of all tasks as one
//! number.
//!
//! Over all tasks: the mean of L_k / R_k, where R_k is the loss on the same validation rows of always
//! predicting the training rows' mean or class frequencies. 1 is the level of such a constant prediction, 0
//! is perfect. Unlike the first epoch's loss, R_k depends on neither seed, network nor learning rate, so
//! trials are comparable, and tasks that are learned quickly count as much as others.

use crate::domain::array::Array;
use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score};
use crate::domain::signature::Signature;
use crate::domain::task::FittedTarget;
use crate::evaluate::metric::MetricConfig;
use crate::train::config::MonitorConfig;
use crate::train::error::{TrainError, TrainResult};

/// The objective of a training.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// One task's metric.
    Metric {
        /// Name of the task.
        task: TaskName,
        /// The metric.
        metric: MetricConfig,
    },
    /// The losses of all tasks, each relative to its reference.
    Losses,
}

impl Objective {
    /// Resolves a monitor.
    ///
    /// # Errors
    /// If its task is unknown or has no metric.
    pub fn new(monitor: &MonitorConfig, metrics: &[(TaskName, Vec<MetricConfig>)]) -> TrainResult<Self> {
        let Some(task) = &monitor.task else { return Ok(Self::Losses) };
        let Some((_, own)) = metrics.iter().find(|(name, _)| name == task) else {
            return Err(TrainError::UnknownTask(task.clone()));
        };
        let metric = monitor.metric.as_ref().or(own.first());
        let metric = metric.ok_or_else(|| TrainError::NoMetric(task.clone()))?.clone();
        Ok(Self::Metric { task: task.clone(), metric })
    }

    /// Whether higher or lower is better.
    pub fn direction(&self) -> Direction {
        match self {
            Self::Metric { metric, .. } => metric.view().direction(),
            Self::Losses => Direction::Lower,
        }
    }

    /// The epoch's value; `None` if it is not defined on these validation rows.
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

    /// The loss to use while the value is not defined: the task's own, or the mean over all tasks.
    pub fn fallback_loss(
        &self,
        signature: &Signature,
        losses: &[Option<f64>],
        references: &[f64],
    ) -> Option<f64> {
        let Self::Metric { task, .. } = self else { return None };
        let position = signature.tasks.iter().position(|other| other.name == *task);
        let own = position.and_then(|position| losses[position]);
        own.or_else(|| joint(losses, references)).filter(|loss| loss.is_finite())
    }
}

/// The mean of the tasks' losses relative to their references; `None` if no task has a loss.
fn joint(losses: &[Option<f64>], references: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = losses.iter().zip(references).filter_map(|(loss, r)| Some((*loss)? / r)).collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
}

/// One row of logits whose predictions are the training rows' class frequencies or mean. Classes that never
/// occur count as half a row.
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
        // One logit per threshold: is the class above it?
        FittedTarget::Ordinal { counts, .. } => (1..counts.len())
            .map(|cut| odds(counts[cut..].iter().sum(), counts[..cut].iter().sum()))
            .collect(),
        FittedTarget::PixelRegression { center, scale, .. } => {
            vec![((mean(truth, 0, 1, train) - center) / scale) as f32]
        }
        // Not used: a row of logits for every token would be too large; see `token_entropy`.
        FittedTarget::Text { .. } | FittedTarget::LanguageModel { .. } => Vec::new(),
        FittedTarget::Regression { center, scale, .. } => (0..center.len())
            .map(|column| {
                ((mean(truth, column, center.len(), train) - center[column]) / scale[column]) as f32
            })
            .collect(),
    }
}

/// The mean of -log p of the validation rows' tokens, where p are the training rows' frequencies. A token
/// that never occurs counts as half a token.
pub fn token_entropy(truth: &Array, vocabulary: usize, train: &[u32], valid: &[u32]) -> Option<f64> {
    let cells = truth.as_f32()?;
    let tokens = |rows: &'_ [u32]| -> Vec<usize> {
        let steps = rows.iter().flat_map(|row| truth.row(*row as usize));
        steps.map(|step| cells[step]).filter(|cell| !cell.is_nan()).map(|cell| cell as usize).collect()
    };
    let mut counts = vec![0.5_f64; vocabulary];
    tokens(train).into_iter().for_each(|token| counts[token] += 1.0);
    let total: f64 = counts.iter().sum();
    let valid_tokens = tokens(valid);
    let sum: f64 = valid_tokens.iter().map(|token| (total / counts[*token]).ln()).sum();
    (!valid_tokens.is_empty()).then(|| sum / valid_tokens.len() as f64)
}

/// The mean of the present cells in `column` of `columns`; 0 if there are none.
fn mean(truth: &Array, column: usize, columns: usize, rows: &[u32]) -> f64 {
    let (width, cells) = (truth.width(), truth.to_f64().unwrap_or_default());
    let row = |row: &u32| cells[*row as usize * width..][..width].iter().skip(column).step_by(columns);
    let present = rows.iter().flat_map(row).filter(|cell| !cell.is_nan());
    // A running mean, because the sum of many large numbers would lose digits.
    present.zip(1_u64..).fold(0.0, |mean, (cell, count)| mean + (cell - mean) / count as f64)
}

/// The reference that a task's loss is divided by; 1 where there is no usable one.
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
    fn all_tasks_count_the_same() {
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
            interval: None,
        };
        let scores = [score("a", "auroc", 0.1), score("b", "f1", 0.2), score("b", "auroc", 0.3)];
        assert_eq!(objective.value(&scores, &[], &[]), Some(0.3));
        assert_eq!(objective.value(&scores[..2], &[], &[]), None);
        assert!(matches!(Objective::new(&monitor("c"), &metrics), Err(TrainError::UnknownTask(_))));
    }

    #[test]
    fn constant_logits_predict_frequencies_and_means() {
        let truth = Array::f32(&[4, 1], vec![1.0, 3.0, f32::NAN, 100.0]);
        let train = [0, 1, 2];
        let logits = |target: FittedTarget| constant_logits(&target, &truth, &train);
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let counts = vec![10_000, 20_000, 70_000];
        let binary = logits(FittedTarget::Binary {
            classes: ["n".into(), "y".into()],
            counts: [30_000, 10_000],
            threshold: 0.5,
        });
        assert!((sigmoid(binary[0]) - 0.25).abs() < 1e-4);
        let multiclass =
            logits(FittedTarget::Multiclass { classes: classes.clone(), counts: counts.clone() });
        assert!(((multiclass[2] - multiclass[0]).exp() - 7.0).abs() < 1e-2);
        let ordinal = logits(FittedTarget::Ordinal { classes, counts });
        assert!((sigmoid(ordinal[0]) - 0.9).abs() < 1e-4 && (sigmoid(ordinal[1]) - 0.7).abs() < 1e-4);
        let raw = FittedTarget::Regression { columns: vec!["y".into()], center: vec![0.0], scale: vec![1.0] };
        assert_eq!(logits(raw), [2.0]);
        let standardized =
            FittedTarget::Regression { columns: vec!["y".into()], center: vec![2.0], scale: vec![5.0] };
        assert_eq!(logits(standardized), [0.0]);
    }
}
