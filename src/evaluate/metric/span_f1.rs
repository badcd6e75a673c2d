//! The metric `span_f1`: see [`SpanF1Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, ratio};
use crate::evaluate::metric::span_metric::SpanMetric;

/// F1 score of the spans that tags mark. A predicted span is correct if its kind, first and last step are.
///
/// F1 = 2 TP / (2 TP + FP + FN) over all rows. As `seqeval.metrics.f1_score`, which reads spans like
/// conlleval; `strict` is its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_f1: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanF1Config {
    /// micro (default), or macro: the unweighted mean over kinds of spans.
    #[serde(default)]
    pub average: SpanAverage,
    /// Whether to count only spans whose tags follow the scheme. Default false.
    #[serde(default)]
    pub strict: bool,
}

impl Settings for SpanF1Config {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{span_f1: {average: macro}}";
}

impl SpanMetric for SpanF1Config {
    fn settings(&self) -> (SpanAverage, bool) {
        (self.average, self.strict)
    }

    fn score_of(&self, tally: &ClassCounts) -> f64 {
        ratio(2 * tally.correct, tally.actual + tally.predicted)
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
        // f1_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_f1", json!({}));
        assert_score(&usual, &spans(TagScheme::Io), 0.6019607843137256);
        assert_score(&usual, &spans(TagScheme::Bio), 0.7080536912751678);
        assert_score(&usual, &spans(TagScheme::Bioes), 0.7293447293447294);
        assert_score(&metric("span_f1", json!("macro")), &spans(TagScheme::Bio), 0.708072871049273);
    }

    #[test]
    fn strict_as_the_reference() {
        // f1_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_f1", json!({"strict": true}));
        assert_score(&strict, &spans(TagScheme::Bio), 0.722466960352423);
        assert_score(&strict, &spans(TagScheme::Bioes), 0.7529880478087649);
        assert_eq!(strict.label(), "span_f1_strict");
    }

    #[test]
    fn without_a_scheme_there_are_no_spans() {
        let case = spans(TagScheme::None);
        assert_eq!(metric("span_f1", json!({})).view().score(&case.view()), None);
    }
}
