//! Evaluates the network on validation rows after every epoch.

use crate::domain::name::TaskName;
use crate::domain::score::{Score, Split};
use crate::domain::signature::TaskSignature;
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::task_remark::list_names;
use crate::evaluate::metric::MetricConfig;
use crate::model::network::Network;
use crate::train::batch::targets;
use crate::train::error::TrainResult;
use crate::train::objective::{Objective, constant_logits, reference, token_entropy};
use crate::train::scoring::Evaluator;

/// The validation results of one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidationResult {
    /// The `loss` and the metrics of every task.
    pub scores: Vec<Score>,
    /// The monitor's value; `None` if it is undefined.
    pub objective: Option<f64>,
    /// The loss to use while the monitor is undefined.
    pub fallback: Option<f64>,
    /// Why the monitor is undefined.
    pub undefined: Option<String>,
}

/// Evaluates a network on validation rows.
pub struct Validation<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    /// The metrics of every task, in the signature's order.
    metrics: Vec<Vec<MetricConfig>>,
    objective: Objective,
    /// The reference loss of each task.
    references: Vec<f64>,
    /// The task whose generated texts the monitor needs; others generate texts only after training.
    texts: Vec<usize>,
}

impl<'a> Validation<'a> {
    /// Evaluates the metrics of each task, and the objective.
    pub fn new(
        dataset: &'a Dataset,
        network: &'a Network,
        metrics: &[(TaskName, Vec<MetricConfig>)],
        objective: Objective,
    ) -> TrainResult<Self> {
        let tasks = &dataset.signature.tasks;
        let metrics = tasks.iter().map(|task| metrics_of(&task.name, metrics, &objective)).collect();
        let texts = match &objective {
            Objective::Metric { task, metric } if metric.view().needs_text() => {
                tasks.iter().position(|other| other.name == *task).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut validation = Self { dataset, network, metrics, objective, references: Vec::new(), texts };
        validation.references = validation.constant_losses()?.into_iter().map(reference).collect();
        Ok(validation)
    }

    /// Evaluates the current weights.
    pub fn evaluate(&self) -> TrainResult<ValidationResult> {
        let mut losses = vec![None; self.metrics.len()];
        let (mut scores, mut reasons) = (Vec::new(), vec![None; self.metrics.len()]);
        for table in self.tables() {
            for evaluation in self.evaluator().score(table, Split::Valid)? {
                losses[evaluation.task] = evaluation.loss;
                reasons[evaluation.task] = evaluation.undefined;
                scores.extend(evaluation.scores);
            }
        }
        let objective = self.objective.value(&scores, &losses, &self.references);
        let objective = objective.filter(|value| value.is_finite());
        let fallback = self.objective.fallback_loss(&self.dataset.signature, &losses, &self.references);
        let undefined = objective.is_none().then(|| self.undefined_reason(&losses, &reasons));
        Ok(ValidationResult { scores, objective, fallback, undefined })
    }

    /// A description of the monitor: `auroc` of `income`.
    pub fn monitored(&self) -> String {
        match &self.objective {
            Objective::Metric { task, metric } => format!("`{}` of `{task}`", metric.label()),
            Objective::Losses => "the mean of the tasks' validation losses".to_owned(),
        }
    }

    /// Why the monitor is undefined on the validation rows.
    fn undefined_reason(&self, losses: &[Option<f64>], reasons: &[Option<String>]) -> String {
        if self.is_empty() {
            return "there are no validation rows".to_owned();
        }
        let tasks = &self.dataset.signature.tasks;
        match &self.objective {
            Objective::Metric { task, .. } => {
                let position = tasks.iter().position(|other| other.name == *task);
                let reason = position.and_then(|position| reasons[position].clone());
                reason.unwrap_or_else(|| format!("the table of `{task}` has no validation rows"))
            }
            Objective::Losses if losses.iter().all(Option::is_none) => {
                "no validation row has a label".to_owned()
            }
            Objective::Losses => {
                let not_finite = |(task, loss): (&TaskSignature, &Option<f64>)| {
                    loss.filter(|loss| !loss.is_finite()).map(|_| task.name.to_string())
                };
                let not_finite: Vec<String> = tasks.iter().zip(losses).filter_map(not_finite).collect();
                format!("the loss of {} is not finite", list_names(not_finite.iter().map(String::as_str)))
            }
        }
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            dataset: self.dataset,
            network: self.network,
            metrics: &self.metrics,
            texts: &self.texts,
            seed: 0,
            final_scores: None,
        }
    }

    /// Whether there are no validation rows.
    pub fn is_empty(&self) -> bool {
        self.tables().next().is_none()
    }

    /// The tables with validation rows.
    fn tables(&self) -> impl Iterator<Item = &'a EncodedTable> {
        self.dataset.tables.iter().filter(|table| !table.valid.is_empty())
    }

    /// The loss of always predicting the training rows' class frequencies or mean.
    fn constant_losses(&self) -> TrainResult<Vec<Option<f64>>> {
        let mut losses = vec![None; self.metrics.len()];
        for table in self.tables() {
            for (task, truth) in targets(self.dataset, table) {
                let target = &self.dataset.signature.tasks[task].target;
                losses[task] = match target.output_tokenizer() {
                    Some(tokenizer) => token_entropy(truth, tokenizer.size, &table.train, &table.valid),
                    None => {
                        let row = constant_logits(target, truth, &table.train);
                        let valid = truth.gather(&table.valid);
                        let cells = valid.values.len() / target.width();
                        self.evaluator().loss_of_cells(task, &valid, &row.repeat(cells))?
                    }
                };
            }
        }
        Ok(losses)
    }
}

/// A task's metrics, including the monitored one.
fn metrics_of(
    task: &TaskName,
    metrics: &[(TaskName, Vec<MetricConfig>)],
    objective: &Objective,
) -> Vec<MetricConfig> {
    let configured = metrics.iter().find(|(name, _)| name == task);
    let mut metrics = configured.map(|(_, metrics)| metrics.clone()).unwrap_or_default();
    if let Objective::Metric { task: chosen, metric } = objective
        && chosen == task
        && !metrics.contains(metric)
    {
        metrics.push(metric.clone());
    }
    metrics
}
