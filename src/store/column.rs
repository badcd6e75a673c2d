//! What stands in a row's columns, as this program has it.

use rusqlite::Row;

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};

/// This moment, as the database writes it.
pub(crate) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// A count; SQLite's whole numbers are signed, ours never below 0.
pub(crate) fn read_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
}

/// A count that may be absent.
pub(crate) fn maybe(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<usize>> {
    row.get::<_, Option<i64>>(column).map(|number| number.and_then(|number| usize::try_from(number).ok()))
}

pub(crate) fn run_id(row: &Row<'_>, column: usize) -> rusqlite::Result<RunId> {
    let name: String = row.get(column)?;
    RunId::new(name).ok_or(rusqlite::Error::InvalidColumnType(
        column,
        "run".into(),
        rusqlite::types::Type::Text,
    ))
}

pub(crate) fn state(name: &str) -> RunState {
    match name {
        "running" => RunState::Running,
        "finished" => RunState::Finished,
        "failed" => RunState::Failed,
        _ => RunState::Interrupted,
    }
}

/// Which values are better: every column of that name has one of two words in it, and the schema sees to
/// that.
pub(crate) fn direction(row: &Row<'_>, column: usize) -> rusqlite::Result<Direction> {
    let word: String = row.get(column)?;
    [Direction::Higher, Direction::Lower]
        .into_iter()
        .find(|known| known.name() == word)
        .ok_or(rusqlite::Error::InvalidColumnType(column, "direction".into(), rusqlite::types::Type::Text))
}

pub(crate) fn split(name: &str) -> Split {
    Split::ALL.into_iter().find(|split| split.name() == name).unwrap_or(Split::Test)
}
