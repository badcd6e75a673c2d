//! Means over seeds. Seeds, not trials, are the independent samples of a sweep: trials with one seed start
//! from the same weights and see the same batches, and their settings were chosen, not sampled. So a group's
//! values are first averaged over the other settings within each seed, and the interval of the mean is
//! Student's t over these averages: with three learning rates and three seeds, n is 3.
//!
//! Averages of different seeds and groups are comparable only if they are over the same other settings. So
//! only the settings count that all seeds of all groups have; if there are none, those that all seeds of the
//! group have; if there are none either, all.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::report::estimate;
use crate::report::student;

/// A value of one trial, with its seed and its other settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeedValue<'a> {
    pub seed: u64,
    pub others: &'a [String],
    pub value: f64,
}

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeedEstimate {
    /// The mean.
    pub mean: f64,
    /// Half-width of the 95 % confidence interval of the mean; `None` for a single seed.
    pub half: Option<f64>,
    /// Number of seeds: the n of the interval.
    pub count: usize,
    /// Number of averaged trials.
    pub trials: usize,
}

impl SeedEstimate {
    /// `0.9463 ± 0.0012`, with the number of averaged trials if these are not `all`.
    pub(crate) fn text(&self, all: usize) -> String {
        let text = estimate::estimate(self.mean, self.half);
        if self.trials < all { format!("{text} ({} of {all} trials)", self.trials) } else { text }
    }
}

/// Whether there are other settings that all seeds of all groups have.
pub(crate) fn are_comparable(groups: &[Vec<SeedValue<'_>>]) -> bool {
    !shared(groups).is_empty()
}

/// The mean of every group over comparable settings; `None` for a group without values.
pub(crate) fn estimates(groups: &[Vec<SeedValue<'_>>]) -> Vec<Option<SeedEstimate>> {
    let shared = shared(groups);
    let estimate = |group: &Vec<SeedValue<'_>>| {
        let settings = if shared.is_empty() { complete(group) } else { shared.clone() };
        let counted: Vec<&SeedValue<'_>> =
            group.iter().filter(|value| settings.is_empty() || settings.contains(value.others)).collect();
        let means = means_by_seed(&counted);
        let mean = student::mean(&means)?;
        Some(SeedEstimate { mean: mean.mean, half: mean.half, count: means.len(), trials: counted.len() })
    };
    groups.iter().map(estimate).collect()
}

/// The differences between two groups by seed, over the other settings that every seed of both has; over all
/// pairs if there are no such settings.
pub(crate) fn differences(own: &[SeedValue<'_>], other: &[SeedValue<'_>]) -> Vec<f64> {
    let mean = |values: &[SeedValue<'_>], seed: u64, others: &[String]| {
        let values = values.iter().filter(|value| value.seed == seed && value.others == others);
        student::mean(&values.map(|value| value.value).collect::<Vec<_>>()).map(|mean| mean.mean)
    };
    let mut pairs: Vec<SeedValue<'_>> = Vec::new();
    for value in own {
        let SeedValue { seed, others, .. } = *value;
        let is_known = pairs.iter().any(|pair| pair.seed == seed && pair.others == others);
        let both = mean(own, seed, others).zip(mean(other, seed, others)).filter(|_| !is_known);
        pairs.extend(both.map(|(own, other)| SeedValue { seed, others, value: own - other }));
    }
    let complete = complete(&pairs);
    let counted: Vec<&SeedValue<'_>> =
        pairs.iter().filter(|pair| complete.is_empty() || complete.contains(pair.others)).collect();
    means_by_seed(&counted)
}

/// Corrects p-values by Holm's step-down method for multiple tests. `None`s do not count as tests.
pub(crate) fn holm_correction(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        p.iter().enumerate().filter_map(|(index, p)| Some((index, (*p)?))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; p.len()];
    let mut largest = 0.0_f64;
    for (rank, (index, p)) in order.iter().enumerate() {
        largest = largest.max((p * (order.len() - rank) as f64).min(1.0));
        corrected[*index] = Some(largest);
    }
    corrected
}

/// The other settings that all seeds of these values have.
fn complete<'a>(values: &[SeedValue<'a>]) -> HashSet<&'a [String]> {
    let seeds: HashSet<u64> = values.iter().map(|value| value.seed).collect();
    let mut seeds_by_settings: HashMap<&[String], HashSet<u64>> = HashMap::new();
    values.iter().for_each(|value| {
        seeds_by_settings.entry(value.others).or_default().insert(value.seed);
    });
    let complete = seeds_by_settings.into_iter().filter(|(_, own)| own.len() == seeds.len());
    complete.map(|(settings, _)| settings).collect()
}

/// The other settings that all seeds of all groups have.
fn shared<'a>(groups: &[Vec<SeedValue<'a>>]) -> HashSet<&'a [String]> {
    let filled = groups.iter().filter(|group| !group.is_empty());
    let both = |one: HashSet<&'a [String]>, other: HashSet<&'a [String]>| &one & &other;
    filled.map(|group| complete(group)).reduce(both).unwrap_or_default()
}

/// The mean of each seed over its other settings, which have equal weight however often they were trained.
fn means_by_seed(values: &[&SeedValue<'_>]) -> Vec<f64> {
    let mut seeds: Vec<(u64, Vec<(&[String], Vec<f64>)>)> = Vec::new();
    for value in values {
        let index = seeds.iter().position(|(seed, _)| *seed == value.seed).unwrap_or_else(|| {
            seeds.push((value.seed, Vec::new()));
            seeds.len() - 1
        });
        let cells = &mut seeds[index].1;
        match cells.iter_mut().find(|(others, _)| *others == value.others) {
            Some((_, values)) => values.push(value.value),
            None => cells.push((value.others, vec![value.value])),
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

    /// Rows are seeds, columns are learning rates.
    fn seed_values(rates: &[Vec<String>], values: [[f64; 3]; 3]) -> Vec<SeedValue<'_>> {
        let of_seed = |seed: usize| {
            let cells = rates.iter().zip(values[seed]);
            cells.map(move |(others, value)| SeedValue { seed: seed as u64 + 1, others, value })
        };
        (0..3).flat_map(of_seed).collect()
    }

    const OWN: [[f64; 3]; 3] = [[0.90, 0.94, 0.92], [0.91, 0.95, 0.935], [0.89, 0.93, 0.91]];
    const EQUAL: [[f64; 3]; 3] = [[0.89, 0.925, 0.92], [0.905, 0.945, 0.92], [0.885, 0.93, 0.90]];

    // numpy 2.4.6, scipy 1.17.1:
    //   own = np.array([[.90, .94, .92], [.91, .95, .935], [.89, .93, .91]]).mean(axis=1)
    //   own.mean(), stats.sem(own) * stats.t.ppf(.975, 2)
    //   -> 0.9205555555555556, 0.02693801873625132
    //   equal = np.array([[.89, .925, .92], [.905, .945, .92], [.885, .93, .90]]).mean(axis=1)
    //   stats.ttest_rel(own, equal).pvalue -> 0.02286016359632045
    // If all nine values were independent: stats.sem(own.ravel()) * stats.t.ppf(.975, 8) -> 0.0152
    #[test]
    fn other_settings_are_averaged_within_each_seed() {
        let rates = rates();
        let (own, equal) = (seed_values(&rates, OWN), seed_values(&rates, EQUAL));
        let mean = estimates(&[own.clone(), equal.clone()]);
        let first = mean[0].expect("a mean");
        assert!((first.mean - 0.9205555555555556).abs() < 1e-12, "{first:?}");
        assert!((first.half.expect("an interval") - 0.02693801873625132).abs() < 1e-9, "{first:?}");
        assert_eq!((first.count, first.trials), (3, 9));
        let p = paired(&differences(&own, &equal)).expect("a p-value");
        assert!((p - 0.02286016359632045).abs() < 1e-9, "{p}");
        // A trial from the cache is not a new sample.
        let twice = [own.clone(), own[4..5].to_vec()].concat();
        let again = estimates(&[twice])[0].expect("a mean");
        assert_eq!((again.mean, again.half, again.count), (first.mean, first.half, 3));
    }

    /// The second seed has no value for one rate: only the other rates count, in both groups.
    #[test]
    fn groups_are_compared_over_the_settings_that_all_have() {
        let rates = rates();
        let (mut own, equal) = (seed_values(&rates, OWN), seed_values(&rates, EQUAL));
        own.remove(4);
        let mean = estimates(&[own.clone(), equal.clone()]);
        let (first, second) = (mean[0].expect("a mean"), mean[1].expect("a mean"));
        assert!((first.mean - (0.91 + 0.9225 + 0.90) / 3.0).abs() < 1e-12, "{first:?}");
        assert_eq!((first.trials, second.trials, second.count), (6, 6, 3));
        assert_eq!(first.text(8), format!("{} (6 of 8 trials)", first.text(6)));
        let differences = differences(&own, &equal);
        assert_eq!(differences.len(), 3);
        assert!((differences[0] - 0.005).abs() < 1e-12, "{differences:?}");
        // If seeds have no setting in common, all values count.
        let apart = [
            SeedValue { seed: 1, others: &rates[0], value: 1.0 },
            SeedValue { seed: 2, others: &rates[1], value: 2.0 },
        ];
        let mean = estimates(&[apart.to_vec()])[0].expect("a mean");
        assert_eq!((mean.mean, mean.count, mean.trials), (1.5, 2, 2));
        let alone = estimates(&[apart[..1].to_vec(), Vec::new()]);
        assert_eq!((alone[0].expect("a mean").half, alone[1]), (None, None));
    }

    // statsmodels 0.15.0: multipletests([.01, .04, .03, .5], method="holm")[1] -> 0.04, 0.09, 0.09, 0.5
    #[test]
    fn holm_corrects_for_multiple_tests() {
        let corrected = holm_correction(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.5)]);
        let expected = [Some(0.04), Some(0.09), None, Some(0.09), Some(0.5)];
        for (corrected, expected) in corrected.iter().zip(expected) {
            assert_eq!(corrected.is_some(), expected.is_some());
            assert!((corrected.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{corrected:?}");
        }
    }
}
