//! Conversions from columns of a row to domain types.

use rusqlite::Row;

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};

/// The current time as an SQL expression.
pub(crate) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// Reads a count. SQLite's integers are signed; a negative one is read as 0.
pub(crate) fn read_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
}

/// Reads a count that may be NULL.
pub(crate) fn optional_count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<usize>> {
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

/// Reads which values are better. The schema allows only the names of the two directions.
pub(crate) fn direction(row: &Row<'_>, column: usize) -> rusqlite::Result<Direction> {
    let name: String = row.get(column)?;
    [Direction::Higher, Direction::Lower]
        .into_iter()
        .find(|direction| direction.name() == name)
        .ok_or(rusqlite::Error::InvalidColumnType(column, "direction".into(), rusqlite::types::Type::Text))
}

pub(crate) fn split(name: &str) -> Split {
    Split::ALL.into_iter().find(|split| split.name() == name).unwrap_or(Split::Test)
}
