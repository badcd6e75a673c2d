//! The weighting `lbtw`: see [`LbtwConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::weighting::method::restore_values;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Loss-balanced task weighting (Liu, Liang & Gitter, AAAI 2019): a task whose loss has decreased little
/// since the first batch of the epoch gets more weight.
///
/// w_k = (L_k / L_k(the epoch's first batch with a label of task k))^alpha.
///
/// `weighting: {lbtw: {alpha: 0.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LbtwConfig {
    /// Strength; 0 gives equal weights. Default 0.5.
    #[serde(default = "default_alpha")]
    pub alpha: NonNegative,
}

impl Settings for LbtwConfig {
    const BARE: Option<&'static str> = Some("alpha");
    const EXAMPLE: &'static str = "{lbtw: {alpha: 0.5}}";
}

fn default_alpha() -> NonNegative {
    NonNegative::constant(0.5)
}

impl BuildWeighting for LbtwConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Lbtw { alpha: self.alpha.get(), first: vec![f64::NAN; context.tasks.len()] })
    }
}

struct Lbtw {
    alpha: f64,
    /// The first losses of the epoch; NaN before.
    first: Vec<f64>,
}

impl Weighting for Lbtw {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        let mut weights = vec![0.0; losses.len()];
        for ((weight, first), loss) in weights.iter_mut().zip(&mut self.first).zip(losses) {
            let Some(loss) = loss else { continue };
            if first.is_nan() {
                *first = *loss;
            }
            // A loss that started at 0 has no ratio.
            *weight = if *first == 0.0 { 1.0 } else { (loss / *first).powf(self.alpha) };
        }
        weights
    }

    fn after_epoch(&mut self, _: &[Option<f64>]) {
        self.first.fill(f64::NAN);
    }

    fn state(&self) -> Vec<f64> {
        self.first.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        restore_values(&mut self.first, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::lbtw::{LbtwConfig, default_alpha};
    use crate::train::weighting::method::build;

    /// By hand: (1/4)^(1/2), (9/1)^(1/2); a new epoch resets the reference.
    #[test]
    fn by_hand() {
        let mut lbtw = build(&LbtwConfig { alpha: default_alpha() }, 2);
        assert_eq!(lbtw.weights(0, &[Some(4.0), None]), [1.0, 0.0]);
        assert_eq!(lbtw.weights(1, &[Some(1.0), Some(1.0)]), [0.5, 1.0]);
        assert_eq!(lbtw.weights(2, &[Some(4.0), Some(9.0)]), [1.0, 3.0]);
        lbtw.after_epoch(&[]);
        assert_eq!(lbtw.weights(3, &[Some(4.0), Some(9.0)]), [1.0, 1.0]);
    }
}
