//! Parses a pipeline. Every problem is recorded, its node removed, and the rest parsed again.

use serde::Deserialize;

use crate::domain::diagnostic::{Diagnostic, Path, PathStep, nearest};
use crate::domain::tree::node::{Node, Scalar};
use crate::domain::tree::problem::{Problem, ProblemKind};
use crate::domain::tree::reader::NodeReader;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sentence::diagnostic;
use crate::spec::setting_address::SettingOverride;
use crate::spec::source::PipelineText;
use crate::spec::synonym::synonym;
use crate::spec::yaml;

/// Parsing stops after this many problems.
const MAX_PROBLEMS: usize = 50;

/// Parses a pipeline.
///
/// # Errors
///
/// All problems, in the order of the file.
pub fn read(
    text: &str,
    file: &std::path::Path,
    overrides: &[SettingOverride],
) -> Result<(PipelineConfig, PipelineText), Vec<Diagnostic>> {
    let source = PipelineText::new(text.as_bytes(), file, overrides);
    let pipeline = read_source(&source)?;
    Ok((pipeline, source))
}

/// Like [`read`], for a source that is kept to show the problems.
///
/// # Errors
///
/// All problems, in the order of the file.
pub fn read_source(source: &PipelineText) -> Result<PipelineConfig, Vec<Diagnostic>> {
    let (mut root, mut diagnostics) = tree(source).map_err(|diagnostic| vec![diagnostic])?;
    for change in source.overrides() {
        diagnostics.extend(change.apply(&mut root).err());
    }
    let mut parser = PipelineParser { root, diagnostics, removed: Vec::new(), placeholders: Vec::new() };
    let pipeline = parser.read();
    match pipeline {
        Some(pipeline) if parser.diagnostics.is_empty() => Ok(pipeline),
        _ => {
            let mut diagnostics = parser.diagnostics;
            source.sort(&mut diagnostics);
            Err(diagnostics)
        }
    }
}

/// Parses a tree that is not read from a file: a pipeline with some settings changed.
pub(crate) fn read_node(root: Node) -> Result<PipelineConfig, Vec<Diagnostic>> {
    let mut parser =
        PipelineParser { root, diagnostics: Vec::new(), removed: Vec::new(), placeholders: Vec::new() };
    match parser.read() {
        Some(pipeline) if parser.diagnostics.is_empty() => Ok(pipeline),
        _ => Err(parser.diagnostics),
    }
}

/// The file as a tree, or why it cannot be parsed.
fn tree(source: &PipelineText) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    let file_error = |code, message: String| Diagnostic::error(code, Path::root(), message);
    if source.bytes() > yaml::MAX_BYTES {
        let megabytes = source.bytes() as f64 / 1e6;
        return Err(file_error(
            "file-too-large",
            format!("the file has {megabytes:.1} MB; the limit for a pipeline is 1 MB"),
        )
        .help("put data into files and name them in the `data` section"));
    }
    if !source.is_utf8() {
        return Err(file_error("not-utf8", "the file is not UTF-8 text".to_owned())
            .help("save it as UTF-8 (not as UTF-16 or Latin-1)"));
    }
    let (root, notes) = yaml::parse(source.text())?;
    match root {
        Node::Map(_) => Ok((root, notes)),
        Node::Null => Err(file_error("empty-file", "the file is empty".to_owned()).help(
            "a pipeline needs at least the sections `data`, `inputs` and `tasks`; `mtl init DATA` writes one",
        )),
        other => {
            let message = format!(
                "the top level is {}; expected a map with `data`, `inputs` and `tasks`",
                other.describe()
            );
            Err(file_error("not-a-map", message).help("`mtl init DATA` writes a first pipeline"))
        }
    }
}

/// A tree that is being deserialized.
struct PipelineParser {
    root: Node,
    diagnostics: Vec<Diagnostic>,
    /// Removed nodes, whose absence is not reported again.
    removed: Vec<Path>,
    /// Values inserted for missing ones, to find out what else is missing.
    placeholders: Vec<Placeholder>,
}

struct Placeholder {
    path: Path,
    tried: usize,
    names: &'static [&'static str],
}

impl Placeholder {
    /// Returns the next value to try. One of them deserializes as any type except a choice with required
    /// settings.
    fn next(&mut self) -> Option<Node> {
        let unsigned = Node::Scalar { value: Scalar::Unsigned(1), text: "1".to_owned() };
        let half = Node::Scalar { value: Scalar::Float(0.5), text: "0.5".to_owned() };
        let plain =
            [Node::Text("x".to_owned()), unsigned, half, Node::Map(Vec::new()), Node::List(Vec::new())];
        let named = self.names.iter().map(|name| Node::Text((*name).to_owned()));
        let next = plain.into_iter().chain(named).nth(self.tried);
        self.tried += 1;
        next
    }
}

impl PipelineParser {
    /// Deserializes until it succeeds. Each iteration records a problem or removes a node, so the loop ends.
    fn read(&mut self) -> Option<PipelineConfig> {
        for _ in 0..20 * MAX_PROBLEMS {
            match PipelineConfig::deserialize(NodeReader(&self.root)) {
                Ok(pipeline) => return Some(pipeline),
                Err(_) if self.diagnostics.len() >= MAX_PROBLEMS => return None,
                Err(problem)
                    if problem.path().0.is_empty()
                        && !matches!(problem.what, ProblemKind::MissingKey { .. }) =>
                {
                    self.note(&problem);
                    return None;
                }
                Err(problem) => self.recover(problem)?,
            }
        }
        None
    }

    fn recover(&mut self, problem: Problem) -> Option<()> {
        let path = problem.path();
        if let Some(position) = self.placeholders.iter().rposition(|one| path.starts_with(&one.path)) {
            return self.try_another(position, &problem);
        }
        let is_consequence = match problem.what {
            ProblemKind::MissingKey { key } => self.removed.iter().any(|gone| is_meant(gone, &path, key)),
            _ => self.removed.iter().any(|gone| gone.0.len() == path.0.len() + 1 && gone.starts_with(&path)),
        };
        if !is_consequence {
            self.note(&problem);
        }
        match problem.what {
            ProblemKind::MissingKey { key } => self.insert_placeholder(path.key(key)),
            _ => self.remove(path),
        }
    }

    fn note(&mut self, problem: &Problem) {
        let diagnostic = diagnostic(problem, &self.root);
        self.diagnostics.push(diagnostic);
    }

    fn remove(&mut self, path: Path) -> Option<()> {
        let is_removed = self.root.remove(&path);
        self.removed.push(path);
        is_removed.then_some(())
    }

    /// Inserts a placeholder; a bare name or nothing becomes a map first.
    fn insert_placeholder(&mut self, path: Path) -> Option<()> {
        let (PathStep::Key(key), parents) = path.0.split_last()? else { return None };
        let parent = self.root.at_mut(&Path(parents.to_vec()))?;
        match parent {
            Node::Map(_) => {}
            Node::Text(name) => {
                let name = name.clone();
                *parent = Node::Map(vec![(name, Node::Map(vec![(key.clone(), Node::Null)]))]);
                let path = Path(parents.to_vec()).key(&name_of(parent)?).key(key);
                self.placeholders.push(Placeholder { path, tried: 0, names: &[] });
                return self.advance(self.placeholders.len() - 1);
            }
            other => *other = Node::Map(Vec::new()),
        }
        self.placeholders.push(Placeholder { path, tried: 0, names: &[] });
        self.advance(self.placeholders.len() - 1)
    }

    fn try_another(&mut self, position: usize, problem: &Problem) -> Option<()> {
        let placeholder = &mut self.placeholders[position];
        if let (ProblemKind::UnknownName { known, .. }, true) =
            (&problem.what, placeholder.path == problem.path())
        {
            placeholder.names = known;
        }
        self.advance(position)
    }

    fn advance(&mut self, position: usize) -> Option<()> {
        let placeholder = &mut self.placeholders[position];
        let path = placeholder.path.clone();
        let (PathStep::Key(key), parents) = path.0.split_last()? else { return None };
        let parent = Path(parents.to_vec());
        match placeholder.next() {
            Some(value) => self.root.at_mut(&parent)?.set(key, value).then_some(()),
            None => {
                self.placeholders.remove(position);
                self.remove(parent)
            }
        }
    }
}

/// Is the removed node this key, or a misspelling of it? If `taks` is reported, the missing `tasks` is only a
/// consequence.
fn is_meant(removed: &Path, parent: &Path, key: &str) -> bool {
    match removed.0.split_last() {
        Some((PathStep::Key(removed_key), steps)) => {
            steps == parent.0
                && (removed_key == key
                    || nearest(removed_key, [key]).is_some()
                    || synonym(removed_key, &[key]).is_some())
        }
        _ => false,
    }
}

fn name_of(choice: &Node) -> Option<String> {
    match choice {
        Node::Map(entries) => entries.first().map(|(name, _)| name.clone()),
        _ => None,
    }
}
