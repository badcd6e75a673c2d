//! Runs killed at random moments, and damaged files: short runs of the programs in `benches/hunt`. `.ci/hunt`
//! runs them for long; `docs/durability.md` lists what they found.

use std::process::Command;

use crate::support::{self, Ran};

/// Runs one of the programs on the binary under test; it exits with 0 if it finds no problem.
fn attack(program: &str, arguments: &[&str]) -> String {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = support::root().join("benches/hunt").join(program);
    let mut command = Command::new(python);
    command.arg("-B").arg(script).arg(env!("CARGO_BIN_EXE_mtl")).args(arguments);
    Ran::of(&mut command).expect(0).out()
}

/// The numbers of the last line, the totals.
fn total(table: &str) -> Vec<u64> {
    let last = table.lines().last().expect("a table");
    last.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn kills(kinds: &str, count: u64) {
    let table = attack("kills.py", &["--kinds", kinds, "--count", &count.to_string()]);
    let total = total(&table);
    assert_eq!(total.first(), Some(&count), "{table}");
    // Delays are uniform over the duration of a run: some are too late, most are not.
    assert!(total[1] >= count / 2, "{table}");
}

#[test]
fn a_killed_run_of_one_trial_loses_nothing() {
    kills("single,baselines", 18);
}

#[test]
fn a_killed_sweep_loses_nothing() {
    kills("sweep,pruning", 16);
}

#[test]
fn a_killed_search_loses_nothing() {
    kills("tpe", 8);
}

#[test]
fn killed_runs_of_texts_and_images_lose_nothing() {
    kills("text,pictures", 18);
}

#[test]
fn damaged_files_are_never_used_silently() {
    let table = attack("damage.py", &["--count", "24"]);
    assert_eq!(total(&table).first(), Some(&24), "{table}");
}
