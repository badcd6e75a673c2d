//! Bootstrap intervals: how much a score would differ on other rows of the same population (Efron &
//! Tibshirani 1993, chapter 13).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use crate::domain::quantile::quantile;
use crate::domain::task::LabelLevel;
use crate::evaluate::metric::MetricConfig;
use crate::evaluate::predictions::TaskPredictions;

/// The bounds of an interval: 95 % of the resamples lie between them.
const BOUNDS: [f64; 2] = [0.025, 0.975];
/// A resample has at most so many rows; the deviations of smaller ones are scaled to those of all rows (m out
/// of n bootstrap, Bickel et al. 1997).
const MOST_ROWS: usize = 5_000;
/// And so many steps or pixels,
const MOST_CELLS: usize = 400_000;
/// but at least so many rows: without them there is no interval.
const FEWEST_ROWS: usize = 50;

/// How intervals are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The number of resamples.
    pub resamples: usize,
    /// Seed of the drawn rows.
    pub seed: u64,
}

impl Bootstrap {
    /// The 95 % interval of each metric over the rows with a label; `None` where a metric is undefined, where
    /// resampling moves it away from the score (as calibration errors, which are larger on fewer rows), for
    /// generated texts, and for fewer than 50 rows.
    pub fn intervals(&self, metrics: &[MetricConfig], all: &TaskPredictions) -> Vec<Option<[f64; 2]>> {
        let Some(rows) = RowCells::of(all) else { return vec![None; metrics.len()] };
        let labelled = rows.labelled(all);
        let most = MOST_ROWS.min(MOST_CELLS / rows.largest(&labelled).max(1));
        let count = labelled.len().min(most);
        if count < FEWEST_ROWS || self.resamples == 0 {
            return vec![None; metrics.len()];
        }
        let scores: Vec<Vec<f64>> = (0..self.resamples)
            .into_par_iter()
            .map(|resample| {
                let drawn = self.drawn(resample, &labelled, count);
                let resampled = Resampled::new(all, &rows, &drawn);
                let view = resampled.view(all);
                metrics.iter().map(|metric| metric.view().score(&view).unwrap_or(f64::NAN)).collect()
            })
            .collect();
        let scale = (count as f64 / labelled.len() as f64).sqrt();
        let interval = |(index, metric): (usize, &MetricConfig)| {
            let value = metric.view().score(all).filter(|value| value.is_finite())?;
            let mut found: Vec<f64> = scores.iter().map(|scores| scores[index]).collect();
            found.retain(|score| score.is_finite());
            // Undefined in some resamples: without them the interval would be too narrow.
            if 10 * found.len() < 9 * self.resamples {
                return None;
            }
            found.sort_by(f64::total_cmp);
            let bounds = BOUNDS.map(|bound| value + scale * (quantile(&found, bound) - value));
            Some(bounds).filter(|[low, high]| (*low..=*high).contains(&value))
        };
        metrics.iter().enumerate().map(interval).collect()
    }

    /// The rows of a resample, drawn with replacement; they depend on nothing but the seed and its number.
    fn drawn(&self, resample: usize, labelled: &[u32], count: usize) -> Vec<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(resample as u64 + 1);
        let rows = labelled.len() as u64;
        // The high bits of a product with 64 random bits: uniform up to 2^-32 for a table of 2^32 rows.
        let index =
            |random: &mut ChaCha8Rng| ((u128::from(random.next_u64()) * u128::from(rows)) >> 64) as usize;
        (0..count).map(|_| labelled[index(&mut random)]).collect()
    }
}

/// Which cells are a row's.
enum RowCells<'a> {
    /// So many for every row.
    Equal(usize),
    /// Those between two offsets.
    Offsets(&'a [u32]),
}

impl<'a> RowCells<'a> {
    /// `None` for tasks that generate texts.
    fn of(all: &TaskPredictions<'a>) -> Option<Self> {
        match (all.target.label_level(), all.offsets) {
            _ if all.target.output_tokenizer().is_some() => None,
            (LabelLevel::Step, Some(offsets)) => Some(Self::Offsets(offsets)),
            (LabelLevel::Pixel { height, width }, _) => Some(Self::Equal(height * width)),
            _ => Some(Self::Equal(1)),
        }
    }

    fn cells(&self, row: u32) -> std::ops::Range<usize> {
        let row = row as usize;
        match self {
            Self::Equal(cells) => row * cells..(row + 1) * cells,
            Self::Offsets(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
        }
    }

    /// The rows with a label.
    fn labelled(&self, all: &TaskPredictions) -> Vec<u32> {
        let rows = match self {
            Self::Equal(cells) => all.cells / (*cells).max(1),
            Self::Offsets(offsets) => offsets.len().saturating_sub(1),
        };
        let width = all.target.width();
        let is_labelled = |row: &u32| {
            let cells = self.cells(*row);
            let truth = &all.truth[cells.start * width..cells.end * width];
            truth.iter().any(|cell| all.truth_of(*cell).is_some())
        };
        (0..rows as u32).filter(is_labelled).collect()
    }

    /// The most cells of a row.
    fn largest(&self, rows: &[u32]) -> usize {
        rows.iter().map(|row| self.cells(*row).len()).max().unwrap_or(0)
    }
}

/// The truth and predictions of drawn rows.
struct Resampled {
    truth: Vec<f32>,
    predictions: Vec<f32>,
    numbers: Option<[Vec<f64>; 2]>,
    offsets: Option<Vec<u32>>,
    predicted_classes: Option<Vec<u32>>,
    cells: usize,
}

impl Resampled {
    fn new(all: &TaskPredictions, rows: &RowCells, drawn: &[u32]) -> Self {
        fn gathered<T: Copy>(values: &[T], width: usize, rows: &RowCells, drawn: &[u32]) -> Vec<T> {
            let of_row = |row: &u32| {
                let cells = rows.cells(*row);
                &values[cells.start * width..cells.end * width]
            };
            drawn.iter().flat_map(of_row).copied().collect()
        }
        let (width, answers) = (all.target.width(), all.target.prediction_width());
        let mut cells = 0;
        let mut ends = vec![0];
        for row in drawn {
            cells += rows.cells(*row).len();
            ends.push(cells as u32);
        }
        Self {
            truth: gathered(all.truth, width, rows, drawn),
            predictions: gathered(all.predictions, answers, rows, drawn),
            numbers: all.numbers.map(|numbers| {
                [
                    gathered(numbers.truth, width, rows, drawn),
                    gathered(numbers.predictions, answers, rows, drawn),
                ]
            }),
            offsets: all.offsets.is_some().then_some(ends),
            predicted_classes: all.predicted_classes.map(|classes| gathered(classes, 1, rows, drawn)),
            cells,
        }
    }

    fn view<'a>(&'a self, all: &TaskPredictions<'a>) -> TaskPredictions<'a> {
        let mut view = TaskPredictions::new(all.target, &self.truth, &self.predictions, self.cells);
        view = view.with_unseen(all.unseen);
        view.known_only = all.known_only;
        view = match &self.numbers {
            Some([truth, predictions]) => view.with_numbers(truth, predictions),
            None => view,
        };
        view = self.offsets.as_deref().map_or(view, |offsets| view.with_offsets(offsets));
        self.predicted_classes.as_deref().map_or(view, |classes| view.with_predicted_classes(classes))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::task::FittedTarget;
    use crate::evaluate::bootstrap::Bootstrap;
    use crate::evaluate::metric::MetricConfig;
    use crate::evaluate::predictions::TaskPredictions;

    fn metric(name: &str) -> MetricConfig {
        serde_json::from_value(name.into()).expect("a metric")
    }

    fn binary() -> FittedTarget {
        FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [1, 1], threshold: 0.5 }
    }

    /// The interval of an accuracy p of n rows is p ± 1.96 sqrt(p (1 - p) / n), whether all rows are drawn or
    /// fewer.
    #[test]
    fn intervals_of_an_accuracy() {
        let target = binary();
        for rows in [400_usize, 20_000] {
            let truth: Vec<f32> = (0..rows).map(|row| f32::from(u8::from(row.is_multiple_of(3)))).collect();
            // Every fifth is wrong.
            let wrong = |row: usize| row.is_multiple_of(5);
            let answers: Vec<f32> =
                (0..rows).map(|row| if (truth[row] == 1.0) == wrong(row) { 0.2 } else { 0.8 }).collect();
            let all = TaskPredictions::new(&target, &truth, &answers, rows);
            let bootstrap = Bootstrap { resamples: 1000, seed: 3 };
            let found = bootstrap.intervals(&[metric("accuracy")], &all);
            let [low, high] = found[0].expect("an interval");
            let half = 1.96 * (0.8 * 0.2 / rows as f64).sqrt();
            assert!((low - (0.8 - half)).abs() < 0.15 * half, "{rows}: {low}, {}", 0.8 - half);
            assert!((high - (0.8 + half)).abs() < 0.15 * half, "{rows}: {high}, {}", 0.8 + half);
            assert_eq!(bootstrap.intervals(&[metric("accuracy")], &all), found, "the same rows each time");
        }
    }

    #[test]
    fn too_few_rows_and_one_class_have_none() {
        let target = binary();
        let bootstrap = Bootstrap { resamples: 100, seed: 3 };
        let metrics = [metric("accuracy"), metric("auroc")];
        let (truth, answers) = ([1.0; 60], [0.7; 60]);
        let all = TaskPredictions::new(&target, &truth, &answers, 60);
        let found = bootstrap.intervals(&metrics, &all);
        assert_eq!(found, [Some([1.0, 1.0]), None]);
        let few = TaskPredictions::new(&target, &truth[..40], &answers[..40], 40);
        assert_eq!(bootstrap.intervals(&metrics, &few), [None, None]);
        assert_eq!(Bootstrap { resamples: 0, ..bootstrap }.intervals(&metrics, &all), [None, None]);
    }
}
