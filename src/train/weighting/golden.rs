//! The matrices of methods.md 5, and how a method is asked about them in tests.

use crate::domain::name::TaskName;
use crate::train::solver::Matrix;
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, RowWeighting, Rows, Sight};
use crate::train::weighting::method::{Gradients, Setting, WeightingWords};

pub fn matrix_a() -> Vec<Vec<f64>> {
    vec![vec![-4.0, 1.0, 1.0], vec![6.0, 1.0, 1.0]]
}

pub fn matrix_b() -> Vec<Vec<f64>> {
    vec![vec![1.0, 0.0, 0.0, 2.0], vec![-1.0, 1.0, 0.0, 0.0], vec![0.0, -2.0, 1.0, -1.0]]
}

/// The method of these words for so many tasks.
pub fn gradients(words: &dyn WeightingWords, tasks: usize) -> Gradients {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    let built = words.build(&Setting { tasks: &tasks, seed: 0, rate: 0.01 });
    built.gradients.expect("a gradient method")
}

pub fn gramian(words: &dyn WeightingWords, tasks: usize) -> Box<dyn GramianWeighting> {
    match gradients(words, tasks) {
        Gradients::Gramian(method) => method,
        Gradients::Rows(_) => panic!("a method of dot products"),
    }
}

pub fn rows(words: &dyn WeightingWords, tasks: usize) -> Box<dyn RowWeighting> {
    match gradients(words, tasks) {
        Gradients::Rows(method) => method,
        Gradients::Gramian(_) => panic!("a method of whole gradients"),
    }
}

/// What a method answers to this Gramian, all losses 1.
pub fn ask(method: &mut dyn GramianWeighting, gramian: &Matrix) -> Answer {
    let tasks: Vec<usize> = (0..gramian.size()).collect();
    let losses = vec![1.0; tasks.len()];
    method.weigh(&Sight { step: 0, tasks: &tasks, losses: &losses, gramian })
}

/// What a fresh method of these words answers to these gradients.
pub fn weigh(words: &dyn WeightingWords, rows: &[Vec<f64>]) -> Answer {
    ask(&mut *gramian(words, rows.len()), &Matrix::gramian(rows))
}

/// What a method of whole gradients makes of these: its weights, and the direction.
pub fn combine(method: &mut dyn RowWeighting, rows: &[Vec<f64>], losses: &[f64]) -> (Answer, Vec<f64>) {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let gramian = Matrix::gramian(rows);
    let values = rows.iter().map(|row| row.iter().map(|value| *value as f32).collect()).collect();
    let mut values = Rows { values, point: None };
    let answer = method.weigh(&Sight { step: 0, tasks: &tasks, losses, gramian: &gramian }, &mut values);
    let wide: Vec<Vec<f64>> =
        values.values.iter().map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect();
    let direction = direction(&wide, &answer.weights);
    (answer, direction)
}

/// J^T w.
pub fn direction(rows: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|place| rows.iter().zip(weights).map(|(row, weight)| row[place] * weight).sum()).collect()
}
