//! Averages over classes, labels and kinds of spans.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evaluate::decision::{ClassCounts, ClassDecisions};

/// How the scores of classes or labels are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassAverage {
    /// The positive class for binary tasks, `macro` for others.
    #[default]
    Auto,
    /// The score of the counts summed over classes or labels.
    Micro,
    /// The unweighted mean over classes or labels.
    Macro,
}

impl ClassAverage {
    /// The suffix of a metric's label; `None` for the default.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Micro => Some("micro"),
            Self::Macro => Some("macro"),
        }
    }
}

/// How the scores of the kinds of spans are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpanAverage {
    /// The score of the counts summed over kinds of spans.
    #[default]
    Micro,
    /// The unweighted mean over kinds of spans.
    Macro,
}

impl SpanAverage {
    /// The suffix of a metric's label for this average and strictness; `None` for the defaults.
    pub fn variant(self, strict: bool) -> Option<String> {
        let average = (self == Self::Macro).then_some("macro");
        let parts: Vec<&str> = average.into_iter().chain(strict.then_some("strict")).collect();
        (!parts.is_empty()).then(|| parts.join("_"))
    }
}

/// Averages the score of each class or label.
///
/// Classes and labels that are neither true nor predicted anywhere are left out; if none is left, the result
/// is `None`. With `Auto`, a binary task has the score of its positive class.
pub fn averaged(
    decisions: &[ClassDecisions],
    average: ClassAverage,
    score: impl Fn(&ClassCounts) -> f64,
) -> Option<f64> {
    let columns: Vec<Vec<ClassCounts>> = decisions.iter().map(ClassDecisions::tally).collect();
    let tallies: Vec<ClassCounts> = match columns.as_slice() {
        [column] if !decisions[0].is_binary || average != ClassAverage::Auto => column.clone(),
        // Only the positive class of a label or of a binary task counts.
        _ => columns.iter().map(|column| column[1]).collect(),
    };
    micro_or_macro(&tallies, average == ClassAverage::Micro, score)
}

/// The score of the summed counts (micro), or the mean of the scores (macro). Absent classes are left out.
pub fn micro_or_macro(
    tallies: &[ClassCounts],
    micro: bool,
    score: impl Fn(&ClassCounts) -> f64,
) -> Option<f64> {
    if !micro {
        return mean(tallies.iter().map(|tally| (!tally.is_absent()).then(|| score(tally))));
    }
    let total = tallies.iter().fold(ClassCounts::default(), |total, tally| ClassCounts {
        correct: total.correct + tally.correct,
        actual: total.actual + tally.actual,
        predicted: total.predicted + tally.predicted,
    });
    (!total.is_absent()).then(|| score(&total))
}

/// The mean of the defined values; `None` if there are none.
pub fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
