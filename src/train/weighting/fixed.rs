//! The weighting `fixed`: see [`FixedConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::NonNegative;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};
use indexmap::IndexMap;

/// A fixed weight per task.
///
/// `weighting: {fixed: {weights: {income: 2.0, stars: 0.5}}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedConfig {
    /// Weight by task; 1 for tasks that are not named.
    pub weights: IndexMap<TaskName, NonNegative>,
}

impl Settings for FixedConfig {
    const EXAMPLE: &'static str = "{fixed: {weights: {income: 2.0, stars: 0.5}}}";
}

impl BuildWeighting for FixedConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let weights = context.by_task(&self.weights, NonNegative::constant(1.0));
        WeightingMethod::losses(Fixed { weights: weights.into_iter().map(NonNegative::get).collect() })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("weights", self.weights.keys().collect())]
    }
}

struct Fixed {
    weights: Vec<f64>,
}

impl Weighting for Fixed {
    fn reads_losses(&self) -> bool {
        false
    }

    fn weights(&mut self, _: u64, _: &[Option<f64>]) -> Vec<f64> {
        self.weights.clone()
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::domain::number::NonNegative;
    use crate::train::weighting::fixed::FixedConfig;
    use crate::train::weighting::{BuildWeighting, WeightingContext};

    #[test]
    fn weights_are_in_task_order_and_default_to_one() {
        let tasks = ["a", "b", "c"].map(|name| TaskName::new(name).expect("a name"));
        let weights =
            [(tasks[2].clone(), NonNegative::constant(0.5)), (tasks[0].clone(), NonNegative::constant(2.0))];
        let config = FixedConfig { weights: weights.into_iter().collect() };
        let built = config.build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.1 });
        let mut fixed = built.losses.expect("a weighting of losses");
        assert_eq!(fixed.weights(0, &[Some(1.0); 3]), [2.0, 1.0, 0.5]);
    }
}
