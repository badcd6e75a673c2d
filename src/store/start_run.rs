//! Writes the first rows of a run: what is known before it starts.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::store::column::NOW;
use crate::store::header::{Environment, RunHeader};
use crate::store::parameter::ConfigParameter;

/// Writes the header of a new or resumed run; returns the seconds that its earlier executions took.
pub(crate) fn insert_run(connection: &mut Connection, header: &RunHeader) -> rusqlite::Result<f64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let run = header.run.as_str();
    transaction.execute(
        &format!(
            "INSERT INTO runs (run, pipeline, description, file, resolved, fingerprint, seed, command,
                               direction, state, started_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'running', {NOW}, {NOW})
             ON CONFLICT DO UPDATE SET resolved = excluded.resolved, fingerprint = excluded.fingerprint,
                direction = excluded.direction, state = 'running', updated_at = excluded.updated_at,
                finished_at = NULL"
        ),
        params![
            run,
            header.pipeline.as_str(),
            header.description,
            header.file,
            header.resolved,
            header.fingerprint,
            signed(header.seed),
            header.command,
            header.direction.name()
        ],
    )?;
    let earlier_seconds: Option<f64> =
        transaction.query_row("SELECT seconds FROM runs WHERE run = ?1", [run], |row| row.get(0))?;
    insert_environment(&transaction, run, &header.environment)?;
    transaction.execute("DELETE FROM parameters WHERE run = ?1", [run])?;
    let mut insert = transaction
        .prepare("INSERT OR REPLACE INTO parameters (run, path, text, number) VALUES (?1, ?2, ?3, ?4)")?;
    for ConfigParameter { path, text, number } in &header.parameters {
        insert.execute(params![run, path, text, number])?;
    }
    drop(insert);
    for (position, task) in header.tasks.iter().enumerate() {
        transaction.execute(
            "INSERT OR REPLACE INTO tasks (run, task, position, data, kind, target, loss)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                run,
                task.task.as_str(),
                position as i64,
                task.data,
                task.kind,
                task.targets.join(", "),
                task.loss
            ],
        )?;
    }
    for trial in &header.trials {
        transaction.execute(
            "INSERT INTO trials (run, trial, seed) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET seed = excluded.seed",
            params![run, trial.trial, signed(trial.seed)],
        )?;
        for (path, text) in &trial.parameters {
            let ConfigParameter { path, text, number } = ConfigParameter::from_text(path, text);
            transaction.execute(
                "INSERT OR REPLACE INTO trial_parameters (run, trial, path, text, number)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![run, trial.trial, path, text, number],
            )?;
        }
    }
    transaction.execute("DELETE FROM objectives WHERE run = ?1", [run])?;
    for (position, objective) in header.objectives.iter().enumerate() {
        transaction.execute(
            "INSERT INTO objectives (run, position, task, metric, direction, reference)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                run,
                position as i64,
                objective.task,
                objective.metric,
                objective.direction.name(),
                objective.reference
            ],
        )?;
    }
    transaction.commit()?;
    Ok(earlier_seconds.unwrap_or(0.0))
}

fn insert_environment(
    connection: &Connection,
    run: &str,
    environment: &Environment,
) -> rusqlite::Result<usize> {
    connection.execute(
        "INSERT OR REPLACE INTO environments (run, mtl_version, git_commit, git_dirty, host, os, cpu, cpus,
                                              threads, device, onnx_runtime)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            run,
            environment.mtl_version,
            environment.git_commit,
            environment.git_dirty,
            environment.host,
            environment.os,
            environment.cpu,
            environment.cpus as i64,
            environment.threads as i64,
            environment.device,
            environment.onnx_runtime
        ],
    )
}

/// Converts to SQLite's signed integers; saturates.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
