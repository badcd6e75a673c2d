//! Missing labels, codes for missing numbers, and constant targets.

use crate::data::cells::BadRow;
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, label_warnings};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::is_missing;
use crate::domain::task_remark::TaskRemark;

/// Remarks on numbers of each column that look like codes for missing values.
pub(super) fn codes<'a>(
    labels: &'a LabelColumns<'_>,
    truth: &'a Array,
) -> impl Iterator<Item = TaskRemark> + 'a {
    let (width, values) = (truth.width(), truth.to_f64().unwrap_or_default());
    labels.columns.iter().enumerate().filter_map(move |(index, column)| {
        let numbers: Vec<f64> = values.iter().skip(index).step_by(width).copied().collect();
        label_warnings::of_numbers(labels.task, column.name(), &numbers)
    })
}

/// Whether the label at a flat index is missing. Unseen classes are not missing.
fn is_missing_at(truth: &Array, index: usize) -> bool {
    match &truth.values {
        ArrayValues::F32(values) => is_missing(values[index]),
        _ => truth.is_nan_at(index),
    }
}

/// Whether a row has no label at all.
pub(in crate::data) fn is_unlabelled(truth: &Array, row: usize) -> bool {
    let (range, width) = (truth.row(row), truth.width());
    (range.start * width..range.end * width).all(|index| is_missing_at(truth, index))
}

/// Refuses missing labels in any split.
pub(in crate::data) fn refuse_missing(labels: &LabelColumns<'_>, truth: &Array) -> Result<(), DataError> {
    let width = truth.width();
    let by_column = truth.offsets.is_none() && width == labels.columns.len();
    for (position, column) in labels.columns.iter().enumerate() {
        let mut bad = BadRow::default();
        let is_missing = |row: &usize| match by_column {
            true => is_missing_at(truth, row * width + position),
            false => is_unlabelled(truth, *row),
        };
        (0..truth.rows()).filter(is_missing).for_each(|row| bad.note(row));
        if let Some(row) = bad.first {
            let place = labels.frame.cell_location(row, column.name());
            return Err(DataError::Missing { column: column.name().to_owned(), place, count: bad.count });
        }
    }
    Ok(())
}

/// The remark on a constant target. `value` is a statement such as `` `y` is 5 ``, `unit` a training row or
/// pixel.
pub(super) fn constant_target(task: &str, value: &str, unit: &str) -> TaskRemark {
    TaskRemark {
        cause: "constant targets",
        task: task.to_owned(),
        text: format!("{value} on every {unit}"),
        advice: "there is nothing to learn; check the split, or remove it".to_owned(),
    }
}
