//! Problems with the user's pipeline, as data. `spec::source` adds line and column.

/// One step of a path into a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(untagged)]
pub enum PathStep {
    /// A key of a mapping.
    Key(String),
    /// A position in a list, from 0.
    Index(usize),
}

/// The path of a node in a pipeline, such as `tasks.income.loss` or `trunk[2].dense`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Path(pub Vec<PathStep>);

impl Path {
    /// The path of the whole pipeline.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a top-level key.
    pub fn from_key(key: &str) -> Self {
        Self::root().key(key)
    }

    /// Returns this path extended by a key.
    pub fn key(&self, key: impl ToString) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Key(key.to_string()));
        Self(steps)
    }

    /// Returns this path extended by a list index.
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Index(index));
        Self(steps)
    }

    /// Whether this is `other` or below it.
    pub fn starts_with(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if position == 0 => write!(f, "{key}")?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a pipeline with this problem can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// The pipeline runs, perhaps not as intended.
    Warning,
}

/// One problem: where, what was found, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// A stable identifier such as `unknown-key` or `target-is-input`, for scripts and the docs.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The setting to change.
    pub path: Path,
    /// One sentence: what was found and why it is invalid.
    pub message: String,
    /// What was expected, or the nearest valid name.
    pub help: Option<String>,
    /// Points at the key at `path`, not at its value: an unknown key, an unknown name of a choice.
    #[serde(skip)]
    pub on_key: bool,
}

impl Diagnostic {
    /// An error at the value of `path`.
    pub fn error(code: &'static str, path: Path, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, path, message: message.into(), help: None, on_key: false }
    }

    /// A warning at the value of `path`.
    pub fn warning(code: &'static str, path: Path, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// Adds what to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at the key instead of the value.
    pub fn on_key(mut self) -> Self {
        self.on_key = true;
        self
    }

    /// Adds "did you mean `nearest`?" if a known name is similar, else the list of known names.
    pub fn did_you_mean<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match suggestion(name, &known) {
            Some(help) => self.help(help),
            None => self,
        }
    }
}

/// Diagnostics of one code that are shown in full; the rest are counted.
const MAX_SHOWN_PER_CODE: usize = 10;

/// One entry of an abbreviated list of diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiagnosticList<'a> {
    /// Shown in full; `help` is false if the same help has already been shown.
    Whole {
        /// The diagnostic.
        diagnostic: &'a Diagnostic,
        /// Whether its help is shown: once per kind of problem.
        help: bool,
    },
    /// Further diagnostics of the same code, with their paths.
    More {
        /// Error or warning.
        severity: Severity,
        /// Their common code.
        code: &'static str,
        /// Their settings.
        places: Vec<&'a Path>,
    },
}

impl DiagnosticList<'_> {
    /// The sentence that summarizes the omitted diagnostics.
    pub fn summary(code: &str, paths: &[&Path]) -> String {
        let mut seen = std::collections::HashSet::new();
        let places = paths.iter().filter(|path| seen.insert(**path)).map(ToString::to_string);
        let mut names: Vec<String> = places.filter(|path| !path.is_empty()).collect();
        let rest = names.len().saturating_sub(3);
        names.truncate(3);
        let at = match (names.is_empty(), rest) {
            (true, _) => String::new(),
            (false, 0) => format!(", at {}", names.join(", ")),
            (false, 1) => format!(", at {} and one more place", names.join(", ")),
            (false, rest) => format!(", at {} and {rest} more places", names.join(", ")),
        };
        format!("and {} more like this ({code}){at}", paths.len())
    }
}

/// Abbreviates to at most ten diagnostics per code, in order, followed by the number of further ones. Help
/// that more than three diagnostics of a code share is shown once.
pub fn abbreviate(diagnostics: &[Diagnostic]) -> Vec<DiagnosticList<'_>> {
    let mut out: Vec<DiagnosticList<'_>> = Vec::new();
    for diagnostic in diagnostics {
        let same_code =
            |other: &Diagnostic| other.code == diagnostic.code && other.severity == diagnostic.severity;
        let before = || {
            out.iter().filter_map(|one| match one {
                DiagnosticList::Whole { diagnostic, .. } if same_code(diagnostic) => Some(*diagnostic),
                _ => None,
            })
        };
        if before().count() < MAX_SHOWN_PER_CODE {
            let same = diagnostics.iter().filter(|other| same_code(other) && other.help == diagnostic.help);
            let help = same.count() <= 3 || before().all(|other| other.help != diagnostic.help);
            out.push(DiagnosticList::Whole { diagnostic, help });
            continue;
        }
        let more = out.iter_mut().find_map(|one| match one {
            DiagnosticList::More { severity, code, places: paths }
                if *code == diagnostic.code && *severity == diagnostic.severity =>
            {
                Some(paths)
            }
            _ => None,
        });
        match more {
            Some(paths) => paths.push(&diagnostic.path),
            None => out.push(DiagnosticList::More {
                severity: diagnostic.severity,
                code: diagnostic.code,
                places: vec![&diagnostic.path],
            }),
        }
    }
    out
}

/// The known name most similar to `name` as a question, or a list of the known names.
pub fn suggestion(name: &str, known: &[&str]) -> Option<String> {
    match nearest(name, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None if known.len() > MAX_LISTED_NAMES => {
            let near = most_like(name, known, 10);
            Some(format!("the most similar of {} names are {}", known.len(), near.join(", ")))
        }
        None => Some(format!("known: {}", known.join(", "))),
    }
}

/// Up to this many names are listed in full.
const MAX_LISTED_NAMES: usize = 60;

/// The `count` known names most similar to `name`, in the order of `known`.
pub fn most_like<'a>(name: &str, known: &[&'a str], count: usize) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut ranked: Vec<(f64, usize)> = known
        .iter()
        .enumerate()
        .map(|(index, name)| (strsim::jaro_winkler(&lower, &name.to_lowercase()), index))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.truncate(count);
    ranked.sort_by_key(|(_, index)| *index);
    ranked.into_iter().map(|(_, index)| known[index]).collect()
}

/// The known name most similar to `name`, if it is similar enough to suggest.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    // A typo or two, or a common prefix.
    let typos = (lower.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(similarity, name)| {
            *similarity > 0.88 || strsim::damerau_levenshtein(&lower, &name.to_lowercase()) <= typos
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use crate::domain::diagnostic::{Diagnostic, DiagnosticList, Path, abbreviate, most_like, suggestion};

    #[test]
    fn ten_diagnostics_of_a_code_are_shown_and_the_others_counted() {
        let mut all: Vec<Diagnostic> = (0..14)
            .map(|i| {
                Diagnostic::error("unknown-column", Path::from_key("inputs").key(i), "no").help("the same")
            })
            .collect();
        all.insert(12, Diagnostic::error("no-rows", Path::root(), "none").help("the same"));
        all.push(Diagnostic::warning("unknown-column", Path::root(), "no").help("the same"));
        let shown = abbreviate(&all);
        assert_eq!(shown.len(), 13);
        let helps =
            shown.iter().filter(|one| matches!(one, DiagnosticList::Whole { help: true, .. })).count();
        assert_eq!(helps, 3, "one for each code and severity");
        let DiagnosticList::More { code, places: paths, .. } = &shown[10] else { panic!("{:?}", shown[10]) };
        let text = DiagnosticList::summary(code, paths);
        assert_eq!(
            text,
            "and 4 more like this (unknown-column), at inputs.10, inputs.11, inputs.12 and one more place"
        );
    }

    #[test]
    fn of_many_names_the_most_similar_are_listed() {
        let names: Vec<String> = (0..785).map(|i| format!("pixel{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(most_like("pixel7", &names, 1), ["pixel7"]);
        let text = suggestion("label", &names).unwrap();
        assert!(text.starts_with("the most similar of 785 names are") && text.len() < 200, "{text}");
        assert_eq!(suggestion("zebra", &["cat", "dog"]).unwrap(), "known: cat, dog");
        assert_eq!(suggestion("x", &[]), None);
    }
}
