//! How good the weights are on validation rows, after every epoch.

use candle_core::Tensor;

use crate::domain::array::Array;
use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score, Split};
use crate::domain::table::{Dataset, Table};
use crate::evaluate::metric::MetricSpec;
use crate::evaluate::{Answers, evaluate};
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::batch::targets;
use crate::train::error::Result;
use crate::train::objective::{Objective, constant_logits, reference};

/// What validation rows say of one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// `loss` and the metrics of every task.
    pub scores: Vec<Score>,
    pub objective: Option<f64>,
}

/// Looks at the validation rows.
pub struct Validation<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    /// Every task's, in the signature's order.
    metrics: Vec<Vec<MetricSpec>>,
    objective: Objective,
    /// What each task's loss is measured by.
    references: Vec<f64>,
}

/// Rows at a time: enough to keep the threads busy, few enough to stay small.
const ROWS: usize = 4096;

impl<'a> Validation<'a> {
    pub fn new(
        dataset: &'a Dataset,
        network: &'a Network,
        metrics: &[(TaskName, Vec<MetricSpec>)],
        objective: Objective,
    ) -> Result<Self> {
        let tasks = &dataset.signature.tasks;
        let metrics = tasks.iter().map(|task| measured(&task.name, metrics, &objective)).collect();
        let mut validation = Self { dataset, network, metrics, objective, references: Vec::new() };
        validation.references = validation.constant_losses()?.into_iter().map(reference).collect();
        Ok(validation)
    }

    pub fn direction(&self) -> Direction {
        self.objective.direction()
    }

    /// The losses and scores of the weights as they are.
    pub fn look(&self) -> Result<Findings> {
        let mut losses = vec![None; self.metrics.len()];
        let mut scores = Vec::new();
        for table in self.tables() {
            let targets = targets(self.dataset, table);
            let tasks: Vec<usize> = targets.iter().map(|(task, _)| *task).collect();
            let predictions = self.network.predict_tasks(table, &table.valid, ROWS, &tasks)?;
            for ((task, truth), prediction) in targets.into_iter().zip(predictions) {
                let signature = &self.dataset.signature.tasks[task];
                let loss = self.loss(table, task, truth, prediction.logits.as_f32().unwrap_or_default())?;
                losses[task] = loss;
                let truth = truth.gather(&table.valid);
                let answers = Answers::new(
                    &signature.target,
                    truth.as_f32().unwrap_or_default(),
                    prediction.answers.as_f32().unwrap_or_default(),
                    table.valid.len(),
                );
                scores.extend(loss.filter(|loss| loss.is_finite()).map(|value| Score {
                    task: signature.name.clone(),
                    split: Split::Valid,
                    metric: "loss".into(),
                    value,
                    direction: Direction::Lower,
                    rows: answers.present(),
                }));
                scores.extend(evaluate(&signature.name, Split::Valid, &self.metrics[task], &answers));
            }
        }
        let objective = self.objective.value(&scores, &losses, &self.references);
        Ok(Findings { scores, objective: objective.filter(|value| value.is_finite()) })
    }

    /// The tables with validation rows.
    fn tables(&self) -> impl Iterator<Item = &'a Table> {
        self.dataset.tables.iter().filter(|table| !table.valid.is_empty())
    }

    /// What always answering the training rows' frequencies and means costs.
    fn constant_losses(&self) -> Result<Vec<Option<f64>>> {
        let mut losses = vec![None; self.metrics.len()];
        for table in self.tables() {
            for (task, truth) in targets(self.dataset, table) {
                let row = constant_logits(&self.dataset.signature.tasks[task].target, truth, &table.train);
                losses[task] = self.loss(table, task, truth, &row.repeat(table.valid.len()))?;
            }
        }
        Ok(losses)
    }

    /// One task's loss over a table's validation rows; `None` when none of them has a label.
    fn loss(&self, table: &Table, task: usize, truth: &Array, logits: &[f32]) -> Result<Option<f64>> {
        let device = self.network.device();
        let Some(labels) = Labels::gather(task, truth, &table.valid, device)? else { return Ok(None) };
        let width = self.dataset.signature.tasks[task].target.logits();
        let logits = Tensor::from_slice(logits, (table.valid.len(), width), device)?;
        let loss = self.network.loss(task, &logits, &labels.truth, &labels.mask)?;
        Ok(Some(f64::from(loss.to_scalar::<f32>()?)))
    }
}

/// A task's metrics, with the one the best epoch is chosen by.
fn measured(
    task: &TaskName,
    metrics: &[(TaskName, Vec<MetricSpec>)],
    objective: &Objective,
) -> Vec<MetricSpec> {
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
