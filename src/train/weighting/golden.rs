//! The matrices of methods.md 5, and how a method is asked about them in tests.

use crate::domain::name::TaskName;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, GramianWeighting, RowWeighting,
};
use crate::train::weighting::method::{BuildWeighting, GradientMethod, WeightingContext};

pub fn matrix_a() -> Vec<Vec<f64>> {
    vec![vec![-4.0, 1.0, 1.0], vec![6.0, 1.0, 1.0]]
}

pub fn matrix_b() -> Vec<Vec<f64>> {
    vec![vec![1.0, 0.0, 0.0, 2.0], vec![-1.0, 1.0, 0.0, 0.0], vec![0.0, -2.0, 1.0, -1.0]]
}

/// The method of these words for so many tasks.
pub fn gradients(config: &dyn BuildWeighting, tasks: usize) -> GradientMethod {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    let built = config.build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.01 });
    built.gradients.expect("a gradient method")
}

pub fn gramian(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn GramianWeighting> {
    match gradients(config, tasks) {
        GradientMethod::Gramian(method) => method,
        GradientMethod::Rows(_) => panic!("a method of dot products"),
    }
}

pub fn rows(config: &dyn BuildWeighting, tasks: usize) -> Box<dyn RowWeighting> {
    match gradients(config, tasks) {
        GradientMethod::Rows(method) => method,
        GradientMethod::Gramian(_) => panic!("a method of whole gradients"),
    }
}

/// What a method answers to this Gramian, all losses 1.
pub fn ask(method: &mut dyn GramianWeighting, gramian: &Matrix) -> GradientWeights {
    let tasks: Vec<usize> = (0..gramian.size()).collect();
    let losses = vec![1.0; tasks.len()];
    method.compute_weights(&GradientContext { step: 0, tasks: &tasks, losses: &losses, gramian })
}

/// What a fresh method of these words answers to these gradients.
pub fn weights_for(config: &dyn BuildWeighting, rows: &[Vec<f64>]) -> GradientWeights {
    ask(&mut *gramian(config, rows.len()), &Matrix::gramian(rows))
}

/// What a method of whole gradients makes of these: its weights, and the direction.
pub fn combine(
    method: &mut dyn RowWeighting,
    rows: &[Vec<f64>],
    losses: &[f64],
) -> (GradientWeights, Vec<f64>) {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let gramian = Matrix::gramian(rows);
    let values = rows.iter().map(|row| row.iter().map(|value| *value as f32).collect()).collect();
    let mut values = GradientRows { values, point: None };
    let answer = method
        .compute_weights(&GradientContext { step: 0, tasks: &tasks, losses, gramian: &gramian }, &mut values);
    let wide: Vec<Vec<f64>> =
        values.values.iter().map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect();
    let direction = direction(&wide, &answer.weights);
    (answer, direction)
}

/// J^T w.
pub fn direction(rows: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|index| rows.iter().zip(weights).map(|(row, weight)| row[index] * weight).sum()).collect()
}
