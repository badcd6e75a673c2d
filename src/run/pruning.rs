//! Pruning of trials: the median rule (Golovin et al. 2017, Google Vizier) and asynchronous successive
//! halving with early stopping (Li et al. 2020, arXiv:1810.05934). Both compare the best objective so far on
//! validation rows, and only with trials of smaller numbers at the same epoch: so decisions depend neither on
//! the number of trials in parallel nor on their timing. A trial waits for results that are not known yet
//! (`run/sweep_log.rs`).
//!
//! `sweep: {pruning: {asha: {reduction: 3, minimum_epochs: 1}}}`

use std::collections::BTreeMap;

use crate::domain::digits::significant;
use crate::domain::score::Direction;
use crate::spec::pruning::{AshaConfig, MedianConfig, PruningConfig};

/// The progress of a trial: the objective after each epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialProgress {
    /// The objective per epoch; `None` where it is undefined.
    pub epochs: BTreeMap<usize, Option<f64>>,
    /// Whether it was trained to its end.
    pub ended: bool,
    /// The last epoch before it failed. After a retry, later epochs are not compared with other trials, which
    /// continued without it.
    pub failed: Option<usize>,
}

impl TrialProgress {
    /// The best objective up to and including an epoch.
    pub fn best(&self, direction: Direction, epoch: usize) -> Option<f64> {
        let values = self.epochs.range(..=epoch).filter_map(|(_, value)| *value);
        values.reduce(|best, value| if direction.prefers(value, best) { value } else { best })
    }

    /// Whether it reached this epoch, so that others are compared with it.
    fn reached(&self, epoch: usize) -> bool {
        self.last() >= epoch && self.failed.is_none_or(|last| last >= epoch)
    }

    /// Whether its results up to this epoch are final.
    pub fn is_settled(&self, epoch: usize) -> bool {
        self.last() >= epoch || self.ended || self.failed.is_some()
    }

    /// The last epoch, 0 if there is none.
    pub fn last(&self) -> usize {
        self.epochs.keys().next_back().copied().unwrap_or(0)
    }
}

/// Whether a trial is compared with those before it at this epoch; if not, it need not wait for them.
pub fn compares(rule: &PruningConfig, trial: u32, epoch: usize) -> bool {
    let before = trial.saturating_sub(1) as usize;
    match rule {
        PruningConfig::Median(config) => {
            epoch > config.warmup_epochs.get() && before >= config.minimum_trials.get()
        }
        PruningConfig::Asha(config) => before > 0 && is_rung(config, epoch),
    }
}

/// The reason to prune a trial that has just finished an epoch; `None` to continue.
pub fn verdict(
    rule: &PruningConfig,
    direction: Direction,
    trials: &BTreeMap<u32, TrialProgress>,
    trial: u32,
    epoch: usize,
) -> Option<String> {
    if !compares(rule, trial, epoch) {
        return None;
    }
    let own = trials.get(&trial)?.best(direction, epoch)?;
    let before = trials.range(..trial).map(|(_, progress)| progress);
    match rule {
        PruningConfig::Median(config) => {
            // A trial that ended earlier by itself counts with its best: it would not have improved.
            let comparable =
                before.filter(|other| other.reached(epoch) || (other.ended && other.failed.is_none()));
            median(config, direction, own, comparable.filter_map(|other| other.best(direction, epoch)))
        }
        PruningConfig::Asha(config) => {
            let comparable = before.filter(|other| other.reached(epoch));
            asha(config, direction, own, comparable.filter_map(|other| other.best(direction, epoch)))
        }
    }
}

fn median(
    config: &MedianConfig,
    direction: Direction,
    own: f64,
    others: impl Iterator<Item = f64>,
) -> Option<String> {
    let values = sorted(others, direction);
    let count = values.len();
    if count < config.minimum_trials.get() {
        return None;
    }
    let median = 0.5 * (values[(count - 1) / 2] + values[count / 2]);
    direction.prefers(median, own).then(|| {
        let (own, median) = (significant(own), significant(median));
        format!(
            "its objective {own} is worse than {median}, the median of {count} earlier trials at this epoch"
        )
    })
}

fn asha(
    config: &AshaConfig,
    direction: Direction,
    own: f64,
    others: impl Iterator<Item = f64>,
) -> Option<String> {
    let values = sorted(others.chain([own]), direction);
    let kept = (values.len() / config.reduction.get()).max(1);
    let worst = values[kept - 1];
    let count = values.len();
    direction.prefers(worst, own).then(|| {
        let own = significant(own);
        format!(
            "its objective {own} is not among the best {kept} of the {count} trials that reached this epoch"
        )
    })
}

/// Whether the epoch is `minimum_epochs` times a power of `reduction`.
fn is_rung(config: &AshaConfig, epoch: usize) -> bool {
    let mut rung = config.minimum_epochs.get();
    while rung < epoch {
        rung = rung.saturating_mul(config.reduction.get().max(2));
    }
    rung == epoch
}

/// Sorts with the best first.
fn sorted(values: impl Iterator<Item = f64>, direction: Direction) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(|a, b| match direction {
        Direction::Lower => a.total_cmp(b),
        Direction::Higher => b.total_cmp(a),
    });
    values
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::domain::score::Direction::{self, Higher, Lower};
    use crate::run::pruning::{TrialProgress, verdict};
    use crate::spec::pruning::PruningConfig;

    fn progress(values: &[f64], ended: bool) -> TrialProgress {
        let epochs = (1..).zip(values.iter().map(|value| Some(*value))).collect();
        TrialProgress { epochs, ended, failed: None }
    }

    fn should_prune(rule: &str, direction: Direction, trials: &[TrialProgress], epoch: usize) -> bool {
        let rule: PruningConfig = crate::spec::registry::parse_settings(rule).expect("words");
        let trials: BTreeMap<u32, TrialProgress> = (1..).zip(trials.iter().cloned()).collect();
        verdict(&rule, direction, &trials, trials.len() as u32, epoch).is_some()
    }

    #[test]
    fn prunes_trials_worse_than_the_median_of_the_same_epoch() {
        let rule = "{median: {warmup_epochs: 1, minimum_trials: 2}}";
        let (good, bad) = (progress(&[0.9, 0.5, 0.4], true), progress(&[0.9, 0.7, 0.6], true));
        let own = |value: f64| progress(&[0.95, value], false);
        let ask = |others: &[TrialProgress], own: TrialProgress, epoch| {
            self::should_prune(rule, Lower, &[others, &[own]].concat(), epoch)
        };
        let both = [good.clone(), bad.clone()];
        assert!(ask(&both, own(0.61), 2), "the median is 0.6");
        assert!(!ask(&both, own(0.6), 2), "as good as the median");
        assert!(!ask(&both, own(0.61), 1), "warming up");
        assert!(!ask(std::slice::from_ref(&good), own(0.9), 2), "too few");
        assert!(!ask(&[good.clone(), progress(&[0.1], false)], own(0.9), 2), "one was pruned before");
        assert!(
            ask(&[good.clone(), progress(&[0.1, 0.1], false)], own(0.9), 2),
            "one is pruned here, or not yet"
        );
        let failed = TrialProgress { failed: Some(1), ..progress(&[0.1, 0.1], true) };
        assert!(!ask(&[good, failed.clone()], own(0.9), 2), "one failed before and was retried");
        assert!(failed.is_settled(9) && !progress(&[0.1], false).is_settled(2));
        // The best so far counts, not the last.
        assert!(!ask(&both, progress(&[0.3, 0.9], false), 2));
        // A training that ended early counts with its best.
        assert!(ask(&[bad.clone(), progress(&[0.2], true)], own(0.5), 2), "the median is 0.45");
    }

    #[test]
    fn the_best_third_of_a_rung_continues() {
        let rule = "{asha: {reduction: 3, minimum_epochs: 2}}";
        let at = |value: f64, epochs: usize| progress(&vec![value; epochs], false);
        let ask = |trials: &[TrialProgress], epoch| self::should_prune(rule, Higher, trials, epoch);
        assert!(!ask(&[at(0.1, 2)], 2), "alone it is the best");
        assert!(ask(&[at(0.5, 6), at(0.4, 2)], 2), "one of two continues");
        assert!(!ask(&[at(0.5, 6), at(0.6, 2)], 2));
        assert!(!ask(&[at(0.5, 6), at(0.4, 1)], 1) && !ask(&[at(0.5, 6), at(0.4, 3)], 3), "no rung");
        assert!(ask(&[at(0.5, 6), at(0.4, 6)], 6), "2 x 3 is one");
        let five = [0.1, 0.2, 0.3, 0.4, 0.5].map(|value| at(value, 2));
        assert!(!ask(&[&five[..], &[at(0.45, 2)]].concat(), 2), "two of six continue");
        assert!(ask(&[&five[..], &[at(0.35, 2)]].concat(), 2));
        assert!(
            ask(&[at(0.5, 2), at(0.9, 1), at(0.4, 2)], 2),
            "trials that have not reached it do not count"
        );
    }

    #[test]
    fn only_smaller_numbers_count() {
        let trials: BTreeMap<u32, TrialProgress> =
            (1..).zip([0.5, 0.4, 0.3, 0.2, 0.1].map(|value| progress(&[value, value], false))).collect();
        for rule in ["{asha: {reduction: 2}}", "{median: {warmup_epochs: 0, minimum_trials: 1}}"] {
            let rule: PruningConfig = crate::spec::registry::parse_settings(rule).expect("words");
            let is_pruned = |trial: u32, direction| verdict(&rule, direction, &trials, trial, 1).is_some();
            assert!((1..=5).all(|trial| !is_pruned(trial, Lower)), "each is the best of those before it");
            assert!((2..=5).all(|trial| is_pruned(trial, Higher)) && !is_pruned(1, Higher));
        }
    }
}
