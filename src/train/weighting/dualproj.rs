//! The weighting `dualproj`: see [`DualProjSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;
use crate::train::solver::cone;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight};
use crate::train::weighting::upgrad::ridged;
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Projection onto the dual cone (DualProj; GEM, Lopez-Paz & Ranzato, NeurIPS 2017): the mean gradient, changed as little as
/// can be so that no task's gradient points against it.
///
/// w = argmin v^T G v over v >= p, p = 1/K. Solved exactly on cosines; `ridge` as for `upgrad`.
///
/// `weighting: dualproj`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DualProjSpec {
    /// Added to the Gramian divided by its trace. Default 0.
    #[serde(default = "nothing")]
    pub ridge: NonNegative,
}

impl Settings for DualProjSpec {
    const BARE: Option<&'static str> = Some("ridge");
    const EXAMPLE: &'static str = "dualproj";
}

fn nothing() -> NonNegative {
    NonNegative::constant(0.0)
}

impl WeightingWords for DualProjSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::gramian(DualProj { ridge: self.ridge.get() })
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS)
    }
}

struct DualProj {
    ridge: f64,
}

impl GramianWeighting for DualProj {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let tasks = sight.gramian.size();
        let found = cone::project(&ridged(sight.gramian, self.ridge), &vec![1.0 / tasks as f64; tasks]);
        Answer::new(found.x, found.reached)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::dualproj::{DualProjSpec, nothing};
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weigh};
    use crate::train::weighting::method::near;

    /// methods.md 5: exact, and with TorchJD's ridge.
    #[test]
    fn golden_values() {
        let found = weigh(&DualProjSpec { ridge: nothing() }, &matrix_a()).weights;
        near(&found, &[0.611_111, 0.5]);
        near(&direction(&matrix_a(), &found), &[0.555_556, 1.111_111, 1.111_111]);
        near(
            &weigh(&DualProjSpec { ridge: NonNegative::constant(1e-4) }, &matrix_a()).weights,
            &[0.610_921, 0.5],
        );
        near(&weigh(&DualProjSpec { ridge: nothing() }, &matrix_b()).weights, &[1.0 / 3.0, 0.5, 1.0 / 3.0]);
    }
}
