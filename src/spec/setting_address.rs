//! `--set path=value`: changes one value of the parsed file before it is validated.

use crate::domain::diagnostic::{Diagnostic, Path, PathStep, nearest};
use crate::domain::tree::node::Node;
use crate::spec::registry::REGISTRIES;
use crate::spec::yaml;

/// One `--set` argument.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingOverride {
    argument: String,
    path: Path,
    value: Node,
}

/// Sections whose keys are chosen by the user.
const USER_NAMED: [&str; 3] = ["data", "inputs", "tasks"];

impl SettingOverride {
    /// Parses `train.optimizer.adamw.rate=0.001`, `trunk[0].dense.units=64` or
    /// `inputs."capital gain".standardize.missing=zero`; the value is YAML.
    ///
    /// # Errors
    ///
    /// If the path or the value is invalid.
    pub fn parse(argument: &str) -> Result<Self, Diagnostic> {
        let refuse = |message: String| {
            Diagnostic::error("bad-override", Path::root(), format!("`--set {argument}`: {message}"))
                .help("write path=value, for example train.epochs=5 or trunk[0].dense.units=64")
        };
        let (address, value) = split(argument).ok_or_else(|| refuse("`=` is missing".to_owned()))?;
        let path = parse_path(address.trim()).map_err(&refuse)?;
        let (value, notes) = yaml::parse(value).map_err(|diagnostic| refuse(diagnostic.message))?;
        match notes.into_iter().next() {
            Some(note) => Err(refuse(note.message)),
            None => Ok(Self { argument: argument.to_owned(), path, value }),
        }
    }

    /// A change that is written in the file: a choice of a sweep.
    pub(crate) fn at(address: &str, value: Node) -> Result<Self, String> {
        Ok(Self { argument: address.to_owned(), path: parse_path(address)?, value })
    }

    /// The argument as typed, without `--set`.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// The path that is set.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the value in the tree; missing maps on the path are created.
    pub(crate) fn apply(&self, root: &mut Node) -> Result<(), Diagnostic> {
        let Some((last, parents)) = self.path.0.split_last() else { return Ok(()) };
        let mut node = root;
        let mut here = Path::root();
        for (position, step) in parents.iter().enumerate() {
            self.require_same_choice(node, &here, step)?;
            expand_short_form(node, &here, step);
            let next = match step {
                PathStep::Key(key) => here.key(key),
                PathStep::Index(index) => here.index(*index),
            };
            if node.child(step).is_none() {
                if matches!(self.path.0.get(position + 1), Some(PathStep::Index(_))) {
                    // An index needs an existing list.
                    return Err(self.unknown(&next));
                }
                self.require_creatable(node, &here, step, position)?;
                if let PathStep::Key(key) = step {
                    node.set(key, Node::Map(Vec::new()));
                }
            }
            node = node.child_mut(step).ok_or_else(|| self.unknown(&next))?;
            here = next;
        }
        self.require_same_choice(node, &here, last)?;
        expand_short_form(node, &here, last);
        match last {
            PathStep::Key(key) => node.set(key, self.value.clone()).then_some(()),
            PathStep::Index(_) => node.child_mut(last).map(|old| *old = self.value.clone()),
        }
        .ok_or_else(|| self.mismatch(node, &here, last))
    }

    /// Sections and settings may be missing in the file; tables, inputs and tasks must exist.
    fn require_creatable(
        &self,
        node: &Node,
        here: &Path,
        step: &PathStep,
        position: usize,
    ) -> Result<(), Diagnostic> {
        match (node, step, here.0.first()) {
            (Node::Map(entries), PathStep::Key(key), Some(PathStep::Key(section)))
                if position == 1 && USER_NAMED.contains(&section.as_str()) =>
            {
                let known: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!("no `{key}` in `{section}`");
                let diagnostic = Diagnostic::error("unknown-address", self.path.clone(), message);
                Err(match nearest(key, known.iter().copied()) {
                    Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                    None => diagnostic.did_you_mean(key, known),
                })
            }
            (Node::Map(_), PathStep::Key(_), _) => Ok(()),
            _ => Err(self.mismatch(node, here, step)),
        }
    }

    /// Refuses `train.optimizer.adamw.rate` if the file says `sgd`: a setting does not change the choice.
    fn require_same_choice(&self, node: &Node, here: &Path, step: &PathStep) -> Result<(), Diagnostic> {
        let chosen = match node {
            Node::Text(name) => name,
            Node::Map(entries) if entries.len() == 1 => &entries[0].0,
            _ => return Ok(()),
        };
        let PathStep::Key(key) = step else { return Ok(()) };
        let are_alternatives = |name: &String| {
            REGISTRIES.iter().any(|registry| {
                registry.names().contains(&name.as_str()) && registry.names().contains(&key.as_str())
            })
        };
        let in_user_named = matches!(
            here.0.last(), Some(PathStep::Key(name)) if USER_NAMED.contains(&name.as_str())
        );
        if chosen == key || !are_alternatives(chosen) || in_user_named {
            return Ok(());
        }
        let message = format!("cannot set `{key}`: `{here}` is `{chosen}`");
        let help = format!("replace the whole choice: {here}={{{key}: {{...}}}}");
        Err(Diagnostic::error("other-choice", self.path.clone(), message).help(help))
    }

    fn unknown(&self, path: &Path) -> Diagnostic {
        Diagnostic::error("unknown-address", self.path.clone(), format!("no `{path}` in the file"))
    }

    /// A key in a list, an index in a map, or an index that is out of range.
    fn mismatch(&self, node: &Node, here: &Path, step: &PathStep) -> Diagnostic {
        let message = match (node, step) {
            (Node::List(items), PathStep::Index(index)) => {
                let elements = if items.len() == 1 { "element" } else { "elements" };
                format!("index {index} is out of range: `{here}` has {} {elements}", items.len())
            }
            (Node::List(_), PathStep::Key(key)) => {
                format!("`{here}` is a list: write an index, for example `{here}[0].{key}`")
            }
            (other, PathStep::Key(key)) => format!("`{here}` is {} and has no `{key}`", other.describe()),
            (other, PathStep::Index(_)) => format!("`{here}` is {}, not a list", other.describe()),
        };
        Diagnostic::error("unknown-address", self.path.clone(), message)
    }
}

/// Expands a short form, so that the step exists: nothing becomes a map, `adamw` becomes `{adamw: {}}`, and
/// `{dense: 64}` becomes `{dense: {units: 64}}`.
fn expand_short_form(node: &mut Node, here: &Path, step: &PathStep) {
    let PathStep::Key(key) = step else { return };
    let chosen = match here.0.last() {
        Some(PathStep::Key(name)) => name.as_str(),
        _ => "",
    };
    match node {
        Node::Map(_) => {}
        Node::Null => *node = Node::Map(Vec::new()),
        Node::Text(name) if REGISTRIES.iter().any(|registry| registry.names().contains(&name.as_str())) => {
            *node = Node::Map(vec![(name.clone(), Node::Null)]);
        }
        _ => {
            let mut fields = REGISTRIES.iter().filter_map(|registry| (registry.bare_field)(chosen));
            let Some(first) = fields.next() else { return };
            let field =
                if first == key.as_str() { first } else { fields.find(|f| f == key).unwrap_or(first) };
            let bare = std::mem::replace(node, Node::Null);
            *node = Node::Map(vec![(field.to_owned(), bare)]);
        }
    }
}

/// Splits at the first `=` outside quotes.
fn split(argument: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (position, letter) in argument.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '=' if !quoted => return Some((&argument[..position], &argument[position + 1..])),
            _ => {}
        }
    }
    None
}

/// Parses `a.b[2]."c d"`.
pub(crate) fn parse_path(address: &str) -> Result<Path, String> {
    let mut steps = Vec::new();
    let mut rest = address;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').ok_or("a quote is not closed")?;
            steps.push(PathStep::Key(quoted[..end].to_owned()));
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err("a name is empty".to_owned());
            }
            steps.push(PathStep::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        while let Some(index) = rest.strip_prefix('[') {
            let end = index.find(']').ok_or("a `[` is not closed")?;
            let number = index[..end].trim().parse();
            steps.push(PathStep::Index(number.map_err(|_| format!("`{}` is not an index", &index[..end]))?));
            rest = &index[end + 1..];
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => break,
            None => return Err(format!("a `.` is missing before `{rest}`")),
        }
    }
    if steps.len() > 32 {
        return Err("the address is too long".to_owned());
    }
    Ok(Path(steps))
}

#[cfg(test)]
mod tests {
    use super::{SettingOverride, parse_path};

    #[test]
    fn paths_parse() {
        let path = |address: &str| parse_path(address).map(|path| path.to_string());
        assert_eq!(path("tasks.income.head[0].dense.units").unwrap(), "tasks.income.head[0].dense.units");
        assert_eq!(path("inputs.\"capital gain\".number").unwrap(), "inputs.capital gain.number");
        assert_eq!(path("a[0][1]").unwrap(), "a[0][1]");
        for bad in ["", ".", "a.", "a[", "a[x]", "a]b[", "\"a", "a[0]b"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_quoted_equals_sign_belongs_to_the_path() {
        let set = SettingOverride::parse("inputs.\"a=b\".number.missing=zero").unwrap();
        assert_eq!(set.path().to_string(), "inputs.a=b.number.missing");
        assert!(SettingOverride::parse("train.epochs").is_err());
        assert!(SettingOverride::parse("train.epochs=[1").is_err());
    }
}
