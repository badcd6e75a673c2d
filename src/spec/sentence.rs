//! Turns a [`Problem`] into a diagnostic with a message and help.

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::domain::tree::node::Node;
use crate::domain::tree::problem::{Problem, ProblemKind};
use crate::spec::input::ENCODER;
use crate::spec::registry;
use crate::spec::synonym::synonym;

/// Returns the diagnostic of a problem found while deserializing `root`.
pub(crate) fn diagnostic(problem: &Problem, root: &Node) -> Diagnostic {
    let path = problem.path();
    let diagnostic = match &problem.what {
        ProblemKind::UnknownKey { found, known } => unknown_key(&path, found, known),
        ProblemKind::UnknownName { found, known } => unknown_name(&path, found, known),
        ProblemKind::MissingKey { key } => missing_key(&path, key, root),
        ProblemKind::Mismatch { found, expected } => {
            let message = match last_key(&path) {
                Some(key) => format!("`{key}`: found {found}, expected {expected}"),
                None => format!("found {found}, expected {expected}"),
            };
            Diagnostic::error("wrong-value", path, message)
        }
        ProblemKind::Other(message) => Diagnostic::error("wrong-value", path, message.clone()),
    };
    if problem.on_key { diagnostic.on_key() } else { diagnostic }
}

fn unknown_key(path: &Path, found: &str, known: &[&'static str]) -> Diagnostic {
    let parent = Path(path.0[..path.0.len().saturating_sub(1)].to_vec());
    let message = match last_key(&parent) {
        Some(parent) => format!("unknown key `{found}` in `{parent}`"),
        None => format!("unknown section `{found}`"),
    };
    let mut known = known.to_vec();
    if path.0.len() == 4 && path.0[0] == PathStep::Key("inputs".to_owned()) {
        known.push(ENCODER);
    }
    let diagnostic = Diagnostic::error("unknown-key", path.clone(), message);
    match known.is_empty() {
        true => diagnostic.help(format!("`{}` has no settings", last_key(&parent).unwrap_or_default())),
        false => with_hint(diagnostic, found, &known),
    }
}

/// Adds a suggestion: the name that another library uses for a known name, or the most similar known name.
pub(crate) fn with_hint(diagnostic: Diagnostic, name: &str, known: &[&str]) -> Diagnostic {
    match synonym(name, known) {
        Some(help) => diagnostic.help(help),
        None => diagnostic.did_you_mean(name, known.iter().copied()),
    }
}

fn unknown_name(path: &Path, found: &str, known: &'static [&'static str]) -> Diagnostic {
    let message = match (registry::with_names(known), last_key(path)) {
        (Some(registry), _) => format!("unknown {} `{found}`", registry.choice_kind),
        (None, Some(key)) => format!("unknown value `{found}` for `{key}`"),
        (None, None) => format!("unknown value `{found}`"),
    };
    with_hint(Diagnostic::error("unknown-name", path.clone(), message), found, known)
}

fn missing_key(path: &Path, key: &'static str, root: &Node) -> Diagnostic {
    // For a bare name such as `- dense`, `units` is missing in `dense`, not in the list element.
    let (name, bare) = match (root.at(path), last_key(path)) {
        (Some(Node::Text(name)), _) => (Some(name.clone()), true),
        (_, key) => (key, false),
    };
    let Some(name) = name else {
        let help = format!("a pipeline needs at least `data`, `inputs` and `tasks`; add `{key}:`");
        return Diagnostic::error("missing-key", path.clone(), format!("missing section `{key}`")).help(help);
    };
    let message = format!("missing key `{key}` in `{name}`");
    let diagnostic = Diagnostic::error("missing-key", path.clone(), message);
    let diagnostic = if bare { diagnostic } else { diagnostic.on_key() };
    match registry::example(&name, key) {
        Some(example) => diagnostic.help(format!("for example: {example}")),
        None => diagnostic.help(format!("add `{key}: ...`")),
    }
}

/// The last key of a path, without list indices.
fn last_key(path: &Path) -> Option<String> {
    path.0.iter().rev().find_map(|step| match step {
        PathStep::Key(key) => Some(key.clone()),
        PathStep::Index(_) => None,
    })
}
