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
use crate::data::target::missing::{codes, constant_target};
pub(in crate::data) use crate::data::target::missing::{is_unlabelled, refuse_missing};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::choice_config::Choice;
use crate::domain::label::UnseenClass;
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, TargetConfig};
use crate::domain::task_remark::TaskRemark;
use crate::domain::tokenizer::TokenizerConfig;

/// The label columns of a task.
pub(in crate::data) struct LabelColumns<'a> {
    pub task: &'a str,
    pub frame: &'a Frame,
    pub columns: Vec<Cells>,
    pub train: &'a [u32],
    /// The fitted inputs; targets per step or pixel are aligned with one of them.
    pub inputs: &'a [FittedInput<'a>],
    /// The folder that paths are relative to.
    pub base: &'a Path,
}

/// A fitted input, with its encoded rows in the table of the task.
pub(in crate::data) struct FittedInput<'a> {
    pub name: &'a str,
    pub config: &'a FeatureConfig,
    pub encoding: &'a Encoding,
    pub encoded: &'a Array,
}

/// A fitted target.
pub(in crate::data) struct TargetFit {
    pub target: FittedTarget,
    /// The true values `[rows, width]`, or one per step or pixel; NaN where the label is missing.
    pub truth: Array,
    /// For text targets, the original texts `[rows]`.
    pub texts: Option<Array>,
    pub notes: Vec<DataNote>,
    pub labels: LabelStatistics,
}

/// Unseen classes and remarks on the labels of a target.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct LabelStatistics {
    /// Classes without training rows; their codes in the truth are indices into this list.
    pub unseen: Vec<UnseenClass>,
    pub remarks: Vec<TaskRemark>,
}

/// Whether a target is aligned with an input, or shares its tokenizer.
pub(in crate::data) fn needs_inputs(config: &TargetConfig) -> bool {
    match config {
        TargetConfig::Tagging(_) | TargetConfig::LanguageModel(_) => true,
        TargetConfig::Segmentation(_) | TargetConfig::PixelRegression(_) => true,
        TargetConfig::Text(config) => matches!(config.tokenizer, TokenizerConfig::Input(_)),
        _ => false,
    }
}

/// Fits a target on training rows, and encodes the labels of every row.
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
        (_, [column]) => fit_column(config, labels, column).map_err(|error| vec![error]),
        (other, columns) => Err(vec![DataError::OneColumn { kind: other.name(), found: columns.len() }]),
    }
}

/// Fits a target of a single column.
fn fit_column(
    config: &TargetConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    match config {
        TargetConfig::Binary(config) => binary::fit(config, labels, column),
        TargetConfig::Multiclass(_) => multiclass::fit(labels, column),
        TargetConfig::Ordinal(config) => ordinal::fit(config, labels, column),
        TargetConfig::Tagging(config) => tagging::fit(config, labels, column),
        TargetConfig::Text(config) => text::fit(config, labels, column),
        TargetConfig::LanguageModel(config) => language_model::fit(config, labels, column),
        TargetConfig::Segmentation(config) => pixel::segmentation(config, labels, column),
        TargetConfig::PixelRegression(config) => pixel::regression(config, labels, column),
        TargetConfig::Multilabel(_) | TargetConfig::Regression(_) => {
            Err(DataError::OneColumn { kind: config.name(), found: labels.columns.len() })
        }
    }
}

/// An array `[rows, columns]` of columns of the same length.
fn side_by_side<T: Copy>(columns: &[Vec<T>], array_values: fn(Vec<T>) -> ArrayValues) -> Array {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Array::new(&[rows, columns.len()], array_values(values))
}
