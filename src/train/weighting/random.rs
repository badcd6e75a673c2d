//! The weighting `random`: see [`RandomWeightingConfig`].

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::random_draw::{WeightingRandomPurpose, stream};
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Random loss weighting (Lin et al., TMLR 2022): new random weights in every step, with sum T (the number
/// of tasks).
///
/// The draw depends only on the trial's seed and the step number.
///
/// `weighting: {random: {distribution: normal}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomWeightingConfig {
    /// normal (softmax of normal numbers, the default), uniform, dirichlet, bernoulli or one_hot.
    #[serde(default)]
    pub distribution: Distribution,
}

impl Settings for RandomWeightingConfig {
    const BARE: Option<&'static str> = Some("distribution");
    const EXAMPLE: &'static str = "{random: {distribution: normal}}";
}

/// Distribution of the weights before they are scaled to sum T.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// softmax of standard normal numbers
    #[default]
    Normal,
    /// uniform numbers from 0 to 1
    Uniform,
    /// Dirichlet with every concentration 1
    Dirichlet,
    /// 0 or 1 with equal probability, redrawn when all are 0
    Bernoulli,
    /// a single task, each with equal probability
    OneHot,
}

impl BuildWeighting for RandomWeightingConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(RandomWeighting { distribution: self.distribution, seed: context.seed })
    }
}

struct RandomWeighting {
    distribution: Distribution,
    seed: u64,
}

impl Distribution {
    /// `count` non-negative numbers, not all 0.
    fn draw(self, random: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
        if self == Self::OneHot {
            let chosen = if count == 0 { 0 } else { random.random_range(0..count) };
            return (0..count).map(|task| f64::from(u8::from(task == chosen))).collect();
        }
        let mut number = || match self {
            Self::Normal => random.sample::<f64, _>(StandardNormal).exp(),
            Self::Uniform => random.random::<f64>(),
            Self::Dirichlet => random.sample::<f64, _>(Exp1),
            Self::Bernoulli | Self::OneHot => f64::from(u8::from(random.random::<bool>())),
        };
        loop {
            let numbers: Vec<f64> = (0..count).map(|_| number()).collect();
            if count == 0 || numbers.iter().sum::<f64>() > 0.0 {
                return numbers;
            }
        }
    }
}

impl Weighting for RandomWeighting {
    fn reads_losses(&self) -> bool {
        false
    }

    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64> {
        let numbers = self
            .distribution
            .draw(&mut stream(self.seed, WeightingRandomPurpose::Weights, step), losses.len());
        let sum: f64 = numbers.iter().sum();
        numbers.iter().map(|number| losses.len() as f64 * number / sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::random::{Distribution, RandomWeightingConfig};
    use crate::train::weighting::{BuildWeighting, WeightingContext};

    const ALL: [Distribution; 5] = [
        Distribution::Normal,
        Distribution::Uniform,
        Distribution::Dirichlet,
        Distribution::Bernoulli,
        Distribution::OneHot,
    ];

    fn draw(distribution: Distribution, seed: u64, step: u64) -> Vec<f64> {
        RandomWeightingConfig { distribution }
            .build(&WeightingContext { tasks: &[], seed, rate: 0.1 })
            .losses
            .expect("a weighting of losses")
            .weights(step, &[Some(1.0); 3])
    }

    #[test]
    fn weights_sum_to_the_number_of_tasks() {
        for distribution in ALL {
            for step in 0..50 {
                let weights = draw(distribution, 7, step);
                assert!(weights.iter().all(|w| *w >= 0.0));
                assert!((weights.iter().sum::<f64>() - 3.0).abs() < 1e-12, "{distribution:?} {weights:?}");
            }
        }
    }

    /// Every task has the same mean weight, 1.
    #[test]
    fn all_tasks_have_the_same_mean_weight() {
        for distribution in ALL {
            let mut mean = [0.0; 3];
            for step in 0..4000 {
                mean.iter_mut().zip(draw(distribution, 1, step)).for_each(|(m, w)| *m += w / 4000.0);
            }
            assert!(mean.iter().all(|m| (m - 1.0).abs() < 0.08), "{distribution:?} {mean:?}");
        }
    }

    #[test]
    fn draws_depend_on_seed_and_step_only() {
        assert_eq!(draw(Distribution::Normal, 1, 5), draw(Distribution::Normal, 1, 5));
        assert_ne!(draw(Distribution::Normal, 1, 5), draw(Distribution::Normal, 1, 6));
        assert_ne!(draw(Distribution::Normal, 1, 5), draw(Distribution::Normal, 2, 5));
    }
}
