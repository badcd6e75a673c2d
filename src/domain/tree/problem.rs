//! Deserialization errors as data, so that no error message has to be parsed.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::domain::diagnostic::{Path, PathStep};
use crate::domain::tree::node::quote;

/// Why deserialization failed, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Innermost step first.
    steps: Vec<PathStep>,
    /// Points at the key at the path, not at its value.
    pub on_key: bool,
    pub what: ProblemKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProblemKind {
    UnknownKey { found: String, known: &'static [&'static str] },
    UnknownName { found: String, known: &'static [&'static str] },
    MissingKey { key: &'static str },
    Mismatch { found: String, expected: String },
    Other(String),
}

impl Problem {
    pub fn new(what: ProblemKind) -> Self {
        Self { steps: Vec::new(), on_key: false, what }
    }

    /// Prepends a path step: the problem as seen from the parent node.
    pub fn under(mut self, step: PathStep) -> Self {
        self.steps.push(step);
        self
    }

    /// Prepends a key; if the path was empty, the problem concerns the key itself.
    pub fn with_key(mut self, key: &str) -> Self {
        self.on_key = self.steps.is_empty();
        self.under(PathStep::Key(key.to_owned()))
    }

    pub fn path(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }
}

thread_local! {
    /// serde errors carry only text; the last problem that was converted is kept here.
    static LAST_PROBLEM: RefCell<Option<(String, Problem)>> = const { RefCell::new(None) };
}

/// Converts a problem into the error type of any deserializer.
pub(crate) fn into_serde_error<E: Error>(problem: Problem) -> E {
    let text = problem.to_string();
    LAST_PROBLEM.set(Some((text.clone(), problem)));
    E::custom(text)
}

/// Returns the last problem that was converted into this text.
fn from_serde_error(text: &str) -> Option<Problem> {
    LAST_PROBLEM.take().filter(|(known, _)| known == text).map(|(_, problem)| problem)
}

impl Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        from_serde_error(&text).unwrap_or_else(|| Self::new(ProblemKind::Other(text)))
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(ProblemKind::Mismatch { found: describe(found), expected: describe_expected(expected) })
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let found = if length == 0 { "nothing".to_owned() } else { format!("{length} values") };
        Self::new(ProblemKind::Mismatch { found, expected: describe_expected(expected) })
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(ProblemKind::UnknownName { found: found.to_owned(), known })
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(ProblemKind::UnknownKey { found: found.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(ProblemKind::MissingKey { key })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.what)
    }
}

impl std::error::Error for Problem {}

/// Describes the value that was found, in the words of YAML instead of serde's.
fn describe(found: Unexpected) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => quote(text),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// Describes what was expected, in the words of YAML instead of serde's.
fn describe_expected(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        other => other.to_owned(),
    }
}
