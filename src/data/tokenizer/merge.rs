//! Learning merges: the pair of neighbouring symbols seen most often becomes a symbol, again and again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use polars::prelude::{PlHashMap, PlHashSet};

/// Two neighbours.
type SymbolPair = (u32, u32);

/// Merges in the order they are learned, until there are `size` symbols or no pair is seen `minimum`
/// times; of pairs seen equally often, the one of smaller numbers first. New symbols go to the end of
/// `symbols`, each spelled by `join` of its two.
pub fn merges(
    words: Vec<(Vec<u32>, u64)>,
    symbols: &mut Vec<String>,
    size: usize,
    minimum: u64,
    join: impl Fn(&str, &str) -> String,
) -> Vec<SymbolPair> {
    let mut numbers: PlHashMap<String, u32> =
        symbols.iter().enumerate().map(|(number, symbol)| (symbol.clone(), number as u32)).collect();
    let mut text = SymbolText::new(words);
    let mut merged: Vec<SymbolPair> = Vec::new();
    let mut known: PlHashSet<SymbolPair> = PlHashSet::default();
    while symbols.len() < size {
        let Some((pair, count)) = text.most_frequent() else { break };
        if count < minimum.max(1) {
            break;
        }
        let symbol = join(&symbols[pair.0 as usize], &symbols[pair.1 as usize]);
        // Two pairs may spell the same: `a` + `bc` and `ab` + `c`.
        let number = *numbers.entry(symbol).or_insert_with_key(|symbol| {
            symbols.push(symbol.clone());
            symbols.len() as u32 - 1
        });
        if known.insert(pair) {
            merged.push(pair);
        }
        text.merge(pair, number);
    }
    merged
}

/// Words as symbols, and how often each pair stands in them.
struct SymbolText {
    word_counts: Vec<(Vec<u32>, u64)>,
    counts: PlHashMap<SymbolPair, u64>,
    /// Words that hold a pair, or did so once.
    places: PlHashMap<SymbolPair, Vec<u32>>,
    /// Counts as they were when put in: looked up again when taken out.
    queue: BinaryHeap<(u64, Reverse<SymbolPair>)>,
}

impl SymbolText {
    fn new(words: Vec<(Vec<u32>, u64)>) -> Self {
        let (mut counts, mut indices) = (PlHashMap::default(), PlHashMap::default());
        for (index, (word, count)) in words.iter().enumerate() {
            for pair in pairs(word) {
                *counts.entry(pair).or_insert(0) += count;
                let indices: &mut Vec<u32> = indices.entry(pair).or_default();
                if indices.last() != Some(&(index as u32)) {
                    indices.push(index as u32);
                }
            }
        }
        // A heap's order among different entries does not depend on the order they came in.
        let queue = counts.iter().map(|(pair, count)| (*count, Reverse(*pair))).collect();
        Self { word_counts: words, counts, places: indices, queue }
    }

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

    /// Puts `number` where the pair stands.
    fn merge(&mut self, pair: SymbolPair, number: u32) {
        let mut indices = self.places.remove(&pair).unwrap_or_default();
        indices.sort_unstable();
        indices.dedup();
        let mut grown: PlHashSet<SymbolPair> = PlHashSet::default();
        for index in indices {
            let (word, times) = &mut self.word_counts[index as usize];
            let after = replaced(word, pair, number);
            if after.len() == word.len() {
                continue;
            }
            for before in pairs(word) {
                if let Some(count) = self.counts.get_mut(&before) {
                    *count -= *times;
                }
            }
            for now in pairs(&after) {
                *self.counts.entry(now).or_insert(0) += *times;
                if now.0 == number || now.1 == number {
                    self.places.entry(now).or_default().push(index);
                    grown.insert(now);
                }
            }
            *word = after;
        }
        self.counts.remove(&pair);
        let grown = grown.into_iter().filter_map(|pair| Some((*self.counts.get(&pair)?, Reverse(pair))));
        self.queue.extend(grown);
    }
}

fn pairs(word: &[u32]) -> impl Iterator<Item = SymbolPair> {
    word.windows(2).map(|two| (two[0], two[1]))
}

/// The word with `number` for each pair, from the left.
fn replaced(word: &[u32], pair: SymbolPair, number: u32) -> Vec<u32> {
    let mut after = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        if tail.first() == Some(&pair.1) && *first == pair.0 {
            after.push(number);
            rest = &tail[1..];
        } else {
            after.push(*first);
            rest = tail;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use crate::data::tokenizer::merge::merges;

    /// The example of Sennrich et al. 2016: low 5, lower 2, newest 6, widest 3. By hand: `es` 9, `est` 9,
    /// `lo` 7, `low` 7, then 6 times each `ew`, `new`, `newest`: of `ew` and `ne` the one of smaller numbers.
    #[test]
    fn the_example_of_the_paper() {
        let mut symbols: Vec<String> = "deilnorstw".chars().map(String::from).collect();
        let letter = |letter: char| "deilnorstw".find(letter).unwrap() as u32;
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]
            .map(|(word, count)| (word.chars().map(letter).collect(), count));
        let result = merges(words.to_vec(), &mut symbols, 17, 1, |a, b| format!("{a}{b}"));
        assert_eq!(symbols[10..], ["es", "est", "lo", "low", "ew", "new", "newest"]);
        assert_eq!(result.len(), 7);
    }

    #[test]
    fn a_pair_that_overlaps_itself_is_merged_from_the_left() {
        let mut symbols = vec!["a".to_owned()];
        let result = merges(vec![(vec![0; 5], 3)], &mut symbols, 9, 1, |a, b| format!("{a}{b}"));
        // aaaaa: aa aa a. `aa` `a` goes before `aa` `aa`, for its numbers: aa aaa, then aaaaa.
        assert_eq!(symbols, ["a", "aa", "aaa", "aaaaa"]);
        assert_eq!(result, [(0, 0), (1, 0), (1, 2)]);
    }
}
