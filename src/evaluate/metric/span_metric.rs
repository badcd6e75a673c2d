//! What metrics of spans have in common: all are higher for better taggings, and differ in what share they
//! take.

use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::{SpanAverage, pooled};
use crate::evaluate::decision::ClassCounts;
use crate::evaluate::metric::Metric;
use crate::evaluate::span::tally;

/// A metric of the spans that tags mark.
pub trait SpanMetric: Send + Sync {
    /// How kinds of spans become one, and whether only spans whose tags keep to the scheme count.
    fn settings(&self) -> (SpanAverage, bool);

    /// The score of spans that were told so.
    fn share(&self, tally: &ClassCounts) -> f64;
}

impl<S: SpanMetric> Metric for S {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Tagging
    }

    fn needs_spans(&self) -> bool {
        true
    }

    fn variant(&self) -> Option<String> {
        let (average, strict) = self.settings();
        average.variant(strict)
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        let (average, strict) = self.settings();
        pooled(&tally(answers, strict)?, average == SpanAverage::Micro, |tally| self.share(tally))
    }
}
