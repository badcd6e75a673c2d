//! The metric `accuracy`: see [`AccuracyConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::mean;
use crate::evaluate::decision::ClassDecisions;
use crate::evaluate::metric::Metric;

/// Share of rows answered right; of tokens or of pixels where these have labels. Of several labels, the
/// mean of their shares (1 - Hamming loss). Of a text to be written, the share of its tokens that are the
/// likeliest after the true ones before them.
///
/// accuracy = 1/n sum [decided = true]. As `sklearn.metrics.accuracy_score`.
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
        kind.answers_classes() || matches!(kind, TaskKind::LanguageModel | TaskKind::Text)
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        if answers.target.writes().is_some() {
            return answers.guessed;
        }
        mean(answers.decisions().iter().map(ClassDecisions::accuracy))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric};

    #[test]
    fn as_the_reference() {
        // accuracy_score(b, d), (c, cd), over(ld, ...), (o, od)
        let auto = metric("accuracy", json!({}));
        agrees(&auto, &case::binary(), 0.7747747747747747);
        agrees(&auto, &case::multiclass(), 0.6017699115044248);
        agrees(&auto, &case::multilabel(), 0.7412380748843471);
        agrees(&auto, &case::ordinal(), 0.336283185840708);
        agrees(&auto, &case::segmentation(), 0.6017699115044248);
    }
}
