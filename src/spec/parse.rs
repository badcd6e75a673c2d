//! Text becomes words: every problem is noted, its node pruned, and the rest read again.

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

/// More problems than a person fixes at once.
const MOST_PROBLEMS: usize = 50;

/// Reads a pipeline, or gives everything that is wrong with it in the order of the file.
pub fn read(
    text: &str,
    file: &std::path::Path,
    overrides: &[SettingOverride],
) -> Result<(PipelineConfig, PipelineText), Vec<Diagnostic>> {
    let source = PipelineText::new(text.as_bytes(), file, overrides);
    let pipeline = read_source(&source)?;
    Ok((pipeline, source))
}

/// As [`read`], for bytes of any kind; the source stays at hand to show what is wrong.
pub fn read_source(source: &PipelineText) -> Result<PipelineConfig, Vec<Diagnostic>> {
    let (mut root, mut diagnostics) = tree(source).map_err(|diagnostic| vec![diagnostic])?;
    for change in source.overrides() {
        diagnostics.extend(change.apply(&mut root).err());
    }
    let mut reading = PipelineParser { root, found: diagnostics, pruned: Vec::new(), stubs: Vec::new() };
    let pipeline = reading.read();
    match pipeline {
        Some(pipeline) if reading.found.is_empty() => Ok(pipeline),
        _ => {
            let mut diagnostics = reading.found;
            source.sort(&mut diagnostics);
            Err(diagnostics)
        }
    }
}

/// A tree that is not a file's own: a pipeline with some settings changed.
pub(crate) fn read_node(root: Node) -> Result<PipelineConfig, Vec<Diagnostic>> {
    let mut reading = PipelineParser { root, found: Vec::new(), pruned: Vec::new(), stubs: Vec::new() };
    match reading.read() {
        Some(pipeline) if reading.found.is_empty() => Ok(pipeline),
        _ => Err(reading.found),
    }
}

/// The file as a tree of maps, or why it cannot be one.
fn tree(source: &PipelineText) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    let whole = |code, message: String| Diagnostic::error(code, Path::root(), message);
    if source.bytes() > yaml::LARGEST {
        let megabytes = source.bytes() as f64 / 1e6;
        return Err(whole(
            "file-too-large",
            format!("the file has {megabytes:.1} MB: too much for a pipeline"),
        )
        .help("a pipeline has at most 1 MB; data belongs in the files its `data` section names"));
    }
    if !source.is_utf8() {
        return Err(whole("not-utf8", "the file is not UTF-8 text".to_owned())
            .help("save it as UTF-8 (without UTF-16 or Latin-1 letters)"));
    }
    let (root, notes) = yaml::parse(source.text())?;
    match root {
        Node::Map(_) => Ok((root, notes)),
        Node::Null => Err(whole("empty-file", "the file is empty".to_owned()).help(
            "a pipeline has at least the sections `data`, `inputs` and `tasks`; `mtl init` writes one",
        )),
        other => Err(whole("not-a-map", format!("the file is {}, not a map of sections", other.describe()))
            .help("a pipeline begins with sections such as `data:`, `inputs:` and `tasks:`")),
    }
}

/// A tree on its way to being words.
struct PipelineParser {
    root: Node,
    found: Vec<Diagnostic>,
    /// What was taken out, so that its absence is not reported as well.
    pruned: Vec<Path>,
    /// Values that stand in for missing ones, only to see what else is missing.
    stubs: Vec<ErrorStub>,
}

struct ErrorStub {
    path: Path,
    tried: usize,
    names: &'static [&'static str],
}

impl ErrorStub {
    /// Values of every sort, one of which reads as anything that is not itself a choice with
    /// settings that must be given.
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
    /// Each turn notes one problem or gives up one node, so that the loop ends.
    fn read(&mut self) -> Option<PipelineConfig> {
        for _ in 0..20 * MOST_PROBLEMS {
            match PipelineConfig::deserialize(NodeReader(&self.root)) {
                Ok(pipeline) => return Some(pipeline),
                Err(_) if self.found.len() >= MOST_PROBLEMS => return None,
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
        if let Some(position) = self.stubs.iter().rposition(|stub| path.starts_with(&stub.path)) {
            return self.try_another(position, &problem);
        }
        let caused = match problem.what {
            ProblemKind::MissingKey { key } => self.pruned.iter().any(|gone| is_meant(gone, &path, key)),
            _ => self.pruned.iter().any(|gone| gone.0.len() == path.0.len() + 1 && gone.starts_with(&path)),
        };
        if !caused {
            self.note(&problem);
        }
        match problem.what {
            ProblemKind::MissingKey { key } => self.insert_stub(path.key(key)),
            _ => self.prune(path),
        }
    }

    fn note(&mut self, problem: &Problem) {
        let diagnostic = diagnostic(problem, &self.root);
        self.found.push(diagnostic);
    }

    fn prune(&mut self, path: Path) -> Option<()> {
        let gone = self.root.remove(&path);
        self.pruned.push(path);
        gone.then_some(())
    }

    /// A bare name or nothing becomes a map, so that the stub has a place.
    fn insert_stub(&mut self, path: Path) -> Option<()> {
        let (PathStep::Key(key), parents) = path.0.split_last()? else { return None };
        let parent = self.root.at_mut(&Path(parents.to_vec()))?;
        match parent {
            Node::Map(_) => {}
            Node::Text(name) => {
                let name = name.clone();
                *parent = Node::Map(vec![(name, Node::Map(vec![(key.clone(), Node::Null)]))]);
                let path = Path(parents.to_vec()).key(&name_of(parent)?).key(key);
                self.stubs.push(ErrorStub { path, tried: 0, names: &[] });
                return self.advance(self.stubs.len() - 1);
            }
            other => *other = Node::Map(Vec::new()),
        }
        self.stubs.push(ErrorStub { path, tried: 0, names: &[] });
        self.advance(self.stubs.len() - 1)
    }

    fn try_another(&mut self, position: usize, problem: &Problem) -> Option<()> {
        let stub = &mut self.stubs[position];
        if let (ProblemKind::UnknownName { known, .. }, true) = (&problem.what, stub.path == problem.path()) {
            stub.names = known;
        }
        self.advance(position)
    }

    fn advance(&mut self, position: usize) -> Option<()> {
        let stub = &mut self.stubs[position];
        let path = stub.path.clone();
        let (PathStep::Key(key), parents) = path.0.split_last()? else { return None };
        let parent = Path(parents.to_vec());
        match stub.next() {
            Some(value) => self.root.at_mut(&parent)?.set(key, value).then_some(()),
            None => {
                self.stubs.remove(position);
                self.prune(parent)
            }
        }
    }
}

/// Was this taken out as the key, or as a slip of it? `taks` is reported; that `tasks` is missing is
/// then no news.
fn is_meant(gone: &Path, parent: &Path, key: &str) -> bool {
    match gone.0.split_last() {
        Some((PathStep::Key(diagnostics), steps)) => {
            steps == parent.0
                && (diagnostics == key
                    || nearest(diagnostics, [key]).is_some()
                    || synonym(diagnostics, &[key]).is_some())
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
