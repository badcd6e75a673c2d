//! The split `group`: see [`GroupConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::note::{DataNote, warning};
use crate::data::sampling::split_generator;
use crate::data::split::group_assignment::assign;
use crate::data::split::grouping::{RowGroup, RowGrouping};
use crate::data::split::{SplitError, SplitRows, SplitShares};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// Draws groups at random: rows with the same value in a column stay together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// The column that identifies the group of a row.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for GroupConfig {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{group: {by: user, valid: 0.1, test: 0.2}}";
}

impl GroupConfig {
    pub(in crate::data) fn divide(&self, frame: &Frame, seed: u64) -> Result<SplitRows, DataError> {
        let shares = SplitShares::new(self.valid, self.test)?;
        let mut groups = RowGrouping::from_cells(&frame.cells(self.by.as_str())?)?.groups;
        if let Some(missing) = groups.iter().find(|group| group.value.is_none()) {
            return Err(SplitError::Missing {
                column: self.by.to_string(),
                what: "group",
                place: frame.cell_location(missing.rows[0] as usize, self.by.as_str()),
                count: missing.rows.len(),
            }
            .into());
        }
        let splits = shares.splits();
        if groups.len() < splits {
            return Err(SplitError::TooFewGroups {
                column: self.by.to_string(),
                found: groups.len(),
                splits,
            }
            .into());
        }
        // Sorted, so that the draw does not depend on the order of the rows.
        groups.sort_by(|a, b| a.value.cmp(&b.value));
        let sizes: Vec<usize> = groups.iter().map(|group| group.rows.len()).collect();
        let splits_of_groups = assign(&sizes, shares.wanted(frame.rows()), &mut split_generator(seed));
        let largest = groups.iter().max_by_key(|group| group.rows.len()).map(value_and_size);
        let mut rows = SplitRows::default();
        for (group, split) in groups.into_iter().zip(splits_of_groups) {
            [&mut rows.train, &mut rows.valid, &mut rows.test][split].extend(group.rows);
        }
        rows.notes = self.notes(&rows, shares, largest, sizes.len());
        Ok(rows)
    }

    /// Notes on splits that are far from their shares, and on a group that holds most rows.
    fn notes(
        &self,
        rows: &SplitRows,
        shares: SplitShares,
        largest: Option<(String, usize)>,
        groups: usize,
    ) -> Vec<DataNote> {
        let total = rows.train.len() + rows.valid.len() + rows.test.len();
        let Some((value, size)) = largest else { return vec![] };
        let largest = format!("`{}` is `{value}` on {size} of {total} rows", self.by);
        let text = match shares.deviation(rows) {
            Some(deviation) => {
                format!(
                    "{deviation}: rows of a group stay together; there are {groups} groups, and {largest}"
                )
            }
            None if 2 * size > total => format!("{largest}: one group holds most of the data"),
            None => return vec![],
        };
        vec![warning(text)]
    }
}

fn value_and_size(group: &RowGroup) -> (String, usize) {
    (group.value.clone().unwrap_or_default(), group.rows.len())
}
