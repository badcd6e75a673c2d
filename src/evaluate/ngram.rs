//! Runs of n items, counted.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each run of `n` items occurs.
pub fn counts<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], u64> {
    let mut counts = HashMap::new();
    for run in items.windows(n) {
        *counts.entry(run).or_insert(0) += 1;
    }
    counts
}

/// How many runs both have: each as often as the one that has it less often.
pub fn common<T: Eq + Hash>(one: &HashMap<&[T], u64>, other: &HashMap<&[T], u64>) -> u64 {
    one.iter().filter_map(|(run, count)| other.get(run).map(|there| count.min(there))).sum()
}

/// How many runs of `n` items there are.
pub fn total(items: usize, n: usize) -> u64 {
    (items + 1).saturating_sub(n) as u64
}
