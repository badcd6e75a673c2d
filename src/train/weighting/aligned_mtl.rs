//! The weighting `aligned_mtl`: see [`AlignedMtlConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::solver::eigen::Eigen;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Aligned gradients (Aligned-MTL; Senushkin et al., CVPR 2023): the matrix of gradients is made orthogonal
/// with equal singular values.
///
/// G = V diag(l) V^T; w = s V l^(-1/2) V^T p, p = 1/K. s is the square root of the smallest l (`min`), of
/// their median, or of their mean (`rmse`). Eigenvalues l below K 1e-12 of the largest are dropped; such
/// steps are counted.
///
/// `weighting: {aligned_mtl: {scale: min}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignedMtlConfig {
    /// Common singular value: min (the default), median or rmse.
    #[serde(default)]
    pub scale: SingularScale,
}

impl Settings for AlignedMtlConfig {
    const BARE: Option<&'static str> = Some("scale");
    const EXAMPLE: &'static str = "{aligned_mtl: {scale: min}}";
}

/// The common singular value of the aligned gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SingularScale {
    /// The smallest.
    #[default]
    Min,
    /// The median.
    Median,
    /// root mean square
    Rmse,
}

impl BuildWeighting for AlignedMtlConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(AlignedMtl { scale: self.scale })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS.or_at_representation())
    }
}

struct AlignedMtl {
    scale: SingularScale,
}

/// Relative to the largest eigenvalue; smaller ones are rounding errors.
const TOLERANCE: f64 = 1e-12;

impl GramianWeighting for AlignedMtl {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.gramian.size();
        let eigen = Eigen::decompose(context.gramian);
        let rank = eigen.rank(tasks as f64 * TOLERANCE);
        let kept = &eigen.values[..rank];
        let Some(least) = kept.last().copied() else { return GradientWeights::new(vec![0.0; tasks], false) };
        let square = match self.scale {
            SingularScale::Min => least,
            SingularScale::Median if rank.is_multiple_of(2) => 0.5 * (kept[rank / 2 - 1] + kept[rank / 2]),
            SingularScale::Median => kept[rank / 2],
            SingularScale::Rmse => kept.iter().sum::<f64>() / rank as f64,
        };
        let uniform = vec![1.0 / tasks as f64; tasks];
        // Eigenvalues below `least` were dropped.
        let weights =
            eigen.apply(&uniform, |value| if value >= least { (square / value).sqrt() } else { 0.0 });
        GradientWeights::new(weights, rank == tasks)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::aligned_mtl::{AlignedMtlConfig, SingularScale};
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let weights_of = |scale, rows: &[Vec<f64>]| weights_for(&AlignedMtlConfig { scale }, rows).weights;
        let weights = weights_of(SingularScale::Min, &matrix_a());
        assert_near(&weights, &[0.559_072, 0.408_261]);
        assert_near(&direction(&matrix_a(), &weights), &[0.213_279, 0.967_333, 0.967_333]);
        assert_near(&weights_of(SingularScale::Rmse, &matrix_a()), &[1.510_866, 1.103_306]);
        assert_near(&weights_of(SingularScale::Min, &matrix_b()), &[0.245_790, 0.409_583, 0.264_511]);
        assert_near(&weights_of(SingularScale::Median, &matrix_b()), &[0.767_632, 1.279_178, 0.826_101]);
        assert_near(&weights_of(SingularScale::Rmse, &matrix_b()), &[0.732_533, 1.220_689, 0.788_328]);
    }

    #[test]
    fn dependent_gradients_are_not_regular() {
        let dependent =
            weights_for(&AlignedMtlConfig { scale: SingularScale::Min }, &[vec![1.0, 2.0], vec![1.0, 2.0]]);
        assert!(!dependent.regular && dependent.weights.iter().all(|weight| weight.is_finite()));
        assert_eq!(
            weights_for(&AlignedMtlConfig { scale: SingularScale::Min }, &vec![vec![0.0]; 2]).weights,
            [0.0, 0.0]
        );
    }
}
