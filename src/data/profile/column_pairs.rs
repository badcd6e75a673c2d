//! Columns that say a number only together: two that add up to it or multiply to it, and columns that are
//! made of several targets.

use crate::data::error::DataError;
use crate::data::profile::DataProfile;
use crate::data::profile::sample::{self, SampledColumn};

/// From this coefficient of determination on, a number is made of others.
const MADE_OF: f64 = 0.9999;
/// Columns at most that are tried in pairs: those most like the target.
const TRIED: usize = 80;
/// Rows that are enough for a law without noise.
const ROWS: usize = 2000;

/// Two columns that make a number.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPair {
    pub columns: [usize; 2],
    /// The logarithms add up: it is a product or a ratio.
    pub is_product: bool,
    pub score: f64,
    pub rows: usize,
}

impl DataProfile {
    /// The pair of `candidates` that makes the number `target` best, where one makes it.
    pub fn pair(&self, target: usize, candidates: &[usize]) -> Result<Option<ColumnPair>, DataError> {
        let rows = self.few_rows();
        let numbers = |column: usize| -> Result<Option<Vec<f64>>, DataError> {
            let sampled = SampledColumn::from_cells(&self.cells(column)?, &rows);
            Ok(sampled.and_then(|sampled| sampled.numbers().map(<[f64]>::to_vec)))
        };
        let Some(wanted) = numbers(target)? else { return Ok(None) };
        let mut columns = Vec::new();
        for &column in candidates.iter().filter(|column| **column != target) {
            if let Some(result) = numbers(column)? {
                columns.push((column, result));
            }
        }
        let sum = best(&wanted, &columns, false);
        let is_positive = |numbers: &[f64]| numbers.iter().all(|x| x.is_nan() || *x > 0.0);
        let product = is_positive(&wanted).then(|| {
            let logarithms = |numbers: &[f64]| numbers.iter().map(|x| x.ln()).collect::<Vec<f64>>();
            let positive = columns.iter().filter(|(_, numbers)| is_positive(numbers));
            let positive: Vec<(usize, Vec<f64>)> =
                positive.map(|(index, numbers)| (*index, logarithms(numbers))).collect();
            best(&logarithms(&wanted), &positive, true)
        });
        let result = [sum, product.flatten()].into_iter().flatten();
        Ok(result.max_by(|a, b| a.score.total_cmp(&b.score)).filter(|pair| pair.score > MADE_OF))
    }

    /// How well the targets together say a column of numbers; `None` where they do not make it.
    pub fn made_of(&self, column: usize, targets: &[usize]) -> Result<Option<f64>, DataError> {
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
        let Some(wanted) = as_numbers(column)? else { return Ok(None) };
        let mut known = Vec::new();
        for target in targets {
            match as_numbers(*target)? {
                Some(numbers) => known.push(numbers),
                None => return Ok(None),
            }
        }
        Ok(least_squares(&wanted, &known).filter(|score| *score > MADE_OF))
    }

    /// Fewer where there are many columns.
    fn few_rows(&self) -> Vec<u32> {
        let rows = sample::rows(self.rows, self.columns.len(), &[]);
        let wanted = if self.columns.len() > 1000 { ROWS / 5 } else { ROWS };
        let step = rows.len().div_ceil(wanted).max(1);
        rows.into_iter().step_by(step).collect()
    }
}

/// The pair of columns with the largest coefficient of determination.
fn best(wanted: &[f64], columns: &[(usize, Vec<f64>)], is_product: bool) -> Option<ColumnPair> {
    let kept: Vec<usize> = (0..wanted.len()).filter(|row| wanted[*row].is_finite()).collect();
    let wanted = standardized(wanted, &kept)?;
    // A column with missing numbers on these rows makes nothing whole.
    let whole = columns.iter().filter_map(|(index, numbers)| Some((*index, standardized(numbers, &kept)?)));
    let mut known: Vec<(f64, usize, Vec<f64>)> =
        whole.map(|(index, numbers)| (dot(&wanted, &numbers), index, numbers)).collect();
    known.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(&b.1)));
    known.truncate(TRIED);
    let mut result: Option<ColumnPair> = None;
    for (index, (one, first, numbers)) in known.iter().enumerate() {
        for (other, second, others) in &known[index + 1..] {
            let both = dot(numbers, others);
            let apart = 1.0 - both * both;
            if apart < 1e-6 || one.abs() > 0.9999 || other.abs() > 0.9999 {
                continue;
            }
            let score = (one * one + other * other - 2.0 * one * other * both) / apart;
            if kept.len() >= 20 && result.as_ref().is_none_or(|best| score > best.score) {
                let columns = [*first.min(second), *first.max(second)];
                result = Some(ColumnPair { columns, is_product, score, rows: kept.len() });
            }
        }
    }
    result
}

/// Mean 0 and length 1 over these rows; `None` where a number is missing, or all are the same.
fn standardized(numbers: &[f64], rows: &[usize]) -> Option<Vec<f64>> {
    let mean = rows.iter().map(|row| numbers[*row]).sum::<f64>() / rows.len().max(1) as f64;
    let length = rows.iter().map(|row| (numbers[*row] - mean).powi(2)).sum::<f64>().sqrt();
    (mean.is_finite() && length > 0.0)
        .then(|| rows.iter().map(|row| (numbers[*row] - mean) / length).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The coefficient of determination of least squares, by Gram and Schmidt.
fn least_squares(wanted: &[f64], known: &[Vec<f64>]) -> Option<f64> {
    let all = |row: &usize| wanted[*row].is_finite() && known.iter().all(|numbers| numbers[*row].is_finite());
    let rows: Vec<usize> = (0..wanted.len()).filter(all).collect();
    if rows.len() < 20 + 2 * known.len() {
        return None;
    }
    let wanted = standardized(wanted, &rows)?;
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
        score += dot(&wanted, &direction).powi(2);
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
    fn a_sum_is_made_of_its_parts_and_a_product_by_logarithms() {
        let a: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11)).collect();
        let b: Vec<f64> = (0..30).map(|i| f64::from(i * 5 % 13)).collect();
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + 2.0 * b).collect();
        let columns = vec![(4, a.clone()), (2, b.clone())];
        let result = best(&sum, &columns, false).unwrap();
        assert_eq!(result.columns, [2, 4]);
        assert!((result.score - 1.0).abs() < 1e-9);
        let product: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        let score = best(&product, &columns, false).unwrap().score;
        assert!((score - least_squares(&product, &[a, b]).unwrap()).abs() < 1e-9);
        assert!((score - 0.885_982_372_998_612_6).abs() < 1e-9, "{score}");
    }
}
