//! Opening a connection with the settings that all connections share.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::store::error::{PATIENCE, StoreError};

pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| StoreError::sqlite(path, source))?;
    configure(&connection).map_err(|source| StoreError::sqlite(path, source))?;
    Ok(connection)
}

pub(crate) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // With a write-ahead log this survives any crash of the process; a power failure may lose the last
    // second.
    connection.pragma_update(None, "synchronous", "NORMAL")
}
