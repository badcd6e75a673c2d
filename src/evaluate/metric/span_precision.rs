//! The metric `span_precision`: see [`SpanPrecisionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, ratio};
use crate::evaluate::metric::span_metric::SpanMetric;

/// The fraction of predicted spans that are true, with the same kind, first and last step.
///
/// precision = TP / (TP + FP) over all rows. As `seqeval.metrics.precision_score`, which reads spans like
/// conlleval; `strict` is its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_precision: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanPrecisionConfig {
    /// micro (default), or macro: the unweighted mean over kinds of spans.
    #[serde(default)]
    pub average: SpanAverage,
    /// Whether to count only spans whose tags follow the scheme. Default false.
    #[serde(default)]
    pub strict: bool,
}

impl Settings for SpanPrecisionConfig {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{span_precision: {average: macro}}";
}

impl SpanMetric for SpanPrecisionConfig {
    fn settings(&self) -> (SpanAverage, bool) {
        (self.average, self.strict)
    }

    fn score_of(&self, tally: &ClassCounts) -> f64 {
        ratio(tally.correct, tally.predicted)
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
        // precision_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_precision", json!({}));
        assert_score(&usual, &spans(TagScheme::Io), 0.5781544256120528);
        assert_score(&usual, &spans(TagScheme::Bio), 0.734338747099768);
        assert_score(&usual, &spans(TagScheme::Bioes), 0.7536800785083415);
        assert_score(&metric("span_precision", json!("macro")), &spans(TagScheme::Bio), 0.7343824023429089);
    }

    #[test]
    fn strict_as_the_reference() {
        // precision_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_precision", json!({"strict": true}));
        assert_score(&strict, &spans(TagScheme::Bio), 0.7256637168141593);
        assert_score(&strict, &spans(TagScheme::Bioes), 0.7777777777777778);
        assert_eq!(strict.label(), "span_precision_strict");
    }
}
