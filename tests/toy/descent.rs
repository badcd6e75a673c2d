//! Gradient descent on a toy problem with a weighting, exactly as in a training step.

use mtl::domain::name::TaskName;
use mtl::train::balance::LossBalancer;
use mtl::train::config::{BalanceConfig, GradientsConfig};
use mtl::train::solver::Matrix;
use mtl::train::weighting::WeightingContext;
use mtl::train::weighting::gradient_method::{GradientContext, GradientRows};

use super::problem::Problem;

/// The update rule of x.
#[derive(Clone, Copy)]
pub enum Step {
    /// Adam (Kingma & Ba 2015) with its usual settings.
    Adam(f64),
    Plain(f64),
}

/// The trajectory of x from the start: every `keep`-th point and the last.
pub fn descend(
    problem: &Problem,
    config: &serde_json::Value,
    start: &[f64],
    step: Step,
    steps: usize,
    keep: usize,
) -> Vec<Vec<f64>> {
    let tasks: Vec<TaskName> =
        ["t0", "t1"].into_iter().filter_map(|name| TaskName::new(name.to_owned())).collect();
    let config: BalanceConfig = serde_json::from_value(config.clone()).expect("settings");
    let rate = match step {
        Step::Adam(rate) | Step::Plain(rate) => rate,
    };
    let mut balance = LossBalancer::new(
        &config,
        &GradientsConfig::default(),
        &WeightingContext { tasks: &tasks, seed: 0, rate },
    );
    let mut x = start.to_vec();
    let (mut mean, mut square) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let mut path = vec![x.clone()];
    for at in 0..steps {
        let (losses, gradients) = (problem.of)(&x);
        let direction = direction(&mut balance, at as u64, &losses, gradients);
        for place in 0..x.len() {
            let g = direction[place];
            x[place] -= match step {
                Step::Plain(rate) => rate * g,
                Step::Adam(rate) => {
                    mean[place] = 0.9 * mean[place] + 0.1 * g;
                    square[place] = 0.999 * square[place] + 0.001 * g * g;
                    let time = at as i32 + 1;
                    let (m, v) = (
                        mean[place] / (1.0 - 0.9_f64.powi(time)),
                        square[place] / (1.0 - 0.999_f64.powi(time)),
                    );
                    rate * m / (v.sqrt() + 1e-8)
                }
            };
        }
        if balance.losses.needs_losses_after_step() {
            let after: Vec<Option<f64>> = (problem.of)(&x).0.into_iter().map(Some).collect();
            balance.losses.receive_losses_after_step(&after);
        }
        if (at + 1) % keep == 0 || at + 1 == steps {
            path.push(x.clone());
        }
    }
    path
}

/// J^T w with loss weights and gradient weights.
fn direction(balance: &mut LossBalancer, step: u64, losses: &[f64], gradients: Vec<Vec<f64>>) -> Vec<f64> {
    let losses_of_step: Vec<Option<f64>> = losses.iter().copied().map(Some).collect();
    let of_losses = balance.losses.weights(step, &losses_of_step);
    balance.losses.learn(&losses_of_step, 1.0);
    let scaled = |row: &Vec<f64>, weight: &f64| row.iter().map(|g| g * weight).collect::<Vec<f64>>();
    let mut rows: Vec<Vec<f64>> = gradients.iter().zip(&of_losses).map(|(row, w)| scaled(row, w)).collect();
    let mut weights = vec![1.0; rows.len()];
    if balance.needs_task_gradients() {
        let gramian = Matrix::gramian(&rows);
        let losses: Vec<f64> = losses.iter().zip(&of_losses).map(|(loss, weight)| loss * weight).collect();
        let context = GradientContext { step, tasks: &[0, 1], losses: &losses, gramian: &gramian };
        let values = rows.iter().map(|row| row.iter().map(|g| *g as f32).collect()).collect();
        let mut whole =
            balance.needs_full_gradients().then_some(GradientRows { values, representation: None });
        let answer = balance.compute_weights(&context, whole.as_mut());
        weights = balance.scaled(answer.weights, &gramian);
        if let Some(whole) = whole {
            rows = whole.values.iter().map(|row| row.iter().map(|g| f64::from(*g)).collect()).collect();
        }
    }
    (0..rows[0].len())
        .map(|place| rows.iter().zip(&weights).map(|(row, weight)| row[place] * weight).sum())
        .collect()
}
