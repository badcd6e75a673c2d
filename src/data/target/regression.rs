//! Regression targets: one or several numbers.

use crate::data::error::DataError;
use crate::data::feature::{
    Statistics, display_number, integer_precision_loss, precision_loss, refuse_beyond,
};
use crate::data::note::warning;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, constant_target, side_by_side};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::task::{FittedTarget, RegressionConfig};

pub(in crate::data) fn fit(
    config: &RegressionConfig,
    labels: &LabelColumns<'_>,
) -> Result<TargetFit, Vec<DataError>> {
    let (mut errors, mut notes, mut label_statistics) = (vec![], vec![], LabelStatistics::default());
    let (mut columns, mut names) = (vec![], vec![]);
    let (mut centers, mut scales) = (vec![], vec![]);
    for column in &labels.columns {
        let name = column.name().to_owned();
        let values = match column.numbers(labels.frame) {
            Ok(values) => values,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let mut present: Vec<f64> =
            labels.train.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect();
        let Some(statistics) = Statistics::from_values(&mut present) else {
            errors.push(DataError::NoLabels { column: name });
            continue;
        };
        let (center, scale) = match config.standardize {
            true => (statistics.mean, statistics.valid_scale(statistics.deviation).unwrap_or(1.0)),
            false => (0.0, 1.0),
        };
        let scaled = values.iter().map(|value| ((value - center) / scale) as f32).collect();
        if let Err(error) = refuse_beyond(column, labels.frame, &Array::f32(&[values.len(), 1], scaled)) {
            errors.push(error);
            continue;
        }
        let task = labels.task;
        let integer_loss = || integer_precision_loss(column, labels.train, &statistics);
        match precision_loss(&present, &statistics, center, scale).or_else(integer_loss) {
            Some(loss) => {
                let advice = "set `standardize: true`, which centers in 64-bit floats first";
                let remedy = loss.remedy(!config.standardize, advice);
                notes.push(warning(loss.message(&format!("task `{task}`, `{name}`"), remedy)));
            }
            None if statistics.is_constant() => {
                let text = format!("`{name}` is {}", display_number(statistics.minimum));
                label_statistics.remarks.push(constant_target(task, &text, "training row"));
            }
            None => {}
        }
        centers.push(center);
        scales.push(scale);
        columns.push(values);
        names.push(name);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(TargetFit {
        texts: None,
        truth: side_by_side(&columns, ArrayValues::F64),
        target: FittedTarget::Regression { columns: names, center: centers, scale: scales },
        notes,
        labels: label_statistics,
    })
}
