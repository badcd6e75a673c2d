//! Writes the tables of a run: their files by content, their split sizes and their missing labels.

use rusqlite::params;

use crate::domain::event::{FileContent, MissingLabels};
use crate::domain::name::TableName;
use crate::store::event::EventWriter;
use crate::store::start_run::signed;

impl EventWriter<'_> {
    pub(super) fn table(&self, table: &TableName, rows: usize, columns: usize) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO data_tables (run, data, rows, columns) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET rows = excluded.rows, columns = excluded.columns",
            params![self.run, table.as_str(), rows as i64, columns as i64],
        )
    }

    pub(super) fn file(&self, table: &TableName, file: &FileContent) -> rusqlite::Result<()> {
        let FileContent { path, bytes, fingerprint } = file;
        self.execute(
            "INSERT INTO data_files (run, data, path, bytes, hash) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET bytes = excluded.bytes, hash = excluded.hash",
            params![self.run, table.as_str(), path.to_string_lossy(), signed(*bytes), fingerprint.0],
        )
    }

    pub(super) fn split_sizes(
        &self,
        table: &TableName,
        (train, valid, test): (usize, usize, usize),
    ) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO data_tables (run, data, train, valid, test) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET train = excluded.train, valid = excluded.valid, test = excluded.test",
            params![self.run, table.as_str(), train as i64, valid as i64, test as i64],
        )
    }

    pub(super) fn labels(&self, labels: &MissingLabels) -> rusqlite::Result<()> {
        let MissingLabels { task, split, missing, rows } = labels;
        self.execute(
            "INSERT INTO labels (run, task, split, rows, missing) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET rows = excluded.rows, missing = excluded.missing",
            params![self.run, task.as_str(), split.name(), *rows as i64, *missing as i64],
        )
    }
}
