//! Estimates the remaining time of a sweep from its trials so far.

use crate::report::number::guess;

/// The trials of a sweep, as far as the remaining time depends on them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepRemaining {
    /// Seconds of each ended trial that was trained in this run, pruned or not. Cached trials are not
    /// included.
    pub ended: Vec<f64>,
    /// (seconds so far, finished fraction of the epochs) of each running trial.
    pub running: Vec<(f64, f64)>,
    /// Number of trials that have not started.
    pub waiting: usize,
    /// Number of trials that run in parallel.
    pub jobs: usize,
}

impl SweepRemaining {
    /// Estimated seconds until the last trial ends; `None` if nothing is known or no trial remains.
    pub fn seconds(&self) -> Option<f64> {
        if self.waiting == 0 && self.running.is_empty() {
            return None;
        }
        let total = |(spent, fraction): &(f64, f64)| (*fraction > 0.0).then(|| spent / fraction);
        let extrapolated: Vec<f64> = self.running.iter().filter_map(total).collect();
        let durations = if self.ended.is_empty() { &extrapolated } else { &self.ended };
        if durations.is_empty() {
            return None;
        }
        let mean = durations.iter().sum::<f64>() / durations.len() as f64;
        // A running trial is extrapolated from its own progress, once it has any.
        let left = |trial: &(f64, f64)| (total(trial).unwrap_or(mean) - trial.0).max(0.0);
        let lefts: Vec<f64> = self.running.iter().map(left).collect();
        let work = lefts.iter().sum::<f64>() + self.waiting as f64 * mean;
        let longest = lefts.into_iter().fold(0.0, f64::max);
        let jobs = self.jobs.clamp(1, (self.waiting + self.running.len()).max(1));
        // A single trial cannot be divided among jobs.
        Some((work / jobs as f64).max(longest).max(if self.waiting > 0 { mean } else { 0.0 }))
    }

    /// `about 12 min left`
    pub fn text(&self) -> Option<String> {
        self.seconds().map(|seconds| format!("about {} left", guess(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use crate::report::time_left::SweepRemaining;

    #[test]
    fn the_remaining_time_is_estimated_from_trials_so_far() {
        let seconds = |ended: &[f64], running: &[(f64, f64)], waiting: usize, jobs: usize| {
            let (ended, running) = (ended.to_vec(), running.to_vec());
            SweepRemaining { ended, running, waiting, jobs }.seconds()
        };
        assert_eq!(seconds(&[], &[], 3, 1), None, "nothing is known");
        assert_eq!(seconds(&[60.0], &[], 0, 1), None, "nothing is left");
        assert_eq!(seconds(&[60.0, 120.0], &[], 4, 1), Some(360.0), "4 x 90 s");
        assert_eq!(seconds(&[60.0, 120.0], &[], 4, 2), Some(180.0));
        assert_eq!(seconds(&[60.0, 120.0], &[], 1, 8), Some(90.0), "one trial cannot be divided");
        // 10 s for a quarter of its epochs: 40 s in total, 30 s left, and 3 x 40 s for the others.
        assert_eq!(seconds(&[], &[(10.0, 0.25)], 3, 1), Some(150.0));
        assert_eq!(seconds(&[], &[(0.0, 0.0)], 3, 1), None);
        // A trial without progress is assumed to take as long as the others.
        assert_eq!(seconds(&[50.0], &[(0.0, 0.0)], 1, 1), Some(100.0));
        assert_eq!(seconds(&[50.0], &[(40.0, 0.1)], 0, 2), Some(360.0), "the running trial takes longest");
        let text =
            SweepRemaining { ended: vec![60.0, 120.0], waiting: 8, jobs: 1, ..SweepRemaining::default() }
                .text();
        assert_eq!(text.as_deref(), Some("about 12 min left"));
    }
}
