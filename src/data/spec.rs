//! The words of a table: `data.<name>`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::data::feature::FeatureSpec;
pub use crate::data::sampling::SamplingSpec;
pub use crate::data::source::SourceSpec;
pub use crate::data::split::SplitSpec;
use crate::domain::name::ColumnName;

/// One named table: where it comes from, and how its rows are divided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// The file it is read from.
    pub source: SourceSpec,
    /// SQL over the table called `self`, run by polars before anything else sees the rows.
    #[serde(default)]
    pub query: Option<String>,
    /// New names of columns: `{old: new}`, after the query.
    #[serde(default)]
    pub rename: IndexMap<ColumnName, ColumnName>,
    /// How rows are divided into train, valid and test. Default: random, valid 0.1, test 0.1.
    #[serde(default)]
    pub split: SplitSpec,
}
