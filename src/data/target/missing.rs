//! Labels that are missing: on which rows, whether that is refused, and numbers that only look like labels;
//! and targets that never change.

use crate::data::cells::BadRow;
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, label_warnings};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::is_missing;
use crate::domain::task_remark::TaskRemark;

/// Numbers of each column that look like missing ones.
pub(super) fn codes<'a>(
    labels: &'a LabelColumns<'_>,
    truth: &'a Array,
) -> impl Iterator<Item = TaskRemark> + 'a {
    let (width, values) = (truth.width(), truth.to_f64().unwrap_or_default());
    labels.columns.iter().enumerate().filter_map(move |(location, column)| {
        let own: Vec<f64> = values.iter().skip(location).step_by(width).copied().collect();
        label_warnings::of_numbers(labels.task, column.name(), &own)
    })
}

/// Is a number missing? A class that training never saw is none that is.
fn is_missing_at(truth: &Array, location: usize) -> bool {
    match &truth.values {
        ArrayValues::F32(values) => is_missing(values[location]),
        _ => truth.is_nan_at(location),
    }
}

/// Has a row no label at all?
pub(in crate::data) fn lacks(truth: &Array, row: usize) -> bool {
    let (range, width) = (truth.row(row), truth.width());
    (range.start * width..range.end * width).all(|location| is_missing_at(truth, location))
}

/// Refuses missing labels, whichever split they stand in.
pub(in crate::data) fn refuse_missing(labels: &LabelColumns<'_>, truth: &Array) -> Result<(), DataError> {
    let width = truth.width();
    let by_column = truth.offsets.is_none() && width == labels.columns.len();
    for (position, column) in labels.columns.iter().enumerate() {
        let mut bad = BadRow::default();
        let is_missing = |row: &usize| match by_column {
            true => is_missing_at(truth, row * width + position),
            false => lacks(truth, *row),
        };
        (0..truth.rows()).filter(is_missing).for_each(|row| bad.note(row));
        if let Some(row) = bad.first {
            let location = labels.frame.cell_location(row, column.name());
            return Err(DataError::Missing {
                column: column.name().to_owned(),
                place: location,
                count: bad.count,
            });
        }
    }
    Ok(())
}

/// Of targets that are the same wherever training looks: `said` is `` `y` is 5 ``.
pub(super) fn never_changes(task: &str, text: &str, wherever: &str) -> TaskRemark {
    TaskRemark {
        cause: "targets that never change",
        task: task.to_owned(),
        text: format!("{text} on every {wherever}"),
        advice: "there is nothing to learn of it; look at the split, or leave it out".to_owned(),
    }
}
