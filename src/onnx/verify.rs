//! Is what ONNX Runtime computes what candle computed?
//!
//! Parity is the largest |a - b| / max(1, |b|), b being the expected value: relative for large values,
//! absolute for small ones. Answers in a target's unit are compared in deviations from its mean, as they are
//! learned: beside 1.7e12 any difference would look small.

use crate::domain::array::{Array, ArrayValues};
use crate::domain::event::{OutputParity, Parity};
use crate::domain::signature::TaskSignature;
use crate::onnx::error::OnnxError;
use crate::onnx::session::OnnxSession;

/// The parity of each expected output. An output that is missing, of another shape, or not a number
/// somewhere is infinitely far off.
pub fn compare(
    expected: &[(String, Array)],
    got: &[(String, Array)],
    tasks: &[TaskSignature],
) -> Vec<OutputParity> {
    expected
        .iter()
        .map(|(output, expected)| {
            let task = tasks.iter().find(|task| task.answer_output() == *output);
            let unit = task.and_then(|task| task.target.unit());
            let largest = got
                .iter()
                .find(|(name, _)| name == output)
                .map_or(f64::INFINITY, |(_, got)| distance(expected, got, unit));
            OutputParity { output: output.clone(), largest }
        })
        .collect()
}

/// Runs the model on the raw rows in batches of each of these sizes, and compares with what is expected of
/// them. A batch larger than the sample repeats its rows.
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
        for indices in divided(count, size) {
            let pick = |arrays: &[(String, Array)]| -> Vec<(String, Array)> {
                arrays.iter().map(|(name, array)| (name.clone(), array.gather(&indices))).collect()
            };
            let got = session.run(&pick(rows))?;
            for (worst, here) in outputs.iter_mut().zip(compare(&pick(expected), &got, tasks)) {
                // Largest finite number: an infinite one would not survive JSON.
                worst.largest = worst.largest.max(here.largest).min(f64::MAX);
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
    })
}

/// The parity of a model that could not be compared.
pub fn unverified(reason: &OnnxError, tolerance: f64) -> Parity {
    Parity {
        verified: false,
        reason: Some(reason.to_string()),
        largest: 0.0,
        tolerance,
        batches: Vec::new(),
        outputs: Vec::new(),
        runtime: None,
    }
}

/// Row numbers of batches of `size`, in order, the last one shorter; one batch that repeats rows when there
/// are fewer than `size`.
fn divided(rows: usize, size: usize) -> Vec<Vec<u32>> {
    if rows == 0 || size == 0 {
        return Vec::new();
    }
    if size >= rows {
        return vec![(0..size).map(|row| (row % rows) as u32).collect()];
    }
    let all: Vec<u32> = (0..rows as u32).collect();
    all.chunks(size).map(<[u32]>::to_vec).collect()
}

/// `unit`: center and scale of each column.
fn distance(expected: &Array, got: &Array, unit: Option<(&[f64], &[f64])>) -> f64 {
    if expected.shape != got.shape || expected.element_type() != got.element_type() {
        return f64::INFINITY;
    }
    if let (Some(b), Some(a)) = (expected.to_f64(), got.to_f64()) {
        let (center, scale) = unit.unwrap_or((&[0.0], &[1.0]));
        let parameters = || center.iter().zip(scale).cycle();
        let in_unit = |(value, (center, scale)): (&f64, (&f64, &f64))| (value - center) / scale;
        return furthest(a.iter().zip(parameters()).map(in_unit), b.iter().zip(parameters()).map(in_unit));
    }
    match (&expected.values, &got.values) {
        (ArrayValues::I64(b), ArrayValues::I64(a)) => {
            furthest(a.iter().map(|&a| a as f64), b.iter().map(|&b| b as f64))
        }
        _ if expected == got => 0.0,
        _ => f64::INFINITY,
    }
}

fn furthest(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    a.zip(b)
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, |worst, here| if here.is_nan() { f64::INFINITY } else { worst.max(here) })
}

#[cfg(test)]
mod tests {
    use super::{compare, divided};
    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::signature::TaskSignature;
    use crate::domain::task::FittedTarget;

    /// A target of 1.7e12 that differs by 57 from row to row: 28.5 of it are half a deviation.
    #[test]
    fn answers_in_a_unit_are_compared_in_deviations() {
        let target =
            FittedTarget::Regression { columns: vec!["t".into()], center: vec![1.7e12], scale: vec![57.0] };
        let (name, table) = (TaskName::new("t").unwrap(), TableName::new("rows").unwrap());
        let tasks = [TaskSignature { name, table, target }];
        let answers = |value: f64| vec![("t".to_owned(), Array::new(&[1, 1], ArrayValues::F64(vec![value])))];
        let (near, far) = (answers(1.7e12 + 28.5), answers(1.7e12 + 57.0 * 100.0));
        assert_eq!(compare(&answers(1.7e12), &near, &tasks)[0].largest, 0.5);
        assert_eq!(compare(&far, &answers(1.7e12), &tasks)[0].largest, 1.0);
        assert!(compare(&answers(1.7e12), &near, &[])[0].largest < 1e-10);
        assert_eq!(compare(&one(vec![1.0]), &near, &tasks)[0].largest, f64::INFINITY);
    }

    fn one(values: Vec<f32>) -> Vec<(String, Array)> {
        vec![("t".to_owned(), Array::f32(&[values.len(), 1], values))]
    }

    #[test]
    fn relative_for_large_and_absolute_for_small() {
        let parity = compare(&one(vec![100.0, 0.5]), &one(vec![101.0, 0.25]), &[]);
        assert_eq!(parity[0].largest, 0.25);
        let parity = compare(&one(vec![100.0, 0.5]), &one(vec![150.0, 0.5]), &[]);
        assert_eq!(parity[0].largest, 0.5);
    }

    #[test]
    fn nothing_hides_a_nan_a_shape_or_an_absence() {
        let far =
            |expected: &[(String, Array)], got: &[(String, Array)]| compare(expected, got, &[])[0].largest;
        assert_eq!(far(&one(vec![1.0, 2.0]), &one(vec![f32::NAN, 2.0])), f64::INFINITY);
        assert_eq!(far(&one(vec![f32::NAN]), &one(vec![f32::NAN])), f64::INFINITY);
        assert_eq!(far(&one(vec![f32::INFINITY]), &one(vec![1.0])), f64::INFINITY);
        assert_eq!(far(&one(vec![1.0, 2.0]), &one(vec![1.0])), f64::INFINITY);
        assert_eq!(far(&one(vec![1.0]), &[]), f64::INFINITY);
        let codes = vec![("t".to_owned(), Array::new(&[1, 1], ArrayValues::I64(vec![1])))];
        assert_eq!(far(&one(vec![1.0]), &codes), f64::INFINITY);
        assert_eq!(far(&codes, &codes), 0.0);
    }

    #[test]
    fn batches_cover_all_rows_and_repeat_a_small_sample() {
        assert_eq!(divided(5, 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(divided(2, 5), [vec![0, 1, 0, 1, 0]]);
        assert!(divided(0, 5).is_empty());
    }
}
