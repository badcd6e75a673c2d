//! What a network says of many rows, some at a time.

use crate::domain::event::Share;
use crate::domain::name::TaskName;
use crate::domain::table::Table;
use crate::domain::task::Grain;
use crate::model::error::Result;
use crate::model::head::unit::in_unit;
use crate::model::mode::Mode;
use crate::model::network::Network;
use crate::model::prediction::{Gathered, Prediction};
use crate::model::signal::Signal;

impl Network {
    /// Answers for this preference from now on, where it reads one: one vector for all rows, or one for each of the rows
    /// that are asked about at once. `false` where it reads none.
    pub fn prefer(&mut self, vectors: &[Vec<f64>]) -> bool {
        let Some(preference) = self.inputs.preference() else { return false };
        preference.tell(vectors);
        true
    }

    /// The same signals with this preference for all rows; an error where it reads none.
    pub fn told(&self, inputs: &[Signal], vector: &[f64]) -> Result<Vec<Signal>> {
        self.inputs.told(inputs, vector, self.device())
    }

    /// Does the body say how much is read of what?
    pub fn is_seen_through(&self) -> bool {
        self.body.is_seen_through()
    }

    /// How much of what these tasks read comes from where: means over so many of the rows each.
    pub fn shares(&self, table: &Table, rows: &[u32], tasks: &[usize]) -> Result<Vec<(usize, Share)>> {
        let mut seen = Vec::new();
        for rows in rows.chunks(self.comfortable_rows()) {
            let x = self.inputs.forward(&self.signals(table, Some(rows))?, &Mode::evaluate())?;
            seen.extend(self.body.shares(&x, tasks)?.into_iter().map(|share| (rows.len(), share)));
        }
        Ok(seen)
    }

    /// What every task says of these rows, `batch` rows at a time; but for tasks that write.
    pub fn predict(&self, table: &Table, rows: &[u32], batch: usize) -> Result<Vec<(TaskName, Prediction)>> {
        let tasks = 0..self.tasks.len();
        let tasks: Vec<usize> = tasks.filter(|task| self.tasks[*task].head.writer().is_none()).collect();
        let said = self.predict_tasks(table, rows, batch, &tasks)?;
        Ok(tasks.iter().map(|task| self.tasks[*task].name.clone()).zip(said).collect())
    }

    /// What `tasks` say of these rows.
    pub fn predict_tasks(
        &self,
        table: &Table,
        rows: &[u32],
        batch: usize,
        tasks: &[usize],
    ) -> Result<Vec<Prediction>> {
        let mut gathered: Vec<(Gathered, Gathered)> = tasks.iter().map(|_| Default::default()).collect();
        for rows in rows.chunks(batch.max(1)) {
            let mode = Mode::evaluate();
            let mut said = self.walk(&self.signals(table, Some(rows))?, &mode, tasks)?;
            for (task, gathered) in tasks.iter().zip(&mut gathered) {
                let logits = self.logits(&mut said, *task, &mode)?;
                let target = &self.signature.tasks[*task].target;
                let steps = target.grain() == Grain::Step;
                let read = said[*task].read.as_ref().filter(|_| steps);
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
                let logits = logits.array(target.grain(), target.logits(), rows.len());
                let answers = in_unit(target, &logits)
                    .unwrap_or_else(|| answers.array(target.grain(), target.answers(), rows.len()));
                Prediction { logits, answers }
            })
            .collect())
    }
}
