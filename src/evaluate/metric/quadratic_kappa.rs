//! The metric `quadratic_kappa`: see [`QuadraticKappaConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::metric::Metric;

/// Agreement beyond chance, disagreement weighted by its squared distance in classes (Cohen 1968).
///
/// 1 - sum_ij (i-j)^2 O_ij / sum_ij (i-j)^2 E_ij, O the counts of (true, decided) and E the counts
/// expected of independent ones. Undefined where one class alone is true and decided. As
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

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        let [decisions] = answers.decisions().try_into().ok()?;
        agreement(&decisions)
    }
}

/// The expected sum needs only the moments of both sides, not the square of all classes:
/// sum_ij (i-j)^2 t_i d_j / n = sum i^2 t_i + sum j^2 d_j - 2 (sum i t_i)(sum j d_j) / n.
fn agreement(decisions: &ClassDecisions) -> Option<f64> {
    let pairs = decisions.pairs();
    let observed = pairs.mean(|truth, decided| (truth - decided).powi(2))?;
    let (truth, decided) = (pairs.mean(|truth, _| truth)?, pairs.mean(|_, decided| decided)?);
    let squares = pairs.mean(|truth, decided| truth * truth + decided * decided)?;
    let expected = squares - 2.0 * truth * decided;
    // Equal only when all are one class; sums of whole numbers are exact, their means nearly.
    (expected > 1e-12).then(|| 1.0 - observed / expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric};

    #[test]
    fn as_the_reference() {
        // cohen_kappa_score(c, cd, labels=range(4), weights="quadratic"); (o, od, weights="quadratic")
        let auto = metric("quadratic_kappa", json!({}));
        agrees(&auto, &case::multiclass(), 0.5666703188342281);
        agrees(&auto, &case::ordinal(), 0.1953055298716887);
    }

    #[test]
    fn one_class_alone_has_none() {
        let rows: Vec<usize> =
            (0..case::ordinal().rows).filter(|row| case::ordinal().truth[*row] == 4.0).collect();
        let mut alone = case::ordinal().at(&rows);
        alone.answers = [0.0, 0.0, 0.0, 0.0, 1.0].repeat(alone.rows);
        assert_eq!(metric("quadratic_kappa", json!({})).view().score(&alone.view()), None);
    }
}
