//! One or several numbers.

use crate::data::error::Error;
use crate::data::feature::{Statistics, lost, lost_whole, refuse_beyond, shown};
use crate::data::note::warning;
use crate::data::target::{FittedTarget, Found, LabelColumns, never_changes, side_by_side};
use crate::domain::array::{Array, Values};
use crate::domain::task::{RegressionSpec, Target};

pub(in crate::data) fn fit(
    spec: &RegressionSpec,
    labels: &LabelColumns<'_>,
) -> Result<FittedTarget, Vec<Error>> {
    let (mut errors, mut notes, mut labels_found) = (vec![], vec![], Found::default());
    let (mut columns, mut names) = (vec![], vec![]);
    let (mut center, mut scale) = (vec![], vec![]);
    for column in &labels.columns {
        let name = column.name().to_owned();
        let values = match column.numbers(labels.frame) {
            Ok(values) => values,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let mut known: Vec<f64> =
            labels.train.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect();
        let Some(found) = Statistics::of(&mut known) else {
            errors.push(Error::NoLabels { column: name });
            continue;
        };
        let (middle, factor) = match spec.standardize {
            true => (found.mean, found.usable(found.deviation).unwrap_or(1.0)),
            false => (0.0, 1.0),
        };
        let learned = values.iter().map(|value| ((value - middle) / factor) as f32).collect();
        if let Err(error) = refuse_beyond(column, labels.frame, &Array::f32(&[values.len(), 1], learned)) {
            errors.push(error);
            continue;
        }
        let task = labels.task;
        let lost = lost(&known, &found, middle, factor);
        let lost = lost.or_else(|| lost_whole(column, labels.train, &found)).map(|lost| {
            let remedy =
                lost.remedy(!spec.standardize, "leave `standardize` on, which centers it in 64 bits first");
            lost.told(&format!("task `{task}`, `{name}`"), remedy)
        });
        match lost {
            Some(lost) => notes.push(warning(lost)),
            None if found.is_constant() => {
                let said = format!("`{name}` is {}", shown(found.minimum));
                labels_found.remarks.push(never_changes(task, &said, "training row"));
            }
            None => {}
        }
        center.push(middle);
        scale.push(factor);
        columns.push(values);
        names.push(name);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(FittedTarget {
        texts: None,
        truth: side_by_side(&columns, Values::F64),
        target: Target::Regression { columns: names, center, scale },
        notes,
        labels: labels_found,
    })
}
