//! The split `stratified`: see [`StratifiedConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::sampling::{shuffle, split_generator};
use crate::data::split::grouping::RowGrouping;
use crate::data::split::{SplitRows, SplitShares};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// Draws rows at random, with the same share of each value of a column in every split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StratifiedConfig {
    /// The column whose value shares are preserved.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for StratifiedConfig {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{stratified: {by: label, valid: 0.1, test: 0.2}}";
}

impl StratifiedConfig {
    pub(in crate::data) fn divide(&self, frame: &Frame, seed: u64) -> Result<SplitRows, DataError> {
        let shares = SplitShares::new(self.valid, self.test)?;
        let mut strata = RowGrouping::from_cells(&frame.cells(self.by.as_str())?)?;
        // Sorted, so that the draw does not depend on the order of the rows.
        strata.groups.sort_by(|a, b| a.value.cmp(&b.value));
        let splits = shares.splits();
        if let Some(small) = strata.groups.iter().find(|stratum| stratum.rows.len() < splits) {
            return Err(DataError::StratumTooSmall {
                column: self.by.to_string(),
                value: small.value.clone().unwrap_or_default(),
                count: small.rows.len(),
                splits,
                place: frame.cell_location(small.rows[0] as usize, self.by.as_str()),
            });
        }
        let sizes: Vec<usize> = strata.groups.iter().map(|stratum| stratum.rows.len()).collect();
        let test = allot(&sizes, shares.test, &vec![0; sizes.len()]);
        let valid = allot(&sizes, shares.valid, &test);
        let mut generator = split_generator(seed);
        let mut rows = SplitRows::default();
        for ((stratum, test), valid) in strata.groups.iter_mut().zip(test).zip(valid) {
            shuffle(&mut stratum.rows, &mut generator);
            rows.test.extend(&stratum.rows[..test]);
            rows.valid.extend(&stratum.rows[test..test + valid]);
            rows.train.extend(&stratum.rows[test + valid..]);
        }
        Ok(rows)
    }
}

/// Rows of each stratum for one split: its share rounded down, plus one row for the strata with the largest
/// remainders until the share of the whole table is reached. At least one row of each stratum is left for
/// training.
fn allot(sizes: &[usize], share: f64, taken: &[usize]) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let exact: Vec<f64> = sizes.iter().map(|&size| size as f64 * share).collect();
    let mut rows: Vec<usize> = exact.iter().map(|exact| exact.floor() as usize).collect();
    let mut lacking = ((total as f64 * share).round() as usize).saturating_sub(rows.iter().sum());
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    // The sort is stable: of equal remainders the earlier stratum gets the row.
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    for stratum in order {
        if lacking > 0 && exact[stratum].fract() > 0.0 && rows[stratum] + taken[stratum] + 1 < sizes[stratum]
        {
            rows[stratum] += 1;
            lacking -= 1;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use crate::data::split::stratified::allot;

    #[test]
    fn the_largest_remainders_get_the_odd_rows() {
        // Exact shares 2.5, 1.2, 1.3: five rows in all.
        assert_eq!(allot(&[25, 12, 13], 0.1, &[0, 0, 0]), [3, 1, 1]);
        assert_eq!(allot(&[3, 3], 0.4, &[1, 1]), [1, 1]);
        assert_eq!(allot(&[2, 2], 0.5, &[1, 1]), [1, 1]);
    }
}
