//! SQL queries: the ten of tests/queries.sql, all value types, and refused statements.

use crate::domain::layout::Layout;
use crate::store::query::SqlValue;
use crate::store::run_fixture::{RunFixture, folder};
use crate::store::{ResultsDatabase, StoreError};

fn recorded(folder: &tempfile::TempDir) -> ResultsDatabase {
    RunFixture::new("census-1", 0.001).record(folder.path());
    RunFixture::new("census-2", 0.002).unverified().record(folder.path())
}

#[test]
fn the_ten_queries_of_the_readme_all_give_rows() {
    let folder = folder();
    let store = recorded(&folder);
    let text = include_str!("../../../tests/queries.sql");
    let queries: Vec<&str> = text.split("\n-- ").filter(|part| part.starts_with(char::is_numeric)).collect();
    assert_eq!(queries.len(), 10);
    for query in queries {
        let sql = format!("-- {query}");
        let table = store.query(&sql).unwrap_or_else(|error| panic!("{sql}\n{error}"));
        assert!(!table.rows.is_empty(), "no rows: {sql}");
    }
}

#[test]
fn the_leaderboard_places_by_direction() {
    let folder = folder();
    let store = recorded(&folder);
    let sql = "SELECT metric, run FROM leaderboard WHERE place = 1 AND metric IN ('auroc', 'mae') \
               AND task <> 'never_married' ORDER BY metric";
    let rows: Vec<Vec<String>> = store
        .query(sql)
        .expect("asks")
        .rows
        .iter()
        .map(|row| row.iter().map(ToString::to_string).collect())
        .collect();
    // In the fixture a larger rate means a larger area and a smaller error.
    assert_eq!(rows, [["auroc", "census-2"], ["mae", "census-2"]]);
}

/// A training that a later run found in the cache has one place, and the next place is not skipped.
#[test]
fn what_was_trained_once_has_one_place() {
    let folder = folder();
    recorded(&folder);
    let store = RunFixture::new("census-3", 0.002).record(folder.path());
    let rows = |sql: &str| -> Vec<Vec<String>> {
        let rows = store.query(sql).expect("asks").rows;
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    };
    let places =
        "SELECT run, place, same_as FROM leaderboard WHERE task = 'income' AND metric = 'auroc' ORDER BY run";
    let expected = [["census-1", "2", ""], ["census-2", "1", ""], ["census-3", "", "census-2#1"]];
    assert_eq!(rows(places), expected);
    // r2 is undefined in the fixture.
    assert_eq!(rows("SELECT count(*), count(place) FROM leaderboard WHERE metric = 'r2'"), [["3", "0"]]);
    // A second trial adds no second row for its run; the row describes the better trial.
    let connection = rusqlite::Connection::open(Layout::new(folder.path()).database()).expect("opens");
    connection
        .execute_batch(
            "INSERT INTO trials (run, trial, seed) VALUES ('census-1', 2, 7);
             INSERT INTO epochs (run, trial, epoch, step, objective, best)
             VALUES ('census-1', 2, 1, 1, 0.01, 1);
             INSERT INTO artifacts (run, trial, kind, path) VALUES ('census-1', 2, 'onnx', 'b/model.onnx');
             INSERT INTO scores (run, trial, task, split, metric, value, direction, rows, epoch)
             VALUES ('census-1', 2, 'income', 'test', 'auroc', NULL, 'higher', 9, 1);",
        )
        .expect("fills");
    let summary = "SELECT run, trial, trials, test_scores FROM run_summary WHERE run = 'census-1'";
    assert_eq!(rows(summary), [["census-1", "2", "2", "income auroc undefined"]]);
    assert_eq!(store.best_trial(&crate::store::run_fixture::run_id("census-1")).expect("reads"), Some(2));
    assert_eq!(rows("SELECT count(*) FROM run_summary"), [["3"]]);
}

#[test]
fn views_say_what_they_promise() {
    let folder = folder();
    let store = recorded(&folder);
    let one = |sql: &str| store.query(sql).expect("asks").rows[0][0].to_string();
    assert_eq!(one("SELECT count(*) FROM run_summary"), "2");
    let scores = one("SELECT test_scores FROM run_summary WHERE run = 'census-1'");
    assert!(scores.starts_with("income auroc 0.89") && scores.contains(", weeks_worked mae 7.5"), "{scores}");
    assert_eq!(one("SELECT model FROM run_summary LIMIT 1"), "census-1/trial-1/model.onnx");
    assert_eq!(one("SELECT count(*) FROM varied_settings"), "2");
    assert_eq!(one("SELECT group_concat(DISTINCT path) FROM varied_settings"), "train.optimizer.adamw.rate");
    assert_eq!(
        one("SELECT count(*) FROM learning_curve
              WHERE run = 'census-1' AND split = 'train' AND metric = 'loss'"),
        "12"
    );
    let gap = one("SELECT round(gap, 6) FROM generalization WHERE run = 'census-1' AND metric = 'mae'");
    assert_eq!(gap, "0.12", "a smaller training error is a positive gap");
}

/// A trial's choice replaces the run's settings at and below its path, and no others.
#[test]
fn a_chosen_address_is_listed_once() {
    let folder = folder();
    let store = recorded(&folder);
    let connection = rusqlite::Connection::open(Layout::new(folder.path()).database()).expect("opens");
    connection
        .execute_batch(
            "INSERT INTO trials (run, trial, seed) VALUES ('census-1', 2, 7);
             DELETE FROM parameters WHERE run = 'census-1' AND (path LIKE 'weighting%' OR path LIKE 'trunk%');
             INSERT INTO parameters (run, path, text) VALUES
                ('census-1', 'weighting.cagrad.c', '0.4'), ('census-1', 'weighting.cagrad.rescale', 'square'),
                ('census-1', 'weightings', 'beside it'),
                ('census-1', 'trunk[0].dense.units', '64'), ('census-1', 'trunk[10]', 'batch_norm'),
                ('census-1', 'trunk[1].dense.units', '32');
             INSERT INTO trial_parameters (run, trial, path, text) VALUES
                ('census-1', 2, 'weighting', 'equal'), ('census-1', 2, 'trunk[1]', 'layer_norm');",
        )
        .expect("fills");
    let listed = |trial: u32| -> Vec<String> {
        let sql = format!(
            "SELECT path || ' ' || text FROM settings WHERE run = 'census-1' AND trial = {trial}
                AND (path LIKE 'weighting%' OR path LIKE 'trunk%') ORDER BY path"
        );
        store.query(&sql).expect("asks").rows.iter().map(|row| row[0].to_string()).collect()
    };
    assert_eq!(
        listed(2),
        [
            "trunk[0].dense.units 64",
            "trunk[10] batch_norm",
            "trunk[1] layer_norm",
            "weighting equal",
            "weightings beside it"
        ]
    );
    assert!(listed(1).contains(&"weighting.cagrad.c 0.4".to_owned()), "{:?}", listed(1));
    assert_eq!(listed(1).len(), 6);
    let twice = "SELECT count(*) FROM (SELECT 1 FROM settings GROUP BY run, trial, path HAVING count(*) > 1)";
    assert_eq!(store.query(twice).expect("asks").rows[0][0].to_string(), "0");
}

#[test]
fn every_type_of_value_comes_back() {
    let folder = folder();
    let store = recorded(&folder);
    let table = store
        .query("SELECT NULL AS n, 7 AS i, 0.5 AS r, 'ä' AS t, x'01ff' AS b, 9e999 AS inf")
        .expect("asks");
    assert_eq!(table.columns, ["n", "i", "r", "t", "b", "inf"]);
    let expected = vec![
        SqlValue::Null,
        SqlValue::Integer(7),
        SqlValue::Real(0.5),
        SqlValue::Text("ä".to_owned()),
        SqlValue::Blob(vec![1, 255]),
        SqlValue::Real(f64::INFINITY),
    ];
    assert_eq!(table.rows, [expected]);
}

#[test]
fn whatever_would_write_is_refused_and_changes_nothing() {
    let folder = folder();
    let store = recorded(&folder);
    let other = folder.path().join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    let vacuum = format!("VACUUM INTO '{}'", other.display());
    let before = std::fs::read(store.path()).expect("reads");
    for sql in [
        "DELETE FROM runs",
        "  -- a comment\n /* another */ ; insert into runs values (1)",
        "UPDATE runs SET state = 'failed'",
        "DROP TABLE runs",
        "CREATE TABLE x (y)",
        "WITH old AS (SELECT run FROM runs) DELETE FROM runs WHERE run IN old",
        "PRAGMA user_version = 9",
        "PRAGMA query_only = 0",
        "BEGIN IMMEDIATE",
        attach.as_str(),
        vacuum.as_str(),
    ] {
        let Err(error) = store.query(sql) else { panic!("{sql} must be refused") };
        assert!(matches!(error, StoreError::Refused { .. }), "{sql}: {error}");
        assert!(error.to_string().starts_with("queries are read-only: "), "{error}");
    }
    assert!(!other.exists());
    assert!(std::fs::read(store.path()).expect("reads") == before);
    assert_eq!(store.runs().expect("reads").len(), 2);
}

#[test]
fn mistakes_are_reported_in_sqlites_words() {
    let folder = folder();
    let store = recorded(&folder);
    let text = |sql: &str| store.query(sql).expect_err("must fail").to_string();
    assert_eq!(text("SELECT rnu FROM runs"), "no such column: rnu (at character 8)");
    assert_eq!(text("SELECT 1; SELECT 2"), "expected one statement; found a second after `;`");
    assert_eq!(text("  ; -- nothing\n"), "the query is empty");
    assert!(text("SELECT * FROM nowhere").starts_with("no such table: nowhere"));
    assert!(text("SELECT 'open").starts_with("unrecognized token"));
    // sqlite3 3.46: `near "(": syntax error`.
    assert_eq!(
        text("(SELECT 1) UNION (SELECT 2)"),
        "SQLite has no statements in parentheses; write the query without the outer ones"
    );
    assert!(store.query("SELECT 1;  -- done").is_ok());
}
