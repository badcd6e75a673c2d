//! How sure a grouping of tasks is. What was measured is cut into parts of consecutive steps (batch means:
//! neighbouring steps are alike, parts hardly are), and every interval is Student's t over the parts.
//!
//! The best grouping is the best of many by chance alone, so its gain over learning all tasks together is not
//! read off the steps it was chosen by: for each part the grouping is chosen by all other parts and its gain
//! measured on that part (cross-validation, with the variance of Nadeau and Bengio, Machine Learning 2003).
//! Where tasks do nothing to each other, a grouping is then called better in 2 to 3 of 100 cases, whatever
//! the number of steps (simulated with 2 to 60 steps of normal noise).

use serde::Serialize;

use crate::domain::grouping::{self, TaskGroup};
use crate::report::student::{ConfidenceMean, mean};
use crate::store::affinity::AffinityReading;

/// What each task does to each other one; `None`: not measured.
pub(crate) type TaskMatrix = Vec<Vec<Option<f64>>>;

/// Parts at most, and measurements below which a warning is due.
const PARTS: usize = 10;
pub(crate) const FEW: usize = 30;

/// What was measured of pairs of tasks, over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairMeasurements {
    /// Steps, or epochs, that were measured.
    pub times: usize,
    /// The mean of each part; empty where there are not two parts that each have every pair.
    parts: Vec<TaskMatrix>,
}

/// How a grouping compares with learning all tasks together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GroupingGain {
    /// By the measurements that the grouping was chosen by.
    pub chosen: f64,
    /// By parts that it was not chosen by; `None` where there are not two of them.
    pub held_out: Option<ConfidenceMean>,
}

impl GroupingGain {
    /// Is the grouping better, beyond the noise of the measurements?
    pub fn is_sure(&self) -> bool {
        self.chosen > 0.0
            && self.held_out.is_some_and(|gain| gain.half.is_some_and(|half| gain.mean - half > 0.0))
    }
}

impl PairMeasurements {
    /// Of readings in the order of their time.
    pub fn from_readings(readings: &[AffinityReading], tasks: &[String]) -> Self {
        let mut times: Vec<usize> = readings.iter().map(|reading| reading.at).collect();
        times.sort_unstable();
        times.dedup();
        let whole = means(readings.iter(), tasks);
        let divided = |count: usize| -> Vec<TaskMatrix> {
            let part = |number: usize| {
                let (first, end) = (times.len() * number / count, times.len() * (number + 1) / count);
                let inside = &times[first..end];
                means(readings.iter().filter(|reading| inside.binary_search(&reading.at).is_ok()), tasks)
            };
            (0..count).map(part).collect()
        };
        let same = |part: &TaskMatrix| {
            let cells = part.iter().flatten().zip(whole.iter().flatten());
            cells.into_iter().all(|(part, whole)| part.is_some() == whole.is_some())
        };
        let counts = (2..=PARTS.min(times.len())).rev();
        let parts = counts.map(divided).find(|parts| parts.iter().all(same)).unwrap_or_default();
        Self { times: times.len(), parts }
    }

    /// Half of the 95 % interval of a number that is made of what was measured.
    pub fn half(&self, value: impl Fn(&TaskMatrix) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.parts.iter().map(value).collect();
        mean(&values?)?.half
    }

    /// What the best grouping of at most `most` groups gains over all tasks together.
    pub fn gain(&self, whole: &TaskMatrix, most: usize) -> Option<GroupingGain> {
        let over = |cells: &TaskMatrix, groups: &[TaskGroup]| {
            Some(grouping::score_groups(cells, groups) - grouping::best(cells, 1)?.mean)
        };
        let chosen = over(whole, &grouping::best(whole, most)?.groups)?;
        let left_out = |index: usize| {
            let others = self.parts.iter().enumerate().filter(|(other, _)| *other != index);
            let others = average(&others.map(|(_, part)| part).collect::<Vec<_>>());
            over(&self.parts[index], &grouping::best(&others, most)?.groups)
        };
        let gains: Option<Vec<f64>> = (0..self.parts.len()).map(left_out).collect();
        // The groups of two parts were chosen by mostly the same steps, so their gains are no independent
        // numbers: the variance of their mean is (1/K + 1/(K - 1)) s^2 rather than s^2/K.
        let count = self.parts.len() as f64;
        let wider = |gain: ConfidenceMean| {
            Some(ConfidenceMean { half: Some(gain.half? * (1.0 + count / (count - 1.0)).sqrt()), ..gain })
        };
        Some(GroupingGain { chosen, held_out: mean(&gains?).and_then(wider) })
    }
}

fn means<'a>(readings: impl Iterator<Item = &'a AffinityReading>, tasks: &[String]) -> TaskMatrix {
    let mut sums = vec![vec![(0.0, 0_usize); tasks.len()]; tasks.len()];
    let index = |name: &String| tasks.iter().position(|task| task == name);
    for reading in readings {
        if let (Some(task), Some(other)) = (index(&reading.task), index(&reading.other)) {
            let (sum, count) = &mut sums[task][other];
            (*sum, *count) = (*sum + reading.value, *count + 1);
        }
    }
    let mean = |(sum, count): &(f64, usize)| (*count > 0).then(|| sum / *count as f64);
    sums.iter().map(|row| row.iter().map(mean).collect()).collect()
}

fn average(parts: &[&TaskMatrix]) -> TaskMatrix {
    let tasks = parts.first().map_or(0, |part| part.len());
    let cell = |task: usize, other: usize| {
        let values: Option<Vec<f64>> = parts.iter().map(|part| part[task][other]).collect();
        mean(&values?).map(|result| result.mean)
    };
    (0..tasks).map(|task| (0..tasks).map(|other| cell(task, other)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use crate::report::pair_measurements::{PairMeasurements, TaskMatrix};
    use crate::store::affinity::AffinityReading;

    fn tasks() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    /// Noise from -0.5 to 0.5 that is drawn from nothing.
    fn noise(number: usize) -> f64 {
        ((number as f64 * 12.9898 + 1.0).sin() * 43758.5453).rem_euclid(1.0) - 0.5
    }

    /// a and b help each other by so much, c is hindered by both; the noise is of this size.
    fn readings(steps: usize, help: f64, size: f64, from: usize) -> Vec<AffinityReading> {
        let pairs = [
            ("a", "b", help),
            ("b", "a", help),
            ("a", "c", -help),
            ("b", "c", -help),
            ("c", "a", -help),
            ("c", "b", -help),
        ];
        let of = |step: usize| {
            let one = move |(place, (task, other, value)): (usize, &(&str, &str, f64))| AffinityReading {
                at: 10 * step,
                task: (*task).to_owned(),
                other: (*other).to_owned(),
                value: value + size * noise(6 * step + place + from),
            };
            pairs.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        (0..steps).flat_map(of).collect()
    }

    fn overall(readings: &[AffinityReading]) -> TaskMatrix {
        super::means(readings.iter(), &tasks())
    }

    // numpy 2.4.6, scipy 1.17.1:
    //   noise = (np.sin(np.arange(360) * 12.9898 + 1) * 43758.5453) % 1 - .5
    //   b = (.01 + .02 * noise.reshape(60, 6)[:, 0]).reshape(10, 6).mean(axis=1)
    //   stats.sem(b) * stats.t.ppf(.975, 9)                           -> 0.001289661090271397
    #[test]
    fn an_interval_is_over_parts_of_consecutive_steps() {
        let readings = readings(60, 0.01, 0.02, 0);
        let measurements = PairMeasurements::from_readings(&readings, &tasks());
        assert_eq!((measurements.times, measurements.parts.len()), (60, 10));
        let half = measurements.half(|cells| cells[0][1]).expect("an interval");
        assert!((half / 0.001289661090271397 - 1.0).abs() < 1e-6, "{half}");
        assert_eq!(measurements.half(|cells| cells[0][0]), None, "a task's own was not measured");
    }

    // By hand: a and b apart from c score (h + h + 0) / 3, all together (0 + 0 - h) / 3. numpy and scipy, a
    // search of its own over all choices of two groups: the gains 0.010017749292526025 ±
    // 0.00011805897519007455; of the noise, chosen by all its steps 0.0017347072870021107, held out
    // 0.0008234843782559958 ± 0.002660245618739376.
    #[test]
    fn a_grouping_is_better_only_beyond_the_noise() {
        let clear = readings(60, 0.01, 0.002, 0);
        let gain =
            PairMeasurements::from_readings(&clear, &tasks()).gain(&overall(&clear), 2).expect("a gain");
        assert!(gain.is_sure() && (gain.chosen - 0.01).abs() < 0.001, "{gain:?}");
        let held_out = gain.held_out.expect("parts");
        let near = |mean: f64, expected: f64| (mean / expected - 1.0).abs() < 1e-6;
        assert!(near(held_out.mean, 0.010017749292526025) && held_out.count == 10, "{held_out:?}");
        assert!(near(held_out.half.expect("an interval"), 0.00011805897519007455), "{held_out:?}");

        // Nothing but noise: by the steps it was chosen by, some grouping always is better.
        let noisy = readings(6, 0.0, 0.02, 50);
        let gain =
            PairMeasurements::from_readings(&noisy, &tasks()).gain(&overall(&noisy), 2).expect("a gain");
        assert!(near(gain.chosen, 0.0017347072870021107) && !gain.is_sure(), "{gain:?}");
        let held_out = gain.held_out.expect("parts");
        assert!(near(held_out.mean, 0.0008234843782559958), "{held_out:?}");
        assert!(near(held_out.half.expect("an interval"), 0.002660245618739376), "{held_out:?}");
        // Measured once, nobody knows.
        let once = readings(1, 0.01, 0.002, 0);
        let gain = PairMeasurements::from_readings(&once, &tasks()).gain(&overall(&once), 2).expect("a gain");
        assert!(gain.held_out.is_none() && !gain.is_sure(), "{gain:?}");
    }

    /// A pair that only every third step has labels for: fewer parts, each with all pairs.
    #[test]
    fn every_part_has_every_pair() {
        let mut readings = readings(12, 0.01, 0.002, 0);
        readings.retain(|reading| reading.other != "c" || reading.at % 30 == 0);
        let measurements = PairMeasurements::from_readings(&readings, &tasks());
        assert_eq!(measurements.parts.len(), 4);
        assert!(measurements.parts.iter().all(|part| part[0][2].is_some() && part[0][1].is_some()));
    }
}
