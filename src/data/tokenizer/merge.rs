//! Training of byte pair encoding: the most frequent pair of adjacent symbols becomes a new symbol,
//! repeatedly.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use polars::prelude::{PlHashMap, PlHashSet};

/// Two adjacent symbols.
type SymbolPair = (u32, u32);

/// Learns merges until there are `size` symbols, or no pair occurs `minimum` times. Returns them in order;
/// of equally frequent pairs, the one with smaller ids comes first. New symbols are appended to `symbols`,
/// with the spelling that `join` returns for their parts.
pub fn merges(
    words: Vec<(Vec<u32>, u64)>,
    symbols: &mut Vec<String>,
    size: usize,
    minimum: u64,
    join: impl Fn(&str, &str) -> String,
) -> Vec<SymbolPair> {
    let mut ids: PlHashMap<String, u32> =
        symbols.iter().enumerate().map(|(id, symbol)| (symbol.clone(), id as u32)).collect();
    let mut text = SymbolText::new(words);
    let mut merged: Vec<SymbolPair> = Vec::new();
    let mut known: PlHashSet<SymbolPair> = PlHashSet::default();
    while symbols.len() < size {
        let Some((pair, count)) = text.most_frequent() else { break };
        if count < minimum.max(1) {
            break;
        }
        let symbol = join(&symbols[pair.0 as usize], &symbols[pair.1 as usize]);
        // Two pairs may have the same spelling: `a` + `bc` and `ab` + `c`.
        let id = *ids.entry(symbol).or_insert_with_key(|symbol| {
            symbols.push(symbol.clone());
            symbols.len() as u32 - 1
        });
        if known.insert(pair) {
            merged.push(pair);
        }
        text.merge(pair, id);
    }
    merged
}

/// Words as symbols, and the counts of all pairs in them.
struct SymbolText {
    /// Words with their counts.
    words: Vec<(Vec<u32>, u64)>,
    counts: PlHashMap<SymbolPair, u64>,
    /// The indices of words that contain a pair, or did before a merge.
    words_with: PlHashMap<SymbolPair, Vec<u32>>,
    /// Pairs with their counts when they were pushed; outdated counts are corrected when they are popped.
    queue: BinaryHeap<(u64, Reverse<SymbolPair>)>,
}

impl SymbolText {
    fn new(words: Vec<(Vec<u32>, u64)>) -> Self {
        let (mut counts, mut words_with) = (PlHashMap::default(), PlHashMap::default());
        for (index, (word, count)) in words.iter().enumerate() {
            for pair in pairs(word) {
                *counts.entry(pair).or_insert(0) += count;
                let indices: &mut Vec<u32> = words_with.entry(pair).or_default();
                if indices.last() != Some(&(index as u32)) {
                    indices.push(index as u32);
                }
            }
        }
        // The order in which a heap returns distinct entries does not depend on the order of insertion.
        let queue = counts.iter().map(|(pair, count)| (*count, Reverse(*pair))).collect();
        Self { words, counts, words_with, queue }
    }

    /// Removes the most frequent pair from the queue.
    fn most_frequent(&mut self) -> Option<(SymbolPair, u64)> {
        loop {
            let (count, Reverse(pair)) = self.queue.pop()?;
            match self.counts.get(&pair).copied().unwrap_or(0) {
                0 => {}
                now if now == count => return Some((pair, count)),
                now => self.queue.push((now, Reverse(pair))),
            }
        }
    }

    /// Replaces the pair by the symbol `id` in all words.
    fn merge(&mut self, pair: SymbolPair, id: u32) {
        let mut indices = self.words_with.remove(&pair).unwrap_or_default();
        indices.sort_unstable();
        indices.dedup();
        let mut new_pairs: PlHashSet<SymbolPair> = PlHashSet::default();
        for index in indices {
            let (word, word_count) = &mut self.words[index as usize];
            let merged = replaced(word, pair, id);
            if merged.len() == word.len() {
                continue;
            }
            for old_pair in pairs(word) {
                if let Some(count) = self.counts.get_mut(&old_pair) {
                    *count -= *word_count;
                }
            }
            for new_pair in pairs(&merged) {
                *self.counts.entry(new_pair).or_insert(0) += *word_count;
                if new_pair.0 == id || new_pair.1 == id {
                    self.words_with.entry(new_pair).or_default().push(index);
                    new_pairs.insert(new_pair);
                }
            }
            *word = merged;
        }
        self.counts.remove(&pair);
        let entries =
            new_pairs.into_iter().filter_map(|pair| Some((*self.counts.get(&pair)?, Reverse(pair))));
        self.queue.extend(entries);
    }
}

fn pairs(word: &[u32]) -> impl Iterator<Item = SymbolPair> {
    word.windows(2).map(|two| (two[0], two[1]))
}

/// The word with the pair replaced by `id`, from the left.
fn replaced(word: &[u32], pair: SymbolPair, id: u32) -> Vec<u32> {
    let mut merged = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        if tail.first() == Some(&pair.1) && *first == pair.0 {
            merged.push(id);
            rest = &tail[1..];
        } else {
            merged.push(*first);
            rest = tail;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use crate::data::tokenizer::merge::merges;

    /// The example of Sennrich et al. 2016: low 5, lower 2, newest 6, widest 3. By hand: `es` 9, `est` 9,
    /// `lo` 7, `low` 7, then `ew`, `new`, `newest` 6 times each: of `ew` and `ne`, the one with smaller
    /// ids.
    #[test]
    fn the_example_of_the_paper() {
        let mut symbols: Vec<String> = "deilnorstw".chars().map(String::from).collect();
        let letter = |letter: char| "deilnorstw".find(letter).unwrap() as u32;
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]
            .map(|(word, count)| (word.chars().map(letter).collect(), count));
        let merged = merges(words.to_vec(), &mut symbols, 17, 1, |a, b| format!("{a}{b}"));
        assert_eq!(symbols[10..], ["es", "est", "lo", "low", "ew", "new", "newest"]);
        assert_eq!(merged.len(), 7);
    }

    #[test]
    fn a_pair_that_overlaps_itself_is_merged_from_the_left() {
        let mut symbols = vec!["a".to_owned()];
        let merged = merges(vec![(vec![0; 5], 3)], &mut symbols, 9, 1, |a, b| format!("{a}{b}"));
        // aaaaa: aa aa a. `aa` `a` comes before `aa` `aa`, since its ids are smaller: aa aaa, then aaaaa.
        assert_eq!(symbols, ["a", "aa", "aaa", "aaaaa"]);
        assert_eq!(merged, [(0, 0), (1, 0), (1, 2)]);
    }
}
