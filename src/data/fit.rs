//! From tables to a dataset: features and targets fitted on training rows, all rows encoded.

use crate::data::error::Error;
use crate::data::feature::FeatureSpec;
use crate::data::load::Loaded;
use crate::data::split::Rows;
use crate::domain::diagnostic::Severity;
use crate::domain::event::MissingLabels;
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};
use crate::domain::table::Dataset;
use crate::domain::task::TargetSpec;

/// What to fit.
#[derive(Debug)]
pub struct FitRequest {
    pub tables: Vec<(TableName, Loaded, Rows)>,
    pub inputs: Vec<(InputName, FeatureSpec)>,
    pub tasks: Vec<TaskRequest>,
}

/// One task's words, as far as data is concerned.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    pub name: TaskName,
    pub table: TableName,
    pub columns: Vec<ColumnName>,
    pub target: TargetSpec,
    /// `missing: error`: refuse an empty label.
    pub missing_is_error: bool,
}

/// What fitting gives.
#[derive(Clone, Debug)]
pub struct Fitted {
    pub dataset: Dataset,
    pub notes: Vec<Note>,
    pub missing: Vec<MissingLabels>,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub severity: Severity,
    pub text: String,
}

/// Fits features and targets on training rows, and encodes every row. All problems at once, at
/// `inputs.<input>` and `tasks.<task>.target`.
pub fn fit(request: &FitRequest) -> Result<Fitted, Error> {
    let _ = request;
    todo!()
}
