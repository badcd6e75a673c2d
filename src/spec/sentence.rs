//! A [`Problem`] in words a person can act on.

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::domain::tree::node::Node;
use crate::domain::tree::problem::{Problem, ProblemKind};
use crate::spec::input::ENCODER;
use crate::spec::registry;
use crate::spec::synonym::synonym;

/// The diagnostic of a problem met while reading `root`.
pub(crate) fn diagnostic(problem: &Problem, root: &Node) -> Diagnostic {
    let path = problem.path();
    let made = match &problem.what {
        ProblemKind::UnknownKey { found: result, known } => unknown_key(&path, result, known),
        ProblemKind::UnknownName { found: result, known } => unknown_name(&path, result, known),
        ProblemKind::MissingKey { key } => missing_key(&path, key, root),
        ProblemKind::Mismatch { found: result, expected } => {
            let message = match last_key(&path) {
                Some(key) => format!("`{key}`: found {result}, expected {expected}"),
                None => format!("found {result}, expected {expected}"),
            };
            Diagnostic::error("wrong-value", path, message)
        }
        ProblemKind::Other(message) => Diagnostic::error("wrong-value", path, message.clone()),
    };
    if problem.on_key { made.on_key() } else { made }
}

fn unknown_key(path: &Path, result: &str, known: &[&'static str]) -> Diagnostic {
    let inside = Path(path.0[..path.0.len().saturating_sub(1)].to_vec());
    let message = match last_key(&inside) {
        Some(place) => format!("unknown key `{result}` in `{place}`"),
        None => format!("unknown section `{result}`"),
    };
    let mut known = known.to_vec();
    if path.0.len() == 4 && path.0[0] == PathStep::Key("inputs".to_owned()) {
        known.push(ENCODER);
    }
    let diagnostic = Diagnostic::error("unknown-key", path.clone(), message);
    match known.is_empty() {
        true => diagnostic.help(format!("`{}` has no settings", last_key(&inside).unwrap_or_default())),
        false => with_hint(diagnostic, result, &known),
    }
}

/// Adds what was most likely meant: another program's word, or a slip of the finger.
pub(crate) fn with_hint(diagnostic: Diagnostic, result: &str, known: &[&str]) -> Diagnostic {
    match synonym(result, known) {
        Some(help) => diagnostic.help(help),
        None => diagnostic.did_you_mean(result, known.iter().copied()),
    }
}

fn unknown_name(path: &Path, result: &str, known: &'static [&'static str]) -> Diagnostic {
    let message = match (registry::with_names(known), last_key(path)) {
        (Some(registry), _) => format!("unknown {} `{result}`", registry.choice_kind),
        (None, Some(key)) => format!("unknown value `{result}` for `{key}`"),
        (None, None) => format!("unknown value `{result}`"),
    };
    with_hint(Diagnostic::error("unknown-name", path.clone(), message), result, known)
}

fn missing_key(path: &Path, key: &'static str, root: &Node) -> Diagnostic {
    // A bare name stands for its settings: `- dense` lacks units, not the list's element.
    let (name, bare) = match (root.at(path), last_key(path)) {
        (Some(Node::Text(name)), _) => (Some(name.clone()), true),
        (_, key) => (key, false),
    };
    let Some(name) = name else {
        let help = format!("a pipeline has at least `data`, `inputs` and `tasks`; add `{key}:`");
        return Diagnostic::error("missing-key", path.clone(), format!("the section `{key}` is missing"))
            .help(help);
    };
    let diagnostic = Diagnostic::error("missing-key", path.clone(), format!("`{name}` lacks `{key}`"));
    let diagnostic = if bare { diagnostic } else { diagnostic.on_key() };
    match registry::example(&name, key) {
        Some(example) => diagnostic.help(format!("for example: {example}")),
        None => diagnostic.help(format!("add `{key}: ...`")),
    }
}

/// The last key of a path, as a person would name the place.
fn last_key(path: &Path) -> Option<String> {
    path.0.iter().rev().find_map(|step| match step {
        PathStep::Key(key) => Some(key.clone()),
        PathStep::Index(_) => None,
    })
}
