//! The weighting `config`: see [`ConfigSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::train::solver::matrix::dot;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight};
use crate::train::weighting::imtl_g::impartial;
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Conflict-free direction (ConFIG; Liu, Chu & Thuerey, arXiv 2408.11104): the direction at the same angle to all gradients.
///
/// With the unit gradients U and their cosines C: h = unit(U^+ 1) = U^T c / sqrt(c^T C c), c = C^+ 1; d = (sum_k g_k . h) h, so
/// w_k = (sum_j g_j . h) c_k / (n_k sqrt(c^T C c)). Gradients of nothing are left out. Where C is singular its pseudo-inverse is
/// taken; such steps are counted.
///
/// `weighting: config`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigSpec {}

impl Settings for ConfigSpec {
    const EXAMPLE: &'static str = "config";
}

impl WeightingWords for ConfigSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::gramian(ConFig)
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS)
    }
}

struct ConFig;

impl GramianWeighting for ConFig {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let (cosines, even, regular) = impartial(sight.gramian);
        let along = cosines.matrix.times(&even);
        let length = dot(&even, &along).max(0.0).sqrt();
        if length <= 1e-12 * even.iter().map(|value| value.abs()).fold(0.0, f64::max) || even.is_empty() {
            return Answer::new(vec![0.0; sight.gramian.size()], false);
        }
        let reach = dot(&cosines.norms, &along) / length;
        let of_units: Vec<f64> = even.iter().map(|value| reach * value / length).collect();
        Answer::new(cosines.weights(&of_units, 0.0), regular)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::config::ConfigSpec;
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weigh};
    use crate::train::weighting::method::near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let of = |rows: &[Vec<f64>]| direction(rows, &weigh(&ConfigSpec {}, rows).weights);
        near(&of(&matrix_a()), &[0.158_809, 2.070_607, 2.070_607]);
        near(&of(&matrix_b()), &[-0.711_928, -0.278_334, 0.893_091, 0.698_751]);
    }

    #[test]
    fn nothing_is_told() {
        let answer = weigh(&ConfigSpec {}, &vec![vec![0.0; 2]; 2]);
        assert_eq!((answer.weights.as_slice(), answer.regular), ([0.0, 0.0].as_slice(), false));
    }
}
