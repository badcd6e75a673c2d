//! The weighting `moco`: see [`MoCoConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Positive};
use crate::train::solver::Matrix;
use crate::train::solver::simplex::project;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, RowWeighting, norm, select_tasks,
};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Multi-objective gradient correction (MoCo; Fernando et al., ICLR 2023): gradients are tracked over steps,
/// so that noise does not bias the weights.
///
/// h_k = L_k g_k / |g_k|; y_k <- y_k - b_t (y_k - h_k), b_t = beta / t^(1/2); v <- P(v - c_t (Y Y^T + rho I)
/// v), c_t = gamma / t^(1/2), P the projection onto the simplex, v = 1/K initially; d = Y^T v. The tracked
/// gradients are as large as the shared parameters, once per task. A task that is absent from a batch is
/// left out, and its tracked gradient does not change.
///
/// `weighting: {moco: {beta: 0.5, gamma: 0.1}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoCoConfig {
    /// Update rate of the tracked gradients. Default 0.5.
    #[serde(default = "default_beta")]
    pub beta: Positive,
    /// Learning rate of the weights. Default 0.1.
    #[serde(default = "default_gamma")]
    pub gamma: Positive,
    /// Pulls the weights towards each other. Default 0.
    #[serde(default = "default_rho")]
    pub rho: NonNegative,
}

impl Settings for MoCoConfig {
    const EXAMPLE: &'static str = "{moco: {beta: 0.5, gamma: 0.1}}";
}

fn default_beta() -> Positive {
    Positive::constant(0.5)
}

fn default_gamma() -> Positive {
    Positive::constant(0.1)
}

fn default_rho() -> NonNegative {
    NonNegative::constant(0.0)
}

impl BuildWeighting for MoCoConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        WeightingMethod::rows(MoCo {
            beta: self.beta.get(),
            gamma: self.gamma.get(),
            rho: self.rho.get(),
            weights: vec![1.0 / tasks.max(1) as f64; tasks],
            tracks: vec![Vec::new(); tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::WHOLE)
    }
}

struct MoCo {
    beta: f64,
    gamma: f64,
    rho: f64,
    /// v of every task.
    weights: Vec<f64>,
    /// y of every task; empty before its first step.
    tracks: Vec<Vec<f32>>,
}

impl RowWeighting for MoCo {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights {
        let root = (context.step as f64 + 1.0).sqrt();
        let (beta, gamma) = ((self.beta / root) as f32, self.gamma / root);
        let mut regular = true;
        for ((task, row), loss) in context.tasks.iter().zip(&mut rows.values).zip(context.losses) {
            let row_norm = norm(row);
            regular &= row_norm > 0.0;
            let scale = if row_norm > 0.0 { (loss / row_norm) as f32 } else { 0.0 };
            let track = &mut self.tracks[*task];
            track.resize(row.len(), 0.0);
            for (track, value) in track.iter_mut().zip(row) {
                *track -= beta * (*track - scale * *value);
                *value = *track;
            }
        }
        let product = |i: usize, j: usize| -> f64 {
            let pairs = rows.values[i].iter().zip(&rows.values[j]);
            pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let gramian = Matrix::from_fn(rows.values.len(), product).add_ridge(self.rho);
        let current = select_tasks(&self.weights, context.tasks);
        let total: f64 = current.iter().sum();
        let v = if total > 0.0 { current.iter().map(|v| v / total).collect() } else { project(&current) };
        let update = gramian.matvec(&v);
        let v = project(&v.iter().zip(update).map(|(v, update)| v - gamma * update).collect::<Vec<_>>());
        context.tasks.iter().zip(&v).for_each(|(task, v)| self.weights[*task] = v * total);
        GradientWeights::new(v, regular)
    }

    fn state(&self) -> Vec<f64> {
        self.weights.clone()
    }

    fn buffers(&self) -> Vec<Vec<f32>> {
        self.tracks.clone()
    }

    fn restore(&mut self, state: &[f64], buffers: Vec<Vec<f32>>) -> bool {
        let fits = state.len() == self.weights.len() && buffers.len() == self.tracks.len();
        if fits {
            (self.weights, self.tracks) = (state.to_vec(), buffers);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::golden::{combine, matrix_a, rows};
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::moco::{MoCoConfig, default_beta, default_gamma, default_rho};

    /// methods.md 2 (first step on A, L = (1, 2): .519 .481); more digits from
    /// python3 -c "
    /// import numpy as np
    /// J = np.array([[-4, 1, 1], [6, 1, 1.]]); L = np.array([1, 2.])
    /// Y = .5 * L[:, None] * J / np.linalg.norm(J, axis=1)[:, None]; v = np.array([.5, .5])
    /// v = v - .1 * Y @ Y.T @ v; v = v + (1 - v.sum()) / 2; print(v, Y.T @ v)"
    #[test]
    fn golden_values() {
        let config = MoCoConfig { beta: default_beta(), gamma: default_gamma(), rho: default_rho() };
        let mut method = rows(&config, 2);
        let (result, d) = combine(&mut *method, &matrix_a(), &[1.0, 2.0]);
        assert_near(&result.weights, &[0.518_750, 0.481_250]);
        assert_near(&d, &[0.223_873, 0.139_204, 0.139_204]);
        let mut other = rows(&config, 2);
        assert!(other.restore(&method.state(), method.buffers()));
        assert_eq!(
            combine(&mut *other, &matrix_a(), &[1.0; 2]),
            combine(&mut *method, &matrix_a(), &[1.0; 2])
        );
    }
}
