//! Numbers: their statistics on training rows, and what the scaled features share.

use crate::data::cells::Bad;
use crate::data::error::Error;
use crate::data::feature::encode::scale;
use crate::data::feature::{Feature, MissingNumber, Part};
use crate::data::fit::Note;
use crate::domain::array::{Array, ElementType};
use crate::domain::diagnostic::Severity;
use crate::domain::signature::Encoding;

/// Statistics of the values present on training rows. Sums run in row order, in 64 bits, so that
/// they do not depend on threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Statistics {
    pub mean: f64,
    pub median: f32,
    /// Of the population: divided by n.
    pub deviation: f64,
    pub minimum: f32,
    pub maximum: f32,
}

impl Statistics {
    /// `None` when no value is present.
    pub fn of(mut present: Vec<f32>) -> Option<Self> {
        if present.is_empty() {
            return None;
        }
        let count = present.len() as f64;
        let mean = present.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = present.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        let middle = present.len() / 2;
        let (below, upper, _) = present.select_nth_unstable_by(middle, f32::total_cmp);
        let upper = *upper;
        let lower = if (count as usize).is_multiple_of(2) {
            below.iter().copied().fold(f32::MIN, f32::max)
        } else {
            upper
        };
        let median = ((f64::from(lower) + f64::from(upper)) / 2.0) as f32;
        let minimum = present.iter().copied().fold(f32::MAX, f32::min);
        let maximum = present.iter().copied().fold(f32::MIN, f32::max);
        Some(Self { mean, median, deviation: variance.sqrt(), minimum, maximum })
    }

    /// Are all values the same? The deviation alone cannot tell: sums round.
    pub fn is_constant(&self) -> bool {
        self.minimum == self.maximum
    }

    /// A scale that may be divided by.
    pub fn usable(&self, scale: f64) -> Option<f32> {
        let scale = scale as f32;
        (!self.is_constant() && scale.is_normal()).then_some(scale)
    }
}

/// The words the scaled features share.
pub(in crate::data) struct Scaled<'a> {
    pub name: &'a str,
    pub missing: MissingNumber,
    pub indicator: bool,
}

impl Scaled<'_> {
    /// Fits and encodes; `choose` gives center and scale, or no scale where the column is constant.
    pub fn fit(
        &self,
        parts: &[Part<'_>],
        choose: impl Fn(&Statistics) -> (f32, Option<f32>),
    ) -> Result<Feature, Error> {
        let mut numbers = Vec::with_capacity(parts.len());
        for part in parts {
            let values = part.cells.numbers(part.frame)?;
            if self.missing == MissingNumber::Error {
                self.refuse_missing(part, &values)?;
            }
            numbers.push(values);
        }
        let present = |(part, values): (&Part<'_>, &Vec<f32>)| -> Vec<f32> {
            part.train.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect()
        };
        let present: Vec<f32> = parts.iter().zip(&numbers).flat_map(present).collect();
        let statistics =
            Statistics::of(present).ok_or_else(|| Error::AllMissing { column: self.name.to_owned() })?;
        let (center, chosen) = choose(&statistics);
        let mut notes = Vec::new();
        if chosen.is_none() {
            let (name, value) = (self.name, statistics.minimum);
            let text = format!("input `{name}` is {value} on every training row; it is not scaled");
            notes.push(Note { severity: Severity::Warning, text });
        }
        let fill = match self.missing {
            MissingNumber::Mean | MissingNumber::Error => statistics.mean as f32,
            MissingNumber::Median => statistics.median,
            MissingNumber::Zero => 0.0,
        };
        let (indicator, factor) = (self.indicator, chosen.unwrap_or(1.0));
        let sample = |(part, values): (&Part<'_>, &Vec<f32>)| {
            let rows: Vec<f32> = part.sample.iter().map(|&row| values[row as usize]).collect();
            Array::f32(&[rows.len(), 1], rows)
        };
        Ok(Feature {
            raw: ElementType::Float32,
            samples: parts.iter().zip(&numbers).map(sample).collect(),
            encoded: numbers
                .into_iter()
                .map(|values| scale(values, center, factor, fill, indicator))
                .collect(),
            encoding: Encoding::Scale { center, scale: factor, fill, indicator },
            notes,
        })
    }

    fn refuse_missing(&self, part: &Part<'_>, values: &[f32]) -> Result<(), Error> {
        let mut bad = Bad::default();
        values.iter().enumerate().filter(|(_, value)| value.is_nan()).for_each(|(row, _)| bad.note(row));
        bad.first.map_or(Ok(()), |row| {
            let place = part.frame.place(row);
            Err(Error::Missing { column: self.name.to_owned(), place, count: bad.count })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::data::feature::scale::Statistics;

    /// `numpy.mean/median/std([3, 1, 4, 1, 5, 9])` gives 3.8333333333333335, 3.5, 2.733536577809454.
    #[test]
    fn statistics_agree_with_numpy() {
        let found = Statistics::of(vec![3., 1., 4., 1., 5., 9.]).unwrap();
        assert_eq!(found.mean, 3.8333333333333335);
        assert_eq!(found.median, 3.5);
        assert!((found.deviation - 2.733536577809454).abs() < 1e-15);
        assert_eq!((found.minimum, found.maximum), (1., 9.));
        assert_eq!(Statistics::of(vec![2., 8., 5.]).unwrap().median, 5.);
        assert_eq!(Statistics::of(vec![]), None);
    }

    #[test]
    fn a_constant_is_told_although_sums_round() {
        let found = Statistics::of(vec![0.1; 1_000_003]).unwrap();
        assert!(found.is_constant());
        assert_eq!(found.usable(found.deviation), None);
    }
}
