//! How several values become one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evaluate::decision::{ClassCounts, ClassDecisions};

/// How classes' or labels' scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassAverage {
    /// The positive class for binary tasks, `macro` for others.
    #[default]
    Auto,
    /// All decisions in one pot.
    Micro,
    /// Each class or label counts alike.
    Macro,
}

impl ClassAverage {
    /// What it adds to a metric's name: nothing when it is the default.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Micro => Some("micro"),
            Self::Macro => Some("macro"),
        }
    }
}

/// How the scores of kinds of spans become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpanAverage {
    /// All spans in one pot.
    #[default]
    Micro,
    /// Each kind of span counts alike.
    Macro,
}

impl SpanAverage {
    /// What it and strictness add to a metric's name.
    pub fn variant(self, strict: bool) -> Option<String> {
        let average = (self == Self::Macro).then_some("macro");
        let words: Vec<&str> = average.into_iter().chain(strict.then_some("strict")).collect();
        (!words.is_empty()).then(|| words.join("_"))
    }
}

/// One number from decisions: `of` says a tally's value, `average` how values become one.
///
/// Classes and labels that are neither true nor decided anywhere are left out; when nothing is
/// left, there is no value. Binary tasks give the positive class's value unless an average is
/// asked for.
pub fn averaged(
    decisions: &[ClassDecisions],
    average: ClassAverage,
    of: impl Fn(&ClassCounts) -> f64,
) -> Option<f64> {
    let columns: Vec<Vec<ClassCounts>> = decisions.iter().map(ClassDecisions::tally).collect();
    let counted: Vec<ClassCounts> = match columns.as_slice() {
        [column] if !decisions[0].presence || average != ClassAverage::Auto => column.clone(),
        // Of a label, and of a binary task, only the presence is of interest.
        _ => columns.iter().map(|column| column[1]).collect(),
    };
    pooled(&counted, average == ClassAverage::Micro, of)
}

/// One number from tallies: of all in one pot, or the mean of each one's own. Absent ones are left out.
pub fn pooled(tallies: &[ClassCounts], in_one_pot: bool, of: impl Fn(&ClassCounts) -> f64) -> Option<f64> {
    if !in_one_pot {
        return mean(tallies.iter().map(|tally| (!tally.is_absent()).then(|| of(tally))));
    }
    let total = tallies.iter().fold(ClassCounts::default(), |total, tally| ClassCounts {
        right: total.right + tally.right,
        truth: total.truth + tally.truth,
        decided: total.decided + tally.decided,
    });
    (!total.is_absent()).then(|| of(&total))
}

/// The mean of the defined values; `None` when there is none.
pub fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
