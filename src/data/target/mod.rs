//! Targets: one or several label columns, fitted on training rows.

mod binary;
pub(in crate::data) mod coverage;
mod labels;
mod language_model;
mod missing;
mod multiclass;
mod multilabel;
mod ordinal;
mod pixel;
mod regression;
mod scheme;
mod suspicion;
mod tagging;
mod text;

use std::path::Path;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::feature::FeatureSpec;
use crate::data::frame::Frame;
use crate::data::note::Note;
use crate::data::target::missing::{codes, never_changes};
pub(in crate::data) use crate::data::target::missing::{lacks, refuse_missing};
use crate::domain::array::{Array, Values};
use crate::domain::kinds::Choice;
use crate::domain::label::Unseen;
use crate::domain::remark::Remark;
use crate::domain::signature::Encoding;
use crate::domain::task::{Target, TargetSpec};
use crate::domain::tokenizer::TokenizerSpec;

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
    pub spec: &'a FeatureSpec,
    pub encoding: &'a Encoding,
    pub encoded: &'a Array,
}

/// A target, fitted.
pub(in crate::data) struct FittedTarget {
    pub target: Target,
    /// `[rows, width]`, or as the target's grain says; NaN where the label is missing.
    pub truth: Array,
    /// What is to be written, as it stands in the table: `[rows]`.
    pub texts: Option<Array>,
    pub notes: Vec<Note>,
    pub labels: Found,
}

/// What was found of a target's labels.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct Found {
    /// Those that stand on no training row; their cells of the truth name them.
    pub unseen: Vec<Unseen>,
    pub remarks: Vec<Remark>,
}

/// Is it aligned with an input, or may it share something of one?
pub(in crate::data) fn needs_inputs(spec: &TargetSpec) -> bool {
    match spec {
        TargetSpec::Tagging(_) | TargetSpec::LanguageModel(_) => true,
        TargetSpec::Segmentation(_) | TargetSpec::PixelRegression(_) => true,
        TargetSpec::Text(spec) => matches!(spec.tokenizer, TokenizerSpec::Input(_)),
        _ => false,
    }
}

/// Fits on training rows; gives the truth of every row.
pub(in crate::data) fn fit(spec: &TargetSpec, labels: &LabelColumns<'_>) -> Result<FittedTarget, Vec<Error>> {
    match (spec, labels.columns.as_slice()) {
        (TargetSpec::Multilabel(spec), _) => multilabel::fit(spec, labels),
        (TargetSpec::Regression(spec), _) => {
            let mut fitted = regression::fit(spec, labels)?;
            fitted.labels.remarks.extend(codes(labels, &fitted.truth));
            Ok(fitted)
        }
        (TargetSpec::Binary(spec), [column]) => {
            binary::fit(spec, labels, column).map_err(|error| vec![error])
        }
        (TargetSpec::Multiclass(_), [column]) => multiclass::fit(labels, column).map_err(|error| vec![error]),
        (TargetSpec::Ordinal(spec), [column]) => {
            ordinal::fit(spec, labels, column).map_err(|error| vec![error])
        }
        (TargetSpec::Tagging(spec), [column]) => {
            tagging::fit(spec, labels, column).map_err(|error| vec![error])
        }
        (TargetSpec::Text(spec), [column]) => text::fit(spec, labels, column).map_err(|error| vec![error]),
        (TargetSpec::LanguageModel(spec), [column]) => {
            language_model::fit(spec, labels, column).map_err(|error| vec![error])
        }
        (TargetSpec::Segmentation(spec), [column]) => {
            pixel::segmentation(spec, labels, column).map_err(|error| vec![error])
        }
        (TargetSpec::PixelRegression(spec), [column]) => {
            pixel::regression(spec, labels, column).map_err(|error| vec![error])
        }
        (other, columns) => Err(vec![Error::OneColumn { kind: other.name(), found: columns.len() }]),
    }
}

/// Columns of the same length, side by side.
fn side_by_side<T: Copy>(columns: &[Vec<T>], kept: fn(Vec<T>) -> Values) -> Array {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Array::new(&[rows, columns.len()], kept(values))
}
