//! The weighting `db_mtl`: see [`DbMtlSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{NonNegative, Rate};
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, RowWeighting, Rows, Sight, norm};
use crate::train::weighting::scale_invariant::ScaleInvariant;
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Dual balancing (DB-MTL; Lin et al., arXiv 2308.12029): losses by their logarithms, gradients by their lengths.
///
/// The losses are ln(L_k + 1e-8) (as `scale_invariant`, tasks' own layers too). Their gradients are averaged over steps,
/// m_k <- b_t m_k + (1 - b_t) g_k with b_t = beta / t^sigma, and brought to the greatest length: d = sum_k (max_j |m_j| / |m_k|) m_k. The
/// averages are as long as the shared weights, one per task. A task absent from a batch keeps its average, and is left out.
///
/// `weighting: {db_mtl: {beta: 0.9}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbMtlSpec {
    /// How much of the average is kept. Default 0.9.
    #[serde(default = "most")]
    pub beta: Rate,
    /// How fast that falls with the step's number. Default 0.
    #[serde(default = "nothing")]
    pub sigma: NonNegative,
}

impl Settings for DbMtlSpec {
    const BARE: Option<&'static str> = Some("beta");
    const EXAMPLE: &'static str = "{db_mtl: {beta: 0.9}}";
}

fn most() -> Rate {
    Rate::constant(0.9)
}

fn nothing() -> NonNegative {
    NonNegative::constant(0.0)
}

impl WeightingWords for DbMtlSpec {
    fn build(&self, setting: &Setting) -> Method {
        let averages = vec![Vec::new(); setting.tasks.len()];
        let method = DbMtl { beta: self.beta.get(), sigma: self.sigma.get(), averages };
        Method::rows(method).after(ScaleInvariant)
    }

    fn claims(&self) -> Claims {
        Claims::LossesAndGradients(GradientClaims::WHOLE)
    }
}

struct DbMtl {
    beta: f64,
    sigma: f64,
    /// m of every task; empty before its first step.
    averages: Vec<Vec<f32>>,
}

impl RowWeighting for DbMtl {
    fn weigh(&mut self, sight: &Sight, rows: &mut Rows) -> Answer {
        let beta = (self.beta / (sight.step as f64 + 1.0).powf(self.sigma)) as f32;
        for (task, row) in sight.tasks.iter().zip(&mut rows.values) {
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
        Answer::new(weights.collect(), norms.iter().all(|norm| *norm > 0.0))
    }

    fn kept(&self) -> Vec<Vec<f32>> {
        self.averages.clone()
    }

    fn restore(&mut self, state: &[f64], kept: Vec<Vec<f32>>) -> bool {
        let fits = state.is_empty() && kept.len() == self.averages.len();
        if fits {
            self.averages = kept;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::db_mtl::{DbMtlSpec, most, nothing};
    use crate::train::weighting::golden::{combine, matrix_a, rows};
    use crate::train::weighting::method::build;

    /// methods.md 5: the first step on A with L = (1, 2): d = .012948 .168825 .168825.
    #[test]
    fn golden_values() {
        let words = DbMtlSpec { beta: most(), sigma: nothing() };
        let weights = build(&words, 2).weights(0, &[Some(1.0), Some(2.0)]);
        let logarithms: Vec<Vec<f64>> =
            matrix_a().iter().zip(&weights).map(|(row, w)| row.iter().map(|g| g * w).collect()).collect();
        let (_, d) = combine(&mut *rows(&words, 2), &logarithms, &[1.0, 2.0]);
        for (d, expected) in d.iter().zip([0.012_948, 0.168_825, 0.168_825]) {
            assert!((d - expected).abs() < 1e-6, "{d}");
        }
    }

    #[test]
    fn what_is_kept_goes_on() {
        let words = DbMtlSpec { beta: most(), sigma: nothing() };
        let (mut one, mut two) = (rows(&words, 2), rows(&words, 2));
        combine(&mut *one, &matrix_a(), &[1.0; 2]);
        assert!(two.restore(&one.state(), one.kept()));
        assert_eq!(combine(&mut *one, &matrix_a(), &[1.0; 2]), combine(&mut *two, &matrix_a(), &[1.0; 2]));
    }
}
