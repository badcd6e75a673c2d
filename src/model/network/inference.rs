//! Predictions for many rows, in batches.

use crate::domain::event::SourceShare;
use crate::domain::name::TaskName;
use crate::domain::table::EncodedTable;
use crate::domain::task::LabelLevel;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::target_unit::in_unit;
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::model::prediction::{GatheredPredictions, Prediction};

impl Network {
    /// Sets the preference for the following predictions: one vector for all rows, or one per row of the
    /// batch. Returns `false` if the network has no preference input.
    pub fn set_preference(&mut self, vectors: &[Vec<f64>]) -> bool {
        let Some(preference) = self.inputs.preference() else { return false };
        preference.set_preferences(vectors);
        true
    }

    /// Replaces the preference in `inputs`; an error if the network has no preference input.
    pub fn with_preference(&self, inputs: &[Activations], vector: &[f64]) -> ModelResult<Vec<Activations>> {
        self.inputs.with_preference(inputs, vector, self.device())
    }

    /// Whether the sharing reports how much each task reads from each source.
    pub fn reports_shares(&self) -> bool {
        self.body.reports_shares()
    }

    /// How much these tasks read from each source: means over batches, each with its number of rows.
    pub fn shares(
        &self,
        table: &EncodedTable,
        rows: &[u32],
        tasks: &[usize],
    ) -> ModelResult<Vec<(usize, SourceShare)>> {
        let mut shares = Vec::new();
        for rows in rows.chunks(self.inference_batch_size()) {
            let mode = self.passing_over(&Mode::evaluate());
            let x = self.features_of(&self.input_tensors(table, Some(rows))?, &mode)?;
            shares.extend(self.body.shares(&x, &mode, tasks)?.into_iter().map(|share| (rows.len(), share)));
        }
        Ok(shares)
    }

    /// Predictions of all tasks for these rows, `batch` rows at a time. Tasks that generate text are left
    /// out.
    pub fn predict(
        &self,
        table: &EncodedTable,
        rows: &[u32],
        batch: usize,
    ) -> ModelResult<Vec<(TaskName, Prediction)>> {
        let tasks = 0..self.tasks.len();
        let tasks: Vec<usize> = tasks.filter(|task| self.tasks[*task].head.writer().is_none()).collect();
        let outputs = self.predict_tasks(table, rows, batch, &tasks)?;
        Ok(tasks.iter().map(|task| self.tasks[*task].name.clone()).zip(outputs).collect())
    }

    /// Predictions of `tasks` for these rows, `batch` rows at a time.
    pub fn predict_tasks(
        &self,
        table: &EncodedTable,
        rows: &[u32],
        batch: usize,
        tasks: &[usize],
    ) -> ModelResult<Vec<Prediction>> {
        let mut gathered: Vec<(GatheredPredictions, GatheredPredictions)> =
            tasks.iter().map(|_| Default::default()).collect();
        for rows in rows.chunks(batch.max(1)) {
            let mode = Mode::evaluate();
            let mut outputs = self.task_activations(&self.input_tensors(table, Some(rows))?, &mode, tasks)?;
            for (task, gathered) in tasks.iter().zip(&mut gathered) {
                let logits = self.mean_logits(&mut outputs, *task, &mode)?;
                let target = &self.signature.tasks[*task].target;
                let steps = target.label_level() == LabelLevel::Step;
                let features = outputs[*task].features.as_ref().filter(|_| steps);
                let mask = features.and_then(|features| features.mask.as_ref());
                gathered.0.append(&logits, mask)?;
                if target.standardization().is_none() {
                    gathered.1.append(&self.tasks[*task].head.predictions(&logits)?, mask)?;
                }
            }
        }
        Ok(tasks
            .iter()
            .zip(gathered)
            .map(|(task, (logits, answers))| {
                let target = &self.signature.tasks[*task].target;
                let logits = logits.array(target.label_level(), target.logits(), rows.len());
                let answers = in_unit(target, &logits).unwrap_or_else(|| {
                    answers.array(target.label_level(), target.prediction_width(), rows.len())
                });
                Prediction { logits, answers }
            })
            .collect())
    }
}
