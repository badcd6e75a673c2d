//! The weighting `imtl`: see [`ImtlConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::imtl_g::ImtlG;
use crate::train::weighting::imtl_l::ImtlL;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Impartial multi-task learning (IMTL; Liu et al., ICLR 2021): `imtl_l` scales the losses to 1, then
/// `imtl_g` balances the gradients of the scaled losses. Task-specific layers are trained on the scaled
/// losses.
///
/// `weighting: imtl`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImtlConfig {
    /// Learning rate of the loss scales (Adam, no weight decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for ImtlConfig {
    const EXAMPLE: &'static str = "imtl";
}

impl BuildWeighting for ImtlConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let rate = self.rate.map_or(context.rate, Positive::get);
        WeightingMethod::gramian(ImtlG).with_losses(ImtlL::new(rate, 0.0, context.tasks.len()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::LossesAndGradients(GradientCapabilities::DOT_PRODUCTS.or_at_representation())
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::golden::{matrix_b, weights_for};
    use crate::train::weighting::imtl::ImtlConfig;
    use crate::train::weighting::imtl_g::ImtlGConfig;
    use crate::train::weighting::method::build;

    #[test]
    fn combines_imtl_g_and_imtl_l() {
        let config = ImtlConfig { rate: None };
        assert_eq!(weights_for(&config, &matrix_b()), weights_for(&ImtlGConfig {}, &matrix_b()));
        assert_eq!(build(&config, 2).weights(0, &[Some(1.0), Some(2.0)]), [1.0, 1.0]);
    }
}
