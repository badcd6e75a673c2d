//! What is wrong with what the user wrote, as data. `spec::source` gives it a line and a column.

/// One step from the top of a pipeline towards a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(untagged)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// The address of a node in a pipeline, such as `tasks.income.loss` or `trunk[2].dense`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Path(pub Vec<Step>);

impl Path {
    pub fn root() -> Self {
        Self::default()
    }

    /// `Path::of("tasks")`
    pub fn of(key: &str) -> Self {
        Self::root().key(key)
    }

    /// This path, one key deeper.
    pub fn key(&self, key: impl ToString) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_string()));
        Self(steps)
    }

    /// This path, one list element deeper.
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    pub fn starts_with(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// One problem: where, what was found, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// A stable name such as `unknown-key` or `target-is-input`, for scripts and the docs.
    pub code: &'static str,
    pub severity: Severity,
    pub path: Path,
    /// One sentence: what was found and why it cannot be.
    pub message: String,
    /// What was expected, or the nearest valid name.
    pub help: Option<String>,
    /// The key at `path` is meant, not its value: an unknown key, a wrong name of a choice.
    #[serde(skip)]
    pub on_key: bool,
}

impl Diagnostic {
    pub fn error(code: &'static str, path: Path, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, path, message: message.into(), help: None, on_key: false }
    }

    pub fn warning(code: &'static str, path: Path, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn on_key(mut self) -> Self {
        self.on_key = true;
        self
    }

    /// Adds "did you mean `nearest`?" when a known name is near, else the list of known names.
    pub fn did_you_mean<'a>(self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(found, known.iter().copied()) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known: {}", known.join(", "))),
        }
    }
}

/// The known name a person most likely meant, when one is near enough to be worth saying.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = found.to_lowercase();
    // A slip or two of the finger, or the same beginning.
    let slips = (lower.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, name)| {
            *likeness > 0.88 || strsim::damerau_levenshtein(&lower, &name.to_lowercase()) <= slips
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
