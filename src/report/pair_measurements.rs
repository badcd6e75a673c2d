//! Confidence intervals for groupings of tasks. Measurements are divided into parts of consecutive steps
//! (batch means: adjacent steps are correlated, parts hardly are); every interval is Student's t over the
//! parts.
//!
//! The best of many groupings looks good by chance, so its gain over training all tasks together is not
//! estimated on the steps that selected it: for each part, the grouping is chosen on all other parts and its
//! gain measured on that part (cross-validation, with the variance of Nadeau and Bengio, Machine Learning
//! 2003). If tasks have no effect on each other, a grouping is then called better in 2 to 3 of 100 cases,
//! for any number of steps (simulated with 2 to 60 steps of normal noise).

use serde::Serialize;

use crate::domain::grouping::{self, TaskGroup};
use crate::report::student::{ConfidenceMean, mean};
use crate::store::affinity::AffinityReading;

/// `[task][other]`: the effect of each task on each other task; `None`: not measured.
pub(crate) type TaskMatrix = Vec<Vec<Option<f64>>>;

/// Maximum number of parts.
const PARTS: usize = 10;
/// Number of measurements below which reports warn.
pub(crate) const FEW: usize = 30;

/// Measurements of pairs of tasks over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairMeasurements {
    /// Number of measured steps or epochs.
    pub times: usize,
    /// The mean of each part; empty if there are no two parts that have all pairs.
    parts: Vec<TaskMatrix>,
}

/// The gain of a grouping over training all tasks together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GroupingGain {
    /// On the measurements that selected the grouping.
    pub chosen: f64,
    /// On held-out parts; `None` with fewer than two parts.
    pub held_out: Option<ConfidenceMean>,
}

impl GroupingGain {
    /// Whether the grouping is significantly better.
    pub fn is_sure(&self) -> bool {
        self.chosen > 0.0
            && self.held_out.is_some_and(|gain| gain.half.is_some_and(|half| gain.mean - half > 0.0))
    }
}

impl PairMeasurements {
    /// Collects readings that are ordered by time.
    pub fn from_readings(readings: &[AffinityReading], tasks: &[String]) -> Self {
        let mut times: Vec<usize> = readings.iter().map(|reading| reading.at).collect();
        times.sort_unstable();
        times.dedup();
        let whole = means(readings.iter(), tasks);
        let divided = |count: usize| -> Vec<TaskMatrix> {
            let part = |number: usize| {
                let (first, end) = (times.len() * number / count, times.len() * (number + 1) / count);
                let times = &times[first..end];
                means(readings.iter().filter(|reading| times.binary_search(&reading.at).is_ok()), tasks)
            };
            (0..count).map(part).collect()
        };
        let has_all_pairs = |part: &TaskMatrix| {
            let cells = part.iter().flatten().zip(whole.iter().flatten());
            cells.into_iter().all(|(part, whole)| part.is_some() == whole.is_some())
        };
        let counts = (2..=PARTS.min(times.len())).rev();
        let parts = counts.map(divided).find(|parts| parts.iter().all(has_all_pairs)).unwrap_or_default();
        Self { times: times.len(), parts }
    }

    /// Half-width of the 95 % confidence interval of a value computed from the measurements.
    pub fn half(&self, value: impl Fn(&TaskMatrix) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.parts.iter().map(value).collect();
        mean(&values?)?.half
    }

    /// The gain of the best grouping of at most `most` groups over one group of all tasks.
    pub fn gain(&self, whole: &TaskMatrix, most: usize) -> Option<GroupingGain> {
        let gain = |cells: &TaskMatrix, groups: &[TaskGroup]| {
            Some(grouping::score_groups(cells, groups) - grouping::best_grouping(cells, 1)?.mean)
        };
        let chosen = gain(whole, &grouping::best_grouping(whole, most)?.groups)?;
        let held_out = |index: usize| {
            let others = self.parts.iter().enumerate().filter(|(other, _)| *other != index);
            let others = average(&others.map(|(_, part)| part).collect::<Vec<_>>());
            gain(&self.parts[index], &grouping::best_grouping(&others, most)?.groups)
        };
        let gains: Option<Vec<f64>> = (0..self.parts.len()).map(held_out).collect();
        // The groupings of two parts are chosen on mostly the same steps, so their gains are not independent:
        // the variance of their mean is (1/K + 1/(K - 1)) s^2 rather than s^2/K.
        let count = self.parts.len() as f64;
        let widen = |gain: ConfidenceMean| {
            Some(ConfidenceMean { half: Some(gain.half? * (1.0 + count / (count - 1.0)).sqrt()), ..gain })
        };
        Some(GroupingGain { chosen, held_out: mean(&gains?).and_then(widen) })
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
        mean(&values?).map(|mean| mean.mean)
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

    /// Deterministic noise from -0.5 to 0.5.
    fn noise(number: usize) -> f64 {
        ((number as f64 * 12.9898 + 1.0).sin() * 43758.5453).rem_euclid(1.0) - 0.5
    }

    /// a and b help each other by `help`, both harm c and c harms them; noise of `size`, from index `from`
    /// on.
    fn readings(steps: usize, help: f64, size: f64, from: usize) -> Vec<AffinityReading> {
        let pairs = [
            ("a", "b", help),
            ("b", "a", help),
            ("a", "c", -help),
            ("b", "c", -help),
            ("c", "a", -help),
            ("c", "b", -help),
        ];
        let of_step = |step: usize| {
            let one = move |(index, (task, other, value)): (usize, &(&str, &str, f64))| AffinityReading {
                at: 10 * step,
                task: (*task).to_owned(),
                other: (*other).to_owned(),
                value: value + size * noise(6 * step + index + from),
            };
            pairs.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        (0..steps).flat_map(of_step).collect()
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

    // By hand: a and b apart from c score (h + h + 0) / 3, all together (0 + 0 - h) / 3. By an independent
    // search over all choices of two groups in numpy and scipy: gains 0.010017749292526025 ±
    // 0.00011805897519007455; for pure noise 0.0017347072870021107 on the selecting steps, held out
    // 0.0008234843782559958 ± 0.002660245618739376.
    #[test]
    fn a_grouping_is_better_only_if_significantly_so() {
        let clear = readings(60, 0.01, 0.002, 0);
        let gain =
            PairMeasurements::from_readings(&clear, &tasks()).gain(&overall(&clear), 2).expect("a gain");
        assert!(gain.is_sure() && (gain.chosen - 0.01).abs() < 0.001, "{gain:?}");
        let held_out = gain.held_out.expect("parts");
        let near = |mean: f64, expected: f64| (mean / expected - 1.0).abs() < 1e-6;
        assert!(near(held_out.mean, 0.010017749292526025) && held_out.count == 10, "{held_out:?}");
        assert!(near(held_out.half.expect("an interval"), 0.00011805897519007455), "{held_out:?}");

        // Pure noise: on the steps that select it, some grouping is always better.
        let noisy = readings(6, 0.0, 0.02, 50);
        let gain =
            PairMeasurements::from_readings(&noisy, &tasks()).gain(&overall(&noisy), 2).expect("a gain");
        assert!(near(gain.chosen, 0.0017347072870021107) && !gain.is_sure(), "{gain:?}");
        let held_out = gain.held_out.expect("parts");
        assert!(near(held_out.mean, 0.0008234843782559958), "{held_out:?}");
        assert!(near(held_out.half.expect("an interval"), 0.002660245618739376), "{held_out:?}");
        // A single measurement has no known noise.
        let once = readings(1, 0.01, 0.002, 0);
        let gain = PairMeasurements::from_readings(&once, &tasks()).gain(&overall(&once), 2).expect("a gain");
        assert!(gain.held_out.is_none() && !gain.is_sure(), "{gain:?}");
    }

    /// Only every third step has labels for a pair: fewer parts, each with all pairs.
    #[test]
    fn every_part_has_every_pair() {
        let mut readings = readings(12, 0.01, 0.002, 0);
        readings.retain(|reading| reading.other != "c" || reading.at % 30 == 0);
        let measurements = PairMeasurements::from_readings(&readings, &tasks());
        assert_eq!(measurements.parts.len(), 4);
        assert!(measurements.parts.iter().all(|part| part[0][2].is_some() && part[0][1].is_some()));
    }
}
