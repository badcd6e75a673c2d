//! Targets: one or several label columns, fitted on training rows.

mod binary;
pub(in crate::data) mod coverage;
mod labels;
mod language_model;
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

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::feature::FeatureSpec;
use crate::data::fit::Note;
use crate::data::frame::Frame;
use crate::domain::array::{Array, Values};
use crate::domain::kinds::Choice;
use crate::domain::label::{Unseen, is_missing};
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

/// A word about targets that are the same wherever training looks: `said` is `` `y` is 5 ``.
fn never_changes(task: &str, said: &str, wherever: &str) -> Remark {
    Remark {
        cause: "targets that never change",
        task: task.to_owned(),
        said: format!("{said} on every {wherever}"),
        advice: "there is nothing to learn of it; look at the split, or leave it out".to_owned(),
    }
}

/// Numbers of each column that look like missing ones.
fn codes<'a>(labels: &'a LabelColumns<'_>, truth: &'a Array) -> impl Iterator<Item = Remark> + 'a {
    let (width, values) = (truth.width(), truth.as_f32().unwrap_or_default());
    labels.columns.iter().enumerate().filter_map(move |(place, column)| {
        let own: Vec<f32> = values.iter().skip(place).step_by(width).copied().collect();
        suspicion::of_numbers(labels.task, column.name(), &own)
    })
}

/// Is a number missing? A class that training never saw is none that is.
fn is_missing_at(truth: &Array, place: usize) -> bool {
    match &truth.values {
        Values::F32(values) => is_missing(values[place]),
        _ => truth.is_nan_at(place),
    }
}

/// Has a row no label at all?
pub(in crate::data) fn lacks(truth: &Array, row: usize) -> bool {
    let (range, width) = (truth.row(row), truth.width());
    (range.start * width..range.end * width).all(|place| is_missing_at(truth, place))
}

/// Refuses missing labels, whichever split they stand in.
pub(in crate::data) fn refuse_missing(labels: &LabelColumns<'_>, truth: &Array) -> Result<(), Error> {
    let width = truth.width();
    let by_column = truth.offsets.is_none() && width == labels.columns.len();
    for (position, column) in labels.columns.iter().enumerate() {
        let mut bad = Bad::default();
        let is_missing = |row: &usize| match by_column {
            true => is_missing_at(truth, row * width + position),
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
