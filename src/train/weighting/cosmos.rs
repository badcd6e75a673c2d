//! The weighting `cosmos`: see [`CosmosConfig`].

use indexmap::IndexMap;
use rand::Rng;
use rand_distr::Gamma;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Count, Finite, NonNegative, Positive};
use crate::train::weighting::capabilities::Capabilities;
use crate::train::weighting::random_draw::{WeightingRandomPurpose, stream};
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// COSMOS: one network for every preference among the tasks (Ruchte and Grabocka, "Scalable Pareto Front
/// Approximation for Deep Multi-Objective Learning", ICDM 2021).
///
/// The network reads a vector of preference r beside its inputs, drawn anew at every step from a Dirichlet
/// distribution with every concentration `alpha`, and learns for it L = sum_k r_k L_k - lambda cos(r, L).
///
/// The two terms want different things. The sum alone (`lambda: 0`) gives a task with a greater share a
/// smaller loss, but the network may answer every preference with the same compromise. The cosine spreads the
/// answers along the front by drawing the losses onto the ray of r: where it wins, a task with a greater
/// share ends with a GREATER loss, as with `pbi`. It is at most lambda, whatever the losses' size: of losses
/// below 1 the sum wins with `lambda: 0.01` (the paper's choice for tables), the cosine with 2 (its choice
/// for pictures). The front in the run's report says what each preference leads to.
///
/// As weights of the losses, w_k = r_k - lambda (r_k / (|r| |L|) - cos(r, L) L_k / |L|^2), which may be
/// negative. A task without a label in the batch is left out of both sums. The draw depends on the trial's
/// seed and the step's number alone.
///
/// While training, and wherever nobody says otherwise, the network answers for the even vector. Once it is
/// trained it is scored for `front` vectors along each edge of the simplex on validation and test rows: its
/// front. An exported model has the input `preference`, and `mtl predict --preference
/// income=0.7,weeks_worked=0.3` says it.
///
/// `weighting: {cosmos: {alpha: 1.2, lambda: 2.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosmosConfig {
    /// Concentration of the Dirichlet distribution preferences are drawn from: below 1 most are near one task
    /// alone, well above 1 near the even one. From 0.01 on. Default 1.2, as in the paper.
    #[serde(default = "default_alpha")]
    pub alpha: Positive,
    /// How much the losses are to lie in the preference's proportions: with a small one a greater share means
    /// a smaller loss, with a large one a greater loss. Default 2, the paper's for pictures; it took 0.01 for
    /// tables.
    #[serde(default = "default_lambda")]
    pub lambda: NonNegative,
    /// Preferences along each edge of the simplex for which the trained network is scored (Das and Dennis
    /// 1998). Default 11 for two tasks, for more the most that make no more than 66.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<Count>,
    /// What each task's first metric has at its worst: up to there the front's hypervolume reaches, so that
    /// fronts of several runs can be compared. Default: a tenth of their spread beyond the worst preferences.
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
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Cosmos {
            alpha: self.alpha.get(),
            lambda: self.lambda.get(),
            seed: setting.seed,
            vector: vec![1.0; setting.tasks.len()],
        })
    }

    fn named(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
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
    /// The running step's; sums to 1.
    vector: Vec<f64>,
}

impl Cosmos {
    /// A Dirichlet vector: numbers of a Gamma distribution, scaled to sum to 1.
    fn draw(&self, step: u64) -> Vec<f64> {
        let even = || vec![1.0 / self.vector.len().max(1) as f64; self.vector.len()];
        // A concentration is greater than 0, so there is one.
        let Ok(gamma) = Gamma::new(self.alpha, 1.0) else { return even() };
        let mut random = stream(self.seed, WeightingRandomPurpose::Preference, step);
        loop {
            let numbers: Vec<f64> = self.vector.iter().map(|_| random.sample(gamma)).collect();
            let sum: f64 = numbers.iter().sum();
            if numbers.is_empty() || sum > 0.0 {
                return numbers.iter().map(|number| number / sum).collect();
            }
        }
    }

    /// The cosine of the angle between the preference and the losses, and its derivative by each loss.
    fn cosine(&self, losses: &[Option<f64>]) -> (f64, Vec<f64>) {
        let pairs: Vec<(f64, f64)> = self
            .vector
            .iter()
            .zip(losses)
            .map(|(share, loss)| loss.map_or((0.0, 0.0), |loss| (*share, loss)))
            .collect();
        let along: f64 = pairs.iter().map(|(share, loss)| share * loss).sum();
        let (shares, size) = (norm(pairs.iter().map(|pair| pair.0)), norm(pairs.iter().map(|pair| pair.1)));
        if shares * size == 0.0 {
            return (0.0, vec![0.0; pairs.len()]);
        }
        let cosine = along / (shares * size);
        let slope = |(share, loss): &(f64, f64)| share / (shares * size) - cosine * loss / (size * size);
        (cosine, pairs.iter().map(slope).collect())
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

impl Weighting for Cosmos {
    fn preference(&self, step: u64) -> Option<Vec<f64>> {
        Some(self.draw(step))
    }

    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64> {
        self.vector = self.draw(step);
        let (_, slopes) = self.cosine(losses);
        self.vector.iter().zip(slopes).map(|(share, slope)| share - self.lambda * slope).collect()
    }

    /// A cosine does not change with the losses' size: the weighted sum is sum_k r_k L_k.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        -self.lambda * self.cosine(losses).0
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::Weighting;
    use crate::train::weighting::cosmos::{Cosmos, CosmosConfig};
    use crate::train::weighting::method::{self, near};

    fn cosmos(alpha: f64, vector: &[f64]) -> Cosmos {
        Cosmos { alpha, lambda: 2.0, seed: 7, vector: vector.to_vec() }
    }

    /// The weights of a vector that is not drawn.
    fn weights(cosmos: &Cosmos, losses: &[Option<f64>]) -> Vec<f64> {
        let (_, slopes) = cosmos.cosine(losses);
        cosmos.vector.iter().zip(slopes).map(|(share, slope)| share - cosmos.lambda * slope).collect()
    }

    fn joint(cosmos: &Cosmos, losses: &[Option<f64>]) -> f64 {
        let pairs = losses.iter().zip(weights(cosmos, losses));
        pairs.filter_map(|(loss, weight)| Some((*loss)? * weight)).sum::<f64>() + cosmos.penalty(losses)
    }

    // torch 2.11:
    //   L = torch.tensor([1., 2., 4.], dtype=torch.double, requires_grad=True)
    //   r = torch.tensor([.2, .3, .5], dtype=torch.double)
    //   f = (r * L).sum() - 2 * torch.nn.functional.cosine_similarity(L, r, dim=0); f.backward()
    //   -> f 0.817621, L.grad 0.152801 0.276400 0.523600
    //   the same of L = [1., 4.], r = [.2, .5] -> f 0.218340, L.grad 0.136417 0.515896
    #[test]
    fn golden_values() {
        let own = cosmos(1.2, &[0.2, 0.3, 0.5]);
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        assert!((joint(&own, &losses) - 0.817_621).abs() < 1e-6);
        near(&weights(&own, &losses), &[0.152_801, 0.276_400, 0.523_600]);
        let without = [Some(1.0), None, Some(4.0)];
        assert!((joint(&own, &without) - 0.218_340).abs() < 1e-6);
        let solution = weights(&own, &without);
        near(&[solution[0], solution[2]], &[0.136_417, 0.515_896]);
    }

    /// What is trained is what was drawn: the weights are those of the vector the network is told.
    #[test]
    fn the_weights_are_of_the_vector_that_is_told() {
        let mut own = method::build(&CosmosConfig::default(), 3);
        let losses = [Some(0.5), Some(2.0), Some(1.0)];
        let preference: Vec<Vec<f64>> = (0..4).map(|step| own.preference(step).expect("a vector")).collect();
        assert!(
            preference[0] != preference[1]
                && preference.iter().all(|r| (r.iter().sum::<f64>() - 1.0).abs() < 1e-12)
        );
        for (step, vector) in preference.iter().enumerate() {
            near(&own.weights(step as u64, &losses), &weights(&cosmos(1.2, vector), &losses));
        }
        assert_eq!(own.preference(1), method::build(&CosmosConfig::default(), 3).preference(1));
        assert_ne!(own.preference(1), Cosmos { seed: 1, ..cosmos(1.2, &[1.0; 3]) }.preference(1));
    }

    // scipy 1.17: dirichlet([1.2] * 3): mean 0.333333, var 0.048309, cov -0.024155; dirichlet([.3] * 2): var
    // 0.156250
    #[test]
    fn draws_have_the_moments_of_a_dirichlet() {
        for (alpha, tasks, variance) in [(1.2, 3, 0.048_309), (0.3, 2, 0.156_25)] {
            let own = cosmos(alpha, &vec![1.0; tasks]);
            let draws: Vec<Vec<f64>> = (0..20_000).map(|step| own.draw(step)).collect();
            let mean = |f: &dyn Fn(&[f64]) -> f64| draws.iter().map(|r| f(r)).sum::<f64>() / 20_000.0;
            let even = 1.0 / tasks as f64;
            for task in 0..tasks {
                assert!((mean(&|r| r[task]) - even).abs() < 0.008, "{alpha}");
                let solution = mean(&|r| (r[task] - even).powi(2));
                assert!((solution / variance - 1.0).abs() < 0.04, "{alpha}: {solution}, not {variance}");
            }
            let covariance = mean(&|r| (r[0] - even) * (r[1] - even));
            let expected = -variance / (tasks - 1) as f64;
            assert!((covariance / expected - 1.0).abs() < 0.06, "{alpha}: {covariance}, not {expected}");
        }
    }

    #[test]
    fn losses_of_nothing_have_no_angle() {
        let own = cosmos(1.2, &[0.5, 0.5]);
        assert_eq!(weights(&own, &[Some(0.0), Some(0.0)]), [0.5, 0.5]);
        assert_eq!(own.penalty(&[None, None]), 0.0);
        // Of one task alone the angle is 0, whatever its loss.
        near(&weights(&own, &[Some(3.0), None]), &[0.5, 0.5]);
        assert_eq!(own.penalty(&[Some(3.0), None]), -2.0);
    }
}
