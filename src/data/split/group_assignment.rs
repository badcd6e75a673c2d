//! Assigns whole groups to train, valid and test, as close to the shares as the groups allow.
//!
//! A greedy pass over the groups in random order fills test, then valid, then train. If the result is close
//! enough, it is used: with many groups, each group has the same chance in every split. Otherwise one
//! assignment is drawn from those that are close enough, or from the closest ones: among all assignments if
//! there are few groups, else among the results of a local search from many random orders.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::data::sampling::shuffle;

const TRAIN: usize = 0;
const VALID: usize = 1;
const TEST: usize = 2;

/// A distance that is close enough: splits are a hundredth of their share off.
const CLOSE: f64 = 0.01;
/// Up to this many assignments are enumerated.
const MAX_ENUMERATED: usize = 60_000;
/// Random orders from which the local search starts.
const STARTS: usize = 48;
/// With more groups, the local search does not swap pairs.
const MAX_SWAPPED_GROUPS: usize = 128;

/// The split of each group: 0 train, 1 valid, 2 test. `wanted` holds the number of rows of each split; splits
/// with 0 get no group. There must be at least as many groups as splits with rows.
pub(in crate::data::split) fn assign(
    sizes: &[usize],
    wanted: [f64; 3],
    generator: &mut ChaCha8Rng,
) -> Vec<usize> {
    let targets = SplitTargets { wanted };
    let first = targets.greedy(sizes, generator);
    if targets.distance(targets.rows(sizes, &first)) <= CLOSE {
        return first;
    }
    let splits: Vec<usize> = (0..3).filter(|split| wanted[*split] > 0.0).collect();
    let count = (0..sizes.len()).try_fold(1usize, |count, _| {
        count.checked_mul(splits.len()).filter(|count| *count <= MAX_ENUMERATED)
    });
    let mut candidates: Vec<(f64, Vec<usize>)> = match count {
        Some(count) => targets.enumerate(sizes, &splits, count),
        None => {
            let others = (1..STARTS).map(|_| targets.greedy(sizes, generator));
            let starts = std::iter::once(first).chain(others);
            starts.map(|assignment| targets.improve(sizes, assignment)).collect()
        }
    };
    let best = candidates.iter().map(|(distance, _)| *distance).fold(f64::INFINITY, f64::min);
    candidates.retain(|(distance, _)| *distance <= CLOSE.max(best + 1e-9));
    let drawn = generator.random_range(0..candidates.len() as u64) as usize;
    candidates.swap_remove(drawn).1
}

/// The number of rows that each split should have.
struct SplitTargets {
    wanted: [f64; 3],
}

impl SplitTargets {
    /// The number of rows of each split.
    fn rows(&self, sizes: &[usize], assignment: &[usize]) -> [usize; 3] {
        let mut rows = [0; 3];
        sizes.iter().zip(assignment).for_each(|(size, split)| rows[*split] += size);
        rows
    }

    /// The relative deviation of the splits from their targets (root mean square over rows); infinite when a
    /// split that should have rows is empty.
    fn distance(&self, rows: [usize; 3]) -> f64 {
        let total: f64 = self.wanted.iter().sum();
        let each = rows.into_iter().zip(self.wanted).map(|(rows, wanted)| match (rows, wanted > 0.0) {
            (0, true) => f64::INFINITY,
            (_, false) => 0.0,
            (rows, true) => (rows as f64 - wanted).powi(2) / wanted,
        });
        (each.sum::<f64>() / total).sqrt()
    }

    /// Takes groups in random order as long as they bring test, then valid closer to its target; train
    /// takes the rest.
    fn greedy(&self, sizes: &[usize], generator: &mut ChaCha8Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        shuffle(&mut order, generator);
        let mut assignment = vec![TRAIN; sizes.len()];
        let others = usize::from(self.wanted[VALID] > 0.0);
        for (split, leave) in [(TEST, 1 + others), (VALID, 1)] {
            let wanted = self.wanted[split];
            if wanted <= 0.0 {
                continue;
            }
            let (mut rows, total, mut left) = (0, order.len(), Vec::new());
            for (position, &group) in order.iter().enumerate() {
                let before = (wanted - rows as f64).abs();
                let after = (wanted - (rows + sizes[group]) as f64).abs();
                // Every later split needs a group of those left and those still to come.
                let remaining = left.len() + total - position - 1;
                if (rows == 0 || after < before) && remaining >= leave {
                    rows += sizes[group];
                    assignment[group] = split;
                } else {
                    left.push(group);
                }
            }
            order = left;
        }
        assignment
    }

    /// Every assignment with its distance.
    fn enumerate(&self, sizes: &[usize], splits: &[usize], count: usize) -> Vec<(f64, Vec<usize>)> {
        let split = |code: usize, group: usize| splits[code / splits.len().pow(group as u32) % splits.len()];
        (0..count)
            .map(|code| (0..sizes.len()).map(|group| split(code, group)).collect::<Vec<usize>>())
            .map(|assignment| (self.distance(self.rows(sizes, &assignment)), assignment))
            .collect()
    }

    /// Moves one group, or swaps two, as long as that reduces the distance.
    fn improve(&self, sizes: &[usize], mut assignment: Vec<usize>) -> (f64, Vec<usize>) {
        let mut rows = self.rows(sizes, &assignment);
        let mut distance = self.distance(rows);
        while let Some((moves, improved)) = self.best_step(sizes, &assignment, rows, distance) {
            for (group, split) in moves.into_iter().flatten() {
                assignment[group] = split;
            }
            rows = self.rows(sizes, &assignment);
            distance = improved;
        }
        (distance, assignment)
    }

    /// The best of all moves and swaps with its distance; `None` when none is closer than `current`.
    fn best_step(
        &self,
        sizes: &[usize],
        assignment: &[usize],
        rows: [usize; 3],
        current: f64,
    ) -> Option<(Moves, f64)> {
        let mut best: Option<(Moves, f64)> = None;
        let mut consider = |step: Moves, rows: [usize; 3]| {
            let distance = self.distance(rows);
            if distance < best.map_or(current, |(_, distance)| distance) - 1e-12 {
                best = Some((step, distance));
            }
        };
        let has_rows = |split: &usize| self.wanted[*split] > 0.0;
        for (a, &size) in sizes.iter().enumerate() {
            let from = assignment[a];
            for to in (0..3).filter(has_rows).filter(|to| *to != from) {
                let mut rows = rows;
                rows[from] -= size;
                rows[to] += size;
                consider([Some((a, to)), None], rows);
            }
            if sizes.len() > MAX_SWAPPED_GROUPS {
                continue;
            }
            for b in (a + 1..sizes.len()).filter(|b| assignment[*b] != from) {
                let (other, to) = (sizes[b], assignment[b]);
                let mut rows = rows;
                rows[from] = rows[from] - size + other;
                rows[to] = rows[to] - other + size;
                consider([Some((a, to)), Some((b, from))], rows);
            }
        }
        best
    }
}

/// One or two groups and the splits they move to.
type Moves = [Option<(usize, usize)>; 2];

#[cfg(test)]
mod tests {
    use crate::data::sampling::split_generator;
    use crate::data::split::group_assignment::{SplitTargets, assign};

    fn assigned_rows(sizes: &[usize], shares: [f64; 3], seed: u64) -> [usize; 3] {
        let total = sizes.iter().sum::<usize>() as f64;
        let wanted = shares.map(|share| share * total);
        let assignment = assign(sizes, wanted, &mut split_generator(seed));
        SplitTargets { wanted }.rows(sizes, &assignment)
    }

    #[test]
    fn groups_come_as_close_to_the_shares_as_possible() {
        let shares = [0.8, 0.1, 0.1];
        for seed in 0..20 {
            let [train, valid, test] = assigned_rows(&[110, 8, 2], shares, seed);
            assert!(train == 110 && valid + test == 10);
            assert_eq!(assigned_rows(&[600, 100, 50, 100, 100], shares, seed), [750, 100, 100]);
            assert_eq!(assigned_rows(&[1, 1, 1], shares, seed), [1, 1, 1]);
            assert_eq!(assigned_rows(&[5, 5, 90], [0.5, 0.0, 0.5], seed)[1], 0);
        }
    }

    /// The closest assignment of 14 groups, enumerated in Python:
    /// `sizes = [61, 7, 93, 40, 12, 55, 8, 77, 31, 19, 3, 48, 26, 20]; n = sum(sizes)`
    /// `min(sum((r - w)**2 / w for r, w in zip(rows, want)) for p in itertools.product(range(3), repeat=14)
    /// ...)` is 0: 400, 50 and 50 of 500 rows.
    #[test]
    fn the_local_search_comes_nearly_as_close() {
        let sizes = [61, 7, 93, 40, 12, 55, 8, 77, 31, 19, 3, 48, 26, 20];
        for seed in 0..20 {
            let splits = assigned_rows(&sizes, [0.8, 0.1, 0.1], seed);
            for (rows, wanted) in splits.into_iter().zip([400, 50, 50]) {
                assert!(rows.abs_diff(wanted) <= 2, "{splits:?}");
            }
        }
    }

    #[test]
    fn the_largest_group_may_be_in_any_split_it_fits() {
        let sizes = [1000, 995, 1000, 1002, 1005, 998, 1001, 999, 1003, 997];
        let wanted = [8000.0, 1000.0, 1000.0];
        let drawn: Vec<Vec<usize>> =
            (0..300).map(|seed| assign(&sizes, wanted, &mut split_generator(seed))).collect();
        let mut seen = [0usize; 3];
        drawn.iter().for_each(|assignment| seen[assignment[4]] += 1);
        // By chance a tenth of 300 each: 30, with a standard deviation of 5.2.
        assert!(seen[1].abs_diff(30) < 21 && seen[2].abs_diff(30) < 21, "{seen:?}");
        let different: std::collections::BTreeSet<&Vec<usize>> = drawn.iter().take(20).collect();
        assert!(different.len() > 10, "other seeds give other splits: {}", different.len());
    }
}
