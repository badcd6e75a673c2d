//! What serde says when a node does not read, kept as data: no sentence is ever parsed.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::domain::diagnostic::{Path, PathStep};
use crate::domain::tree::node::quote;

/// Why reading stopped, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Innermost step first.
    steps: Vec<PathStep>,
    /// The key at the path is meant, not its value.
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

    /// The same problem seen from one node further out.
    pub fn under(mut self, step: PathStep) -> Self {
        self.steps.push(step);
        self
    }

    /// A problem with the key itself.
    pub fn with_key(mut self, key: &str) -> Self {
        self.on_key = self.steps.is_empty();
        self.under(PathStep::Key(key.to_owned()))
    }

    pub fn path(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }
}

thread_local! {
    /// An error of serde carries text alone; what else is known of the last one travels here.
    static CARRIED: RefCell<Option<(String, Problem)>> = const { RefCell::new(None) };
}

/// A problem as any reader's error.
pub(crate) fn into_serde_error<E: Error>(problem: Problem) -> E {
    let text = problem.to_string();
    CARRIED.set(Some((text.clone(), problem)));
    E::custom(text)
}

/// The problem that was made into this text last.
fn from_serde_error(text: &str) -> Option<Problem> {
    CARRIED.take().filter(|(known, _)| known == text).map(|(_, problem)| problem)
}

impl Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        from_serde_error(&text).unwrap_or_else(|| Self::new(ProblemKind::Other(text)))
    }

    fn invalid_type(result: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(ProblemKind::Mismatch { found: describe(result), expected: plain(expected) })
    }

    fn invalid_value(result: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(result, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let result = if length == 0 { "nothing".to_owned() } else { format!("{length} values") };
        Self::new(ProblemKind::Mismatch { found: result, expected: plain(expected) })
    }

    fn unknown_variant(result: &str, known: &'static [&'static str]) -> Self {
        Self::new(ProblemKind::UnknownName { found: result.to_owned(), known })
    }

    fn unknown_field(result: &str, known: &'static [&'static str]) -> Self {
        Self::new(ProblemKind::UnknownKey { found: result.to_owned(), known })
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

/// Without serde's words for things.
fn describe(result: Unexpected) -> String {
    match result {
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

/// What was expected, without serde's words for types.
fn plain(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        other => other.to_owned(),
    }
}
