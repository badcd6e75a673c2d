//! The metric `accuracy`: see [`AccuracyConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Fraction of correct predictions, over rows, tokens or pixels. Multilabel tasks: the mean over labels (1 -
/// Hamming loss). Text tasks and language models: the fraction of tokens that are the most likely ones under
/// teacher forcing.
///
/// accuracy = 1/n sum [predicted = true]. As `sklearn.metrics.accuracy_score`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccuracyConfig {}

impl Settings for AccuracyConfig {
    const EXAMPLE: &'static str = "accuracy";
}

impl Metric for AccuracyConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes() || matches!(kind, TaskKind::LanguageModel | TaskKind::Text)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        if answers.target.output_tokenizer().is_some() {
            return answers.token_accuracy;
        }
        mean(answers.decisions().iter().map(ClassDecisions::accuracy))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // accuracy_score(b, d), (c, cd), over(ld, ...), (o, od)
        let auto = metric("accuracy", json!({}));
        assert_score(&auto, &case::binary(), 0.7747747747747747);
        assert_score(&auto, &case::multiclass(), 0.6017699115044248);
        assert_score(&auto, &case::multilabel(), 0.7412380748843471);
        assert_score(&auto, &case::ordinal(), 0.336283185840708);
        assert_score(&auto, &case::segmentation(), 0.6017699115044248);
    }
}
