//! Integrity check of the database.

use crate::store::ResultsDatabase;
use crate::store::error::StoreError;

impl ResultsDatabase {
    /// Lets SQLite check every page, index and foreign key; returns one line per problem, at most ten of
    /// each kind.
    pub fn integrity_problems(&self) -> Result<Vec<String>, StoreError> {
        let pages: Vec<String> = self.select("PRAGMA integrity_check(10)", [], |row| row.get(0))?;
        let pages = pages.into_iter().filter(|text| text != "ok");
        let references: Vec<(String, String)> =
            self.select("PRAGMA foreign_key_check", [], |row| Ok((row.get(0)?, row.get(2)?)))?;
        let references = references
            .into_iter()
            .take(10)
            .map(|(table, parent)| format!("a row of `{table}` refers to a missing row of `{parent}`"));
        Ok(pages.chain(references).collect())
    }
}
