//! Targets: one or several label columns, fitted on training rows.

mod binary;
pub(in crate::data) mod coverage;
mod label_warnings;
mod labels;
mod language_model;
mod missing;
mod multiclass;
mod multilabel;
mod ordinal;
mod pixel;
mod regression;
mod scheme;
mod tagging;
mod text;

use std::path::Path;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::FeatureConfig;
use crate::data::frame::Frame;
use crate::data::note::DataNote;
use crate::data::target::missing::{codes, never_changes};
pub(in crate::data) use crate::data::target::missing::{lacks, refuse_missing};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::choice_config::Choice;
use crate::domain::label::UnseenClass;
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, TargetConfig};
use crate::domain::task_remark::TaskRemark;
use crate::domain::tokenizer::TokenizerConfig;

/// The label columns of one task.
pub(in crate::data) struct LabelColumns<'a> {
    pub task: &'a str,
    pub frame: &'a Frame,
    pub columns: Vec<Cells>,
    pub train: &'a [u32],
    /// The inputs beside them, fitted; targets of steps are aligned with one.
    pub inputs: &'a [Sequence<'a>],
    /// The folder that paths are relative to.
    pub base: &'a Path,
}

/// A fitted input, and its encoded rows of the task's table.
pub(in crate::data) struct Sequence<'a> {
    pub name: &'a str,
    pub spec: &'a FeatureConfig,
    pub encoding: &'a Encoding,
    pub encoded: &'a Array,
}

/// A target, fitted.
pub(in crate::data) struct TargetFit {
    pub target: FittedTarget,
    /// `[rows, width]`, or as the target's grain says; NaN where the label is missing.
    pub truth: Array,
    /// What is to be written, as it stands in the table: `[rows]`.
    pub texts: Option<Array>,
    pub notes: Vec<DataNote>,
    pub labels: LabelStatistics,
}

/// What was found of a target's labels.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct LabelStatistics {
    /// Those that stand on no training row; their cells of the truth name them.
    pub unseen: Vec<UnseenClass>,
    pub remarks: Vec<TaskRemark>,
}

/// Is it aligned with an input, or may it share something of one?
pub(in crate::data) fn needs_inputs(config: &TargetConfig) -> bool {
    match config {
        TargetConfig::Tagging(_) | TargetConfig::LanguageModel(_) => true,
        TargetConfig::Segmentation(_) | TargetConfig::PixelRegression(_) => true,
        TargetConfig::Text(config) => matches!(config.tokenizer, TokenizerConfig::Input(_)),
        _ => false,
    }
}

/// Fits on training rows; gives the truth of every row.
pub(in crate::data) fn fit(
    config: &TargetConfig,
    labels: &LabelColumns<'_>,
) -> Result<TargetFit, Vec<DataError>> {
    match (config, labels.columns.as_slice()) {
        (TargetConfig::Multilabel(config), _) => multilabel::fit(config, labels),
        (TargetConfig::Regression(config), _) => {
            let mut fitted = regression::fit(config, labels)?;
            fitted.labels.remarks.extend(codes(labels, &fitted.truth));
            Ok(fitted)
        }
        (TargetConfig::Binary(config), [column]) => {
            binary::fit(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::Multiclass(_), [column]) => {
            multiclass::fit(labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::Ordinal(config), [column]) => {
            ordinal::fit(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::Tagging(config), [column]) => {
            tagging::fit(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::Text(config), [column]) => {
            text::fit(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::LanguageModel(config), [column]) => {
            language_model::fit(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::Segmentation(config), [column]) => {
            pixel::segmentation(config, labels, column).map_err(|error| vec![error])
        }
        (TargetConfig::PixelRegression(config), [column]) => {
            pixel::regression(config, labels, column).map_err(|error| vec![error])
        }
        (other, columns) => Err(vec![DataError::OneColumn { kind: other.name(), found: columns.len() }]),
    }
}

/// Columns of the same length, side by side.
fn side_by_side<T: Copy>(columns: &[Vec<T>], kept: fn(Vec<T>) -> ArrayValues) -> Array {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Array::new(&[rows, columns.len()], kept(values))
}
