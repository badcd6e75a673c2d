//! Schema migrations. The first N files, in order, create version N of the database; SQLite's `user_version`
//! holds the version of a file.

use rusqlite::{Connection, TransactionBehavior};

/// "mtl1": identifies the file as a database of mtl (`PRAGMA application_id`).
pub(crate) const APPLICATION: i64 = 0x6d74_6c31;

/// One file per version; once released, only its comments may change.
const STEPS: &[&str] = &[
    include_str!("migration/1.sql"),
    include_str!("migration/2.sql"),
    include_str!("migration/3.sql"),
    include_str!("migration/4.sql"),
    include_str!("migration/5.sql"),
    include_str!("migration/6.sql"),
    include_str!("migration/7.sql"),
    include_str!("migration/8.sql"),
    include_str!("migration/9.sql"),
    include_str!("migration/10.sql"),
    include_str!("migration/11.sql"),
    include_str!("migration/12.sql"),
];

/// Recreated by every migration.
const VIEWS: &str = include_str!("migration/views.sql");

/// The version this `mtl` writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Migrates a database to the current version in one transaction. A second process that does so at the same
/// time waits and then finds nothing to do.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    apply(connection, STEPS, VIEWS)
}

fn apply(connection: &mut Connection, steps: &[&str], views: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(0);
    if done >= steps.len() {
        return Ok(());
    }
    let stale: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for view in stale {
        transaction.execute_batch(&format!("DROP VIEW \"{}\"", view.replace('"', "\"\"")))?;
    }
    for step in &steps[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(views)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    transaction.commit()
}

/// The whole schema as SQL, as in `schemas/store.sql`.
pub fn schema_sql() -> Result<String, crate::store::StoreError> {
    let failed = |source| crate::store::StoreError::sqlite(std::path::Path::new(":memory:"), source);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    let mut sql = format!(
        "-- The results database runs/mtl.db, version {VERSION}. Generated; do not edit.\n\
         -- Names are natural keys, so most queries need no join. Times are UTC text, durations are\n\
         -- seconds, sizes are bytes, paths are relative to the runs folder; NaN is NULL.\n"
    );
    let mut statement = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let text: String = row.get(0).map_err(failed)?;
        sql.push_str(&format!("\n{text};\n"));
    }
    Ok(sql)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::store::migration::{STEPS, VERSION, VIEWS, apply, migrate, schema_sql};

    #[test]
    fn a_later_step_keeps_the_rows_and_remakes_the_views() {
        let mut connection = Connection::open_in_memory().expect("opens");
        migrate(&mut connection).expect("migrates");
        connection
            .execute_batch(
                "INSERT INTO runs (run, pipeline, file, resolved, seed, state, started_at, updated_at)
                 VALUES ('a-1', 'a', 'a.yaml', '', 7, 'finished', 't', 't')",
            )
            .expect("inserts");
        let mut steps = STEPS.to_vec();
        steps.push("ALTER TABLE runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'good'");
        let views = "CREATE VIEW leaderboard AS SELECT run, mood FROM runs";
        apply(&mut connection, &steps, views).expect("migrates on");
        let row: (String, String) = connection
            .query_row("SELECT run, mood FROM leaderboard", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("reads");
        assert_eq!(row, ("a-1".to_owned(), "good".to_owned()));
        let version: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
        assert_eq!(version, VERSION + 1);
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().expect("opens");
        migrate(&mut connection).expect("migrates");
        let mut steps = STEPS.to_vec();
        steps.push("ALTER TABLE runs ADD COLUMN mood TEXT; SELECT no_such_column FROM runs");
        apply(&mut connection, &steps, VIEWS).expect_err("refused");
        let columns: i64 = connection
            .query_row("SELECT count(*) FROM pragma_table_info('runs') WHERE name = 'mood'", [], |row| {
                row.get(0)
            })
            .expect("reads");
        assert_eq!(columns, 0);
        let views: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'view'", [], |row| row.get(0))
            .expect("reads");
        assert!(views > 0, "views must survive a migration that failed");
    }

    #[test]
    fn every_table_view_and_column_is_documented() {
        let sql = schema_sql().expect("dumps");
        let mut statements = 0;
        for statement in sql.split("\n\n").filter(|text| text.starts_with("CREATE ")) {
            if statement.starts_with("CREATE INDEX") {
                continue;
            }
            statements += 1;
            let mut lines = statement.lines();
            let heading = lines.next().unwrap_or_default();
            let first = lines.next().unwrap_or_default().trim_start();
            assert!(first.starts_with("-- "), "{heading} has no description");
            if statement.starts_with("CREATE TABLE") {
                let constraint = ["PRIMARY KEY (", "FOREIGN KEY (", ")", "--"];
                let columns: Vec<&str> = lines.map(str::trim).collect();
                for (index, line) in columns.iter().enumerate() {
                    let next = columns.get(index + 1).copied().unwrap_or_default();
                    let is_documented = line.contains("-- ") || next.starts_with("-- ");
                    assert!(
                        is_documented || constraint.iter().any(|c| line.starts_with(c)),
                        "{heading}: {line}"
                    );
                }
            }
        }
        assert!(statements >= 20, "only {statements} statements found");
    }

    /// `UPDATE=1 cargo test` rewrites the file.
    #[test]
    fn the_published_schema_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/store.sql");
        let sql = schema_sql().expect("dumps");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &sql).expect("writes");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == sql, "{} is out of date: UPDATE=1 cargo test", path.display());
    }
}
