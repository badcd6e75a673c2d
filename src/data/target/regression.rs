//! One or several numbers.

use crate::data::error::Error;
use crate::data::feature::Statistics;
use crate::data::target::{FittedTarget, Found, LabelColumns, never_changes, side_by_side};
use crate::domain::task::{RegressionSpec, Target};

pub(in crate::data) fn fit(
    spec: &RegressionSpec,
    labels: &LabelColumns<'_>,
) -> Result<FittedTarget, Vec<Error>> {
    let (mut errors, mut labels_found) = (vec![], Found::default());
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
        let known =
            labels.train.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect();
        let Some(found) = Statistics::of(known) else {
            errors.push(Error::NoLabels { column: name });
            continue;
        };
        let usable = found.usable(found.deviation);
        if usable.is_none() {
            let (task, value) = (labels.task, found.minimum);
            labels_found.remarks.push(never_changes(task, &format!("`{name}` is {value}"), "training row"));
        }
        let (mean, deviation) = (found.mean as f32, usable.unwrap_or(1.0));
        center.push(if spec.standardize { mean } else { 0.0 });
        scale.push(if spec.standardize { deviation } else { 1.0 });
        columns.push(values);
        names.push(name);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(FittedTarget {
        texts: None,
        truth: side_by_side(&columns),
        target: Target::Regression { columns: names, center, scale },
        notes: vec![],
        labels: labels_found,
    })
}
