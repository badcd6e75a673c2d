//! The weighting `upgrad`: see [`UpGradSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;
use crate::train::solver::Matrix;
use crate::train::solver::cone;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight};
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Unconflicting projection of gradients (UPGrad; Quinton & Rey, arXiv 2406.16232): each gradient is projected onto the directions that
/// no task's gradient points against, and the mean of the projections is taken.
///
/// For each i, v_i = argmin v^T G v over v >= p_i e_i; w = sum_i v_i, p = 1/K. Solved exactly on cosines. With a `ridge`, G / tr G + ridge I is
/// taken for G, as TorchJD does with 1e-4: steps become shorter where gradients nearly cancel, and slightly conflicting.
///
/// `weighting: upgrad`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpGradSpec {
    /// Added to the Gramian divided by its trace. Default 0.
    #[serde(default = "nothing")]
    pub ridge: NonNegative,
}

impl Settings for UpGradSpec {
    const BARE: Option<&'static str> = Some("ridge");
    const EXAMPLE: &'static str = "upgrad";
}

fn nothing() -> NonNegative {
    NonNegative::constant(0.0)
}

impl WeightingWords for UpGradSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::gramian(UpGrad { ridge: self.ridge.get() })
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS)
    }
}

struct UpGrad {
    ridge: f64,
}

/// G as it is, or G / tr G + ridge I.
pub fn ridged(gramian: &Matrix, ridge: f64) -> Matrix {
    let trace: f64 = gramian.diagonal().iter().sum();
    if ridge == 0.0 || trace <= 0.0 {
        return gramian.clone();
    }
    let root = 1.0 / trace.sqrt();
    gramian.scaled(&vec![root; gramian.size()]).ridged(ridge)
}

impl GramianWeighting for UpGrad {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let gramian = ridged(sight.gramian, self.ridge);
        let tasks = gramian.size();
        let (mut weights, mut reached) = (vec![0.0; tasks], true);
        for task in 0..tasks {
            let mut wish = vec![0.0; tasks];
            wish[task] = 1.0 / tasks as f64;
            let found = cone::project(&gramian, &wish);
            reached &= found.reached;
            weights.iter_mut().zip(found.x).for_each(|(weight, share)| *weight += share);
        }
        Answer::new(weights, reached)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weigh};
    use crate::train::weighting::method::near;
    use crate::train::weighting::upgrad::{UpGradSpec, nothing};

    /// methods.md 5: exact, and with TorchJD's ridge.
    #[test]
    fn golden_values() {
        let found = weigh(&UpGradSpec { ridge: nothing() }, &matrix_a()).weights;
        near(&found, &[1.111_111, 0.789_474]);
        near(&direction(&matrix_a(), &found), &[0.292_398, 1.900_585, 1.900_585]);
        let found = weigh(&UpGradSpec { ridge: NonNegative::constant(1e-4) }, &matrix_a()).weights;
        near(&found, &[1.110_921, 0.789_431]);
        near(
            &weigh(&UpGradSpec { ridge: nothing() }, &matrix_b()).weights,
            &[0.683_761, 1.194_444, 0.737_179],
        );
    }
}
