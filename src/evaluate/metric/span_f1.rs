//! The metric `span_f1`: see [`SpanF1Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::evaluate::average::SpanAverage;
use crate::evaluate::decision::{ClassCounts, share};
use crate::evaluate::metric::span_metric::SpanMetric;

/// How well spans that tags mark are found: the harmonic mean of the share of spans answered that are true
/// (kind, first and last step), and of true ones that are answered.
///
/// 2 right / (true + decided) over all rows. As `seqeval.metrics.f1_score`, which reads spans as conlleval
/// does; `strict` as its `mode="strict"`.
///
/// ```yaml
/// metrics: [{span_f1: {average: macro}}]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanF1Config {
    /// micro (default), or macro: every kind of span counts alike.
    #[serde(default)]
    pub average: SpanAverage,
    /// Count only spans whose tags keep to the scheme? Default false.
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

    fn share(&self, tally: &ClassCounts) -> f64 {
        share(2 * tally.right, tally.truth + tally.decided)
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
        // f1_score(*spans("io")), "bio", "bioes"; "bio", average="macro"
        let usual = metric("span_f1", json!({}));
        agrees(&usual, &spans(TagScheme::Io), 0.6019607843137256);
        agrees(&usual, &spans(TagScheme::Bio), 0.7080536912751678);
        agrees(&usual, &spans(TagScheme::Bioes), 0.7293447293447294);
        agrees(&metric("span_f1", json!("macro")), &spans(TagScheme::Bio), 0.708072871049273);
    }

    #[test]
    fn strict_as_the_reference() {
        // f1_score(*spans("bio"), mode="strict", scheme=IOB2), "bioes" with IOBES
        let strict = metric("span_f1", json!({"strict": true}));
        agrees(&strict, &spans(TagScheme::Bio), 0.722466960352423);
        agrees(&strict, &spans(TagScheme::Bioes), 0.7529880478087649);
        assert_eq!(strict.label(), "span_f1_strict");
    }

    #[test]
    fn without_a_scheme_there_are_no_spans() {
        let case = spans(TagScheme::None);
        assert_eq!(metric("span_f1", json!({})).view().score(&case.view()), None);
    }
}
