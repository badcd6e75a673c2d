//! Is the database whole? SQLite looks at every page, index and reference.

use crate::store::ResultsDatabase;
use crate::store::error::StoreError;

impl ResultsDatabase {
    /// What is wrong with the file, a line each; nothing where it is whole.
    pub fn damages(&self) -> Result<Vec<String>, StoreError> {
        let pages: Vec<String> = self.select("PRAGMA integrity_check(10)", [], |row| row.get(0))?;
        let unexpected: Vec<(String, String)> =
            self.select("PRAGMA foreign_key_check", [], |row| Ok((row.get(0)?, row.get(2)?)))?;
        let pages = pages.into_iter().filter(|text| text != "ok");
        let unexpected = unexpected.into_iter().take(10);
        let unexpected =
            unexpected.map(|(table, parent)| format!("a row of `{table}` refers to no row of `{parent}`"));
        Ok(pages.chain(unexpected).collect())
    }
}
