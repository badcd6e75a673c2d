//! The split `time`: see [`TimeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::note::warning;
use crate::data::split::format::TimeFormat;
use crate::data::split::order::TimeColumn;
use crate::data::split::{SplitError, SplitRows, SplitShares};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// Splits rows by time: the earliest rows are train, the latest are test. Rows with the same time stay
/// together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeConfig {
    /// The column to order by: numbers, dates, times, or texts of them in a single format.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
    /// The format of the texts, with the fields of `strftime`: `"%d/%m/%Y %H:%M"`. Default: detected from the
    /// texts, such as `2024-03-05T09:35:00+01:00`, `2024-03-05 9:35`, `05.03.2024`, `5 Mar 2024`, `9:35 PM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TimeFormat>,
}

impl Settings for TimeConfig {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = r#"{time: {by: day, valid: 0.1, test: 0.2, format: "%d/%m/%Y"}}"#;
}

impl TimeConfig {
    pub(in crate::data) fn divide(&self, frame: &Frame) -> Result<SplitRows, DataError> {
        let shares = SplitShares::new(self.valid, self.test)?;
        let times = TimeColumn { frame, cells: &frame.cells(self.by.as_str())?, column: self.by.as_str() };
        let (moments, mut notes) = match &self.format {
            Some(format) => (times.sort_keys_with_format(format)?, vec![]),
            None => times.sort_keys()?,
        };
        let mut order: Vec<u32> = (0..moments.len() as u32).collect();
        order.sort_by_key(|row| moments[*row as usize]);
        let sorted: Vec<i128> = order.iter().map(|row| moments[*row as usize]).collect();
        let [valid, test] = cuts(&sorted, shares).map_err(|distinct| SplitError::TooFewMoments {
            column: self.by.to_string(),
            found: distinct,
            splits: shares.splits(),
        })?;
        let rows = SplitRows {
            train: order[..valid].to_vec(),
            valid: order[valid..test].to_vec(),
            test: order[test..].to_vec(),
            notes: vec![],
        };
        notes.extend(shares.deviation(&rows).map(|deviation| {
            warning(format!("{deviation}: rows with the same `{}` stay together", self.by))
        }));
        Ok(SplitRows { notes, ..rows })
    }
}

/// The rows at which valid and test begin, in ascending moments: the boundaries between distinct moments
/// closest to the shares. The error is the number of distinct moments when they are too few.
fn cuts(moments: &[i128], shares: SplitShares) -> Result<[usize; 2], usize> {
    let rows = moments.len();
    let wanted = |share: f64| rows - ((rows as f64 * share).round() as usize).min(rows);
    let [valid, test] = [wanted(shares.valid + shares.test), wanted(shares.test)];
    let ends: Vec<usize> = (1..rows).filter(|at| moments[at - 1] != moments[*at]).collect();
    let wants = [shares.valid > 0.0 && valid < test, test < rows];
    if ends.len() < wants.iter().filter(|wants| **wants).count() {
        return Err(ends.len() + usize::from(rows > 0));
    }
    let nearest = |ends: &[usize], row: usize| {
        let distance = |index: &usize| ends[*index].abs_diff(row);
        (0..ends.len()).min_by_key(distance).unwrap_or(0)
    };
    let mut test_boundary = ends.len();
    let mut starts = [rows, rows];
    if wants[1] {
        // Leaves one boundary for validation.
        let first = usize::from(wants[0]);
        test_boundary = first + nearest(&ends[first..], test);
        starts = [ends[test_boundary]; 2];
    }
    if wants[0] {
        starts[0] = ends[nearest(&ends[..test_boundary], valid)];
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use crate::data::split::SplitShares;
    use crate::data::split::time::cuts;
    use crate::domain::number::Fraction;

    fn split_moments(moments: &[i128], valid: f64, test: f64) -> Result<[usize; 2], usize> {
        cuts(moments, SplitShares::new(Fraction::constant(valid), Fraction::constant(test)).unwrap())
    }

    #[test]
    fn rows_of_the_same_time_stay_together() {
        let each: Vec<i128> = (0..10).collect();
        assert_eq!(split_moments(&each, 0.2, 0.1), Ok([7, 9]));
        assert_eq!(split_moments(&each, 0.0, 0.1), Ok([9, 9]));
        assert_eq!(split_moments(&each, 0.3, 0.0), Ok([7, 10]));
        assert_eq!(split_moments(&[1, 1, 1, 2, 2, 2, 2, 3, 3, 3], 0.2, 0.2), Ok([3, 7]));
        assert_eq!(split_moments(&[1, 2, 2, 2, 2, 2, 2, 2, 2, 3], 0.2, 0.2), Ok([1, 9]));
        assert_eq!(split_moments(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 2], 0.2, 0.2), Err(2));
        assert_eq!(split_moments(&[1; 10], 0.0, 0.2), Err(1));
    }
}
