//! Targets: one or several label columns, fitted on training rows.

mod binary;
mod labels;
mod language_model;
mod multiclass;
mod multilabel;
mod ordinal;
mod pixel;
mod regression;
mod scheme;
mod tagging;
mod text;

use std::path::Path;

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::feature::FeatureSpec;
use crate::data::fit::{Note, warning};
use crate::data::frame::Frame;
use crate::domain::array::{Array, Values};
use crate::domain::kinds::Choice;
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
        (TargetSpec::Regression(spec), _) => regression::fit(spec, labels),
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

/// Has a row no label at all?
pub(in crate::data) fn lacks(truth: &Array, row: usize) -> bool {
    let (range, width) = (truth.row(row), truth.width());
    (range.start * width..range.end * width).all(|place| truth.is_nan_at(place))
}

/// Refuses missing labels, whichever split they stand in.
pub(in crate::data) fn refuse_missing(labels: &LabelColumns<'_>, truth: &Array) -> Result<(), Error> {
    let width = truth.width();
    let by_column = truth.offsets.is_none() && width == labels.columns.len();
    for (position, column) in labels.columns.iter().enumerate() {
        let mut bad = Bad::default();
        let is_missing = |row: &usize| match by_column {
            true => truth.is_nan_at(row * width + position),
            false => lacks(truth, *row),
        };
        (0..truth.rows()).filter(is_missing).for_each(|row| bad.note(row));
        if let Some(row) = bad.first {
            let place = labels.frame.place_of(row, column.name());
            return Err(Error::Missing { column: column.name().to_owned(), place, count: bad.count });
        }
    }
    Ok(())
}

/// Columns of the same length, side by side.
fn side_by_side<T: Copy>(columns: &[Vec<T>], kept: fn(Vec<T>) -> Values) -> Array {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Array::new(&[rows, columns.len()], kept(values))
}
