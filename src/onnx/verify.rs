//! Compares the outputs of ONNX Runtime with those of candle.
//!
//! The difference is the largest |a - b| / max(1, |b|), where b is the expected value: relative for large
//! values, absolute for small ones. Predictions in a target's unit are compared after standardization, as
//! they are learned: relative to 1.7e12 any difference would look small.

use crate::domain::array::{Array, ArrayValues};
use crate::domain::event::{OutputParity, Parity};
use crate::domain::precision::Precision;
use crate::domain::signature::TaskSignature;
use crate::onnx::error::OnnxError;
use crate::onnx::session::OnnxSession;

/// The difference of each expected output; infinite if the output is missing, has another shape or contains
/// NaN.
pub fn compare(
    expected: &[(String, Array)],
    actual: &[(String, Array)],
    tasks: &[TaskSignature],
) -> Vec<OutputParity> {
    expected
        .iter()
        .map(|(output, expected)| {
            let task = tasks.iter().find(|task| task.prediction_output() == *output);
            let unit = task.and_then(|task| task.target.standardization());
            let largest = actual
                .iter()
                .find(|(name, _)| name == output)
                .map_or(f64::INFINITY, |(_, actual)| distance(expected, actual, unit));
            OutputParity { output: output.clone(), largest }
        })
        .collect()
}

/// Runs the model on the raw rows in batches of each of these sizes and compares the outputs with the
/// expected ones. A batch larger than the sample repeats its rows.
///
/// # Errors
/// If the model cannot be run on the rows.
pub fn verify(
    session: &mut OnnxSession,
    rows: &[(String, Array)],
    expected: &[(String, Array)],
    tasks: &[TaskSignature],
    batches: &[usize],
    tolerance: f64,
) -> Result<Parity, OnnxError> {
    let mut outputs: Vec<OutputParity> =
        expected.iter().map(|(output, _)| OutputParity { output: output.clone(), largest: 0.0 }).collect();
    let count = expected.first().map_or(0, |(_, array)| array.rows());
    for &size in batches {
        for indices in batches_of(count, size) {
            let pick = |arrays: &[(String, Array)]| -> Vec<(String, Array)> {
                arrays.iter().map(|(name, array)| (name.clone(), array.gather(&indices))).collect()
            };
            let actual = session.run(&pick(rows))?;
            for (worst, parity) in outputs.iter_mut().zip(compare(&pick(expected), &actual, tasks)) {
                // Limited to finite numbers, because JSON cannot represent infinity.
                worst.largest = worst.largest.max(parity.largest).min(f64::MAX);
            }
        }
    }
    Ok(Parity {
        verified: true,
        reason: None,
        largest: outputs.iter().map(|output| output.largest).fold(0.0, f64::max),
        tolerance,
        batches: batches.to_vec(),
        outputs,
        runtime: Some(session.runtime().version.clone()),
        precision: Precision::F32,
        scores: Vec::new(),
    })
}

/// The result for a model that could not be verified.
pub fn unverified(reason: &OnnxError, tolerance: f64) -> Parity {
    Parity {
        verified: false,
        reason: Some(reason.to_string()),
        largest: 0.0,
        tolerance,
        batches: Vec::new(),
        outputs: Vec::new(),
        runtime: None,
        precision: Precision::F32,
        scores: Vec::new(),
    }
}

/// Row numbers in batches of `size`, in order, the last one shorter; a single batch with repeated rows if
/// there are fewer than `size`.
fn batches_of(rows: usize, size: usize) -> Vec<Vec<u32>> {
    if rows == 0 || size == 0 {
        return Vec::new();
    }
    if size >= rows {
        return vec![(0..size).map(|row| (row % rows) as u32).collect()];
    }
    let all: Vec<u32> = (0..rows as u32).collect();
    all.chunks(size).map(<[u32]>::to_vec).collect()
}

/// The difference of two arrays; `unit` holds the center and scale of each column.
fn distance(expected: &Array, actual: &Array, unit: Option<(&[f64], &[f64])>) -> f64 {
    if expected.shape != actual.shape || expected.element_type() != actual.element_type() {
        return f64::INFINITY;
    }
    if let (Some(b), Some(a)) = (expected.to_f64(), actual.to_f64()) {
        let (center, scale) = unit.unwrap_or((&[0.0], &[1.0]));
        let units = || center.iter().zip(scale).cycle();
        let in_unit = |(value, (center, scale)): (&f64, (&f64, &f64))| (value - center) / scale;
        return largest_difference(a.iter().zip(units()).map(in_unit), b.iter().zip(units()).map(in_unit));
    }
    match (&expected.values, &actual.values) {
        (ArrayValues::I64(b), ArrayValues::I64(a)) => {
            largest_difference(a.iter().map(|&a| a as f64), b.iter().map(|&b| b as f64))
        }
        _ if expected == actual => 0.0,
        _ => f64::INFINITY,
    }
}

fn largest_difference(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    a.zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, |worst, difference| {
        if difference.is_nan() { f64::INFINITY } else { worst.max(difference) }
    })
}

#[cfg(test)]
mod tests {
    use super::{batches_of, compare};
    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::FittedTarget;

    /// A target of 1.7e12 with a standard deviation of 57: a difference of 28.5 is half a deviation.
    #[test]
    fn predictions_in_a_unit_are_compared_in_deviations() {
        let target =
            FittedTarget::Regression { columns: vec!["t".into()], center: vec![1.7e12], scale: vec![57.0] };
        let (name, table) = (TaskName::new("t").unwrap(), TableName::new("rows").unwrap());
        let tasks = [TaskSignature { name, table, target }];
        let output = |value: f64| vec![("t".to_owned(), Array::new(&[1, 1], ArrayValues::F64(vec![value])))];
        let (near, far) = (output(1.7e12 + 28.5), output(1.7e12 + 57.0 * 100.0));
        assert_eq!(compare(&output(1.7e12), &near, &tasks)[0].largest, 0.5);
        assert_eq!(compare(&far, &output(1.7e12), &tasks)[0].largest, 1.0);
        assert!(compare(&output(1.7e12), &near, &[])[0].largest < 1e-10);
        assert_eq!(compare(&one(vec![1.0]), &near, &tasks)[0].largest, f64::INFINITY);
    }

    fn one(values: Vec<f32>) -> Vec<(String, Array)> {
        vec![("t".to_owned(), Array::f32(&[values.len(), 1], values))]
    }

    #[test]
    fn differences_are_relative_for_large_and_absolute_for_small_values() {
        let parity = compare(&one(vec![100.0, 0.5]), &one(vec![101.0, 0.25]), &[]);
        assert_eq!(parity[0].largest, 0.25);
        let parity = compare(&one(vec![100.0, 0.5]), &one(vec![150.0, 0.5]), &[]);
        assert_eq!(parity[0].largest, 0.5);
    }

    #[test]
    fn nan_shapes_and_missing_outputs_are_infinitely_different() {
        let difference = |expected: &[(String, Array)], actual: &[(String, Array)]| {
            compare(expected, actual, &[])[0].largest
        };
        assert_eq!(difference(&one(vec![1.0, 2.0]), &one(vec![f32::NAN, 2.0])), f64::INFINITY);
        assert_eq!(difference(&one(vec![f32::NAN]), &one(vec![f32::NAN])), f64::INFINITY);
        assert_eq!(difference(&one(vec![f32::INFINITY]), &one(vec![1.0])), f64::INFINITY);
        assert_eq!(difference(&one(vec![1.0, 2.0]), &one(vec![1.0])), f64::INFINITY);
        assert_eq!(difference(&one(vec![1.0]), &[]), f64::INFINITY);
        let codes = vec![("t".to_owned(), Array::new(&[1, 1], ArrayValues::I64(vec![1])))];
        assert_eq!(difference(&one(vec![1.0]), &codes), f64::INFINITY);
        assert_eq!(difference(&codes, &codes), 0.0);
    }

    #[test]
    fn batches_cover_all_rows_and_repeat_a_small_sample() {
        assert_eq!(batches_of(5, 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(batches_of(2, 5), [vec![0, 1, 0, 1, 0]]);
        assert!(batches_of(0, 5).is_empty());
    }
}
