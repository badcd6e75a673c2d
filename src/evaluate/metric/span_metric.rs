//! The common part of the span metrics, which differ only in the score of their counts.

use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{SpanAverage, micro_or_macro};
use crate::evaluate::decision::ClassCounts;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::span::tally;

/// A metric of the spans that tags mark.
pub trait SpanMetric: Send + Sync {
    /// The average over kinds of spans, and whether only spans whose tags follow the scheme count.
    fn settings(&self) -> (SpanAverage, bool);

    /// The score of the counts.
    fn score_of(&self, tally: &ClassCounts) -> f64;
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

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let (average, strict) = self.settings();
        let tallies = tally(answers, strict)?;
        micro_or_macro(&tallies, average == SpanAverage::Micro, |tally| self.score_of(tally))
    }
}
