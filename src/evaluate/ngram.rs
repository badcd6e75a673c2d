//! Counts of n-grams.

use std::collections::HashMap;
use std::hash::Hash;

/// The number of occurrences of each n-gram.
pub fn counts<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], u64> {
    let mut counts = HashMap::new();
    for ngram in items.windows(n) {
        *counts.entry(ngram).or_insert(0) += 1;
    }
    counts
}

/// The size of the multiset intersection of two counts.
pub fn common<T: Eq + Hash>(one: &HashMap<&[T], u64>, other: &HashMap<&[T], u64>) -> u64 {
    one.iter().filter_map(|(ngram, count)| Some(count.min(other.get(ngram)?))).sum()
}

/// The number of n-grams of a sequence of `items` items.
pub fn total(items: usize, n: usize) -> u64 {
    (items + 1).saturating_sub(n) as u64
}
