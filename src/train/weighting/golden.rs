//! Test support: the matrices of methods.md 5, and calls of a method with them.

use crate::domain::name::TaskName;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, GramianWeighting, RowWeighting,
};
use crate::train::weighting::method::{BuildWeighting, GradientMethod, WeightingContext};

/// Gradients of two tasks over three weights.
pub fn matrix_a() -> Vec<Vec<f64>> {
    vec![vec![-4.0, 1.0, 1.0], vec![6.0, 1.0, 1.0]]
}

/// Gradients of three tasks over four weights.
pub fn matrix_b() -> Vec<Vec<f64>> {
    vec![vec![1.0, 0.0, 0.0, 2.0], vec![-1.0, 1.0, 0.0, 0.0], vec![0.0, -2.0, 1.0, -1.0]]
}

/// The gradient method of this configuration for so many tasks.
pub fn gradients(config: &dyn BuildWeighting, tasks: usize) -> GradientMethod {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    let built = config.build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.01 });
    built.gradients.expect("a gradient method")
}

/// The method of this configuration, which needs dot products only.
pub fn gramian(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn GramianWeighting> {
    match gradients(config, tasks) {
        GradientMethod::Gramian(method) => method,
        GradientMethod::Rows(_) => panic!("expected a method of dot products"),
    }
}

/// The method of this configuration, which needs full gradients.
pub fn rows(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn RowWeighting> {
    match gradients(config, tasks) {
        GradientMethod::Rows(method) => method,
        GradientMethod::Gramian(_) => panic!("expected a method of full gradients"),
    }
}

/// The result of a method for this Gramian, all losses 1.
pub fn weights_from_gramian(method: &mut dyn GramianWeighting, gramian: &Matrix) -> GradientWeights {
    let tasks: Vec<usize> = (0..gramian.size()).collect();
    let losses = vec![1.0; tasks.len()];
    method.compute_weights(&GradientContext { step: 0, tasks: &tasks, losses: &losses, gramian })
}

/// The result of a new method of this configuration for these gradients.
pub fn weights_for(config: &dyn BuildWeighting, rows: &[Vec<f64>]) -> GradientWeights {
    weights_from_gramian(&mut *gramian(config, rows.len()), &Matrix::gramian(rows))
}

/// The result of a method of full gradients for these, and the direction.
pub fn combine(
    method: &mut dyn RowWeighting,
    rows: &[Vec<f64>],
    losses: &[f64],
) -> (GradientWeights, Vec<f64>) {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let gramian = Matrix::gramian(rows);
    let values = rows.iter().map(|row| row.iter().map(|value| *value as f32).collect()).collect();
    let mut gradient_rows = GradientRows { values, representation: None };
    let context = GradientContext { step: 0, tasks: &tasks, losses, gramian: &gramian };
    let result = method.compute_weights(&context, &mut gradient_rows);
    let rows = gradient_rows.values.iter();
    let rows: Vec<Vec<f64>> = rows.map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect();
    let direction = direction(&rows, &result.weights);
    (result, direction)
}

/// J^T w.
pub fn direction(rows: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|index| rows.iter().zip(weights).map(|(row, weight)| row[index] * weight).sum()).collect()
}
