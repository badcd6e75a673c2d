//! Several columns, each present or not (0 or 1).

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::target::{FittedTarget, LabelColumns, side_by_side, warning};
use crate::domain::array::Values;
use crate::domain::task::{MultilabelSpec, Target};

pub(in crate::data) fn fit(
    spec: &MultilabelSpec,
    labels: &LabelColumns<'_>,
) -> Result<FittedTarget, Vec<Error>> {
    let (mut errors, mut notes) = (vec![], vec![]);
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
                    errors.push(Error::NoLabels { column: name.clone() });
                } else if positive == 0 || positive == known.len() {
                    let value = usize::from(positive > 0);
                    let task = labels.task;
                    notes.push(warning(format!(
                        "task `{task}`: label `{name}` is {value} on every training row"
                    )));
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
    let threshold = spec.threshold.get();
    Ok(FittedTarget {
        texts: None,
        truth: side_by_side(&columns, Values::F32),
        target: Target::Multilabel { labels: names, positives, present, threshold },
        notes,
    })
}

fn read(column: &Cells, labels: &LabelColumns<'_>) -> Result<Vec<f32>, Error> {
    let mut bad = Bad::default();
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
        let (value, place) = (column.text(row).into_owned(), labels.frame.place_of(row, column.name()));
        Err(Error::NotLabel { column: column.name().to_owned(), value, place, count: bad.count })
    })
}
