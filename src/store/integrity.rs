//! Is the database whole? SQLite looks at every page, index and reference.

use crate::store::Store;
use crate::store::error::Error;

impl Store {
    /// What is wrong with the file, a line each; nothing where it is whole.
    pub fn damages(&self) -> Result<Vec<String>, Error> {
        let pages: Vec<String> = self.select("PRAGMA integrity_check(10)", [], |row| row.get(0))?;
        let strays: Vec<(String, String)> =
            self.select("PRAGMA foreign_key_check", [], |row| Ok((row.get(0)?, row.get(2)?)))?;
        let pages = pages.into_iter().filter(|said| said != "ok");
        let strays = strays.into_iter().take(10);
        let strays =
            strays.map(|(table, parent)| format!("a row of `{table}` refers to no row of `{parent}`"));
        Ok(pages.chain(strays).collect())
    }
}
