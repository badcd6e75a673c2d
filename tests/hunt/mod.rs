//! Fuzz tests with random and damaged input (`.ci/hunt` runs them for long).
//!
//! `tests/corpus/<target>/` holds small files that once caused a failure or reach critical code; every test
//! run feeds them again.

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

/// Files of a target's corpus.
fn corpus(target: Target) -> Vec<PathBuf> {
    let folder = support::root().join("tests/corpus").join(target.name());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Seeds of the mutations: the corpus, files of this kind in the repository, and files that the program
/// makes.
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
fn the_corpus_passes() {
    for target in Target::ALL {
        for file in corpus(target) {
            eprintln!("{}", file.display());
            target.feed(&std::fs::read(&file).expect("a file of the corpus"));
        }
    }
}

/// A few inputs, the same in every run; `.ci/hunt` tests many others.
#[test]
fn some_random_inputs_pass() {
    for target in Target::ALL {
        let seeds = seeds(target);
        for number in 0..60 {
            let bytes = mutated(target, &seeds, &mut Dice(number));
            eprintln!("{} {number}", target.name());
            target.feed(&bytes);
        }
    }
}

/// With wrong checksums, mutated files would never pass the first check.
#[test]
fn checksums_equal_those_of_the_program() {
    for target in [Target::Card, Target::Checkpoint, Target::Dataset] {
        for seed in seeds(target) {
            assert_eq!(seal(target, seed.clone()), seed, "{}", target.name());
        }
    }
}
