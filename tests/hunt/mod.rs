//! Tests that go on looking: made-up and damaged input in great numbers (`.ci/hunt` runs them long).
//!
//! `tests/corpus/<target>/` holds small files that once broke something, or lead to where something may
//! break: every run of the tests feeds them again.

mod dice;
#[cfg(unix)]
mod long;
mod mutate;
mod target;

use std::path::PathBuf;

use self::dice::Dice;
use self::mutate::{mutated, seal};
use self::target::Target;
use crate::support;

/// The files of a target's corpus.
fn corpus(target: Target) -> Vec<PathBuf> {
    let folder = support::root().join("tests/corpus").join(target.name());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// What is changed: the corpus, what the repository holds of the kind, what the program makes.
fn seeds(target: Target) -> Vec<Vec<u8>> {
    let mut files = corpus(target);
    if target == Target::Settings {
        for folder in ["pipelines", "tests/diagnostics"] {
            files.extend(support::files(&support::root().join(folder), "yaml"));
        }
    }
    let read =
        |file: PathBuf| std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let seeds: Vec<Vec<u8>> = files.into_iter().map(read).chain(target::made(target)).collect();
    assert!(!seeds.is_empty(), "no seed for {}", target.name());
    seeds
}

#[test]
fn the_corpus_breaks_nothing() {
    for target in Target::ALL {
        for file in corpus(target) {
            eprintln!("{}", file.display());
            target.feed(&std::fs::read(&file).expect("a file of the corpus"));
        }
    }
}

/// Few, and the same at every run; `.ci/hunt` draws others by the thousand.
#[test]
fn some_made_up_input_breaks_nothing() {
    for target in Target::ALL {
        let seeds = seeds(target);
        for number in 0..60 {
            let bytes = mutated(target, &seeds, &mut Dice(number));
            eprintln!("{} {number}", target.name());
            target.feed(&bytes);
        }
    }
}

/// A mutator whose sums are wrong would only ever see the first check.
#[test]
fn sums_are_made_as_the_program_makes_them() {
    for target in [Target::Card, Target::Checkpoint, Target::Dataset] {
        for seed in seeds(target) {
            assert_eq!(seal(target, seed.clone()), seed, "{}", target.name());
        }
    }
}
