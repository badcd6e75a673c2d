//! Parses YAML into a [`Node`] tree, with limits on size, depth and aliases.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::domain::tree::node::{Node, Scalar};

/// Maximum file size in bytes; larger files are refused without parsing.
pub const MAX_BYTES: usize = 1 << 20;

/// Maximum number of nodes, with aliases expanded. Files of one megabyte have far fewer.
const MAX_NODES: usize = 100_000;

/// Maximum nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Maximum nesting of brackets: libyaml takes quadratic time in it.
const MAX_BRACKET_DEPTH: usize = 256;

const TOO_MANY: &str = "the file has too many values after expanding its aliases";
const TOO_DEEP: &str = "lists and maps are nested too deeply";

/// Parses the single document in `text`; also returns problems that do not prevent parsing.
pub(crate) fn parse(text: &str) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    let nested = "a pipeline needs only a few levels; the limit is 64";
    if flow_depth(text) > MAX_BRACKET_DEPTH {
        return Err(Diagnostic::error("too-deep", Path::root(), TOO_DEEP).help(nested));
    }
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let notes = ParseNotes::default();
    let Some(first) = documents.next() else { return Ok((Node::Null, Vec::new())) };
    let mut node = NodeSeed { notes: &notes, depth: 0 }.deserialize(first).map_err(|error| {
        let message = error.to_string();
        if message.contains(TOO_MANY) || message.contains("repetition limit") {
            let help = "write the values out, or use fewer aliases";
            Diagnostic::error("too-many-values", Path::root(), TOO_MANY).help(help)
        } else if message.contains(TOO_DEEP) || message.contains("recursion limit") {
            Diagnostic::error("too-deep", Path::root(), TOO_DEEP).help(nested)
        } else {
            syntax(&message, text, error.location().map(|location| location.line()))
        }
    })?;
    if documents.next().is_some() {
        let message = "the file has several YAML documents; a pipeline file has exactly one";
        let help = "split the file at `---`";
        return Err(Diagnostic::error("several-documents", Path::root(), message).help(help));
    }
    if let Some(again) = serde_yaml::Deserializer::from_str(text).next() {
        // The same text has just been parsed, so this cannot fail; and the texts are only for display.
        let _ = TextSeed(&mut node).deserialize(again);
    }
    Ok((node, notes.found.into_inner()))
}

/// The message of libyaml without its line and column.
fn syntax(message: &str, text: &str, line: Option<usize>) -> Diagnostic {
    let indented_by_tab = line
        .and_then(|line| text.lines().nth(line.saturating_sub(1)))
        .is_some_and(|line| line[..line.len() - line.trim_start().len()].contains('\t'));
    let first = message.split(", while").next().unwrap_or(message);
    let first = first.split(" at line").next().unwrap_or(first).trim();
    let diagnostic =
        Diagnostic::error("yaml-syntax", Path::root(), format!("this is not valid YAML: {first}"));
    match (indented_by_tab, message) {
        (true, _) => diagnostic.help("this line is indented with a tab; YAML requires spaces"),
        (_, message) if message.contains("mapping values are not allowed") => {
            diagnostic.help("quote a string that contains `: `, or reduce the indentation")
        }
        (_, message) if message.contains("cannot start any token") => {
            diagnostic.help("quote a string that starts with @, ` or %")
        }
        (_, message) if message.contains("did not find expected key") => {
            diagnostic.help("indent this line like the others of its block")
        }
        _ => diagnostic,
    }
}

/// The text with a line feed for each carriage return that stands alone: YAML ends a line there too, but
/// locations in the text are found by line feeds.
pub(crate) fn with_line_feeds(text: &str) -> String {
    let lines: Vec<String> = text.split("\r\n").map(|lines| lines.replace('\r', "\n")).collect();
    lines.join("\r\n")
}

/// Maximum nesting of `[` and `{`, counted before libyaml parses them. Brackets in quotes and comments also
/// count, so the limit must be far above what people write.
fn flow_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// State while parsing: the current path, the problems, and the number of nodes.
#[derive(Default)]
struct ParseNotes {
    path: RefCell<Vec<PathStep>>,
    found: RefCell<Vec<Diagnostic>>,
    nodes: Cell<usize>,
}

impl ParseNotes {
    fn path(&self) -> Path {
        Path(self.path.borrow().clone())
    }

    fn note(&self, diagnostic: Diagnostic) {
        if self.found.borrow().len() < 100 {
            self.found.borrow_mut().push(diagnostic);
        }
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    notes: &'a ParseNotes,
    depth: usize,
}

impl NodeSeed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.notes.nodes.set(self.notes.nodes.get() + 1);
        if self.notes.nodes.get() > MAX_NODES {
            return Err(D::Error::custom(TOO_MANY));
        }
        deserializer.deserialize_any(self)
    }
}

/// A scalar without its text, which `TextSeed` fills in.
fn scalar(value: Scalar) -> Node {
    Node::Scalar { value, text: String::new() }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    /// An empty file.
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(scalar(Scalar::Signed(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(scalar(Scalar::Unsigned(value)))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        Ok(scalar(Scalar::Float(value as f64)))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        Ok(scalar(Scalar::Float(value as f64)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(scalar(Scalar::Float(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        loop {
            self.notes.path.borrow_mut().push(PathStep::Index(items.len()));
            let item = list.next_element_seed(inner)?;
            self.notes.path.borrow_mut().pop();
            match item {
                Some(item) => items.push((items.len(), item)),
                None => return Ok(Node::List(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut known = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.notes.path.borrow_mut().push(PathStep::Key(key.clone()));
            let value = map.next_value_seed(inner)?;
            if known.insert(key.clone()) {
                entries.push((key, value));
            } else {
                let message = format!("duplicate key `{key}`");
                let help = "rename or remove one of them";
                let diagnostic = Diagnostic::error("duplicate-key", self.notes.path(), message);
                self.notes.note(diagnostic.on_key().help(help));
            }
            self.notes.path.borrow_mut().pop();
        }
        Ok(Node::Map(entries))
    }

    /// serde_yaml represents a tag as an enum.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, value) = tagged.variant::<String>()?;
        let tag = tag.trim_start_matches('!');
        let message = format!("unsupported YAML tag `!{tag}`");
        let help = format!("YAML tags are not supported; write `{{{tag}: ...}}`");
        self.notes.note(Diagnostic::error("yaml-tag", self.notes.path(), message).help(help));
        // Continue as if the supported form had been written, so that nothing else is reported about it.
        let settings = value.newtype_variant_seed(self)?;
        Ok(Node::Map(vec![(tag.to_owned(), settings)]))
    }
}

/// Fills in the text of every scalar by parsing the same document again.
struct TextSeed<'a>(&'a mut Node);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            Node::Scalar { text, .. } => {
                *text = String::deserialize(deserializer)?;
                Ok(())
            }
            Node::List(_) | Node::Map(_) => deserializer.deserialize_any(self),
            Node::Null | Node::Text(_) => IgnoredAny::deserialize(deserializer).map(|_| ()),
        }
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the same value as in the first pass")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Node::List(items) = self.0 {
            for (_, item) in items {
                list.next_element_seed(TextSeed(item))?;
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Node::Map(entries) = self.0 else { return Ok(()) };
        let mut remaining = entries.iter_mut().peekable();
        while let Some(key) = map.next_key::<String>()? {
            // Duplicate keys are not in the tree; skip them here too.
            match remaining.next_if(|(known, _)| *known == key) {
                Some((_, node)) => map.next_value_seed(TextSeed(node))?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        match self.0 {
            Node::Map(entries) => match entries.first_mut() {
                Some((_, settings)) => value.newtype_variant_seed(TextSeed(settings)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::diagnostic::{Path, PathStep};
    use crate::spec::source::PipelineText;
    use crate::spec::yaml::with_line_feeds;

    #[test]
    fn every_line_end_counts() {
        assert_eq!(with_line_feeds("a\rb\r\nc\n\rd\r"), "a\nb\r\nc\n\nd\n");
        let path = Path(vec![PathStep::Key("c".to_owned())]);
        for end in ["\r", "\n", "\r\n"] {
            let source = PipelineText::new(["a: 1", "b: 2", "c: 3", ""].join(end).as_bytes(), "a.yaml", &[]);
            let place = source.location(&path).map(|place| (place.line, place.column));
            assert_eq!((place, source.line(3)), (Some((3, 4)), Some("c: 3")), "{end:?}");
        }
    }
}
