//! How well a column predicts a target all alone, on rows it was not learned from: each half of a sample is
//! answered from the other. Values of texts answer with the mean of their rows, drawn towards the mean of all
//! by one row, so that an identifier says nothing; numbers by those around them.

use polars::prelude::PlHashMap;
use rayon::prelude::*;

use crate::data::error::DataError;
use crate::data::profile::DataProfile;
use crate::data::profile::neighbour_index::NeighbourIndex;
use crate::data::profile::sample::{self, SampledColumn};

/// What a target is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMeasure {
    /// The area under the ROC curve, of two classes.
    Auc,
    /// The share of right answers, of several classes.
    Accuracy,
    /// The coefficient of determination, of numbers.
    R2,
}

/// What a column says of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnRelevance {
    pub measure: TargetMeasure,
    pub score: f64,
    /// What answering always the same scores.
    pub chance: f64,
    /// Rows it was measured on.
    pub rows: usize,
    /// How often the column's value changes along a target of numbers, where it has few values.
    pub steps: Option<StepDifferences>,
    /// Are the column's values numbers of which most are different?
    pub is_continuous: bool,
}

/// Changes of a column's value from row to row, the rows in the order of a target's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDifferences {
    pub changes: usize,
    /// Changes that an order at random would have.
    pub chance: f64,
    /// Different values of the column.
    pub values: usize,
}

impl StepDifferences {
    /// Are the values classes of the target's numbers? Then they change no more often than there are borders,
    /// or nearly so where the numbers were rounded in between.
    pub fn are_classes(&self) -> bool {
        let borders = self.values - 1;
        let exact = self.changes == borders && self.chance >= 8.0 * borders as f64;
        self.chance >= 30.0 && (exact || self.changes as f64 <= 0.025 * self.chance)
    }
}

/// A target on the rows of the sample.
struct SampledTarget {
    measure: TargetMeasure,
    /// 0 and 1, class numbers from 0, or numbers; NaN where missing.
    values: Vec<f64>,
    classes: usize,
}

impl DataProfile {
    /// What each column says of each target; `None` where it is the target, or cannot be asked.
    pub fn alone(
        &self,
        targets: &[(usize, TargetMeasure)],
    ) -> Result<Vec<Vec<Option<ColumnRelevance>>>, DataError> {
        let cells = targets.iter().map(|(column, _)| self.cells(*column)).collect::<Result<Vec<_>, _>>()?;
        let classes: Vec<_> = cells
            .iter()
            .zip(targets)
            .filter(|(_, (_, measure))| *measure != TargetMeasure::R2)
            .map(|(one, _)| one)
            .collect();
        let rows = sample::rows(self.rows, self.columns.len(), &classes);
        let half: Vec<bool> = rows.iter().map(|row| sample::is_first_half(*row)).collect();
        let truths: Vec<Option<SampledTarget>> = cells
            .iter()
            .zip(targets)
            .map(|(cells, (_, measure))| Some(truth(&SampledColumn::from_cells(cells, &rows)?, *measure)))
            .collect();
        let of_column = |column: usize| {
            let sampled = match targets.iter().any(|(target, _)| *target == column) {
                true => None,
                false => SampledColumn::from_cells(&self.cells(column)?, &rows),
            };
            let codes = sampled.as_ref().map(SampledColumn::codes);
            let one = |truth: &Option<SampledTarget>| {
                query_relevance(sampled.as_ref()?, codes.as_ref()?, truth.as_ref()?, &half)
            };
            Ok(truths.iter().map(one).collect())
        };
        (0..self.columns.len()).into_par_iter().map(of_column).collect()
    }
}

fn truth(sampled: &SampledColumn, measure: TargetMeasure) -> SampledTarget {
    if let (TargetMeasure::R2, Some(numbers)) = (measure, sampled.numbers()) {
        return SampledTarget { measure, values: numbers.to_vec(), classes: 0 };
    }
    let codes = sampled.codes();
    let classes = codes.iter().max().map_or(0, |most| *most as usize);
    let values = codes.iter().map(|code| if *code == 0 { f64::NAN } else { f64::from(*code - 1) }).collect();
    SampledTarget { measure, values, classes }
}

fn query_relevance(
    column: &SampledColumn,
    codes: &[u32],
    truth: &SampledTarget,
    half: &[bool],
) -> Option<ColumnRelevance> {
    let labelled: Vec<usize> = (0..codes.len()).filter(|row| !truth.values[*row].is_nan()).collect();
    if labelled.len() < 30 {
        return None;
    }
    let distinct = codes.iter().copied().max().unwrap_or(0) as usize;
    let is_continuous = column.numbers().is_some() && distinct * 2 > labelled.len();
    let parts =
        [true, false].map(|first| labelled.iter().copied().filter(|row| half[*row] == first).collect());
    let [first, second]: [Vec<usize>; 2] = parts;
    let turns = [(&first, &second), (&second, &first)];
    let (score, chance) = match truth.measure {
        TargetMeasure::Auc => (auc(column, codes, &truth.values, turns)?, 0.5),
        TargetMeasure::Accuracy => accuracy(column, codes, &truth.values, truth.classes, turns)?,
        TargetMeasure::R2 => (r2(column, codes, &truth.values, turns)?, 0.0),
    };
    let asked = truth.measure == TargetMeasure::R2 && (2..=50).contains(&distinct);
    let steps = asked.then(|| steps(codes, &truth.values, labelled.clone(), distinct));
    Some(ColumnRelevance {
        measure: truth.measure,
        score,
        chance,
        rows: labelled.len(),
        steps,
        is_continuous,
    })
}

fn steps(codes: &[u32], truth: &[f64], mut rows: Vec<usize>, values: usize) -> StepDifferences {
    rows.sort_unstable_by(|a, b| truth[*a].total_cmp(&truth[*b]).then(codes[*a].cmp(&codes[*b])));
    let changes = rows.windows(2).filter(|pair| codes[pair[0]] != codes[pair[1]]).count();
    let mut counts = vec![0usize; values + 1];
    rows.iter().for_each(|row| counts[codes[*row] as usize] += 1);
    let share = |count: &usize| (*count as f64 / rows.len() as f64).powi(2);
    let chance = (rows.len() - 1) as f64 * (1.0 - counts.iter().map(share).sum::<f64>());
    StepDifferences { changes, chance, values: counts.iter().filter(|count| **count > 0).count() }
}

/// Of what answering always the same leaves wrong, the share that is right; 0 where nothing is left.
pub fn gain(score: f64, chance: f64) -> f64 {
    if chance < 1.0 { ((score - chance) / (1.0 - chance)).max(0.0) } else { 0.0 }
}

type DirectionChanges<'a> = [(&'a Vec<usize>, &'a Vec<usize>); 2];

/// What the learned rows say of the asked ones, in one or several ways.
fn answers(
    column: &SampledColumn,
    codes: &[u32],
    truth: &[f64],
    learned: &[usize],
    asked: &[usize],
) -> Vec<Vec<f64>> {
    let mean = learned.iter().map(|row| truth[*row]).sum::<f64>() / learned.len().max(1) as f64;
    let drawn = |sum: f64, count: f64| (sum + mean) / (count + 1.0);
    match column {
        SampledColumn::Codes(_) => {
            let mut groups: PlHashMap<u32, (f64, f64)> = PlHashMap::default();
            for row in learned {
                let group = groups.entry(codes[*row]).or_default();
                *group = (group.0 + truth[*row], group.1 + 1.0);
            }
            let answer =
                |row: &usize| groups.get(&codes[*row]).map_or(mean, |(sum, count)| drawn(*sum, *count));
            vec![asked.iter().map(answer).collect()]
        }
        SampledColumn::Numbers(numbers) => {
            let present = learned.iter().filter(|row| !numbers[**row].is_nan());
            let known = NeighbourIndex::fit(present.map(|row| (numbers[*row], truth[*row])).collect());
            let lacking = learned.iter().filter(|row| numbers[**row].is_nan()).map(|row| truth[*row]);
            let (sum, count) = lacking.fold((0.0, 0.0), |(sum, count), y| (sum + y, count + 1.0));
            let missing = drawn(sum, count);
            let all = |answer: &dyn Fn(f64) -> f64| -> Vec<f64> {
                let one = |row: &usize| if numbers[*row].is_nan() { missing } else { answer(numbers[*row]) };
                asked.iter().map(one).collect()
            };
            vec![all(&|x| known.near(x)), all(&|x| known.between(x)), all(&|x| known.on_line(x))]
        }
    }
}

fn auc(column: &SampledColumn, codes: &[u32], truth: &[f64], turns: DirectionChanges<'_>) -> Option<f64> {
    let mut scores: Vec<(f64, f64)> = Vec::new();
    for (learned, asked) in turns {
        let wanted: Vec<bool> = asked.iter().map(|row| truth[*row] > 0.5).collect();
        let ways = answers(column, codes, truth, learned, asked);
        scores.resize(ways.len(), (0.0, 0.0));
        for (sum, way) in scores.iter_mut().zip(ways) {
            let (area, weight) = (area(&way, &wanted)?, asked.len() as f64);
            *sum = (sum.0 + area * weight, sum.1 + weight);
        }
    }
    scores.into_iter().map(|(sum, weight)| sum / weight).reduce(f64::max)
}

/// The area under the ROC curve; rows of one answer share their rank. `None` below five rows of a class.
fn area(answers: &[f64], wanted: &[bool]) -> Option<f64> {
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_unstable_by(|a, b| answers[*a].total_cmp(&answers[*b]));
    let positive = wanted.iter().filter(|wanted| **wanted).count();
    let negative = wanted.len() - positive;
    if positive < 3 || negative < 3 {
        return None;
    }
    let (mut ranks, mut start) = (0.0, 0);
    while start < order.len() {
        let same = order[start..].iter().take_while(|row| answers[**row] == answers[order[start]]).count();
        let rank = start as f64 + (same as f64 + 1.0) / 2.0;
        ranks += rank * order[start..start + same].iter().filter(|row| wanted[**row]).count() as f64;
        start += same;
    }
    let (positive, negative) = (positive as f64, negative as f64);
    Some((ranks - positive * (positive + 1.0) / 2.0) / (positive * negative))
}

/// The share of right answers, and that of the most frequent class.
fn accuracy(
    column: &SampledColumn,
    codes: &[u32],
    truth: &[f64],
    classes: usize,
    turns: DirectionChanges<'_>,
) -> Option<(f64, f64)> {
    let (mut right, mut usual, mut all) = (0usize, 0usize, 0usize);
    for (learned, asked) in turns {
        let frequent = most_frequent(learned.iter().map(|row| truth[*row]), classes)?;
        let answer: Box<dyn Fn(usize) -> f64> = match column {
            SampledColumn::Codes(_) => {
                let mut groups: PlHashMap<u32, Vec<f64>> = PlHashMap::default();
                learned.iter().for_each(|row| groups.entry(codes[*row]).or_default().push(truth[*row]));
                let known: PlHashMap<u32, f64> = groups
                    .into_iter()
                    .filter_map(|(code, rows)| Some((code, most_frequent(rows.into_iter(), classes)?)))
                    .collect();
                Box::new(move |row| known.get(&codes[row]).copied().unwrap_or(frequent))
            }
            SampledColumn::Numbers(numbers) => {
                let mut pairs: Vec<(f64, f64)> = learned
                    .iter()
                    .filter(|row| !numbers[**row].is_nan())
                    .map(|row| (numbers[*row], truth[*row]))
                    .collect();
                pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
                let known = NeighbourIndex::fit(pairs.clone());
                let lacking = learned.iter().filter(|row| numbers[**row].is_nan()).map(|row| truth[*row]);
                let missing = most_frequent(lacking, classes).unwrap_or(frequent);
                Box::new(move |row| {
                    if numbers[row].is_nan() {
                        return missing;
                    }
                    let (from, to) = known.window(numbers[row]);
                    most_frequent(pairs[from..to].iter().map(|(_, y)| *y), classes).unwrap_or(frequent)
                })
            }
        };
        for row in asked {
            all += 1;
            right += usize::from(answer(*row) == truth[*row]);
            usual += usize::from(frequent == truth[*row]);
        }
    }
    (all > 0).then(|| (right as f64 / all as f64, usual as f64 / all as f64))
}

/// Of equals the class of the lowest number.
fn most_frequent(values: impl Iterator<Item = f64>, classes: usize) -> Option<f64> {
    let mut counts = vec![0usize; classes.max(1)];
    values.for_each(|class| counts[(class as usize).min(classes.max(1) - 1)] += 1);
    let most = counts.iter().enumerate().max_by_key(|(class, count)| (**count, usize::MAX - class))?;
    (*most.1 > 0).then_some(most.0 as f64)
}

fn r2(column: &SampledColumn, codes: &[u32], truth: &[f64], turns: DirectionChanges<'_>) -> Option<f64> {
    let all = || turns.iter().flat_map(|(_, asked)| asked.iter().map(|row| truth[*row]));
    let mean = all().sum::<f64>() / all().count().max(1) as f64;
    let total: f64 = all().map(|y| (y - mean).powi(2)).sum();
    if total <= 0.0 {
        return None;
    }
    let mut errors: Vec<f64> = Vec::new();
    for (learned, asked) in turns {
        let ways = answers(column, codes, truth, learned, asked);
        errors.resize(ways.len(), 0.0);
        for (sum, way) in errors.iter_mut().zip(ways) {
            *sum += way.iter().zip(asked).map(|(answer, row)| (answer - truth[*row]).powi(2)).sum::<f64>();
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
        let wanted = [false, false, false, true, true, true];
        let result = area(&[0.1, 0.4, 0.4, 0.4, 0.8, 0.3], &wanted).unwrap();
        assert!((result - 2.0 / 3.0).abs() < 1e-12, "{result}");
        assert_eq!(area(&[0.1, 0.2], &[true, false]), None);
    }
}
