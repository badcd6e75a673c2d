//! How good the weights are on validation rows, after every epoch.

use crate::domain::name::TaskName;
use crate::domain::score::{Direction, Score, Split};
use crate::domain::table::{Dataset, Table};
use crate::evaluate::metric::MetricSpec;
use crate::model::network::Network;
use crate::train::batch::targets;
use crate::train::error::Result;
use crate::train::objective::{Objective, constant_logits, reference, token_entropy};
use crate::train::scoring::Scoring;

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
    /// The task by whose written texts the best epoch is chosen; others write once training is over.
    texts: Vec<usize>,
}

impl<'a> Validation<'a> {
    pub fn new(
        dataset: &'a Dataset,
        network: &'a Network,
        metrics: &[(TaskName, Vec<MetricSpec>)],
        objective: Objective,
    ) -> Result<Self> {
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
    pub fn look(&self) -> Result<Findings> {
        let mut losses = vec![None; self.metrics.len()];
        let mut scores = Vec::new();
        for table in self.tables() {
            for found in self.scoring().score(table, Split::Valid)? {
                losses[found.task] = found.loss;
                scores.extend(found.scores);
            }
        }
        let objective = self.objective.value(&scores, &losses, &self.references);
        Ok(Findings { scores, objective: objective.filter(|value| value.is_finite()) })
    }

    fn scoring(&self) -> Scoring<'_> {
        Scoring {
            dataset: self.dataset,
            network: self.network,
            metrics: &self.metrics,
            texts: &self.texts,
            seed: 0,
        }
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
