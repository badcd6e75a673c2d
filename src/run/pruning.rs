//! Whether a trial is worth going on with: the median rule (Golovin et al. 2017) and successive halving that stops (Li et al. 2020).
//! Both look at the best objective so far, on validation rows.
//!
//! `sweep: {pruning: {asha: {reduction: 3, minimum_epochs: 1}}}`

use std::collections::BTreeMap;

use crate::domain::digits::significant;
use crate::domain::score::Direction;
use crate::spec::pruning::{AshaSpec, MedianSpec, PruningSpec};

/// How far a trial has come: the objective after each epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub epochs: BTreeMap<usize, Option<f64>>,
    /// Trained to its end.
    pub ended: bool,
}

impl Progress {
    /// The best objective up to an epoch.
    pub fn best(&self, direction: Direction, epoch: usize) -> Option<f64> {
        let values = self.epochs.range(..=epoch).filter_map(|(_, value)| *value);
        values.reduce(|best, value| if direction.prefers(value, best) { value } else { best })
    }

    /// The last epoch.
    pub fn last(&self) -> usize {
        self.epochs.keys().next_back().copied().unwrap_or(0)
    }
}

/// Why a trial that has just finished an epoch is given up; `None`: it goes on.
pub fn verdict(
    rule: &PruningSpec,
    direction: Direction,
    trials: &BTreeMap<u32, Progress>,
    trial: u32,
    epoch: usize,
) -> Option<String> {
    let own = trials.get(&trial)?.best(direction, epoch)?;
    let others = || trials.iter().filter(|(number, _)| **number != trial).map(|(_, progress)| progress);
    match rule {
        PruningSpec::Median(words) => {
            let ended = others().filter(|other| other.ended);
            median(words, direction, own, ended.filter_map(|other| other.best(direction, epoch)), epoch)
        }
        PruningSpec::Asha(words) => {
            let there = others().filter(|other| other.last() >= epoch);
            asha(words, direction, own, there.filter_map(|other| other.best(direction, epoch)), epoch)
        }
    }
}

fn median(
    words: &MedianSpec,
    direction: Direction,
    own: f64,
    others: impl Iterator<Item = f64>,
    epoch: usize,
) -> Option<String> {
    let values = sorted(others, direction);
    let count = values.len();
    if epoch <= words.warmup_epochs.get() || count < words.minimum_trials.get() {
        return None;
    }
    let middle = 0.5 * (values[(count - 1) / 2] + values[count / 2]);
    direction.prefers(middle, own).then(|| {
        let (own, middle) = (significant(own), significant(middle));
        format!("its objective {own} is worse than {middle}, the median of {count} trials by then")
    })
}

fn asha(
    words: &AshaSpec,
    direction: Direction,
    own: f64,
    others: impl Iterator<Item = f64>,
    epoch: usize,
) -> Option<String> {
    let mut rung = words.minimum_epochs.get();
    while rung < epoch {
        rung = rung.saturating_mul(words.reduction.get().max(2));
    }
    if rung != epoch {
        return None;
    }
    let values = sorted(others.chain([own]), direction);
    let kept = (values.len() / words.reduction.get()).max(1);
    let worst = values[kept - 1];
    let count = values.len();
    direction.prefers(worst, own).then(|| {
        let own = significant(own);
        format!("its objective {own} is not among the best {kept} of the {count} trials that came so far")
    })
}

/// The best first.
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
    use crate::run::pruning::{Progress, verdict};
    use crate::spec::pruning::PruningSpec;

    fn progress(values: &[f64], ended: bool) -> Progress {
        Progress { epochs: (1..).zip(values.iter().map(|value| Some(*value))).collect(), ended }
    }

    fn ask(rule: &str, direction: Direction, trials: &[Progress], epoch: usize) -> bool {
        let rule: PruningSpec = crate::spec::shelf::read_words(rule).expect("words");
        let trials: BTreeMap<u32, Progress> = (1..).zip(trials.iter().cloned()).collect();
        verdict(&rule, direction, &trials, trials.len() as u32, epoch).is_some()
    }

    #[test]
    fn worse_than_the_median_by_the_same_epoch() {
        let rule = "{median: {warmup_epochs: 1, minimum_trials: 2}}";
        let (good, bad) = (progress(&[0.9, 0.5, 0.4], true), progress(&[0.9, 0.7, 0.6], true));
        let own = |value: f64| progress(&[0.95, value], false);
        let ask = |others: &[Progress], own: Progress, epoch| {
            self::ask(rule, Lower, &[others, &[own]].concat(), epoch)
        };
        let both = [good.clone(), bad.clone()];
        assert!(ask(&both, own(0.61), 2), "the median is 0.6");
        assert!(!ask(&both, own(0.6), 2), "as good as the median");
        assert!(!ask(&both, own(0.61), 1), "warming up");
        assert!(!ask(std::slice::from_ref(&good), own(0.9), 2), "too few");
        assert!(!ask(&[good, progress(&[0.1, 0.1], false)], own(0.9), 2), "one has not ended");
        // The best so far counts, not the last.
        assert!(!ask(&both, progress(&[0.3, 0.9], false), 2));
        // A training that ended early counts with its best.
        assert!(ask(&[bad.clone(), progress(&[0.2], true)], own(0.5), 2), "the median is 0.45");
    }

    #[test]
    fn the_best_third_of_a_rung_goes_on() {
        let rule = "{asha: {reduction: 3, minimum_epochs: 2}}";
        let at = |value: f64, epochs: usize| progress(&vec![value; epochs], false);
        let ask = |trials: &[Progress], epoch| self::ask(rule, Higher, trials, epoch);
        assert!(!ask(&[at(0.1, 2)], 2), "alone it is the best");
        assert!(ask(&[at(0.5, 6), at(0.4, 2)], 2), "one of two goes on");
        assert!(!ask(&[at(0.5, 6), at(0.6, 2)], 2));
        assert!(!ask(&[at(0.5, 6), at(0.4, 1)], 1) && !ask(&[at(0.5, 6), at(0.4, 3)], 3), "no rung");
        assert!(ask(&[at(0.5, 6), at(0.4, 6)], 6), "2 x 3 is one");
        let five = [0.1, 0.2, 0.3, 0.4, 0.5].map(|value| at(value, 2));
        assert!(!ask(&[&five[..], &[at(0.45, 2)]].concat(), 2), "two of six go on");
        assert!(ask(&[&five[..], &[at(0.35, 2)]].concat(), 2));
        assert!(ask(&[at(0.5, 2), at(0.9, 1), at(0.4, 2)], 2), "who has not come there does not count");
    }
}
