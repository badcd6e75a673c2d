//! The weighting `nash_mtl`: see [`NashMtlSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Positive};
use crate::train::solver::fair::bargain;
use crate::train::weighting::claims::{Claims, GradientClaims};
use crate::train::weighting::gradient_method::{Answer, GramianWeighting, Sight, of};
use crate::train::weighting::{Method, Setting, WeightingWords};

/// Nash bargaining (Nash-MTL; Navon et al., ICML 2022): the tasks bargain for the step, each in its own scale.
///
/// w > 0 with G w = 1 / w, element by element; then |J^T w| = sqrt(K), and the step is shortened to `max_norm`. Solved by a
/// damped Newton method on cosines, so that lengths do not matter. Where gradients cancel no w is finite: 1e-8 I is added to the cosines,
/// and such steps are counted, as are those with a gradient of nothing, which is left out.
///
/// `weighting: {nash_mtl: {every: 1}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NashMtlSpec {
    /// Steps between two bargains; between them the weights stay. Default 1.
    #[serde(default = "one")]
    pub every: Count,
    /// The longest step. Default 1.
    #[serde(default = "unit")]
    pub max_norm: Positive,
}

impl Settings for NashMtlSpec {
    const EXAMPLE: &'static str = "nash_mtl";
}

fn one() -> Count {
    Count::constant(1)
}

fn unit() -> Positive {
    Positive::constant(1.0)
}

impl WeightingWords for NashMtlSpec {
    fn build(&self, setting: &Setting) -> Method {
        Method::gramian(NashMtl {
            every: self.every.get() as u64,
            max_norm: self.max_norm.get(),
            last: vec![f64::NAN; setting.tasks.len()],
        })
    }

    fn claims(&self) -> Claims {
        Claims::Gradients(GradientClaims::DOT_PRODUCTS)
    }
}

struct NashMtl {
    every: u64,
    max_norm: f64,
    /// The weights of the last bargain; NaN of tasks that had none.
    last: Vec<f64>,
}

impl GramianWeighting for NashMtl {
    fn weigh(&mut self, sight: &Sight) -> Answer {
        let mut weights = of(&self.last, sight.tasks);
        let mut regular = true;
        if sight.step.is_multiple_of(self.every) || weights.iter().any(|weight| weight.is_nan()) {
            let found = bargain(sight.gramian, 1.0);
            (weights, regular) = (found.weights, found.holds);
            sight.tasks.iter().zip(&weights).for_each(|(task, weight)| self.last[*task] = *weight);
        }
        let length = sight.gramian.between(&weights, &weights).max(0.0).sqrt();
        let share = if length > self.max_norm { self.max_norm / length } else { 1.0 };
        Answer::new(weights.iter().map(|weight| weight * share).collect(), regular)
    }

    fn state(&self) -> Vec<f64> {
        self.last.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let fits = state.len() == self.last.len();
        if fits {
            self.last = state.to_vec();
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Count, Positive};
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{direction, gramian, matrix_a, matrix_b, weigh};
    use crate::train::weighting::gradient_method::Sight;
    use crate::train::weighting::method::near;
    use crate::train::weighting::nash_mtl::{NashMtlSpec, one, unit};

    fn free() -> NashMtlSpec {
        NashMtlSpec { every: one(), max_norm: Positive::constant(1e9) }
    }

    /// methods.md 5: raw, and shortened to 1.
    #[test]
    fn golden_values() {
        near(&weigh(&free(), &matrix_a()).weights, &[0.591_461, 0.407_071]);
        let found = weigh(&NashMtlSpec { every: one(), max_norm: unit() }, &matrix_a()).weights;
        near(&direction(&matrix_a(), &found), &[0.054_153, 0.706_069, 0.706_069]);
        let found = weigh(&free(), &matrix_b()).weights;
        near(&found, &[1.023_836, 1.897_746, 1.122_358]);
        let d = direction(&matrix_b(), &found);
        assert!((d.iter().map(|d| d * d).sum::<f64>() - 3.0).abs() < 1e-6);
    }

    #[test]
    fn weights_stay_between_bargains() {
        let words = NashMtlSpec { every: Count::constant(2), max_norm: Positive::constant(1e9) };
        let mut method = gramian(&words, 2);
        let mut at = |step, scale: f64| {
            let g = Matrix::gramian(&matrix_a()).scaled(&[scale, scale]);
            method.weigh(&Sight { step, tasks: &[0, 1], losses: &[1.0; 2], gramian: &g }).weights
        };
        let first = at(0, 1.0);
        assert_eq!(at(1, 0.5), first);
        assert!((at(2, 0.5)[0] - 2.0 * first[0]).abs() < 1e-9);
    }
}
