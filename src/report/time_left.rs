//! How long a sweep will take still, as far as its trials so far tell.

use crate::report::number::guess;

/// What is known of a sweep's trials.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepRemaining {
    /// Seconds of each trial that was trained and is over, given up or not. One that was found as it was
    /// trained before took no time, and says nothing of the others.
    pub ended: Vec<f64>,
    /// Of each trial at work: seconds so far, and the share of its epochs that is done.
    pub running: Vec<(f64, f64)>,
    /// Trials that have not begun.
    pub waiting: usize,
    /// Trials side by side.
    pub jobs: usize,
}

impl SweepRemaining {
    /// Seconds until the last trial is over; `None` while nothing is known, or nothing is left.
    pub fn seconds(&self) -> Option<f64> {
        if self.waiting == 0 && self.running.is_empty() {
            return None;
        }
        let whole = |(spent, share): &(f64, f64)| (*share > 0.0).then(|| spent / share);
        let begun: Vec<f64> = self.running.iter().filter_map(whole).collect();
        let known = if self.ended.is_empty() { &begun } else { &self.ended };
        if known.is_empty() {
            return None;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        // A trial at work is measured by itself, as soon as it can be.
        let rest = |one: &(f64, f64)| (whole(one).unwrap_or(mean) - one.0).max(0.0);
        let rests: Vec<f64> = self.running.iter().map(rest).collect();
        let work = rests.iter().sum::<f64>() + self.waiting as f64 * mean;
        let longest = rests.into_iter().fold(0.0, f64::max);
        let jobs = self.jobs.clamp(1, (self.waiting + self.running.len()).max(1));
        // However many are side by side, the last one takes its time.
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
    fn what_is_left_follows_from_what_is_done() {
        let of = |ended: &[f64], at_work: &[(f64, f64)], waiting: usize, jobs: usize| {
            let (ended, at_work) = (ended.to_vec(), at_work.to_vec());
            SweepRemaining { ended, running: at_work, waiting, jobs }.seconds()
        };
        assert_eq!(of(&[], &[], 3, 1), None, "nothing is known");
        assert_eq!(of(&[60.0], &[], 0, 1), None, "nothing is left");
        assert_eq!(of(&[60.0, 120.0], &[], 4, 1), Some(360.0), "4 x 90 s");
        assert_eq!(of(&[60.0, 120.0], &[], 4, 2), Some(180.0));
        assert_eq!(of(&[60.0, 120.0], &[], 1, 8), Some(90.0), "one trial cannot be parted");
        // 10 s for a quarter of its epochs: 40 s in all, 30 s left, and 3 x 40 s of others.
        assert_eq!(of(&[], &[(10.0, 0.25)], 3, 1), Some(150.0));
        assert_eq!(of(&[], &[(0.0, 0.0)], 3, 1), None);
        // One begins, of which nothing is known: as long as the others.
        assert_eq!(of(&[50.0], &[(0.0, 0.0)], 1, 1), Some(100.0));
        assert_eq!(of(&[50.0], &[(40.0, 0.1)], 0, 2), Some(360.0), "the last one takes its time");
        let message =
            SweepRemaining { ended: vec![60.0, 120.0], waiting: 8, jobs: 1, ..SweepRemaining::default() }
                .text();
        assert_eq!(message.as_deref(), Some("about 12 min left"));
    }
}
