//! The metric `quadratic_kappa`: see [`QuadraticKappaConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Cohen's kappa with quadratic weights: agreement beyond chance, where disagreement is weighted by the
/// squared distance of the classes (Cohen 1968).
///
/// 1 - sum_ij (i-j)^2 O_ij / sum_ij (i-j)^2 E_ij, where O are the counts of (true, predicted) and E the
/// counts expected under independence. Undefined if only one class is true and predicted. As
/// `sklearn.metrics.cohen_kappa_score` with `weights="quadratic"` and `labels` all classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuadraticKappaConfig {}

impl Settings for QuadraticKappaConfig {
    const EXAMPLE: &'static str = "quadratic_kappa";
}

impl Metric for QuadraticKappaConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Multiclass | TaskKind::Ordinal)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let [decisions] = answers.decisions().try_into().ok()?;
        agreement(&decisions)
    }
}

/// Computes the expected disagreement from moments, without a matrix over pairs of classes:
/// n sum_ij (i-j)^2 E_ij = n (sum i^2 t_i + sum j^2 d_j) - 2 (sum i t_i)(sum j d_j).
///
/// All sums are integers, exact below 2^53, so that agreement by chance is 0 and not a rounding error.
fn agreement(decisions: &ClassDecisions) -> Option<f64> {
    let pairs = decisions.pairs();
    let count = pairs.rows.len() as f64;
    let sum = |value: fn(f64, f64) -> f64| pairs.rows.iter().map(|(i, j)| value(*i, *j)).sum::<f64>();
    let observed = count * sum(|truth, predicted| (truth - predicted).powi(2));
    let squares = count * sum(|truth, predicted| truth * truth + predicted * predicted);
    let expected = squares - 2.0 * sum(|truth, _| truth) * sum(|_, predicted| predicted);
    (expected > 0.0).then(|| (expected - observed) / expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // cohen_kappa_score(c, cd, labels=range(4), weights="quadratic"); (o, od, weights="quadratic")
        let auto = metric("quadratic_kappa", json!({}));
        assert_score(&auto, &case::multiclass(), 0.5666703188342281);
        assert_score(&auto, &case::ordinal(), 0.1953055298716887);
    }

    #[test]
    fn one_class_alone_has_none() {
        let rows: Vec<usize> =
            (0..case::ordinal().rows).filter(|row| case::ordinal().truth[*row] == 4.0).collect();
        let mut alone = case::ordinal().at(&rows);
        alone.answers = [0.0, 0.0, 0.0, 0.0, 1.0].repeat(alone.rows);
        assert_eq!(metric("quadratic_kappa", json!({})).view().score(&alone.view()), None);
    }

    #[test]
    fn agreement_by_chance_is_exactly_0() {
        // One class is always predicted; cohen_kappa_score gives 0.0.
        let mut constant = case::ordinal();
        constant.answers = [0.0, 0.0, 0.0, 1.0, 0.0].repeat(constant.rows);
        assert_eq!(metric("quadratic_kappa", json!({})).view().score(&constant.view()), Some(0.0));
    }
}
