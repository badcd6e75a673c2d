//! Targets: one or several label columns, fitted on training rows.

mod binary;
mod labels;
mod multiclass;
mod multilabel;
mod ordinal;
mod regression;

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::fit::Note;
use crate::data::frame::Frame;
use crate::domain::array::Array;
use crate::domain::diagnostic::Severity;
use crate::domain::kinds::Choice;
use crate::domain::task::{Target, TargetSpec};

/// The label columns of one task.
pub(in crate::data) struct LabelColumns<'a> {
    pub task: &'a str,
    pub frame: &'a Frame,
    pub columns: Vec<Cells>,
    pub train: &'a [u32],
}

/// A target, fitted.
pub(in crate::data) struct FittedTarget {
    pub target: Target,
    /// `[rows, width]`, NaN where the label is missing.
    pub truth: Array,
    pub notes: Vec<Note>,
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
        (other, columns) => Err(vec![Error::OneColumn { kind: other.name(), found: columns.len() }]),
    }
}

/// Refuses missing labels, whichever split they stand in.
pub(in crate::data) fn refuse_missing(labels: &LabelColumns<'_>, truth: &Array) -> Result<(), Error> {
    let width = truth.width();
    let values = truth.as_f32().unwrap_or_default();
    for (position, column) in labels.columns.iter().enumerate() {
        let mut bad = Bad::default();
        let of_column = values.iter().skip(position).step_by(width);
        of_column.enumerate().filter(|(_, value)| value.is_nan()).for_each(|(row, _)| bad.note(row));
        if let Some(row) = bad.first {
            let place = labels.frame.place(row);
            return Err(Error::Missing { column: column.name().to_owned(), place, count: bad.count });
        }
    }
    Ok(())
}

/// Columns of the same length, side by side.
fn side_by_side(columns: &[Vec<f32>]) -> Array {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Array::f32(&[rows, columns.len()], values)
}

fn warning(text: String) -> Note {
    Note { severity: Severity::Warning, text }
}
