//! Whole groups into train, valid and test, as near to what was asked for as they allow.
//!
//! A shuffled order of groups fills test, then valid, then train. Where that is near enough it is taken: of
//! many groups each has the same chance in every split. Otherwise one is drawn from the divisions that are
//! near enough, or as near as any: of all of them where the groups are few, else of those that exchanging
//! groups leads to from many shuffled orders.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::data::sampling::shuffle;

const TRAIN: usize = 0;
const VALID: usize = 1;
const TEST: usize = 2;

/// Near enough: splits a hundredth of their shares away.
const NEAR: f64 = 0.01;
/// As many divisions are all looked at.
const ALL: usize = 60_000;
/// Shuffled orders tried of more groups.
const ORDERS: usize = 48;
/// More groups than these are not exchanged in pairs.
const PAIRS: usize = 128;

/// Each group's split: 0 train, 1 valid, 2 test. `wanted`: rows of each; those without any get no group.
/// There are as many groups as splits that want rows.
pub(in crate::data::split) fn fill(
    sizes: &[usize],
    wanted: [f64; 3],
    generator: &mut ChaCha8Rng,
) -> Vec<usize> {
    let aim = SplitTargets { wanted };
    let first = aim.in_order(sizes, generator);
    if aim.distance(aim.rows(sizes, &first)) <= NEAR {
        return first;
    }
    let splits: Vec<usize> = (0..3).filter(|split| wanted[*split] > 0.0).collect();
    let count = (0..sizes.len())
        .try_fold(1usize, |count, _| count.checked_mul(splits.len()).filter(|count| *count <= ALL));
    let mut groups: Vec<(f64, Vec<usize>)> = match count {
        Some(count) => aim.all(sizes, &splits, count),
        None => {
            let orders = std::iter::once(first).chain((1..ORDERS).map(|_| aim.in_order(sizes, generator)));
            orders.map(|indices| aim.exchanged(sizes, indices)).collect()
        }
    };
    let best = groups.iter().map(|(distance, _)| *distance).fold(f64::INFINITY, f64::min);
    groups.retain(|(distance, _)| *distance <= NEAR.max(best + 1e-9));
    let drawn = generator.random_range(0..groups.len() as u64) as usize;
    groups.swap_remove(drawn).1
}

/// The rows that each split wants.
struct SplitTargets {
    wanted: [f64; 3],
}

impl SplitTargets {
    fn rows(&self, sizes: &[usize], indices: &[usize]) -> [usize; 3] {
        let mut rows = [0; 3];
        sizes.iter().zip(indices).for_each(|(size, index)| rows[*index] += size);
        rows
    }

    /// By what part of its share a split is off, on (quadratic) average over rows; none may be empty.
    fn distance(&self, rows: [usize; 3]) -> f64 {
        let total: f64 = self.wanted.iter().sum();
        let each = rows.into_iter().zip(self.wanted).map(|(rows, wanted)| match (rows, wanted > 0.0) {
            (0, true) => f64::INFINITY,
            (_, false) => 0.0,
            (rows, true) => (rows as f64 - wanted).powi(2) / wanted,
        });
        (each.sum::<f64>() / total).sqrt()
    }

    /// Groups of a shuffled order that bring a split nearer: test, then valid; train takes the rest.
    fn in_order(&self, sizes: &[usize], generator: &mut ChaCha8Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        shuffle(&mut order, generator);
        let mut indices = vec![TRAIN; sizes.len()];
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
                // Groups not yet looked at also count as left.
                let remain = left.len() + total - position - 1;
                if (rows == 0 || after < before) && remain >= leave {
                    rows += sizes[group];
                    indices[group] = split;
                } else {
                    left.push(group);
                }
            }
            order = left;
        }
        indices
    }

    /// Every division and its distance.
    fn all(&self, sizes: &[usize], splits: &[usize], count: usize) -> Vec<(f64, Vec<usize>)> {
        let index = |code: usize, group: usize| splits[code / splits.len().pow(group as u32) % splits.len()];
        (0..count)
            .map(|code| (0..sizes.len()).map(|group| index(code, group)).collect::<Vec<usize>>())
            .map(|indices| (self.distance(self.rows(sizes, &indices)), indices))
            .collect()
    }

    /// Moves a group, or exchanges two, as long as that brings the splits nearer.
    fn exchanged(&self, sizes: &[usize], mut indices: Vec<usize>) -> (f64, Vec<usize>) {
        let mut rows = self.rows(sizes, &indices);
        let mut distance = self.distance(rows);
        while let Some((to, groups)) = self.step(sizes, &indices, rows, distance) {
            for (group, split) in to.into_iter().flatten() {
                indices[group] = split;
            }
            rows = self.rows(sizes, &indices);
            distance = groups;
        }
        (distance, indices)
    }

    /// The best of all moves and exchanges, when it is better than nothing.
    fn step(
        &self,
        sizes: &[usize],
        indices: &[usize],
        rows: [usize; 3],
        now: f64,
    ) -> Option<(GroupAssignment, f64)> {
        let mut best: Option<(GroupAssignment, f64)> = None;
        let mut consider = |step: GroupAssignment, rows: [usize; 3]| {
            let distance = self.distance(rows);
            if distance < best.map_or(now, |(_, distance)| distance) - 1e-12 {
                best = Some((step, distance));
            }
        };
        let is_open = |split: &usize| self.wanted[*split] > 0.0;
        for (a, &size) in sizes.iter().enumerate() {
            let from = indices[a];
            for to in (0..3).filter(is_open).filter(|to| *to != from) {
                let mut rows = rows;
                rows[from] -= size;
                rows[to] += size;
                consider([Some((a, to)), None], rows);
            }
            if sizes.len() > PAIRS {
                continue;
            }
            for b in (a + 1..sizes.len()).filter(|b| indices[*b] != from) {
                let (other, to) = (sizes[b], indices[b]);
                let mut rows = rows;
                rows[from] = rows[from] - size + other;
                rows[to] = rows[to] - other + size;
                consider([Some((a, to)), Some((b, from))], rows);
            }
        }
        best
    }
}

/// Groups and the splits they go to.
type GroupAssignment = [Option<(usize, usize)>; 2];

#[cfg(test)]
mod tests {
    use crate::data::sampling::split_generator;
    use crate::data::split::group_assignment::{SplitTargets, fill};

    fn filled(sizes: &[usize], shares: [f64; 3], seed: u64) -> [usize; 3] {
        let total = sizes.iter().sum::<usize>() as f64;
        let wanted = shares.map(|share| share * total);
        let indices = fill(sizes, wanted, &mut split_generator(seed));
        SplitTargets { wanted }.rows(sizes, &indices)
    }

    #[test]
    fn groups_come_as_near_to_the_shares_as_they_can() {
        let shares = [0.8, 0.1, 0.1];
        for seed in 0..20 {
            let [train, valid, test] = filled(&[110, 8, 2], shares, seed);
            assert!(train == 110 && valid + test == 10);
            assert_eq!(filled(&[600, 100, 50, 100, 100], shares, seed), [750, 100, 100]);
            assert_eq!(filled(&[1, 1, 1], shares, seed), [1, 1, 1]);
            assert_eq!(filled(&[5, 5, 90], [0.5, 0.0, 0.5], seed)[1], 0);
        }
    }

    /// The nearest there are of 14 groups, by looking at all of them in Python:
    /// `sizes = [61, 7, 93, 40, 12, 55, 8, 77, 31, 19, 3, 48, 26, 20]; n = sum(sizes)`
    /// `min(sum((r - w)**2 / w for r, w in zip(rows, want)) for p in itertools.product(range(3), repeat=14)
    /// ...)` is 0: 400, 50 and 50 of 500 rows.
    #[test]
    fn more_groups_than_can_be_tried_come_nearly_as_near() {
        let sizes = [61, 7, 93, 40, 12, 55, 8, 77, 31, 19, 3, 48, 26, 20];
        for seed in 0..20 {
            let groups = filled(&sizes, [0.8, 0.1, 0.1], seed);
            for (rows, wanted) in groups.into_iter().zip([400, 50, 50]) {
                assert!(rows.abs_diff(wanted) <= 2, "{groups:?}");
            }
        }
    }

    #[test]
    fn the_largest_group_may_be_in_any_split_that_it_fits() {
        let sizes = [1000, 995, 1000, 1002, 1005, 998, 1001, 999, 1003, 997];
        let wanted = [8000.0, 1000.0, 1000.0];
        let drawn: Vec<Vec<usize>> =
            (0..300).map(|seed| fill(&sizes, wanted, &mut split_generator(seed))).collect();
        let mut seen = [0usize; 3];
        drawn.iter().for_each(|indices| seen[indices[4]] += 1);
        // A tenth of 300 each is what chance gives: 30, with a deviation of 5.2.
        assert!(seen[1].abs_diff(30) < 21 && seen[2].abs_diff(30) < 21, "{seen:?}");
        let different: std::collections::BTreeSet<&Vec<usize>> = drawn.iter().take(20).collect();
        assert!(different.len() > 10, "another seed is another split: {}", different.len());
    }
}
