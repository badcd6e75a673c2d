//! The weighting `db_mtl`: see [`DbMtlConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Rate};
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, RowWeighting, norm,
};
use crate::train::weighting::scale_invariant::ScaleInvariant;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Dual balancing (DB-MTL; Lin et al., arXiv 2308.12029): losses are balanced by their logarithms, gradients
/// by their norms.
///
/// The losses are ln(L_k + 1e-8) (as in `scale_invariant`, for the task-specific layers too). Their
/// gradients are averaged over steps, m_k <- b_t m_k + (1 - b_t) g_k with b_t = beta / t^sigma, and scaled
/// to the largest norm: d = sum_k (max_j |m_j| / |m_k|) m_k. The averages are as large as the shared
/// parameters, once per task. A task that is absent from a batch is left out, and its average does not
/// change.
///
/// `weighting: {db_mtl: {beta: 0.9}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbMtlConfig {
    /// Share of the average that is kept. Default 0.9.
    #[serde(default = "default_beta")]
    pub beta: Rate,
    /// How fast beta decreases with the step number. Default 0.
    #[serde(default = "default_sigma")]
    pub sigma: NonNegative,
}

impl Settings for DbMtlConfig {
    const BARE: Option<&'static str> = Some("beta");
    const EXAMPLE: &'static str = "{db_mtl: {beta: 0.9}}";
}

fn default_beta() -> Rate {
    Rate::constant(0.9)
}

fn default_sigma() -> NonNegative {
    NonNegative::constant(0.0)
}

impl BuildWeighting for DbMtlConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let averages = vec![Vec::new(); context.tasks.len()];
        let method = DbMtl { beta: self.beta.get(), sigma: self.sigma.get(), averages };
        WeightingMethod::rows(method).with_losses(ScaleInvariant)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::LossesAndGradients(GradientCapabilities::WHOLE)
    }
}

struct DbMtl {
    beta: f64,
    sigma: f64,
    /// m of every task; empty before its first step.
    averages: Vec<Vec<f32>>,
}

impl RowWeighting for DbMtl {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights {
        let beta = (self.beta / (context.step as f64 + 1.0).powf(self.sigma)) as f32;
        for (task, row) in context.tasks.iter().zip(&mut rows.values) {
            let average = &mut self.averages[*task];
            average.resize(row.len(), 0.0);
            for (average, value) in average.iter_mut().zip(row) {
                *average = beta * *average + (1.0 - beta) * *value;
                *value = *average;
            }
        }
        let norms: Vec<f64> = rows.values.iter().map(|row| norm(row)).collect();
        let longest = norms.iter().copied().fold(0.0, f64::max);
        let weights = norms.iter().map(|norm| if *norm > 0.0 { longest / norm } else { 0.0 });
        GradientWeights::new(weights.collect(), norms.iter().all(|norm| *norm > 0.0))
    }

    fn buffers(&self) -> Vec<Vec<f32>> {
        self.averages.clone()
    }

    fn restore(&mut self, state: &[f64], buffers: Vec<Vec<f32>>) -> bool {
        let fits = state.is_empty() && buffers.len() == self.averages.len();
        if fits {
            self.averages = buffers;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::db_mtl::{DbMtlConfig, default_beta, default_sigma};
    use crate::train::weighting::golden::{combine, matrix_a, rows};
    use crate::train::weighting::method::build;

    /// methods.md 5: the first step on A with L = (1, 2): d = .012948 .168825 .168825.
    #[test]
    fn golden_values() {
        let config = DbMtlConfig { beta: default_beta(), sigma: default_sigma() };
        let weights = build(&config, 2).weights(0, &[Some(1.0), Some(2.0)]);
        let logarithms: Vec<Vec<f64>> =
            matrix_a().iter().zip(&weights).map(|(row, w)| row.iter().map(|g| g * w).collect()).collect();
        let (_, d) = combine(&mut *rows(&config, 2), &logarithms, &[1.0, 2.0]);
        for (d, expected) in d.iter().zip([0.012_948, 0.168_825, 0.168_825]) {
            assert!((d - expected).abs() < 1e-6, "{d}");
        }
    }

    #[test]
    fn a_restored_state_continues_exactly() {
        let config = DbMtlConfig { beta: default_beta(), sigma: default_sigma() };
        let (mut one, mut two) = (rows(&config, 2), rows(&config, 2));
        combine(&mut *one, &matrix_a(), &[1.0; 2]);
        assert!(two.restore(&one.state(), one.buffers()));
        assert_eq!(combine(&mut *one, &matrix_a(), &[1.0; 2]), combine(&mut *two, &matrix_a(), &[1.0; 2]));
    }
}
