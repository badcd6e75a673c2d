//! Multilabel targets: several columns of 0 or 1.

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, constant_target, side_by_side};
use crate::domain::array::ArrayValues;
use crate::domain::task::{FittedTarget, MultilabelConfig};
use crate::domain::task_remark::{TaskRemark, list_names};

pub(in crate::data) fn fit(
    config: &MultilabelConfig,
    labels: &LabelColumns<'_>,
) -> Result<TargetFit, Vec<DataError>> {
    let (mut errors, mut constant) = (vec![], vec![]);
    let (mut columns, mut names) = (vec![], vec![]);
    let (mut positives, mut present) = (vec![], vec![]);
    for column in &labels.columns {
        let name = column.name().to_owned();
        match read(column, labels) {
            Err(error) => errors.push(error),
            Ok(values) => {
                let known: Vec<f32> = labels
                    .train
                    .iter()
                    .map(|&row| values[row as usize])
                    .filter(|value| !value.is_nan())
                    .collect();
                let positive = known.iter().filter(|value| **value == 1.0).count();
                if known.is_empty() {
                    errors.push(DataError::NoLabels { column: name.clone() });
                } else if positive == 0 || positive == known.len() {
                    let value = f32::from(u8::from(positive > 0));
                    let others = values.iter().filter(|other| !other.is_nan() && **other != value).count();
                    constant.push((name.clone(), value, others));
                }
                positives.push(positive as u64);
                present.push(known.len() as u64);
                columns.push(values);
                names.push(name);
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let threshold = config.threshold.get();
    Ok(TargetFit {
        texts: None,
        truth: side_by_side(&columns, ArrayValues::F32),
        target: FittedTarget::Multilabel { labels: names, positives, present, threshold },
        notes: vec![],
        labels: LabelStatistics { unseen: vec![], remarks: constant_labels(labels.task, &constant) },
    })
}

/// Remarks on labels that are 0, or 1, on every training row. `constant` holds the column, the value, and
/// the number of other rows with another value.
fn constant_labels(task: &str, constant: &[(String, f32, usize)]) -> Vec<TaskRemark> {
    let remark = |value: f32| {
        let columns = || constant.iter().filter(move |(_, constant, _)| *constant == value);
        let others: usize = columns().map(|(.., others)| others).sum();
        let names = list_names(columns().map(|(name, ..)| name.as_str()));
        let text = match columns().count() {
            0 => return None,
            1 => format!("label {names} is {value}"),
            count => format!("{count} labels are {value} ({names})"),
        };
        let mut remark = constant_target(task, &text, "training row");
        if others > 0 {
            let cells = if others == 1 { "cell is" } else { "cells are" };
            remark.text.push_str(&format!(", but {others} validation and test {cells} {}", 1.0 - value));
        }
        Some(remark)
    };
    [0.0, 1.0].into_iter().filter_map(remark).collect()
}

/// The labels of a column as 0, 1 or NaN.
fn read(column: &Cells, labels: &LabelColumns<'_>) -> Result<Vec<f32>, DataError> {
    let mut bad = BadRow::default();
    let mut values = Vec::with_capacity(column.len());
    column.for_each_text(|row, text| {
        values.push(match text.map(str::trim) {
            None | Some("") => f32::NAN,
            Some("0") => 0.0,
            Some("1") => 1.0,
            Some(text) if text.eq_ignore_ascii_case("false") => 0.0,
            Some(text) if text.eq_ignore_ascii_case("true") => 1.0,
            Some(_) => {
                bad.note(row);
                f32::NAN
            }
        });
    })?;
    bad.first.map_or(Ok(values), |row| {
        let (column_name, value) = (column.name().to_owned(), column.text(row).into_owned());
        let place = labels.frame.cell_location(row, column.name());
        Err(DataError::NotLabel { column: column_name, value, place, count: bad.count })
    })
}
