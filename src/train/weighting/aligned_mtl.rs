//! The weighting `aligned_mtl`: see [`AlignedMtlSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::train::solver::eigen::Eigen;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight};
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Aligned gradients (Aligned-MTL; Senushkin et al., CVPR 2023): the system of gradients is made orthogonal, with all its
/// lengths the same.
///
/// G = V diag(l) V^T; w = s V l^(-1/2) V^T p, p = 1/K. s is the root of the smallest l (`min`), of their median, or of their mean
/// (`rmse`). l below K 1e-12 of the largest are left out; such steps are counted.
///
/// `weighting: {aligned_mtl: {scale: min}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignedMtlSpec {
    /// What all lengths become: min (the default), median or rmse.
    #[serde(default)]
    pub scale: Scale,
}

impl Settings for AlignedMtlSpec {
    const BARE: Option<&'static str> = Some("scale");
    const EXAMPLE: &'static str = "{aligned_mtl: {scale: min}}";
}

/// What the lengths of the orthogonal system become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    #[default]
    Min,
    Median,
    /// the root of the mean square
    Rmse,
}

impl WeightingWords for AlignedMtlSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::gramian(AlignedMtl { scale: self.scale })
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS.or_at_point())
    }
}

struct AlignedMtl {
    scale: Scale,
}

/// Of the largest eigenvalue: less is rounding.
const NOTHING: f64 = 1e-12;

impl GramianWeighting for AlignedMtl {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let tasks = sight.gramian.size();
        let eigen = Eigen::of(sight.gramian);
        let rank = eigen.rank(tasks as f64 * NOTHING);
        let kept = &eigen.values[..rank];
        let Some(least) = kept.last().copied() else { return Answer::new(vec![0.0; tasks], false) };
        let square = match self.scale {
            Scale::Min => least,
            Scale::Median if rank.is_multiple_of(2) => 0.5 * (kept[rank / 2 - 1] + kept[rank / 2]),
            Scale::Median => kept[rank / 2],
            Scale::Rmse => kept.iter().sum::<f64>() / rank as f64,
        };
        let even = vec![1.0 / tasks as f64; tasks];
        // No value above `least` is one that was left out.
        let weights = eigen.apply(&even, |value| if value >= least { (square / value).sqrt() } else { 0.0 });
        Answer::new(weights, rank == tasks)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::aligned_mtl::{AlignedMtlSpec, Scale};
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weigh};
    use crate::train::weighting::method::near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let of = |scale, rows: &[Vec<f64>]| weigh(&AlignedMtlSpec { scale }, rows).weights;
        let found = of(Scale::Min, &matrix_a());
        near(&found, &[0.559_072, 0.408_261]);
        near(&direction(&matrix_a(), &found), &[0.213_279, 0.967_333, 0.967_333]);
        near(&of(Scale::Rmse, &matrix_a()), &[1.510_866, 1.103_306]);
        near(&of(Scale::Min, &matrix_b()), &[0.245_790, 0.409_583, 0.264_511]);
        near(&of(Scale::Median, &matrix_b()), &[0.767_632, 1.279_178, 0.826_101]);
        near(&of(Scale::Rmse, &matrix_b()), &[0.732_533, 1.220_689, 0.788_328]);
    }

    #[test]
    fn dependent_gradients_are_told() {
        let twins = weigh(&AlignedMtlSpec { scale: Scale::Min }, &[vec![1.0, 2.0], vec![1.0, 2.0]]);
        assert!(!twins.regular && twins.weights.iter().all(|weight| weight.is_finite()));
        assert_eq!(weigh(&AlignedMtlSpec { scale: Scale::Min }, &vec![vec![0.0]; 2]).weights, [0.0, 0.0]);
    }
}
