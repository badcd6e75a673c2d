//! Writes a training: every epoch with its observations, and the scores.

use rusqlite::params;

use crate::domain::event::{FinishedEpoch, GradientPair, SourceShare, TaskRelation};
use crate::domain::score::{Score, TaskValue};
use crate::store::event::EventWriter;

impl EventWriter<'_> {
    pub(super) fn epoch(&self, finished: &FinishedEpoch) -> rusqlite::Result<()> {
        let FinishedEpoch {
            trial,
            epoch,
            step,
            losses,
            joint_loss,
            weights,
            rate,
            rows_per_second,
            seconds,
            scores,
            objective,
            best,
            relations,
            shares,
        } = finished;
        self.trial(*trial)?;
        self.execute(
            "INSERT INTO epochs (run, trial, epoch, step, joint_loss, rate, rows_per_second, seconds,
                                 objective, best)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET step = excluded.step, joint_loss = excluded.joint_loss,
                rate = excluded.rate, rows_per_second = excluded.rows_per_second, seconds = excluded.seconds,
                objective = excluded.objective, best = excluded.best",
            params![
                self.run,
                trial,
                *epoch as i64,
                *step as i64,
                joint_loss,
                rate,
                rows_per_second,
                seconds,
                objective,
                best
            ],
        )?;
        self.values("losses", *trial, *epoch, losses)?;
        self.values("weights", *trial, *epoch, weights)?;
        relations.iter().try_for_each(|relation| self.relation(*trial, *epoch, relation))?;
        shares.iter().try_for_each(|share| self.share(*trial, *epoch, share))?;
        scores.iter().try_for_each(|score| self.score("metrics", *trial, *epoch, score))
    }

    fn relation(&self, trial: u32, epoch: usize, relation: &TaskRelation) -> rusqlite::Result<()> {
        let TaskRelation { task, other, value } = relation;
        self.execute(
            "INSERT INTO relations (run, trial, epoch, task, other, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET value = excluded.value",
            params![self.run, trial, epoch as i64, task.as_str(), other.as_str(), value],
        )
    }

    fn share(&self, trial: u32, epoch: usize, share: &SourceShare) -> rusqlite::Result<()> {
        let SourceShare { unit, reader, source, value } = share;
        self.execute(
            "INSERT INTO shares (run, trial, epoch, unit, reader, source, value)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET value = excluded.value",
            params![self.run, trial, epoch as i64, unit, reader, source, value],
        )
    }

    pub(super) fn pair(&self, trial: u32, epoch: usize, pair: &GradientPair) -> rusqlite::Result<()> {
        let GradientPair { task, other, cosine, conflicts, similarity, steps } = pair;
        self.execute(
            "INSERT INTO gradients (run, trial, epoch, task, other, cosine, conflicts, similarity, steps)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET cosine = excluded.cosine,
                conflicts = excluded.conflicts, similarity = excluded.similarity, steps = excluded.steps",
            params![
                self.run,
                trial,
                epoch as i64,
                task.as_str(),
                other.as_str(),
                cosine,
                conflicts,
                similarity,
                *steps as i64
            ],
        )
    }

    /// `table` is `losses` or `weights`.
    fn values(&self, table: &str, trial: u32, epoch: usize, values: &[TaskValue]) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT INTO {table} (run, trial, epoch, task, value) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET value = excluded.value"
        );
        values.iter().try_for_each(|TaskValue { task, value }| {
            self.execute(&sql, params![self.run, trial, epoch as i64, task.as_str(), value])
        })
    }

    /// A final score, with its interval.
    pub(super) fn final_score(&self, trial: u32, epoch: usize, score: &Score) -> rusqlite::Result<()> {
        self.score("scores", trial, epoch, score)?;
        let [low, high] = score.interval.map_or([None; 2], |interval| interval.map(Some));
        self.execute(
            "UPDATE scores SET low = ?6, high = ?7
              WHERE run = ?1 AND trial = ?2 AND task = ?3 AND split = ?4 AND metric = ?5",
            params![self.run, trial, score.task.as_str(), score.split.name(), score.metric, low, high],
        )
    }

    /// `table` is `metrics` (one row per epoch) or `scores` (one row, with its epoch).
    fn score(&self, table: &str, trial: u32, epoch: usize, score: &Score) -> rusqlite::Result<()> {
        self.execute(
            &format!(
                "INSERT INTO {table} (run, trial, epoch, task, split, metric, value, direction, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT DO UPDATE SET value = excluded.value, direction = excluded.direction,
                    rows = excluded.rows, epoch = excluded.epoch"
            ),
            params![
                self.run,
                trial,
                epoch as i64,
                score.task.as_str(),
                score.split.name(),
                score.metric,
                score.value,
                score.direction.name(),
                score.rows as i64
            ],
        )
    }
}
