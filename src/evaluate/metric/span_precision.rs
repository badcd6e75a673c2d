//! The metric `span_precision`: see [`SpanPrecisionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, share};
use crate::evaluate::metric::span_metric::SpanMetric;

/// Of the spans that answered tags mark, the share that is true: kind, first and last step.
///
/// right / decided over all rows. As `seqeval.metrics.precision_score`, which reads spans as conlleval does;
/// `strict` as its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_precision: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanPrecisionConfig {
    /// micro (default), or macro: every kind of span counts alike.
    #[serde(default)]
    pub average: SpanAverage,
    /// Count only spans whose tags keep to the scheme? Default false.
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

    fn share(&self, tally: &ClassCounts) -> f64 {
        share(tally.right, tally.decided)
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
        // precision_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_precision", json!({}));
        agrees(&usual, &spans(TagScheme::Io), 0.5781544256120528);
        agrees(&usual, &spans(TagScheme::Bio), 0.734338747099768);
        agrees(&usual, &spans(TagScheme::Bioes), 0.7536800785083415);
        agrees(&metric("span_precision", json!("macro")), &spans(TagScheme::Bio), 0.7343824023429089);
    }

    #[test]
    fn strict_as_the_reference() {
        // precision_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_precision", json!({"strict": true}));
        agrees(&strict, &spans(TagScheme::Bio), 0.7256637168141593);
        agrees(&strict, &spans(TagScheme::Bioes), 0.7777777777777778);
        assert_eq!(strict.label(), "span_precision_strict");
    }
}
