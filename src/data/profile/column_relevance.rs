//! How well a single column predicts a target, by two-fold cross-validation on a sample. A categorical value
//! predicts the mean of its training rows, shrunk towards the overall mean by one pseudo-row, so that an
//! identifier predicts nothing; a number predicts from its neighbours.

use polars::prelude::PlHashMap;
use rayon::prelude::*;

use crate::data::error::DataError;
use crate::data::profile::DataProfile;
use crate::data::profile::neighbour_index::NeighbourIndex;
use crate::data::profile::sample::{self, SampledColumn};

/// The score of a target's predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMeasure {
    /// The area under the ROC curve, for two classes.
    Auc,
    /// The share of correct predictions, for several classes.
    Accuracy,
    /// The coefficient of determination, for numbers.
    R2,
}

/// How well a column predicts a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnRelevance {
    /// The measure of `score`.
    pub measure: TargetMeasure,
    /// The cross-validated score, 1 for a perfect prediction.
    pub score: f64,
    /// The score of a constant prediction.
    pub chance: f64,
    /// The number of labelled rows in the sample.
    pub rows: usize,
    /// How often the column's value changes along a target of numbers, if it has at most 50 values.
    pub steps: Option<ValueChanges>,
    /// Are the values numbers, more than half of them distinct?
    pub is_continuous: bool,
}

/// Changes of a column's value from row to row, with the rows sorted by a target's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueChanges {
    /// Number of rows on which the value differs from the row before.
    pub changes: usize,
    /// The expected number of changes in random order.
    pub chance: f64,
    /// The number of distinct values of the column.
    pub values: usize,
}

impl ValueChanges {
    /// Are the values bins of the target's numbers? Then they change only at the bin borders, or hardly more
    /// often if the numbers were rounded.
    pub fn are_classes(&self) -> bool {
        let borders = self.values - 1;
        let exact = self.changes == borders && self.chance >= 8.0 * borders as f64;
        self.chance >= 30.0 && (exact || self.changes as f64 <= 0.025 * self.chance)
    }
}

/// A target on the sampled rows.
struct SampledTarget {
    measure: TargetMeasure,
    /// 0 and 1, class indices, or numbers; NaN for missing labels.
    values: Vec<f64>,
    classes: usize,
}

impl DataProfile {
    /// How well each column predicts each target, as `[column][target]`. `None` for target columns, for
    /// columns of other types than numbers and texts, and for targets with too few labels.
    pub fn relevance(
        &self,
        targets: &[(usize, TargetMeasure)],
    ) -> Result<Vec<Vec<Option<ColumnRelevance>>>, DataError> {
        let cells = targets.iter().map(|(column, _)| self.cells(*column)).collect::<Result<Vec<_>, _>>()?;
        let classes: Vec<_> = cells
            .iter()
            .zip(targets)
            .filter(|(_, (_, measure))| *measure != TargetMeasure::R2)
            .map(|(cells, _)| cells)
            .collect();
        let rows = sample::rows(self.rows, self.columns.len(), &classes);
        let half: Vec<bool> = rows.iter().map(|row| sample::is_first_half(*row)).collect();
        let sampled_targets: Vec<Option<SampledTarget>> = cells
            .iter()
            .zip(targets)
            .map(|(cells, (_, measure))| {
                Some(sample_target(&SampledColumn::from_cells(cells, &rows)?, *measure))
            })
            .collect();
        let relevances = |column: usize| {
            let sampled = match targets.iter().any(|(target, _)| *target == column) {
                true => None,
                false => SampledColumn::from_cells(&self.cells(column)?, &rows),
            };
            let codes = sampled.as_ref().map(SampledColumn::codes);
            let relevance = |target: &Option<SampledTarget>| {
                column_relevance(sampled.as_ref()?, codes.as_ref()?, target.as_ref()?, &half)
            };
            Ok(sampled_targets.iter().map(relevance).collect())
        };
        (0..self.columns.len()).into_par_iter().map(relevances).collect()
    }
}

fn sample_target(sampled: &SampledColumn, measure: TargetMeasure) -> SampledTarget {
    if let (TargetMeasure::R2, Some(numbers)) = (measure, sampled.numbers()) {
        return SampledTarget { measure, values: numbers.to_vec(), classes: 0 };
    }
    let codes = sampled.codes();
    let classes = codes.iter().max().map_or(0, |most| *most as usize);
    let values = codes.iter().map(|code| if *code == 0 { f64::NAN } else { f64::from(*code - 1) }).collect();
    SampledTarget { measure, values, classes }
}

fn column_relevance(
    column: &SampledColumn,
    codes: &[u32],
    target: &SampledTarget,
    half: &[bool],
) -> Option<ColumnRelevance> {
    let truth = &target.values;
    let labelled: Vec<usize> = (0..codes.len()).filter(|row| !truth[*row].is_nan()).collect();
    if labelled.len() < 30 {
        return None;
    }
    let distinct = codes.iter().copied().max().unwrap_or(0) as usize;
    let is_continuous = column.numbers().is_some() && distinct * 2 > labelled.len();
    let parts =
        [true, false].map(|first| labelled.iter().copied().filter(|row| half[*row] == first).collect());
    let [first, second]: [Vec<usize>; 2] = parts;
    let folds = [(&first, &second), (&second, &first)];
    let (score, chance) = match target.measure {
        TargetMeasure::Auc => (auc(column, codes, truth, folds)?, 0.5),
        TargetMeasure::Accuracy => accuracy(column, codes, truth, target.classes, folds)?,
        TargetMeasure::R2 => (r2(column, codes, truth, folds)?, 0.0),
    };
    let has_steps = target.measure == TargetMeasure::R2 && (2..=50).contains(&distinct);
    let steps = has_steps.then(|| steps(codes, truth, labelled.clone(), distinct));
    Some(ColumnRelevance {
        measure: target.measure,
        score,
        chance,
        rows: labelled.len(),
        steps,
        is_continuous,
    })
}

fn steps(codes: &[u32], truth: &[f64], mut rows: Vec<usize>, values: usize) -> ValueChanges {
    rows.sort_unstable_by(|a, b| truth[*a].total_cmp(&truth[*b]).then(codes[*a].cmp(&codes[*b])));
    let changes = rows.windows(2).filter(|pair| codes[pair[0]] != codes[pair[1]]).count();
    let mut counts = vec![0usize; values + 1];
    rows.iter().for_each(|row| counts[codes[*row] as usize] += 1);
    let share = |count: &usize| (*count as f64 / rows.len() as f64).powi(2);
    let chance = (rows.len() - 1) as f64 * (1.0 - counts.iter().map(share).sum::<f64>());
    ValueChanges { changes, chance, values: counts.iter().filter(|count| **count > 0).count() }
}

/// The score rescaled so that a constant prediction has 0 and a perfect one 1; never negative.
pub fn gain(score: f64, chance: f64) -> f64 {
    if chance < 1.0 { ((score - chance) / (1.0 - chance)).max(0.0) } else { 0.0 }
}

/// The training and test rows of each fold.
type Folds<'a> = [(&'a Vec<usize>, &'a Vec<usize>); 2];

/// The predictions for the test rows from the training rows, by one or several models.
fn predict(
    column: &SampledColumn,
    codes: &[u32],
    truth: &[f64],
    train: &[usize],
    test: &[usize],
) -> Vec<Vec<f64>> {
    let mean = train.iter().map(|row| truth[*row]).sum::<f64>() / train.len().max(1) as f64;
    let shrunk = |sum: f64, count: f64| (sum + mean) / (count + 1.0);
    match column {
        SampledColumn::Codes(_) => {
            let mut groups: PlHashMap<u32, (f64, f64)> = PlHashMap::default();
            for row in train {
                let group = groups.entry(codes[*row]).or_default();
                *group = (group.0 + truth[*row], group.1 + 1.0);
            }
            let prediction =
                |row: &usize| groups.get(&codes[*row]).map_or(mean, |(sum, count)| shrunk(*sum, *count));
            vec![test.iter().map(prediction).collect()]
        }
        SampledColumn::Numbers(numbers) => {
            let present = train.iter().filter(|row| !numbers[**row].is_nan());
            let index = NeighbourIndex::fit(present.map(|row| (numbers[*row], truth[*row])).collect());
            let of_missing = train.iter().filter(|row| numbers[**row].is_nan()).map(|row| truth[*row]);
            let (sum, count) = of_missing.fold((0.0, 0.0), |(sum, count), y| (sum + y, count + 1.0));
            let missing = shrunk(sum, count);
            let all = |model: &dyn Fn(f64) -> f64| -> Vec<f64> {
                let prediction =
                    |row: &usize| if numbers[*row].is_nan() { missing } else { model(numbers[*row]) };
                test.iter().map(prediction).collect()
            };
            vec![all(&|x| index.near(x)), all(&|x| index.between(x)), all(&|x| index.on_line(x))]
        }
    }
}

/// The area under the ROC curve of the best model, averaged over the folds.
fn auc(column: &SampledColumn, codes: &[u32], truth: &[f64], folds: Folds<'_>) -> Option<f64> {
    let mut scores: Vec<(f64, f64)> = Vec::new();
    for (train, test) in folds {
        let labels: Vec<bool> = test.iter().map(|row| truth[*row] > 0.5).collect();
        let models = predict(column, codes, truth, train, test);
        scores.resize(models.len(), (0.0, 0.0));
        for (sum, predictions) in scores.iter_mut().zip(models) {
            let (area, weight) = (area(&predictions, &labels)?, test.len() as f64);
            *sum = (sum.0 + area * weight, sum.1 + weight);
        }
    }
    scores.into_iter().map(|(sum, weight)| sum / weight).reduce(f64::max)
}

/// The area under the ROC curve; tied predictions share their rank. `None` with fewer than three rows of a
/// class.
fn area(predictions: &[f64], labels: &[bool]) -> Option<f64> {
    let mut order: Vec<usize> = (0..predictions.len()).collect();
    order.sort_unstable_by(|a, b| predictions[*a].total_cmp(&predictions[*b]));
    let positive = labels.iter().filter(|label| **label).count();
    let negative = labels.len() - positive;
    if positive < 3 || negative < 3 {
        return None;
    }
    let (mut ranks, mut start) = (0.0, 0);
    while start < order.len() {
        let first = predictions[order[start]];
        let tied = order[start..].iter().take_while(|row| predictions[**row] == first).count();
        let rank = start as f64 + (tied as f64 + 1.0) / 2.0;
        ranks += rank * order[start..start + tied].iter().filter(|row| labels[**row]).count() as f64;
        start += tied;
    }
    let (positive, negative) = (positive as f64, negative as f64);
    Some((ranks - positive * (positive + 1.0) / 2.0) / (positive * negative))
}

/// The accuracy, and that of always predicting the most frequent class.
fn accuracy(
    column: &SampledColumn,
    codes: &[u32],
    truth: &[f64],
    classes: usize,
    folds: Folds<'_>,
) -> Option<(f64, f64)> {
    let (mut correct, mut constant, mut all) = (0usize, 0usize, 0usize);
    for (train, test) in folds {
        let frequent = most_frequent(train.iter().map(|row| truth[*row]), classes)?;
        let predict: Box<dyn Fn(usize) -> f64> = match column {
            SampledColumn::Codes(_) => {
                let mut groups: PlHashMap<u32, Vec<f64>> = PlHashMap::default();
                train.iter().for_each(|row| groups.entry(codes[*row]).or_default().push(truth[*row]));
                let known: PlHashMap<u32, f64> = groups
                    .into_iter()
                    .filter_map(|(code, rows)| Some((code, most_frequent(rows.into_iter(), classes)?)))
                    .collect();
                Box::new(move |row| known.get(&codes[row]).copied().unwrap_or(frequent))
            }
            SampledColumn::Numbers(numbers) => {
                let mut pairs: Vec<(f64, f64)> = train
                    .iter()
                    .filter(|row| !numbers[**row].is_nan())
                    .map(|row| (numbers[*row], truth[*row]))
                    .collect();
                pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
                let index = NeighbourIndex::fit(pairs.clone());
                let of_missing = train.iter().filter(|row| numbers[**row].is_nan()).map(|row| truth[*row]);
                let missing = most_frequent(of_missing, classes).unwrap_or(frequent);
                Box::new(move |row| {
                    if numbers[row].is_nan() {
                        return missing;
                    }
                    let (from, to) = index.window(numbers[row]);
                    most_frequent(pairs[from..to].iter().map(|(_, y)| *y), classes).unwrap_or(frequent)
                })
            }
        };
        for row in test {
            all += 1;
            correct += usize::from(predict(*row) == truth[*row]);
            constant += usize::from(frequent == truth[*row]);
        }
    }
    (all > 0).then(|| (correct as f64 / all as f64, constant as f64 / all as f64))
}

/// The most frequent class; the lowest of equally frequent ones.
fn most_frequent(values: impl Iterator<Item = f64>, classes: usize) -> Option<f64> {
    let mut counts = vec![0usize; classes.max(1)];
    values.for_each(|class| counts[(class as usize).min(classes.max(1) - 1)] += 1);
    let most = counts.iter().enumerate().max_by_key(|(class, count)| (**count, usize::MAX - class))?;
    (*most.1 > 0).then_some(most.0 as f64)
}

/// The coefficient of determination of the best model over both folds.
fn r2(column: &SampledColumn, codes: &[u32], truth: &[f64], folds: Folds<'_>) -> Option<f64> {
    let all = || folds.iter().flat_map(|(_, test)| test.iter().map(|row| truth[*row]));
    let mean = all().sum::<f64>() / all().count().max(1) as f64;
    let total: f64 = all().map(|y| (y - mean).powi(2)).sum();
    if total <= 0.0 {
        return None;
    }
    let mut errors: Vec<f64> = Vec::new();
    for (train, test) in folds {
        let models = predict(column, codes, truth, train, test);
        errors.resize(models.len(), 0.0);
        for (sum, predictions) in errors.iter_mut().zip(models) {
            let squares = predictions.iter().zip(test).map(|(y, row)| (y - truth[*row]).powi(2));
            *sum += squares.sum::<f64>();
        }
    }
    errors.into_iter().reduce(f64::min).map(|error| 1.0 - error / total)
}

#[cfg(test)]
mod tests {
    use crate::data::profile::column_relevance::area;

    /// scikit-learn 1.9.1: `roc_auc_score([0, 0, 0, 1, 1, 1], [.1, .4, .4, .4, .8, .3])` is
    /// 0.6666666666666667.
    #[test]
    fn the_area_is_that_of_scikit_learn() {
        let labels = [false, false, false, true, true, true];
        let area_under_curve = area(&[0.1, 0.4, 0.4, 0.4, 0.8, 0.3], &labels).unwrap();
        assert!((area_under_curve - 2.0 / 3.0).abs() < 1e-12, "{area_under_curve}");
        assert_eq!(area(&[0.1, 0.2], &[true, false]), None);
    }
}
