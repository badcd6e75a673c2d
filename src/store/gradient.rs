//! Reads the gradient statistics of task pairs.

use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::error::StoreError;
use crate::store::record::GradientRecord;

impl ResultsDatabase {
    /// The task pairs of a trial in its best epoch, or in the last if `best` is `None`.
    pub(crate) fn gradients(
        &self,
        run: &RunId,
        trial: u32,
        best: Option<usize>,
    ) -> Result<Vec<GradientRecord>, StoreError> {
        let last = "SELECT max(epoch) FROM gradients WHERE run = ?1 AND trial = ?2";
        let sql = format!(
            "SELECT task, other, cosine, conflicts, similarity FROM gradients
              WHERE run = ?1 AND trial = ?2 AND epoch = coalesce(?3, ({last})) ORDER BY rowid"
        );
        let key = rusqlite::params![run.as_str(), trial, best.map(|epoch| epoch as i64)];
        self.select(&sql, key, |row| {
            Ok(GradientRecord {
                task: row.get(0)?,
                other: row.get(1)?,
                cosine: row.get(2)?,
                conflicts: row.get(3)?,
                similarity: row.get(4)?,
            })
        })
    }
}
