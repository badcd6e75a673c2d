//! YAML text becomes a [`Node`] tree, within bounds of size, depth and repetition.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::domain::tree::node::{Node, Scalar};

/// Larger files are refused unread.
pub const LARGEST: usize = 1 << 20;

/// Nodes in a file, aliases written out. A million-byte file of settings has far fewer.
const MOST_NODES: usize = 100_000;

/// Lists and maps within one another.
const DEEPEST: usize = 64;

/// Open brackets at one time: libyaml's time grows with their square.
const DEEPEST_BRACKETS: usize = 256;

const TOO_MANY: &str = "the file has too many values once its aliases are written out";
const TOO_DEEP: &str = "lists and maps are nested too deeply";

/// The tree of the one document in `text`, with what is wrong with it as YAML but can be read over.
pub(crate) fn parse(text: &str) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    let nested = "no pipeline needs more than a few levels; the limit is 64";
    if flow_depth(text) > DEEPEST_BRACKETS {
        return Err(Diagnostic::error("too-deep", Path::root(), TOO_DEEP).help(nested));
    }
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let notes = ParseNotes::default();
    let Some(first) = documents.next() else { return Ok((Node::Null, Vec::new())) };
    let mut node = NodeSeed { notes: &notes, depth: 0 }.deserialize(first).map_err(|error| {
        let sentences = error.to_string();
        if sentences.contains(TOO_MANY) || sentences.contains("repetition limit") {
            let help = "write the values out, or use fewer aliases";
            Diagnostic::error("too-many-values", Path::root(), TOO_MANY).help(help)
        } else if sentences.contains(TOO_DEEP) || sentences.contains("recursion limit") {
            Diagnostic::error("too-deep", Path::root(), TOO_DEEP).help(nested)
        } else {
            syntax(&sentences, text, error.location().map(|index| index.line()))
        }
    })?;
    if documents.next().is_some() {
        let message = "the file holds several YAML documents";
        let help = "a file is one pipeline; put the others in files of their own and remove the `---`";
        return Err(Diagnostic::error("several-documents", Path::root(), message).help(help));
    }
    if let Some(again) = serde_yaml::Deserializer::from_str(text).next() {
        // The same text was read a moment ago: it cannot fail here, and texts are only for show if it did.
        let _ = TextSeed(&mut node).deserialize(again);
    }
    Ok((node, notes.found.into_inner()))
}

/// libyaml's own words, without its own line and column.
fn syntax(sentences: &str, text: &str, line: Option<usize>) -> Diagnostic {
    let indented_by_tab = line
        .and_then(|line| text.lines().nth(line.saturating_sub(1)))
        .is_some_and(|line| line[..line.len() - line.trim_start().len()].contains('\t'));
    let first =
        sentences.split(", while").next().unwrap_or(sentences).split(" at line").next().unwrap_or(sentences);
    let diagnostic =
        Diagnostic::error("yaml-syntax", Path::root(), format!("this is not valid YAML: {}", first.trim()));
    match (indented_by_tab, sentences) {
        (true, _) => diagnostic.help("a tab indents this line; YAML is indented by spaces"),
        (_, sentences) if sentences.contains("mapping values are not allowed") => {
            diagnostic.help("is a `: ` inside a text without quotes, or is the line indented too far?")
        }
        (_, sentences) if sentences.contains("cannot start any token") => {
            diagnostic.help("put quotes around a text that begins with @, ` or %")
        }
        (_, sentences) if sentences.contains("did not find expected key") => {
            diagnostic.help("is this line indented like the one it belongs to?")
        }
        _ => diagnostic,
    }
}

/// How deep `[` and `{` stand within one another, counted before libyaml sees them. Brackets in
/// quotes and comments count too, so this is only for what nobody writes by hand.
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

/// What is noticed on the way, and where.
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
        if self.depth >= DEEPEST {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.notes.nodes.set(self.notes.nodes.get() + 1);
        if self.notes.nodes.get() > MOST_NODES {
            return Err(D::Error::custom(TOO_MANY));
        }
        deserializer.deserialize_any(self)
    }
}

/// A scalar; its text is filled in by `TextSeed`.
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
                let message = format!("`{key}` stands here a second time");
                let help = "each name may stand once: rename one of them, or remove it";
                let diagnostic = Diagnostic::error("duplicate-key", self.notes.path(), message);
                self.notes.note(diagnostic.on_key().help(help));
            }
            self.notes.path.borrow_mut().pop();
        }
        Ok(Node::Map(entries))
    }

    /// serde_yaml shows a tag as an enum.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, value) = tagged.variant::<String>()?;
        let tag = tag.trim_start_matches('!');
        let message = format!("the YAML tag `!{tag}` means nothing here");
        let help = format!("a choice is written as a map: `{{{tag}: ...}}`");
        self.notes.note(Diagnostic::error("yaml-tag", self.notes.path(), message).help(help));
        // Read on as what was meant, so that the tag is all that is said of it.
        let settings = value.newtype_variant_seed(self)?;
        Ok(Node::Map(vec![(tag.to_owned(), settings)]))
    }
}

/// Fills in the text of every plain scalar, walking the same document again.
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
        f.write_str("the same value as a moment ago")
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
        let mut rest = entries.iter_mut().peekable();
        while let Some(key) = map.next_key::<String>()? {
            // Repeated keys were left out of the tree: they are passed over here too.
            match rest.next_if(|(known, _)| *known == key) {
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
