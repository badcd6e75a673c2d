//! The metric `perplexity`: see [`PerplexityConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Perplexity: the exponential of the mean negative log-likelihood of the true tokens under teacher forcing.
///
/// exp(1/n sum -ln p(token)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerplexityConfig {}

impl Settings for PerplexityConfig {
    const EXAMPLE: &'static str = "perplexity";
}

impl Metric for PerplexityConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Text | TaskKind::LanguageModel)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        answers.nll.map(f64::exp)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::sequence::language;
    use crate::evaluate::case::{assert_score, metric};

    #[test]
    fn three_equally_likely_tokens_are_3() {
        assert_score(&metric("perplexity", json!({})), &language(), 3.0);
        assert_score(&metric("accuracy", json!({})), &language(), 0.75);
    }
}
