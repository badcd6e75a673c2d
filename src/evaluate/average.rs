//! How several values become one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evaluate::decision::{Decisions, Tally};

/// How classes' or labels' scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// The positive class for binary tasks, `macro` for others.
    #[default]
    Auto,
    /// All decisions in one pot.
    Micro,
    /// Each class or label counts alike.
    Macro,
}

impl Average {
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
pub fn averaged(decisions: &[Decisions], average: Average, of: impl Fn(&Tally) -> f64) -> Option<f64> {
    let columns: Vec<Vec<Tally>> = decisions.iter().map(Decisions::tally).collect();
    let counted: Vec<Tally> = match columns.as_slice() {
        [column] if !decisions[0].presence || average != Average::Auto => column.clone(),
        // Of a label, and of a binary task, only the presence is of interest.
        _ => columns.iter().map(|column| column[1]).collect(),
    };
    pooled(&counted, average == Average::Micro, of)
}

/// One number from tallies: of all in one pot, or the mean of each one's own. Absent ones are left out.
pub fn pooled(tallies: &[Tally], in_one_pot: bool, of: impl Fn(&Tally) -> f64) -> Option<f64> {
    if !in_one_pot {
        return mean(tallies.iter().map(|tally| (!tally.is_absent()).then(|| of(tally))));
    }
    let pot = tallies.iter().fold(Tally::default(), |pot, tally| Tally {
        right: pot.right + tally.right,
        truth: pot.truth + tally.truth,
        decided: pot.decided + tally.decided,
    });
    (!pot.is_absent()).then(|| of(&pot))
}

/// The mean of the defined values; `None` when there is none.
pub fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
