//! The weighting `cr_mogm`: see [`CrMogmConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::method::GradientMethod;
use crate::train::weighting::{BuildWeighting, WeightingConfig, WeightingContext, WeightingMethod};

/// Weights averaged over steps (CR-MOGM; Zhou et al., NeurIPS 2022), which reduces the noise of single
/// batches.
///
/// w_t = smoothing w_(t-1) + (1 - smoothing) v_t, v_t the weights of the wrapped gradient method; w_0 = v_0.
/// The average of a task that is absent from a batch does not change.
///
/// `weighting: {cr_mogm: {method: mgda, smoothing: 0.9}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrMogmConfig {
    /// The gradient method whose weights are averaged; it must need dot products only.
    pub method: Box<WeightingConfig>,
    /// Share of the average that is kept in each step. Default 0.9.
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
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let method = self.method.view().build(context);
        let (smoothing, averages) = (self.smoothing.get(), vec![f64::NAN; context.tasks.len()]);
        let gradients = match method.gradients {
            Some(GradientMethod::Gramian(inner)) => {
                Some(GradientMethod::Gramian(Box::new(CrMogm { inner, smoothing, averages })))
            }
            // `plan` refuses other methods.
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
    /// The averages; NaN for tasks without one yet.
    averages: Vec<f64>,
}

impl GramianWeighting for CrMogm {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let GradientWeights { weights, regular } = self.inner.compute_weights(context);
        let averaged = context.tasks.iter().zip(weights).map(|(task, weight)| {
            let average = &mut self.averages[*task];
            *average = match average.is_nan() {
                true => weight,
                false => self.smoothing * *average + (1.0 - self.smoothing) * weight,
            };
            *average
        });
        GradientWeights::new(averaged.collect(), regular)
    }

    fn state(&self) -> Vec<f64> {
        [self.averages.as_slice(), &self.inner.state()].concat()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let Some((averages, inner)) = state.split_at_checked(self.averages.len()) else { return false };
        let fits = self.inner.restore(inner);
        if fits {
            self.averages = averages.to_vec();
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
    use crate::train::weighting::golden::{gramian, matrix_a, weights_from_gramian};
    use crate::train::weighting::method::assert_near;

    fn config(smoothing: f64) -> CrMogmConfig {
        let method: WeightingConfig = serde_json::from_str("\"mgda\"").expect("a method");
        CrMogmConfig { method: Box::new(method), smoothing: Fraction::constant(smoothing) }
    }

    /// By hand: MGDA returns (.6, .4), then (.5, .5) for equal lengths: .9 * .6 + .1 * .5 = .59.
    #[test]
    fn by_hand() {
        let equal = Matrix::from_fn(2, |i, j| f64::from(u8::from(i == j)));
        let after_two_steps = |smoothing: f64| {
            let mut method = gramian(&config(smoothing), 2);
            assert_near(
                &weights_from_gramian(&mut *method, &Matrix::gramian(&matrix_a())).weights,
                &[0.6, 0.4],
            );
            let mut other = gramian(&config(smoothing), 2);
            assert!(other.restore(&method.state()));
            weights_from_gramian(&mut *other, &equal).weights
        };
        assert_near(&after_two_steps(0.9), &[0.59, 0.41]);
        // methods.md 11: smoothing 0 is the wrapped method, smoothing 1 never changes.
        assert_near(&after_two_steps(0.0), &[0.5, 0.5]);
        assert_near(&after_two_steps(1.0), &[0.6, 0.4]);
    }
}
