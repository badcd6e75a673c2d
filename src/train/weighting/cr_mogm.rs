//! The weighting `cr_mogm`: see [`CrMogmConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::method::GradientMethod;
use crate::train::weighting::{BuildWeighting, WeightingConfig, WeightingContext, WeightingMethod};

/// Weights averaged over steps (CR-MOGM; Zhou et al., NeurIPS 2022), so that a noisy batch does not turn them
/// over.
///
/// w_t = smoothing w_(t-1) + (1 - smoothing) v_t, v_t the weights of the wrapped gradient method; w_0 = v_0.
/// A task absent from a batch keeps its average.
///
/// `weighting: {cr_mogm: {method: mgda, smoothing: 0.9}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrMogmConfig {
    /// The gradient method whose weights are averaged; one that answers with weights.
    pub method: Box<WeightingConfig>,
    /// How much of the average is kept at each step. Default 0.9.
    #[serde(default = "default_smoothing")]
    pub smoothing: Fraction,
}

impl Settings for CrMogmConfig {
    const BARE: Option<&'static str> = Some("method");
    const EXAMPLE: &'static str = "{cr_mogm: {method: mgda, smoothing: 0.9}}";
}

fn default_smoothing() -> Fraction {
    Fraction::constant(0.9)
}

impl BuildWeighting for CrMogmConfig {
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        let method = self.method.view().build(setting);
        let (smoothing, last) = (self.smoothing.get(), vec![f64::NAN; setting.tasks.len()]);
        let gradients = match method.gradients {
            Some(GradientMethod::Gramian(inner)) => {
                Some(GradientMethod::Gramian(Box::new(CrMogm { inner, smoothing, last })))
            }
            // Refused by `plan`.
            other => other,
        };
        WeightingMethod { gradients, ..method }
    }

    fn capabilities(&self) -> Capabilities {
        self.method.view().capabilities()
    }
}

struct CrMogm {
    inner: Box<dyn GramianWeighting>,
    smoothing: f64,
    /// The averages; NaN of tasks that had none.
    last: Vec<f64>,
}

impl GramianWeighting for CrMogm {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let GradientWeights { weights, regular } = self.inner.compute_weights(context);
        let averaged = context.tasks.iter().zip(weights).map(|(task, weight)| {
            let last = &mut self.last[*task];
            *last = match last.is_nan() {
                true => weight,
                false => self.smoothing * *last + (1.0 - self.smoothing) * weight,
            };
            *last
        });
        GradientWeights::new(averaged.collect(), regular)
    }

    fn state(&self) -> Vec<f64> {
        [self.last.as_slice(), &self.inner.state()].concat()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let Some((last, inner)) = state.split_at_checked(self.last.len()) else { return false };
        let fits = self.inner.restore(inner);
        if fits {
            self.last = last.to_vec();
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Fraction;
    use crate::train::solver::Matrix;
    use crate::train::weighting::WeightingConfig;
    use crate::train::weighting::cr_mogm::CrMogmConfig;
    use crate::train::weighting::golden::{ask, gramian, matrix_a};
    use crate::train::weighting::method::near;

    fn config(smoothing: f64) -> CrMogmConfig {
        let method: WeightingConfig = serde_json::from_str("\"mgda\"").expect("a method");
        CrMogmConfig { method: Box::new(method), smoothing: Fraction::constant(smoothing) }
    }

    /// By hand: MGDA gives (.6, .4), then of equal lengths (.5, .5): .9 * .6 + .1 * .5 = .59.
    #[test]
    fn by_hand() {
        let equal = Matrix::from_fn(2, |i, j| f64::from(u8::from(i == j)));
        let of = |smoothing: f64| {
            let mut method = gramian(&config(smoothing), 2);
            near(&ask(&mut *method, &Matrix::gramian(&matrix_a())).weights, &[0.6, 0.4]);
            let mut other = gramian(&config(smoothing), 2);
            assert!(other.restore(&method.state()));
            ask(&mut *other, &equal).weights
        };
        near(&of(0.9), &[0.59, 0.41]);
        // methods.md 11: nothing kept is the method itself, all kept stands still.
        near(&of(0.0), &[0.5, 0.5]);
        near(&of(1.0), &[0.6, 0.4]);
    }
}
