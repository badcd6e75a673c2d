//! The weighting `gradvac`: see [`GradVacConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::method::restore_values;
use crate::train::weighting::random_draw::orders;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Gradient vaccine (GradVac; Wang et al., ICLR 2021): gradients are rotated until their cosine similarity
/// reaches its moving average.
///
/// t_ij, a moving average of cosines, starts at 0. For each i, p = g_i; for the others j in random order, q
/// = cos(p, g_j): if q < t_ij, p += g_j |p| (t sqrt(1 - q^2) - q sqrt(1 - t^2)) / (|g_j| sqrt(1 - t^2));
/// then t_ij <- (1 - beta) t_ij + beta q, with q before the rotation. d = sum_i p. The first step equals
/// that of `pcgrad`. Gradients are compared as a whole, not layer by layer.
///
/// `weighting: {gradvac: {beta: 0.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradVacConfig {
    /// Update rate of the average cosines. Default 0.5.
    #[serde(default = "default_beta")]
    pub beta: Fraction,
}

impl Settings for GradVacConfig {
    const BARE: Option<&'static str> = Some("beta");
    const EXAMPLE: &'static str = "{gradvac: {beta: 0.5}}";
}

fn default_beta() -> Fraction {
    Fraction::constant(0.5)
}

impl BuildWeighting for GradVacConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        WeightingMethod::gramian(GradVac {
            beta: self.beta.get(),
            seed: context.seed,
            tasks,
            expected_cosine: vec![0.0; tasks * tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct GradVac {
    beta: f64,
    seed: u64,
    tasks: usize,
    /// t of every pair of tasks, row-major.
    expected_cosine: Vec<f64>,
}

impl GradVac {
    fn rotate_gradients(&mut self, context: &GradientContext, orders: &[Vec<usize>]) -> Vec<f64> {
        let (gramian, norms) = (context.gramian, context.gramian.norms());
        let mut weights = vec![0.0; norms.len()];
        for (task, others) in orders.iter().enumerate() {
            let mut c = vec![0.0; norms.len()];
            c[task] = 1.0;
            for other in others {
                let norm = gramian.bilinear(&c, &c).max(0.0).sqrt();
                if norm == 0.0 || norms[*other] == 0.0 {
                    continue;
                }
                let cosine = (gramian.matvec(&c)[*other] / norm / norms[*other]).clamp(-1.0, 1.0);
                let target =
                    &mut self.expected_cosine[context.tasks[task] * self.tasks + context.tasks[*other]];
                let (sine, target_sine) = ((1.0 - cosine * cosine).sqrt(), (1.0 - *target * *target).sqrt());
                if cosine < *target && target_sine > 0.0 {
                    c[*other] +=
                        norm * (*target * sine - cosine * target_sine) / (norms[*other] * target_sine);
                }
                *target = (1.0 - self.beta) * *target + self.beta * cosine;
            }
            weights.iter_mut().zip(c).for_each(|(weight, c)| *weight += c);
        }
        weights
    }
}

impl GramianWeighting for GradVac {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let orders = orders(self.seed, context.step, context.tasks.len());
        GradientWeights::new(self.rotate_gradients(context, &orders), true)
    }

    fn state(&self) -> Vec<f64> {
        self.expected_cosine.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        restore_values(&mut self.expected_cosine, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{gramian, matrix_a, matrix_b, weights_from_gramian};
    use crate::train::weighting::gradient_method::GradientContext;
    use crate::train::weighting::gradvac::{GradVac, GradVacConfig, default_beta};
    use crate::train::weighting::method::assert_near;

    /// methods.md 5: the same gradients twice.
    #[test]
    fn golden_values() {
        let (mut method, g) =
            (gramian(&GradVacConfig { beta: default_beta() }, 2), Matrix::gramian(&matrix_a()));
        assert_near(&weights_from_gramian(&mut *method, &g).weights, &[2.222_222, 1.578_947]);
        assert_near(&method.state(), &[0.0, -0.420_596, -0.420_596, 0.0]);
        assert_near(&weights_from_gramian(&mut *method, &g).weights, &[1.857_988, 1.406_415]);
    }

    /// methods.md 5: B, the others in ascending order.
    #[test]
    fn golden_values_of_three() {
        let g = Matrix::gramian(&matrix_b());
        let ascending = [vec![1, 2], vec![0, 2], vec![0, 1]];
        let mut method = GradVac { beta: 0.5, seed: 0, tasks: 3, expected_cosine: vec![0.0; 9] };
        let context = GradientContext { step: 0, tasks: &[0, 1, 2], losses: &[1.0; 3], gramian: &g };
        assert_near(&method.rotate_gradients(&context, &ascending), &[1.6, 2.7, 1.9]);
        assert_near(&method.rotate_gradients(&context, &ascending), &[1.314_550, 1.879_407, 1.392_944]);
    }
}
