//! The metric `span_recall`: see [`SpanRecallConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, ratio};
use crate::evaluate::metric::span_metric::SpanMetric;

/// The fraction of true spans that are predicted, with the same kind, first and last step.
///
/// recall = TP / (TP + FN) over all rows. As `seqeval.metrics.recall_score`, which reads spans like
/// conlleval; `strict` is its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_recall: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanRecallConfig {
    /// micro (default), or macro: the unweighted mean over kinds of spans.
    #[serde(default)]
    pub average: SpanAverage,
    /// Whether to count only spans whose tags follow the scheme. Default false.
    #[serde(default)]
    pub strict: bool,
}

impl Settings for SpanRecallConfig {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{span_recall: {average: macro}}";
}

impl SpanMetric for SpanRecallConfig {
    fn settings(&self) -> (SpanAverage, bool) {
        (self.average, self.strict)
    }

    fn score_of(&self, tally: &ClassCounts) -> f64 {
        ratio(tally.correct, tally.actual)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::task::TagScheme;
    use crate::evaluate::case::sequence::spans;
    use crate::evaluate::case::{assert_score, metric};

    #[test]
    fn as_the_reference() {
        // recall_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_recall", json!({}));
        assert_score(&usual, &spans(TagScheme::Io), 0.6278118609406953);
        assert_score(&usual, &spans(TagScheme::Bio), 0.683585313174946);
        assert_score(&usual, &spans(TagScheme::Bioes), 0.7065317387304508);
        assert_score(&metric("span_recall", json!("macro")), &spans(TagScheme::Bio), 0.6835908344529034);
    }

    #[test]
    fn strict_as_the_reference() {
        // recall_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_recall", json!({"strict": true}));
        assert_score(&strict, &spans(TagScheme::Bio), 0.7192982456140351);
        assert_score(&strict, &spans(TagScheme::Bioes), 0.7297297297297297);
        assert_eq!(strict.label(), "span_recall_strict");
    }
}
