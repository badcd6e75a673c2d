//! What a network says of many rows, some at a time.

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
    /// Answers for this preference from now on, where it reads one: one vector for all rows, or one for each
    /// of the rows that are asked about at once. `false` where it reads none.
    pub fn prefer(&mut self, vectors: &[Vec<f64>]) -> bool {
        let Some(preference) = self.inputs.preference() else { return false };
        preference.set_preferences(vectors);
        true
    }

    /// The same signals with this preference for all rows; an error where it reads none.
    pub fn with_preference(&self, inputs: &[Activations], vector: &[f64]) -> ModelResult<Vec<Activations>> {
        self.inputs.with_preference(inputs, vector, self.device())
    }

    /// Does the body say how much is read of what?
    pub fn reports_shares(&self) -> bool {
        self.body.reports_shares()
    }

    /// How much of what these tasks read comes from where: means over so many of the rows each.
    pub fn shares(
        &self,
        table: &EncodedTable,
        rows: &[u32],
        tasks: &[usize],
    ) -> ModelResult<Vec<(usize, SourceShare)>> {
        let mut seen = Vec::new();
        for rows in rows.chunks(self.comfortable_rows()) {
            let x = self.inputs.forward(&self.signals(table, Some(rows))?, &Mode::evaluate())?;
            seen.extend(self.body.shares(&x, tasks)?.into_iter().map(|share| (rows.len(), share)));
        }
        Ok(seen)
    }

    /// What every task says of these rows, `batch` rows at a time; but for tasks that write.
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

    /// What `tasks` say of these rows.
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
            let mut outputs = self.compute(&self.signals(table, Some(rows))?, &mode, tasks)?;
            for (task, gathered) in tasks.iter().zip(&mut gathered) {
                let logits = self.logits(&mut outputs, *task, &mode)?;
                let target = &self.signature.tasks[*task].target;
                let steps = target.label_level() == LabelLevel::Step;
                let read = outputs[*task].read.as_ref().filter(|_| steps);
                let mask = read.and_then(|read| read.mask.as_ref());
                gathered.0.take(&logits, mask)?;
                if target.unit().is_none() {
                    gathered.1.take(&self.answer(*task, &logits)?, mask)?;
                }
            }
        }
        let both = tasks.iter().zip(gathered);
        Ok(both
            .map(|(task, (logits, answers))| {
                let target = &self.signature.tasks[*task].target;
                let logits = logits.array(target.label_level(), target.logits(), rows.len());
                let answers = in_unit(target, &logits)
                    .unwrap_or_else(|| answers.array(target.label_level(), target.answers(), rows.len()));
                Prediction { logits, answers }
            })
            .collect())
    }
}
