//! Seeds are the independent draws of a sweep, not trials: trials of one seed begin with the same weights and
//! see the same batches, and the settings they differ in were chosen, not drawn. So what a group says is
//! averaged over its other settings within each seed first, and the interval of its mean is Student's t over
//! these averages: with three learning rates and three seeds, n is 3.
//!
//! An average means the same in every seed, and in every group, only if it is over the same other settings.
//! So those count that no seed of any group lacks; where there are none, those that no seed of the group
//! lacks; where there are none again, all.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::report::estimate;
use crate::report::student;

/// A number of one trial: under which seed, with which other settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeedValue<'a> {
    pub seed: u64,
    pub rest: &'a [String],
    pub value: f64,
}

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeedEstimate {
    pub mean: f64,
    /// Half of the 95 % interval of the mean; `None` of a single seed.
    pub half: Option<f64>,
    /// Seeds: the n of the interval.
    pub count: usize,
    /// Trials that were averaged.
    pub trials: usize,
}

impl SeedEstimate {
    /// `0.9463 ± 0.0012`, and of how many trials where that is not all of them.
    pub(crate) fn text(&self, all: usize) -> String {
        let text = estimate::estimate(self.mean, self.half);
        if self.trials < all { format!("{text} ({} of {all} trials)", self.trials) } else { text }
    }
}

/// Are there other settings that no seed of any group lacks?
pub(crate) fn are_comparable(groups: &[Vec<SeedValue<'_>>]) -> bool {
    !shared(groups).is_empty()
}

/// The mean of every group, compared like with like; `None` of a group without a number.
pub(crate) fn estimates(groups: &[Vec<SeedValue<'_>>]) -> Vec<Option<SeedEstimate>> {
    let shared = shared(groups);
    let of = |group: &Vec<SeedValue<'_>>| {
        let own = if shared.is_empty() { complete(group) } else { shared.clone() };
        let counted: Vec<&SeedValue<'_>> =
            group.iter().filter(|draw| own.is_empty() || own.contains(draw.rest)).collect();
        let means = by_seed(&counted);
        let mean = student::mean(&means)?;
        Some(SeedEstimate { mean: mean.mean, half: mean.half, count: means.len(), trials: counted.len() })
    };
    groups.iter().map(of).collect()
}

/// The differences of a group from another by seed, over the other settings that every seed of both has; all
/// pairs where there are no such settings.
pub(crate) fn differences(own: &[SeedValue<'_>], other: &[SeedValue<'_>]) -> Vec<f64> {
    let of = |draws: &[SeedValue<'_>], seed: u64, rest: &[String]| {
        let values = draws.iter().filter(|draw| draw.seed == seed && draw.rest == rest);
        student::mean(&values.map(|draw| draw.value).collect::<Vec<_>>()).map(|mean| mean.mean)
    };
    let mut pairs: Vec<SeedValue<'_>> = Vec::new();
    for draw in own {
        let known = pairs.iter().any(|pair| pair.seed == draw.seed && pair.rest == draw.rest);
        let both = of(own, draw.seed, draw.rest).zip(of(other, draw.seed, draw.rest)).filter(|_| !known);
        pairs.extend(both.map(|(own, other)| SeedValue { value: own - other, ..draw.clone() }));
    }
    let whole = complete(&pairs);
    let counted: Vec<&SeedValue<'_>> =
        pairs.iter().filter(|pair| whole.is_empty() || whole.contains(pair.rest)).collect();
    by_seed(&counted)
}

/// p-values corrected by Holm's step-down method for being so many; those that are missing are none of them.
pub(crate) fn holm_correction(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p.iter().enumerate().filter_map(|(at, p)| Some((at, (*p)?))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; p.len()];
    let mut largest = 0.0_f64;
    for (index, (at, p)) in order.iter().enumerate() {
        largest = largest.max((p * (order.len() - index) as f64).min(1.0));
        corrected[*at] = Some(largest);
    }
    corrected
}

/// The other settings that no seed of these lacks.
fn complete<'a>(draws: &[SeedValue<'a>]) -> HashSet<&'a [String]> {
    let seeds: HashSet<u64> = draws.iter().map(|draw| draw.seed).collect();
    let mut mean: HashMap<&[String], HashSet<u64>> = HashMap::new();
    draws.iter().for_each(|draw| {
        mean.entry(draw.rest).or_default().insert(draw.seed);
    });
    mean.into_iter().filter(|(_, own)| own.len() == seeds.len()).map(|(rest, _)| rest).collect()
}

/// The other settings that no seed of any group lacks.
fn shared<'a>(groups: &[Vec<SeedValue<'a>>]) -> HashSet<&'a [String]> {
    let filled = groups.iter().filter(|group| !group.is_empty());
    let both = |one: HashSet<&'a [String]>, other: HashSet<&'a [String]>| &one & &other;
    filled.map(|group| complete(group)).reduce(both).unwrap_or_default()
}

/// The mean of each seed: over its other settings, each of which counts the same however often it was
/// trained.
fn by_seed(draws: &[&SeedValue<'_>]) -> Vec<f64> {
    let mut seeds: Vec<(u64, Vec<(&[String], Vec<f64>)>)> = Vec::new();
    for draw in draws {
        let index = seeds.iter().position(|(seed, _)| *seed == draw.seed).unwrap_or_else(|| {
            seeds.push((draw.seed, Vec::new()));
            seeds.len() - 1
        });
        let cells = &mut seeds[index].1;
        match cells.iter_mut().find(|(rest, _)| *rest == draw.rest) {
            Some((_, values)) => values.push(draw.value),
            None => cells.push((draw.rest, vec![draw.value])),
        }
    }
    let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let of_seed = |(_, cells): &(u64, Vec<(&[String], Vec<f64>)>)| {
        average(&cells.iter().map(|(_, values)| average(values)).collect::<Vec<_>>())
    };
    seeds.iter().map(of_seed).collect()
}

#[cfg(test)]
mod tests {
    use crate::report::seeds::{SeedValue, differences, estimates, holm_correction};
    use crate::report::student::paired;

    fn rates() -> Vec<Vec<String>> {
        ["0.1", "0.01", "0.001"].map(|rate| vec![rate.to_owned()]).to_vec()
    }

    /// Rows are seeds, columns learning rates.
    fn draws(rests: &[Vec<String>], values: [[f64; 3]; 3]) -> Vec<SeedValue<'_>> {
        let of = |seed: usize| {
            let cells = rests.iter().zip(values[seed]);
            cells.map(move |(rest, value)| SeedValue { seed: seed as u64 + 1, rest, value })
        };
        (0..3).flat_map(of).collect()
    }

    const OWN: [[f64; 3]; 3] = [[0.90, 0.94, 0.92], [0.91, 0.95, 0.935], [0.89, 0.93, 0.91]];
    const EQUAL: [[f64; 3]; 3] = [[0.89, 0.925, 0.92], [0.905, 0.945, 0.92], [0.885, 0.93, 0.90]];

    // numpy 2.4.6, scipy 1.17.1:
    //   own = np.array([[.90, .94, .92], [.91, .95, .935], [.89, .93, .91]]).mean(axis=1)
    //   own.mean(), stats.sem(own) * stats.t.ppf(.975, 2)                        -> 0.9205555555555556,
    //   0.02693801873625132 equal = np.array([[.89, .925, .92], [.905, .945, .92], [.885, .93,
    //   .90]]).mean(axis=1) stats.ttest_rel(own, equal).pvalue                                       ->
    //   0.02286016359632045 all nine taken for independent: stats.sem(own.ravel()) * stats.t.ppf(.975, 8) ->
    //   0.0152
    #[test]
    fn other_settings_are_averaged_within_each_seed() {
        let rests = rates();
        let (own, equal) = (draws(&rests, OWN), draws(&rests, EQUAL));
        let mean = estimates(&[own.clone(), equal.clone()]);
        let first = mean[0].expect("a mean");
        assert!((first.mean - 0.9205555555555556).abs() < 1e-12, "{first:?}");
        assert!((first.half.expect("an interval") - 0.02693801873625132).abs() < 1e-9, "{first:?}");
        assert_eq!((first.count, first.trials), (3, 9));
        let p = paired(&differences(&own, &equal)).expect("a p-value");
        assert!((p - 0.02286016359632045).abs() < 1e-9, "{p}");
        // A run that found a trial in the cache says nothing new.
        let twice = [own.clone(), own[4..5].to_vec()].concat();
        let again = estimates(&[twice])[0].expect("a mean");
        assert_eq!((again.mean, again.half, again.count), (first.mean, first.half, 3));
    }

    /// The second seed lacks a rate: the others count, in both groups.
    #[test]
    fn groups_are_compared_over_the_settings_that_all_have() {
        let rests = rates();
        let (mut own, equal) = (draws(&rests, OWN), draws(&rests, EQUAL));
        own.remove(4);
        let mean = estimates(&[own.clone(), equal.clone()]);
        let (first, second) = (mean[0].expect("a mean"), mean[1].expect("a mean"));
        assert!((first.mean - (0.91 + 0.9225 + 0.90) / 3.0).abs() < 1e-12, "{first:?}");
        assert_eq!((first.trials, second.trials, second.count), (6, 6, 3));
        assert_eq!(first.text(8), format!("{} (6 of 8 trials)", first.text(6)));
        let lower = differences(&own, &equal);
        assert_eq!(lower.len(), 3);
        assert!((lower[0] - 0.005).abs() < 1e-12, "{lower:?}");
        // Seeds that share no setting: what there is.
        let apart = [
            SeedValue { seed: 1, rest: &rests[0], value: 1.0 },
            SeedValue { seed: 2, rest: &rests[1], value: 2.0 },
        ];
        let mean = estimates(&[apart.to_vec()])[0].expect("a mean");
        assert_eq!((mean.mean, mean.count, mean.trials), (1.5, 2, 2));
        let alone = estimates(&[apart[..1].to_vec(), Vec::new()]);
        assert_eq!((alone[0].expect("a mean").half, alone[1]), (None, None));
    }

    // statsmodels 0.15.0: multipletests([.01, .04, .03, .5], method="holm")[1] -> 0.04, 0.09, 0.09, 0.5
    #[test]
    fn holm_corrects_for_many() {
        let mean = holm_correction(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.5)]);
        let expected = [Some(0.04), Some(0.09), None, Some(0.09), Some(0.5)];
        for (mean, expected) in mean.iter().zip(expected) {
            assert_eq!(mean.is_some(), expected.is_some());
            assert!((mean.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{mean:?}");
        }
    }
}
