//! The weighting `fairgrad`: see [`FairGradSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::train::solver::fair::bargain;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight};
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Fair resource allocation (FairGrad; Ban & Ji, ICML 2024): what the step does for each task is shared alpha-fairly.
///
/// w > 0 with G w = w^(-1/alpha), element by element. alpha = 1 is the Nash bargain (its step not shortened), small alpha is near equal weights,
/// large alpha near the most even shares. Solved by a damped Newton method; for cancelling gradients see `nash_mtl`.
///
/// `weighting: {fairgrad: {alpha: 1.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FairGradSpec {
    /// How fair: small ones are near equal weights, 1 is the Nash bargain, large ones the most even shares. Default 1.
    #[serde(default = "one")]
    pub alpha: Positive,
}

impl Settings for FairGradSpec {
    const BARE: Option<&'static str> = Some("alpha");
    const EXAMPLE: &'static str = "{fairgrad: {alpha: 1.0}}";
}

fn one() -> Positive {
    Positive::constant(1.0)
}

impl WeightingWords for FairGradSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::gramian(FairGrad { alpha: self.alpha.get() })
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS)
    }
}

struct FairGrad {
    alpha: f64,
}

impl GramianWeighting for FairGrad {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let found = bargain(sight.gramian, self.alpha);
        Answer::new(found.weights, found.holds)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::train::weighting::fairgrad::FairGradSpec;
    use crate::train::weighting::golden::{matrix_a, matrix_b, weigh};
    use crate::train::weighting::method::near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let of = |alpha: f64, rows: &[Vec<f64>]| {
            weigh(&FairGradSpec { alpha: Positive::constant(alpha) }, rows).weights
        };
        near(&of(0.5, &matrix_a()), &[0.742_828, 0.525_393]);
        near(&of(1.0, &matrix_a()), &[0.591_461, 0.407_071]);
        near(&of(2.0, &matrix_a()), &[0.471_363, 0.319_454]);
        near(&of(2.0, &matrix_b()), &[1.105_159, 2.122_062, 1.226_248]);
        // alpha -> 0 is equal weights, where they serve every task.
        let agreeing = [vec![1.0, 0.0], vec![1.0, 1.0]];
        assert!(of(0.001, &agreeing).iter().all(|weight| (weight - 1.0).abs() < 0.01));
    }
}
