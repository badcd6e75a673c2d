//! Columns that determine a number only together: two whose sum or product it is, and columns that are a
//! linear combination of several targets.

use crate::data::error::DataError;
use crate::data::profile::DataProfile;
use crate::data::profile::sample::{self, SampledColumn};

/// The coefficient of determination above which a number counts as determined by others.
const MADE_OF: f64 = 0.9999;
/// The maximum number of columns tried in pairs: those with the highest correlation with the target.
const TRIED: usize = 80;
/// The number of rows used; enough, since the relations are free of noise.
const ROWS: usize = 2000;

/// Two columns that determine a number.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPair {
    /// Indices of the columns.
    pub columns: [usize; 2],
    /// Is it a product or a ratio, so that the logarithms are linear?
    pub is_product: bool,
    /// The coefficient of determination.
    pub score: f64,
    /// Number of rows on which the relation was checked.
    pub rows: usize,
}

impl DataProfile {
    /// The pair of `candidates` that best determines the number `target`, if one does.
    pub fn best_pair(&self, target: usize, candidates: &[usize]) -> Result<Option<ColumnPair>, DataError> {
        let rows = self.few_rows();
        let numbers = |column: usize| -> Result<Option<Vec<f64>>, DataError> {
            let sampled = SampledColumn::from_cells(&self.cells(column)?, &rows);
            Ok(sampled.and_then(|sampled| sampled.numbers().map(<[f64]>::to_vec)))
        };
        let Some(truth) = numbers(target)? else { return Ok(None) };
        let mut columns = Vec::new();
        for &column in candidates.iter().filter(|column| **column != target) {
            if let Some(numbers) = numbers(column)? {
                columns.push((column, numbers));
            }
        }
        let sum = best(&truth, &columns, false);
        let is_positive = |numbers: &[f64]| numbers.iter().all(|x| x.is_nan() || *x > 0.0);
        let product = is_positive(&truth).then(|| {
            let logarithms = |numbers: &[f64]| numbers.iter().map(|x| x.ln()).collect::<Vec<f64>>();
            let positive = columns.iter().filter(|(_, numbers)| is_positive(numbers));
            let positive: Vec<(usize, Vec<f64>)> =
                positive.map(|(index, numbers)| (*index, logarithms(numbers))).collect();
            best(&logarithms(&truth), &positive, true)
        });
        let pairs = [sum, product.flatten()].into_iter().flatten();
        Ok(pairs.max_by(|a, b| a.score.total_cmp(&b.score)).filter(|pair| pair.score > MADE_OF))
    }

    /// The coefficient of determination of a column given the targets; `None` unless they determine it.
    pub fn determined_by(&self, column: usize, targets: &[usize]) -> Result<Option<f64>, DataError> {
        let rows = self.few_rows();
        let as_numbers = |column: usize| -> Result<Option<Vec<f64>>, DataError> {
            let sampled = SampledColumn::from_cells(&self.cells(column)?, &rows);
            Ok(sampled.map(|sampled| match &sampled {
                SampledColumn::Numbers(numbers) => numbers.clone(),
                SampledColumn::Codes(codes) => {
                    codes.iter().map(|c| if *c == 0 { f64::NAN } else { f64::from(*c) }).collect()
                }
            }))
        };
        let Some(truth) = as_numbers(column)? else { return Ok(None) };
        let known: Option<Vec<Vec<f64>>> =
            targets.iter().map(|target| as_numbers(*target)).collect::<Result<_, _>>()?;
        Ok(known.and_then(|known| least_squares(&truth, &known)).filter(|score| *score > MADE_OF))
    }

    /// A small sample; even smaller for tables with many columns.
    fn few_rows(&self) -> Vec<u32> {
        let rows = sample::rows(self.rows, self.columns.len(), &[]);
        let size = if self.columns.len() > 1000 { ROWS / 5 } else { ROWS };
        let step = rows.len().div_ceil(size).max(1);
        rows.into_iter().step_by(step).collect()
    }
}

/// The pair of columns with the largest coefficient of determination.
fn best(truth: &[f64], columns: &[(usize, Vec<f64>)], is_product: bool) -> Option<ColumnPair> {
    let kept: Vec<usize> = (0..truth.len()).filter(|row| truth[*row].is_finite()).collect();
    let truth = standardized(truth, &kept)?;
    // A column with missing numbers on these rows cannot determine the target.
    let complete =
        columns.iter().filter_map(|(index, numbers)| Some((*index, standardized(numbers, &kept)?)));
    let mut known: Vec<(f64, usize, Vec<f64>)> =
        complete.map(|(index, numbers)| (dot(&truth, &numbers), index, numbers)).collect();
    known.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(&b.1)));
    known.truncate(TRIED);
    let mut best: Option<ColumnPair> = None;
    for (position, (r1, first, numbers)) in known.iter().enumerate() {
        for (r2, second, others) in &known[position + 1..] {
            let r12 = dot(numbers, others);
            let determinant = 1.0 - r12 * r12;
            if determinant < 1e-6 || r1.abs() > 0.9999 || r2.abs() > 0.9999 {
                continue;
            }
            let score = (r1 * r1 + r2 * r2 - 2.0 * r1 * r2 * r12) / determinant;
            if kept.len() >= 20 && best.as_ref().is_none_or(|best| score > best.score) {
                let columns = [*first.min(second), *first.max(second)];
                best = Some(ColumnPair { columns, is_product, score, rows: kept.len() });
            }
        }
    }
    best
}

/// Scales these rows to mean 0 and norm 1; `None` if a number is missing or all are equal.
fn standardized(numbers: &[f64], rows: &[usize]) -> Option<Vec<f64>> {
    let mean = rows.iter().map(|row| numbers[*row]).sum::<f64>() / rows.len().max(1) as f64;
    let length = rows.iter().map(|row| (numbers[*row] - mean).powi(2)).sum::<f64>().sqrt();
    (mean.is_finite() && length > 0.0)
        .then(|| rows.iter().map(|row| (numbers[*row] - mean) / length).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The coefficient of determination of least squares with an intercept, by the Gram-Schmidt process.
fn least_squares(truth: &[f64], known: &[Vec<f64>]) -> Option<f64> {
    let is_complete =
        |row: &usize| truth[*row].is_finite() && known.iter().all(|numbers| numbers[*row].is_finite());
    let rows: Vec<usize> = (0..truth.len()).filter(is_complete).collect();
    if rows.len() < 20 + 2 * known.len() {
        return None;
    }
    let truth = standardized(truth, &rows)?;
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut score = 0.0;
    for numbers in known {
        let Some(mut direction) = standardized(numbers, &rows) else { continue };
        for earlier in &basis {
            let share = dot(&direction, earlier);
            direction.iter_mut().zip(earlier).for_each(|(x, e)| *x -= share * e);
        }
        let length = dot(&direction, &direction).sqrt();
        if length < 1e-6 {
            continue;
        }
        direction.iter_mut().for_each(|x| *x /= length);
        score += dot(&truth, &direction).powi(2);
        basis.push(direction);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use crate::data::profile::column_pairs::{best, least_squares};

    /// numpy 2: `a = np.arange(30) * 7 % 11; b = np.arange(30) * 5 % 13`; the residual of
    /// `np.linalg.lstsq(np.c_[a, b, np.ones(30)], a * b, rcond=None)` gives r2 0.8859823729986126.
    #[test]
    fn a_sum_is_determined_by_its_terms_and_a_product_is_not_linear() {
        let a: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11)).collect();
        let b: Vec<f64> = (0..30).map(|i| f64::from(i * 5 % 13)).collect();
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + 2.0 * b).collect();
        let columns = vec![(4, a.clone()), (2, b.clone())];
        let pair = best(&sum, &columns, false).unwrap();
        assert_eq!(pair.columns, [2, 4]);
        assert!((pair.score - 1.0).abs() < 1e-9);
        let product: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        let score = best(&product, &columns, false).unwrap().score;
        assert!((score - least_squares(&product, &[a, b]).unwrap()).abs() < 1e-9);
        assert!((score - 0.885_982_372_998_612_6).abs() < 1e-9, "{score}");
    }
}
