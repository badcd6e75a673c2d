//! The weighting `cosmos`: see [`CosmosConfig`].

use indexmap::IndexMap;
use rand::Rng;
use rand_distr::Gamma;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Count, Finite, NonNegative, Positive};
use crate::train::solver::matrix::{dot, norm};
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::random_draw::{WeightingRandomPurpose, stream};
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// COSMOS: one network for every preference among the tasks (Ruchte and Grabocka, "Scalable Pareto Front
/// Approximation for Deep Multi-Objective Learning", ICDM 2021).
///
/// The network reads a preference vector r in addition to its inputs. In training, r is drawn in every step
/// from a symmetric Dirichlet distribution with concentration `alpha`, and the loss is L = sum_k r_k L_k -
/// lambda cos(r, L).
///
/// The two terms have different goals. With the sum alone (`lambda: 0`) a task with a greater share gets a
/// smaller loss, but the network may give the same compromise for every preference. The cosine spreads the
/// solutions along the front by pulling the losses onto the ray of r: where it dominates, a task with a
/// greater share ends with a GREATER loss, as with `pbi`. It is at most lambda, whatever the scale of the
/// losses: for losses below 1 the sum dominates with `lambda: 0.01` (the paper's choice for tabular data),
/// the cosine with 2 (its choice for images). The front in the run's report shows the scores for each
/// preference.
///
/// As weights of the losses, w_k = r_k - lambda (r_k / (|r| |L|) - cos(r, L) L_k / |L|^2), which may be
/// negative. A task without a label in the batch is left out of both terms. The draw depends only on the
/// trial's seed and the step number.
///
/// During training, and whenever no preference is given, predictions are made for the uniform vector. The
/// trained network is scored on validation and test rows for `front` vectors along each edge of the simplex:
/// its Pareto front. An exported model has the input `preference`; set it with `mtl predict --preference
/// income=0.7,weeks_worked=0.3`.
///
/// `weighting: {cosmos: {alpha: 1.2, lambda: 2.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosmosConfig {
    /// Concentration of the Dirichlet distribution of preferences: below 1 most of them favor a single task,
    /// well above 1 they are close to uniform. At least 0.01. Default 1.2, as in the paper.
    #[serde(default = "default_alpha")]
    pub alpha: Positive,
    /// Weight of the cosine term: with a small one a greater share means a smaller loss, with a large one a
    /// greater loss. Default 2, the paper's choice for images; it uses 0.01 for tabular data.
    #[serde(default = "default_lambda")]
    pub lambda: NonNegative,
    /// Preferences along each edge of the simplex for which the trained network is scored (Das and Dennis
    /// 1998). Default 11 for two tasks; for more, the largest number that gives at most 66 preferences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<Count>,
    /// Worst value of each task's first metric, the reference point of the front's hypervolume; set it to
    /// compare fronts of several runs. Default: a tenth of the spread beyond the worst scores of the front.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub reference: IndexMap<TaskName, Finite>,
}

impl Default for CosmosConfig {
    fn default() -> Self {
        Self { alpha: default_alpha(), lambda: default_lambda(), front: None, reference: IndexMap::new() }
    }
}

fn default_alpha() -> Positive {
    Positive::constant(1.2)
}

fn default_lambda() -> NonNegative {
    NonNegative::constant(2.0)
}

impl Settings for CosmosConfig {
    const EXAMPLE: &'static str = "{cosmos: {alpha: 1.2, lambda: 2.0}}";
}

impl BuildWeighting for CosmosConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Cosmos {
            alpha: self.alpha.get(),
            lambda: self.lambda.get(),
            seed: context.seed,
            vector: vec![1.0; context.tasks.len()],
        })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("reference", self.reference.keys().collect())]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Preference
    }
}

struct Cosmos {
    alpha: f64,
    lambda: f64,
    seed: u64,
    /// The preference of the current step; sums to 1.
    vector: Vec<f64>,
}

impl Cosmos {
    /// A Dirichlet vector: Gamma-distributed numbers, scaled to sum to 1.
    fn draw(&self, step: u64) -> Vec<f64> {
        let uniform = || vec![1.0 / self.vector.len().max(1) as f64; self.vector.len()];
        // The concentration is positive, so the distribution exists.
        let Ok(gamma) = Gamma::new(self.alpha, 1.0) else { return uniform() };
        let mut random = stream(self.seed, WeightingRandomPurpose::Preference, step);
        loop {
            let numbers: Vec<f64> = self.vector.iter().map(|_| random.sample(gamma)).collect();
            let sum: f64 = numbers.iter().sum();
            if numbers.is_empty() || sum > 0.0 {
                return numbers.iter().map(|number| number / sum).collect();
            }
        }
    }

    /// The cosine of the angle between preference and losses, and its derivative by each loss.
    fn cosine(&self, losses: &[Option<f64>]) -> (f64, Vec<f64>) {
        let pairs = self.vector.iter().zip(losses);
        let pairs = pairs.map(|(share, loss)| loss.map_or((0.0, 0.0), |loss| (*share, loss)));
        let (shares, losses): (Vec<f64>, Vec<f64>) = pairs.unzip();
        let (share_norm, loss_norm) = (norm(&shares), norm(&losses));
        if share_norm * loss_norm == 0.0 {
            return (0.0, vec![0.0; shares.len()]);
        }
        let cosine = dot(&shares, &losses) / (share_norm * loss_norm);
        let derivative = |(share, loss): (&f64, &f64)| {
            share / (share_norm * loss_norm) - cosine * loss / (loss_norm * loss_norm)
        };
        (cosine, shares.iter().zip(&losses).map(derivative).collect())
    }

    /// The weights for the current vector.
    fn weights_of(&self, losses: &[Option<f64>]) -> Vec<f64> {
        let (_, derivatives) = self.cosine(losses);
        let weight = |(share, derivative): (&f64, f64)| share - self.lambda * derivative;
        self.vector.iter().zip(derivatives).map(weight).collect()
    }
}

impl Weighting for Cosmos {
    fn preference(&self, step: u64) -> Option<Vec<f64>> {
        Some(self.draw(step))
    }

    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64> {
        self.vector = self.draw(step);
        self.weights_of(losses)
    }

    /// The cosine is invariant to the scale of the losses, so the weighted sum is sum_k r_k L_k.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        -self.lambda * self.cosine(losses).0
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::Weighting;
    use crate::train::weighting::cosmos::{Cosmos, CosmosConfig};
    use crate::train::weighting::method::{self, assert_near};

    fn cosmos(alpha: f64, vector: &[f64]) -> Cosmos {
        Cosmos { alpha, lambda: 2.0, seed: 7, vector: vector.to_vec() }
    }

    fn joint(cosmos: &Cosmos, losses: &[Option<f64>]) -> f64 {
        let pairs = losses.iter().zip(cosmos.weights_of(losses));
        pairs.filter_map(|(loss, weight)| Some((*loss)? * weight)).sum::<f64>() + cosmos.penalty(losses)
    }

    // torch 2.11:
    //   L = torch.tensor([1., 2., 4.], dtype=torch.double, requires_grad=True)
    //   r = torch.tensor([.2, .3, .5], dtype=torch.double)
    //   f = (r * L).sum() - 2 * torch.nn.functional.cosine_similarity(L, r, dim=0); f.backward()
    //   -> f 0.817621, L.grad 0.152801 0.276400 0.523600
    //   the same for L = [1., 4.], r = [.2, .5] -> f 0.218340, L.grad 0.136417 0.515896
    #[test]
    fn golden_values() {
        let weighting = cosmos(1.2, &[0.2, 0.3, 0.5]);
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        assert!((joint(&weighting, &losses) - 0.817_621).abs() < 1e-6);
        assert_near(&weighting.weights_of(&losses), &[0.152_801, 0.276_400, 0.523_600]);
        let without = [Some(1.0), None, Some(4.0)];
        assert!((joint(&weighting, &without) - 0.218_340).abs() < 1e-6);
        let actual = weighting.weights_of(&without);
        assert_near(&[actual[0], actual[2]], &[0.136_417, 0.515_896]);
    }

    /// The weights belong to the vector that the network reads.
    #[test]
    fn the_weights_belong_to_the_preference_the_network_reads() {
        let mut weighting = method::build(&CosmosConfig::default(), 3);
        let losses = [Some(0.5), Some(2.0), Some(1.0)];
        let preference: Vec<Vec<f64>> =
            (0..4).map(|step| weighting.preference(step).expect("a vector")).collect();
        assert!(
            preference[0] != preference[1]
                && preference.iter().all(|r| (r.iter().sum::<f64>() - 1.0).abs() < 1e-12)
        );
        for (step, vector) in preference.iter().enumerate() {
            assert_near(&weighting.weights(step as u64, &losses), &cosmos(1.2, vector).weights_of(&losses));
        }
        assert_eq!(weighting.preference(1), method::build(&CosmosConfig::default(), 3).preference(1));
        assert_ne!(weighting.preference(1), Cosmos { seed: 1, ..cosmos(1.2, &[1.0; 3]) }.preference(1));
    }

    // scipy 1.17: dirichlet([1.2] * 3): mean 0.333333, var 0.048309, cov -0.024155; dirichlet([.3] * 2): var
    // 0.156250
    #[test]
    fn draws_have_the_moments_of_a_dirichlet() {
        for (alpha, tasks, variance) in [(1.2, 3, 0.048_309), (0.3, 2, 0.156_25)] {
            let weighting = cosmos(alpha, &vec![1.0; tasks]);
            let draws: Vec<Vec<f64>> = (0..20_000).map(|step| weighting.draw(step)).collect();
            let mean = |f: &dyn Fn(&[f64]) -> f64| draws.iter().map(|r| f(r)).sum::<f64>() / 20_000.0;
            let uniform = 1.0 / tasks as f64;
            for task in 0..tasks {
                assert!((mean(&|r| r[task]) - uniform).abs() < 0.008, "{alpha}");
                let actual = mean(&|r| (r[task] - uniform).powi(2));
                assert!((actual / variance - 1.0).abs() < 0.04, "{alpha}: {actual}, not {variance}");
            }
            let covariance = mean(&|r| (r[0] - uniform) * (r[1] - uniform));
            let expected = -variance / (tasks - 1) as f64;
            assert!((covariance / expected - 1.0).abs() < 0.06, "{alpha}: {covariance}, not {expected}");
        }
    }

    #[test]
    fn zero_losses_have_no_angle() {
        let weighting = cosmos(1.2, &[0.5, 0.5]);
        assert_eq!(weighting.weights_of(&[Some(0.0), Some(0.0)]), [0.5, 0.5]);
        assert_eq!(weighting.penalty(&[None, None]), 0.0);
        // With a single task the angle is 0, whatever its loss.
        assert_near(&weighting.weights_of(&[Some(3.0), None]), &[0.5, 0.5]);
        assert_eq!(weighting.penalty(&[Some(3.0), None]), -2.0);
    }
}
