//! Text becomes words: every problem is noted, its node pruned, and the rest read again.

use serde::Deserialize;

use crate::domain::diagnostic::{Diagnostic, Path, Step, nearest};
use crate::domain::tree::node::{Node, Scalar};
use crate::domain::tree::problem::{Problem, What};
use crate::domain::tree::reader::Reader;
use crate::spec::address::Override;
use crate::spec::pipeline::PipelineSpec;
use crate::spec::sentence::diagnostic;
use crate::spec::source::Source;
use crate::spec::synonym::synonym;
use crate::spec::yaml;

/// More problems than a person fixes at once.
const MOST_PROBLEMS: usize = 50;

/// Reads a pipeline, or gives everything that is wrong with it in the order of the file.
pub fn read(
    text: &str,
    file: &std::path::Path,
    overrides: &[Override],
) -> Result<(PipelineSpec, Source), Vec<Diagnostic>> {
    let source = Source::new(text.as_bytes(), file, overrides);
    let pipeline = read_source(&source)?;
    Ok((pipeline, source))
}

/// As [`read`], for bytes of any kind; the source stays at hand to show what is wrong.
pub fn read_source(source: &Source) -> Result<PipelineSpec, Vec<Diagnostic>> {
    let (mut root, mut found) = tree(source).map_err(|diagnostic| vec![diagnostic])?;
    for change in source.overrides() {
        found.extend(change.apply(&mut root).err());
    }
    let mut reading = Reading { root, found, pruned: Vec::new(), stubs: Vec::new() };
    let pipeline = reading.read();
    match pipeline {
        Some(pipeline) if reading.found.is_empty() => Ok(pipeline),
        _ => {
            let mut found = reading.found;
            source.sort(&mut found);
            Err(found)
        }
    }
}

/// A tree that is not a file's own: a pipeline with some settings changed.
pub(crate) fn read_node(root: Node) -> Result<PipelineSpec, Vec<Diagnostic>> {
    let mut reading = Reading { root, found: Vec::new(), pruned: Vec::new(), stubs: Vec::new() };
    match reading.read() {
        Some(pipeline) if reading.found.is_empty() => Ok(pipeline),
        _ => Err(reading.found),
    }
}

/// The file as a tree of maps, or why it cannot be one.
fn tree(source: &Source) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
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
struct Reading {
    root: Node,
    found: Vec<Diagnostic>,
    /// What was taken out, so that its absence is not reported as well.
    pruned: Vec<Path>,
    /// Values that stand in for missing ones, only to see what else is missing.
    stubs: Vec<Stub>,
}

struct Stub {
    path: Path,
    tried: usize,
    names: &'static [&'static str],
}

impl Stub {
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

impl Reading {
    /// Each turn notes one problem or gives up one node, so that the loop ends.
    fn read(&mut self) -> Option<PipelineSpec> {
        for _ in 0..20 * MOST_PROBLEMS {
            match PipelineSpec::deserialize(Reader(&self.root)) {
                Ok(pipeline) => return Some(pipeline),
                Err(_) if self.found.len() >= MOST_PROBLEMS => return None,
                Err(problem)
                    if problem.path().0.is_empty() && !matches!(problem.what, What::MissingKey { .. }) =>
                {
                    self.note(&problem);
                    return None;
                }
                Err(problem) => self.mend(problem)?,
            }
        }
        None
    }

    fn mend(&mut self, problem: Problem) -> Option<()> {
        let path = problem.path();
        if let Some(position) = self.stubs.iter().rposition(|stub| path.starts_with(&stub.path)) {
            return self.try_another(position, &problem);
        }
        let caused = match problem.what {
            What::MissingKey { key } => self.pruned.iter().any(|gone| is_meant(gone, &path, key)),
            _ => self.pruned.iter().any(|gone| gone.0.len() == path.0.len() + 1 && gone.starts_with(&path)),
        };
        if !caused {
            self.note(&problem);
        }
        match problem.what {
            What::MissingKey { key } => self.stand_in(path.key(key)),
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
    fn stand_in(&mut self, path: Path) -> Option<()> {
        let (Step::Key(key), parents) = path.0.split_last()? else { return None };
        let parent = self.root.at_mut(&Path(parents.to_vec()))?;
        match parent {
            Node::Map(_) => {}
            Node::Text(name) => {
                let name = name.clone();
                *parent = Node::Map(vec![(name, Node::Map(vec![(key.clone(), Node::Null)]))]);
                let path = Path(parents.to_vec()).key(&name_of(parent)?).key(key);
                self.stubs.push(Stub { path, tried: 0, names: &[] });
                return self.advance(self.stubs.len() - 1);
            }
            other => *other = Node::Map(Vec::new()),
        }
        self.stubs.push(Stub { path, tried: 0, names: &[] });
        self.advance(self.stubs.len() - 1)
    }

    fn try_another(&mut self, position: usize, problem: &Problem) -> Option<()> {
        let stub = &mut self.stubs[position];
        if let (What::UnknownName { known, .. }, true) = (&problem.what, stub.path == problem.path()) {
            stub.names = known;
        }
        self.advance(position)
    }

    fn advance(&mut self, position: usize) -> Option<()> {
        let stub = &mut self.stubs[position];
        let path = stub.path.clone();
        let (Step::Key(key), parents) = path.0.split_last()? else { return None };
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
        Some((Step::Key(found), steps)) => {
            steps == parent.0
                && (found == key || nearest(found, [key]).is_some() || synonym(found, &[key]).is_some())
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
