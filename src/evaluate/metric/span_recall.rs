//! The metric `span_recall`: see [`SpanRecallConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, share};
use crate::evaluate::metric::span_metric::SpanMetric;

/// Of the spans that true tags mark, the share that is answered: kind, first and last step.
///
/// right / true over all rows. As `seqeval.metrics.recall_score`, which reads spans as conlleval does;
/// `strict` as its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_recall: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanRecallConfig {
    /// micro (default), or macro: every kind of span counts alike.
    #[serde(default)]
    pub average: SpanAverage,
    /// Count only spans whose tags keep to the scheme? Default false.
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

    fn share(&self, tally: &ClassCounts) -> f64 {
        share(tally.right, tally.truth)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::task::TagScheme;
    use crate::evaluate::case::sequence::spans;
    use crate::evaluate::case::{agrees, metric};

    #[test]
    fn as_the_reference() {
        // recall_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_recall", json!({}));
        agrees(&usual, &spans(TagScheme::Io), 0.6278118609406953);
        agrees(&usual, &spans(TagScheme::Bio), 0.683585313174946);
        agrees(&usual, &spans(TagScheme::Bioes), 0.7065317387304508);
        agrees(&metric("span_recall", json!("macro")), &spans(TagScheme::Bio), 0.6835908344529034);
    }

    #[test]
    fn strict_as_the_reference() {
        // recall_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_recall", json!({"strict": true}));
        agrees(&strict, &spans(TagScheme::Bio), 0.7192982456140351);
        agrees(&strict, &spans(TagScheme::Bioes), 0.7297297297297297);
        assert_eq!(strict.label(), "span_recall_strict");
    }
}
