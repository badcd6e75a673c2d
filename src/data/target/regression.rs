//! One or several numbers.

use crate::data::error::DataError;
use crate::data::feature::{
    Statistics, display_number, integer_precision_loss, precision_loss, refuse_beyond,
};
use crate::data::note::warning;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, never_changes, side_by_side};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::task::{FittedTarget, RegressionConfig};

pub(in crate::data) fn fit(
    config: &RegressionConfig,
    labels: &LabelColumns<'_>,
) -> Result<TargetFit, Vec<DataError>> {
    let (mut errors, mut notes, mut labels_found) = (vec![], vec![], LabelStatistics::default());
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
        let Some(statistics) = Statistics::from_values(&mut known) else {
            errors.push(DataError::NoLabels { column: name });
            continue;
        };
        let (middle, factor) = match config.standardize {
            true => (statistics.mean, statistics.usable(statistics.deviation).unwrap_or(1.0)),
            false => (0.0, 1.0),
        };
        let learned = values.iter().map(|value| ((value - middle) / factor) as f32).collect();
        if let Err(error) = refuse_beyond(column, labels.frame, &Array::f32(&[values.len(), 1], learned)) {
            errors.push(error);
            continue;
        }
        let task = labels.task;
        let lost = precision_loss(&known, &statistics, middle, factor);
        let lost = lost.or_else(|| integer_precision_loss(column, labels.train, &statistics)).map(|lost| {
            let remedy =
                lost.remedy(!config.standardize, "leave `standardize` on, which centers it in 64 bits first");
            lost.message(&format!("task `{task}`, `{name}`"), remedy)
        });
        match lost {
            Some(lost) => notes.push(warning(lost)),
            None if statistics.is_constant() => {
                let text = format!("`{name}` is {}", display_number(statistics.minimum));
                labels_found.remarks.push(never_changes(task, &text, "training row"));
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
    Ok(TargetFit {
        texts: None,
        truth: side_by_side(&columns, ArrayValues::F64),
        target: FittedTarget::Regression { columns: names, center, scale },
        notes,
        labels: labels_found,
    })
}
