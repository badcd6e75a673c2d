//! Several columns, each present or not (0 or 1).

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, never_changes, side_by_side};
use crate::domain::array::ArrayValues;
use crate::domain::task::{FittedTarget, MultilabelConfig};
use crate::domain::task_remark::{TaskRemark, names};

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
        labels: LabelStatistics { unseen: vec![], remarks: never_changing(labels.task, &constant) },
    })
}

/// A word about labels that are 0, or 1, on every training row, and how many other rows differ.
fn never_changing(task: &str, constant: &[(String, f32, usize)]) -> Vec<TaskRemark> {
    let of = |value: f32| {
        let own = || constant.iter().filter(move |(_, own, _)| *own == value);
        let others: usize = own().map(|(.., others)| others).sum();
        let text = match own().count() {
            0 => return None,
            1 => format!("label {} is {value}", names(own().map(|(name, ..)| name.as_str()))),
            count => format!("{count} labels are {value} ({})", names(own().map(|(name, ..)| name.as_str()))),
        };
        let mut remark = never_changes(task, &text, "training row");
        if others > 0 {
            let cells = if others == 1 { "cell of valid and test is" } else { "cells of valid and test are" };
            remark.text.push_str(&format!(", though {others} {cells} {}", 1.0 - value));
        }
        Some(remark)
    };
    [0.0, 1.0].into_iter().filter_map(of).collect()
}

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
        let (value, location) =
            (column.text(row).into_owned(), labels.frame.cell_location(row, column.name()));
        Err(DataError::NotLabel {
            column: column.name().to_owned(),
            value,
            place: location,
            count: bad.count,
        })
    })
}
