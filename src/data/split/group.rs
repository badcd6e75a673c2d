//! At random by group: all rows with one value of a column stay together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::frame::Frame;
use crate::data::sampling::{shuffle, split_generator};
use crate::data::split::grouping::{Group, Grouping};
use crate::data::split::{Rows, Shares};
use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// At random by group: all rows with one value of a column stay together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// The column that names the group.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for GroupSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{group: {by: user, valid: 0.1, test: 0.2}}";
}

impl GroupSpec {
    pub(in crate::data) fn divide(&self, frame: &Frame, seed: u64) -> Result<Rows, Error> {
        let shares = Shares::new(self.valid, self.test)?;
        let mut found = Grouping::of(&frame.cells(self.by.as_str())?)?.groups;
        if let Some(lost) = found.iter().find(|group| group.value.is_none()) {
            let place = frame.place_of(lost.rows[0] as usize, self.by.as_str());
            return Err(Error::Missing { column: self.by.to_string(), place, count: lost.rows.len() });
        }
        let splits = shares.splits();
        if found.len() < splits {
            return Err(Error::TooFewGroups { column: self.by.to_string(), found: found.len(), splits });
        }
        found.sort_by(|a, b| a.value.cmp(&b.value));
        shuffle(&mut found, &mut split_generator(seed));
        let total = frame.rows() as f64;
        let others = usize::from(shares.valid > 0.0);
        let test = take(&mut found, total * shares.test, 1 + others);
        let valid = take(&mut found, total * shares.valid, 1);
        let train = found.into_iter().flat_map(|group| group.rows).collect();
        Ok(Rows { train, valid, test, notes: vec![] })
    }
}

/// Takes whole groups, in their order, that bring the number of rows nearer to `wanted`; at least
/// one, and leaves at least `leave`.
fn take(groups: &mut Vec<Group>, wanted: f64, leave: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = Vec::new();
    if wanted <= 0.0 {
        return rows;
    }
    let mut left = Vec::new();
    let total = groups.len();
    for (position, group) in groups.drain(..).enumerate() {
        let before = (wanted - rows.len() as f64).abs();
        let after = (wanted - (rows.len() + group.rows.len()) as f64).abs();
        // Groups not yet looked at also count as left.
        let remain = left.len() + total - position - 1;
        if (rows.is_empty() || after < before) && remain >= leave {
            rows.extend(group.rows);
        } else {
            left.push(group);
        }
    }
    *groups = left;
    rows
}
