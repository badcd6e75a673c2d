//! The weighting `imtl`: see [`ImtlSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::imtl_g::ImtlG;
use crate::train::weighting::imtl_l::ImtlL;
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Impartial multi-task learning (IMTL; Liu et al., ICLR 2021): `imtl_l` brings the losses to one size, `imtl_g` then balances the
/// scaled losses' gradients. Each task's own layers learn from its scaled loss.
///
/// `weighting: imtl`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImtlSpec {
    /// Learning rate of the losses' scales (Adam, no decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for ImtlSpec {
    const EXAMPLE: &'static str = "imtl";
}

impl WeightingWords for ImtlSpec {
    fn build(&self, setting: &Setting) -> Method {
        let rate = self.rate.map_or(setting.rate, Positive::get);
        Method::gramian(ImtlG).after(ImtlL::new(rate, 0.0, setting.tasks.len()))
    }

    fn claims(&self) -> Claims {
        Claims::LossesAndGradients(GradientClaims::DOT_PRODUCTS.or_at_point())
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::golden::{matrix_b, weigh};
    use crate::train::weighting::imtl::ImtlSpec;
    use crate::train::weighting::imtl_g::ImtlGSpec;
    use crate::train::weighting::method::build;

    #[test]
    fn both_parts_are_there() {
        let words = ImtlSpec { rate: None };
        assert_eq!(weigh(&words, &matrix_b()), weigh(&ImtlGSpec {}, &matrix_b()));
        assert_eq!(build(&words, 2).weights(0, &[Some(1.0), Some(2.0)]), [1.0, 1.0]);
    }
}
