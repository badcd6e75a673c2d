//! How good the weights are on validation rows, after every epoch.

use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score, Split};
use crate::domain::signature::TaskSignature;
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::task_remark::names;
use crate::evaluate::metric::MetricConfig;
use crate::model::network::Network;
use crate::train::batch::targets;
use crate::train::error::TrainResult;
use crate::train::objective::{Objective, constant_logits, reference, token_entropy};
use crate::train::scoring::Evaluator;

/// What validation rows say of one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidationResult {
    /// `loss` and the metrics of every task.
    pub scores: Vec<Score>,
    /// What the monitor says; `None` where it is undefined.
    pub objective: Option<f64>,
    /// A loss to choose by where the monitor is undefined.
    pub fallback: Option<f64>,
    /// Why it is undefined.
    pub undefined: Option<String>,
}

/// Looks at the validation rows.
pub struct Validation<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    /// Every task's, in the signature's order.
    metrics: Vec<Vec<MetricConfig>>,
    objective: Objective,
    /// What each task's loss is measured by.
    references: Vec<f64>,
    /// The task by whose written texts the best epoch is chosen; others write once training is over.
    texts: Vec<usize>,
}

impl<'a> Validation<'a> {
    pub fn new(
        dataset: &'a Dataset,
        network: &'a Network,
        metrics: &[(TaskName, Vec<MetricConfig>)],
        objective: Objective,
    ) -> TrainResult<Self> {
        let tasks = &dataset.signature.tasks;
        let metrics = tasks.iter().map(|task| measured(&task.name, metrics, &objective)).collect();
        let texts = match &objective {
            Objective::Metric { task, metric } if metric.view().needs_text() => {
                tasks.iter().position(|one| one.name == *task).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut validation = Self { dataset, network, metrics, objective, references: Vec::new(), texts };
        validation.references = validation.constant_losses()?.into_iter().map(reference).collect();
        Ok(validation)
    }

    pub fn direction(&self) -> Direction {
        self.objective.direction()
    }

    /// The losses and scores of the weights as they are.
    pub fn evaluate(&self) -> TrainResult<ValidationResult> {
        let mut losses = vec![None; self.metrics.len()];
        let (mut scores, mut reasons) = (Vec::new(), vec![None; self.metrics.len()]);
        for table in self.tables() {
            for result in self.scoring().score(table, Split::Valid)? {
                losses[result.task] = result.loss;
                reasons[result.task] = result.undefined;
                scores.extend(result.scores);
            }
        }
        let objective = self.objective.value(&scores, &losses, &self.references);
        let objective = objective.filter(|value| value.is_finite());
        let stand_in = self.objective.fallback_loss(&self.dataset.signature, &losses, &self.references);
        let undefined = objective.is_none().then(|| self.why(&losses, &reasons));
        Ok(ValidationResult { scores, objective, fallback: stand_in, undefined })
    }

    /// What is monitored, for people: `auroc` of `income`.
    pub fn monitored(&self) -> String {
        match &self.objective {
            Objective::Metric { task, metric } => format!("`{}` of `{task}`", metric.label()),
            Objective::Losses => "the mean of the tasks' validation losses".to_owned(),
        }
    }

    /// Why the monitor is undefined on the validation rows.
    fn why(&self, losses: &[Option<f64>], reasons: &[Option<String>]) -> String {
        if self.is_empty() {
            return "there are no validation rows".to_owned();
        }
        let tasks = &self.dataset.signature.tasks;
        match &self.objective {
            Objective::Metric { task, .. } => {
                let reason =
                    tasks.iter().position(|one| one.name == *task).and_then(|at| reasons[at].clone());
                reason.unwrap_or_else(|| format!("the table of `{task}` has no validation rows"))
            }
            Objective::Losses if losses.iter().all(Option::is_none) => {
                "no validation row has a label".to_owned()
            }
            Objective::Losses => {
                let broken = |(task, loss): (&TaskSignature, &Option<f64>)| {
                    loss.filter(|loss| !loss.is_finite()).map(|_| task.name.to_string())
                };
                let broken: Vec<String> = tasks.iter().zip(losses).filter_map(broken).collect();
                format!("no finite number is the loss of {}", names(broken.iter().map(String::as_str)))
            }
        }
    }

    fn scoring(&self) -> Evaluator<'_> {
        Evaluator {
            dataset: self.dataset,
            network: self.network,
            metrics: &self.metrics,
            texts: &self.texts,
            seed: 0,
        }
    }

    /// Are there no validation rows?
    pub fn is_empty(&self) -> bool {
        self.tables().next().is_none()
    }

    /// The tables with validation rows.
    fn tables(&self) -> impl Iterator<Item = &'a EncodedTable> {
        self.dataset.tables.iter().filter(|table| !table.valid.is_empty())
    }

    /// What always answering the training rows' frequencies and means costs.
    fn constant_losses(&self) -> TrainResult<Vec<Option<f64>>> {
        let mut losses = vec![None; self.metrics.len()];
        for table in self.tables() {
            for (task, truth) in targets(self.dataset, table) {
                let target = &self.dataset.signature.tasks[task].target;
                losses[task] = match target.writes() {
                    Some(tokenizer) => token_entropy(truth, tokenizer.size, &table.train, &table.valid),
                    None => {
                        let row = constant_logits(target, truth, &table.train);
                        let valid = truth.gather(&table.valid);
                        let cells = valid.values.len() / target.width();
                        self.scoring().of_cells(task, &valid, &row.repeat(cells))?
                    }
                };
            }
        }
        Ok(losses)
    }
}

/// A task's metrics, with the one the best epoch is chosen by.
fn measured(
    task: &TaskName,
    metrics: &[(TaskName, Vec<MetricConfig>)],
    objective: &Objective,
) -> Vec<MetricConfig> {
    let own = metrics.iter().find(|(name, _)| name == task);
    let mut own = own.map(|(_, metrics)| metrics.clone()).unwrap_or_default();
    if let Objective::Metric { task: chosen, metric } = objective
        && chosen == task
        && !own.contains(metric)
    {
        own.push(metric.clone());
    }
    own
}
