//! A preference among the tasks, given as a vector; one run per vector traces the Pareto front.
//!
//! With r the vector scaled to sum to 1 and u = L - z, z the ideal losses:
//!
//! - `linear`: L = sum_k r_k u_k. Reaches only the convex parts of the front.
//! - `tchebycheff`: L = max_k r_k u_k (Miettinen 1998). Reaches every part; at the optimum all r_k u_k are
//!   equal.
//! - `pbi`: penalty-based boundary intersection (Zhang and Li, "MOEA/D", IEEE TEC 2007): with w = r / |r|,
//!   d1 = u . w and d2 = |u - d1 w|, L = d1 + theta d2. It pulls the losses onto the ray of r, so that here
//!   a task with a greater share ends with a greater loss. Its weights w_k + theta (u - d1 w)_k / d2 may be
//!   negative for a loss that is too small for the ray.
//!
//! A task without a label in the batch is left out. `sweep: {preferences: 5}` sweeps evenly spaced vectors.
//!
//! `weighting: {preference: {vector: {income: 0.3, stars: 0.7}, by: tchebycheff}}`

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::name::TaskName;
use crate::domain::number::{Finite, NonNegative};
use crate::train::solver::matrix::{dot, norm};
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Losses combined by a preference vector: linearly, by their maximum, or towards its ray.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferenceConfig {
    /// Share by task, scaled to sum to 1; 0 for tasks that are not named. Default: equal shares.
    #[serde(default)]
    pub vector: IndexMap<TaskName, NonNegative>,
    /// How losses and vector are combined into one number. Default linear.
    #[serde(default)]
    pub by: ScalarizationConfig,
    /// The lowest loss a task could reach. Default: 0 each.
    #[serde(default)]
    pub ideal: IndexMap<TaskName, Finite>,
}

kinds! {
    /// How losses and a preference vector are combined into one number.
    pub enum ScalarizationConfig: "scalarization" {
        Linear: "linear" => LinearPreferenceConfig,
        Tchebycheff: "tchebycheff" => LargestPreferenceConfig,
        Pbi: "pbi" => PbiConfig,
    }
}

impl Default for ScalarizationConfig {
    fn default() -> Self {
        Self::Linear(LinearPreferenceConfig {})
    }
}

/// The weighted sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearPreferenceConfig {}

impl Settings for LinearPreferenceConfig {
    const EXAMPLE: &'static str = "linear";
}

/// The largest weighted loss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LargestPreferenceConfig {}

impl Settings for LargestPreferenceConfig {
    const EXAMPLE: &'static str = "tchebycheff";
}

/// Distance along the vector's ray plus a penalty on the distance from it (Zhang and Li 2007).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PbiConfig {
    /// Weight of the distance from the ray. Default 5, as in the paper.
    #[serde(default = "default_theta")]
    pub theta: NonNegative,
}

impl Settings for PbiConfig {
    const BARE: Option<&'static str> = Some("theta");
    const EXAMPLE: &'static str = "{pbi: {theta: 5.0}}";
}

fn default_theta() -> NonNegative {
    NonNegative::constant(5.0)
}

impl Settings for PreferenceConfig {
    const EXAMPLE: &'static str = "{preference: {vector: {income: 0.3, stars: 0.7}, by: tchebycheff}}";
}

impl BuildWeighting for PreferenceConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let default = NonNegative::constant(if self.vector.is_empty() { 1.0 } else { 0.0 });
        let shares: Vec<f64> =
            context.by_task(&self.vector, default).into_iter().map(NonNegative::get).collect();
        let sum: f64 = shares.iter().sum();
        let ideal = context.by_task(&self.ideal, Finite::constant(0.0));
        WeightingMethod::losses(PreferenceWeighting {
            // All shares 0: nothing would be trained. `check` refuses it.
            vector: shares.iter().map(|share| if sum > 0.0 { share / sum } else { 0.0 }).collect(),
            by: self.by.clone(),
            ideal: ideal.into_iter().map(Finite::get).collect(),
        })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("vector", self.vector.keys().collect()), ("ideal", self.ideal.keys().collect())]
    }
}

#[derive(Clone)]
struct PreferenceWeighting {
    /// Sums to 1.
    vector: Vec<f64>,
    by: ScalarizationConfig,
    ideal: Vec<f64>,
}

/// The losses above the ideal in relation to the ray of the vector.
struct PreferenceRay {
    /// The unit vector of the ray; 0 for absent tasks.
    unit: Vec<f64>,
    /// Distance along the ray.
    along: f64,
    /// Component perpendicular to the ray.
    perpendicular: Vec<f64>,
    /// Distance from the ray.
    distance: f64,
}

impl PreferenceWeighting {
    /// The losses minus the ideal; `None` for an absent task.
    fn above(&self, losses: &[Option<f64>]) -> Vec<Option<f64>> {
        losses.iter().zip(&self.ideal).map(|(loss, ideal)| Some((*loss)? - ideal)).collect()
    }

    /// The task with the largest weighted loss, and that loss.
    fn worst(&self, losses: &[Option<f64>]) -> Option<(usize, f64)> {
        let terms = self.above(losses).into_iter().enumerate();
        let terms = terms.filter_map(|(task, above)| Some((task, self.vector[task] * above?)));
        // A task with share 0 is never the worst.
        let terms = terms.filter(|(task, _)| self.vector[*task] > 0.0);
        terms.reduce(|worst, term| if term.1 > worst.1 { term } else { worst })
    }

    fn ray(&self, losses: &[Option<f64>]) -> PreferenceRay {
        let above = self.above(losses);
        let present = |(share, above): (&f64, &Option<f64>)| above.map_or(0.0, |_| *share);
        let shares: Vec<f64> = self.vector.iter().zip(&above).map(present).collect();
        let length = norm(&shares);
        let unit: Vec<f64> =
            shares.iter().map(|share| if length > 0.0 { share / length } else { 0.0 }).collect();
        let above: Vec<f64> = above.into_iter().map(|above| above.unwrap_or(0.0)).collect();
        let along = dot(&above, &unit);
        let perpendicular: Vec<f64> =
            above.iter().zip(&unit).map(|(above, unit)| above - along * unit).collect();
        let distance = norm(&perpendicular);
        PreferenceRay { unit, along, perpendicular, distance }
    }

    /// The joint loss.
    fn value(&self, losses: &[Option<f64>]) -> f64 {
        match &self.by {
            ScalarizationConfig::Linear(_) => {
                let terms = self.above(losses).into_iter().zip(&self.vector);
                terms.filter_map(|(above, share)| Some(above? * share)).sum()
            }
            ScalarizationConfig::Tchebycheff(_) => self.worst(losses).map_or(0.0, |(_, value)| value),
            ScalarizationConfig::Pbi(config) => {
                let ray = self.ray(losses);
                ray.along + config.theta.get() * ray.distance
            }
        }
    }
}

impl Weighting for PreferenceWeighting {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        match &self.by {
            ScalarizationConfig::Linear(_) => self.vector.clone(),
            ScalarizationConfig::Tchebycheff(_) => {
                let worst = self.worst(losses).map(|(task, _)| task);
                let weight = |(task, share): (usize, &f64)| if worst == Some(task) { *share } else { 0.0 };
                self.vector.iter().enumerate().map(weight).collect()
            }
            ScalarizationConfig::Pbi(config) => {
                let ray = self.ray(losses);
                // On the ray the distance has no gradient.
                let scale = if ray.distance > 0.0 { config.theta.get() / ray.distance } else { 0.0 };
                ray.unit
                    .iter()
                    .zip(&ray.perpendicular)
                    .map(|(unit, perpendicular)| unit + scale * perpendicular)
                    .collect()
            }
        }
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let weights = self.clone().weights(0, losses);
        let sum: f64 = losses.iter().zip(weights).filter_map(|(loss, weight)| Some((*loss)? * weight)).sum();
        self.value(losses) - sum
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::train::weighting::Weighting;
    use crate::train::weighting::method::{self, assert_near, joint_loss};
    use crate::train::weighting::preference::PreferenceConfig;

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    fn build(by: serde_json::Value) -> Box<dyn Weighting> {
        let config = json!({"vector": {"t0": 2.0, "t1": 3.0, "t2": 5.0}, "by": by});
        method::build(&serde_json::from_value::<PreferenceConfig>(config).expect("a configuration"), 3)
    }

    // torch 2.11 (TorchJD's PBI adds 1e-12 under the root):
    //   L = torch.tensor([1., 2., 4.], dtype=torch.double, requires_grad=True)
    //   w = torch.tensor([.2, .3, .5], dtype=torch.double); u = w / w.norm()
    //   d1 = L @ u; d2 = (L - d1 * u).norm(); (d1 + 5 * d2).backward()
    //   -> 7.577085, d1 4.542200, d2 0.606977, L.grad -3.577552 -1.247556 3.412437
    #[test]
    fn golden_values() {
        let mut pbi = build(json!({"pbi": {"theta": 5.0}}));
        assert!((joint_loss(&mut *pbi, &LOSSES) - 7.577_085).abs() < 1e-6);
        assert_near(&pbi.weights(0, &LOSSES), &[-3.577_552, -1.247_556, 3.412_437]);
        let mut linear = build(json!("linear"));
        assert_near(&linear.weights(0, &LOSSES), &[0.2, 0.3, 0.5]);
        assert!((joint_loss(&mut *linear, &LOSSES) - 2.8).abs() < 1e-12);
        let mut largest = build(json!("tchebycheff"));
        assert_near(&largest.weights(0, &LOSSES), &[0.0, 0.0, 0.5]);
        assert!((joint_loss(&mut *largest, &LOSSES) - 2.0).abs() < 1e-12);
        assert_near(&largest.weights(0, &[Some(9.0), Some(2.0), None]), &[0.2, 0.0, 0.0]);
    }

    /// Losses proportional to the vector lie on its ray: only the distance along it counts.
    #[test]
    fn on_the_ray_and_without_a_task() {
        let mut pbi = build(json!({"pbi": {"theta": 5.0}}));
        let on = [Some(0.4), Some(0.6), Some(1.0)];
        assert!((joint_loss(&mut *pbi, &on) - 2.0 * 0.38_f64.sqrt()).abs() < 1e-9);
        let absent = [Some(2.0), Some(3.0), None];
        assert!((joint_loss(&mut *pbi, &absent) - 13.0_f64.sqrt()).abs() < 1e-9);
        assert_eq!(pbi.weights(0, &absent)[2], 0.0);
    }

    #[test]
    fn the_ideal_is_subtracted() {
        for by in [json!("linear"), json!("tchebycheff"), json!("pbi")] {
            let config = json!({"vector": {"t0": 1.0, "t2": 1.0}, "by": by, "ideal": {"t0": 0.5, "t2": 1.0}});
            let config: PreferenceConfig = serde_json::from_value(config).expect("a configuration");
            let no_ideal = PreferenceConfig { ideal: Default::default(), ..config.clone() };
            let shifted = [Some(0.5), Some(2.0), Some(3.0)];
            let (mut with_ideal, mut without) = (method::build(&config, 3), method::build(&no_ideal, 3));
            let actual = joint_loss(&mut *with_ideal, &LOSSES);
            assert!((actual - joint_loss(&mut *without, &shifted)).abs() < 1e-12, "{actual}");
        }
    }
}
