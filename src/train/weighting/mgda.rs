//! The weighting `mgda`: see [`MgdaConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::solver::simplex::shortest;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Multiple-gradient descent (MGDA; Desideri 2012; Sener & Koltun, NeurIPS 2018): the shortest convex
/// combination of the gradients, which conflicts with no task's gradient.
///
/// w = argmin over the simplex of w^T G w, solved exactly; d = J^T w. With a `normalization` the gradients
/// are scaled before w is computed: l2 g/|g|, loss g/L, loss_plus g/(L |g|); as in Sener and Koltun's code,
/// w is then applied to the original gradients (so the guarantee holds only without normalization). If
/// gradients are 0, they share all the weight and d = 0. (At the shared representation, `gradients: {at:
/// representation}`, this is MGDA-UB.)
///
/// `weighting: {mgda: {normalization: loss_plus}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MgdaConfig {
    /// none (the default), l2, loss or loss_plus.
    #[serde(default)]
    pub normalization: Normalization,
}

impl Settings for MgdaConfig {
    const BARE: Option<&'static str> = Some("normalization");
    const EXAMPLE: &'static str = "{mgda: {normalization: loss_plus}}";
}

/// How gradients are scaled before w is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Not scaled.
    #[default]
    None,
    /// to norm 1
    L2,
    /// divided by the loss
    Loss,
    /// divided by loss and norm
    LossPlus,
}

impl BuildWeighting for MgdaConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(Mgda { normalization: self.normalization })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS.or_at_representation())
    }
}

struct Mgda {
    normalization: Normalization,
}

impl GramianWeighting for Mgda {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        // Zero gradients and losses are not scaled.
        let inverse = |value: f64| if value > 0.0 { 1.0 / value } else { 1.0 };
        let norms = context.gramian.norms();
        let scale = norms.iter().zip(context.losses).map(|(norm, loss)| match self.normalization {
            Normalization::None => 1.0,
            Normalization::L2 => inverse(*norm),
            Normalization::Loss => inverse(*loss),
            Normalization::LossPlus => inverse(*norm) * inverse(*loss),
        });
        let solution = shortest(&context.gramian.scaled(&scale.collect::<Vec<_>>()));
        GradientWeights::new(solution.x, solution.converged && norms.iter().all(|norm| *norm > 0.0))
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{gramian, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::gradient_method::GradientContext;
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::mgda::{MgdaConfig, Normalization};

    fn config(normalization: Normalization) -> MgdaConfig {
        MgdaConfig { normalization }
    }

    /// methods.md 5.
    #[test]
    fn golden_values() {
        assert_near(&weights_for(&config(Normalization::None), &matrix_a()).weights, &[0.6, 0.4]);
        assert_near(
            &weights_for(&config(Normalization::None), &matrix_b()).weights,
            &[0.242_424, 0.484_848, 0.272_727],
        );
    }

    /// Two unit rows get equal weights; for losses (1, 2): w_1 = clip((G22 - G12) / (G11 + G22 - 2 G12))
    /// of G scaled.
    #[test]
    fn normalized() {
        assert_near(&weights_for(&config(Normalization::L2), &matrix_a()).weights, &[0.5, 0.5]);
        let gramian_a = Matrix::gramian(&matrix_a());
        let context = GradientContext { step: 0, tasks: &[0, 1], losses: &[1.0, 2.0], gramian: &gramian_a };
        let (g11, g22, g12) = (18.0, 38.0 / 4.0, -22.0 / 2.0);
        let w = (g22 - g12) / (g11 + g22 - 2.0 * g12);
        assert_near(
            &gramian(&config(Normalization::Loss), 2).compute_weights(&context).weights,
            &[w, 1.0 - w],
        );
        let cosine = -22.0 / (18.0_f64 * 38.0).sqrt();
        let (g22, g12) = (0.25, cosine / 2.0);
        let w = (g22 - g12) / (1.0 + g22 - 2.0 * g12);
        assert_near(
            &gramian(&config(Normalization::LossPlus), 2).compute_weights(&context).weights,
            &[w, 1.0 - w],
        );
    }

    #[test]
    fn zero_gradients_are_not_regular() {
        let result = weights_for(&config(Normalization::None), &[vec![0.0, 0.0], vec![1.0, 1.0]]);
        assert_eq!((result.weights.as_slice(), result.regular), ([1.0, 0.0].as_slice(), false));
    }
}
