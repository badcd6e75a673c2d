//! The weighting `tchebycheff`: see [`TchebycheffConfig`].

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Finite, Positive};
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Only the worst task (Tchebycheff; Miettinen 1998): L = max_k p_k (L_k - z_k).
///
/// The task with the largest term gets the weight p_k (the first one in case of a tie), the others 0. p is
/// the importance of a task's loss, z its ideal value.
///
/// `weighting: {tchebycheff: {preference: {income: 2.0}}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TchebycheffConfig {
    /// Importance of a task's loss. Default: 1 each.
    #[serde(default)]
    pub preference: IndexMap<TaskName, Positive>,
    /// The lowest loss a task could reach. Default: 0 each.
    #[serde(default)]
    pub ideal: IndexMap<TaskName, Finite>,
}

impl Settings for TchebycheffConfig {
    const EXAMPLE: &'static str = "tchebycheff";
}

impl BuildWeighting for TchebycheffConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let preference = context.by_task(&self.preference, Positive::constant(1.0));
        let ideal = context.by_task(&self.ideal, Finite::constant(0.0));
        let preference = preference.into_iter().map(Positive::get).collect();
        WeightingMethod::losses(Tchebycheff {
            preference,
            ideal: ideal.into_iter().map(Finite::get).collect(),
        })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("preference", self.preference.keys().collect()), ("ideal", self.ideal.keys().collect())]
    }
}

struct Tchebycheff {
    preference: Vec<f64>,
    ideal: Vec<f64>,
}

impl Tchebycheff {
    /// The task with the largest term, and that term.
    fn worst(&self, losses: &[Option<f64>]) -> Option<(usize, f64)> {
        let terms = losses.iter().enumerate();
        let terms = terms
            .filter_map(|(task, loss)| Some((task, self.preference[task] * ((*loss)? - self.ideal[task]))));
        terms.reduce(|worst, term| if term.1 > worst.1 { term } else { worst })
    }
}

impl Weighting for Tchebycheff {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        let worst = self.worst(losses).map(|(task, _)| task);
        let weight = |(task, preference): (usize, &f64)| if worst == Some(task) { *preference } else { 0.0 };
        self.preference.iter().enumerate().map(weight).collect()
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        self.worst(losses).map_or(0.0, |(task, _)| -self.preference[task] * self.ideal[task])
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::domain::number::{Finite, Positive};
    use crate::train::weighting::method::build;
    use crate::train::weighting::tchebycheff::TchebycheffConfig;

    /// 3 * (1 - 0), 1 * (2 - 0), 1 * (4 - 1.5): the first is largest; without it, the last.
    #[test]
    fn only_the_worst_task_has_a_weight() {
        let task = |name: &str| TaskName::new(name).expect("a name");
        let config = TchebycheffConfig {
            preference: [(task("t0"), Positive::constant(3.0))].into_iter().collect(),
            ideal: [(task("t2"), Finite::constant(1.5))].into_iter().collect(),
        };
        let mut weighting = build(&config, 3);
        assert_eq!(weighting.weights(0, &[Some(1.0), Some(2.0), Some(4.0)]), [3.0, 0.0, 0.0]);
        assert_eq!(weighting.weights(0, &[None, Some(2.0), Some(4.0)]), [0.0, 0.0, 1.0]);
        assert_eq!(weighting.penalty(&[None, Some(2.0), Some(4.0)]), -1.5);
    }
}
