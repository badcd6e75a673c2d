//! Where the entries of each section begin and end, found once: to say where a setting stands, the lines of
//! its own entry are read and not the whole file, or thousands of places would be as many walks through
//! thousands of lines.
//!
//! Lines are told apart by their indentation alone. What that gives is believed only where it names the same
//! entries, in the same order, as YAML itself does; of any other section nothing is known here, and the whole
//! file is walked.

use std::collections::HashMap;
use std::ops::Range;

use crate::domain::tree::node::Node;

/// The lines of each entry of a section, such as `tasks` and `income`: their first, counted from 0, and their
/// text.
#[derive(Clone, Debug, Default)]
pub struct SectionLines {
    entries: HashMap<(String, String), (usize, Range<usize>)>,
}

/// A line that begins an entry.
struct SectionLine {
    indent: usize,
    key: String,
    line: usize,
    start: usize,
}

impl SectionLines {
    /// Of a text and the tree it was read as.
    pub fn from_tree(text: &str, root: &Node) -> Self {
        let mut result = Self::default();
        let Node::Map(sections) = root else { return result };
        let lines = entries(text);
        let tops: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].indent == 0).collect();
        let names = tops.iter().map(|at| &lines[*at].key);
        if !names.eq(sections.iter().map(|(name, _)| name)) {
            return result;
        }
        for (index, (name, section)) in sections.iter().enumerate() {
            let end = tops.get(index + 1).copied().unwrap_or(lines.len());
            let inside = &lines[tops[index] + 1..end];
            let (Node::Map(wanted), Some(first)) = (section, inside.first()) else { continue };
            let own: Vec<&SectionLine> = inside.iter().filter(|entry| entry.indent == first.indent).collect();
            if !own.iter().map(|entry| &entry.key).eq(wanted.iter().map(|(key, _)| key)) {
                continue;
            }
            let last = lines.get(end).map_or(text.len(), |entry| entry.start);
            let ends = own.iter().skip(1).map(|entry| entry.start).chain([last]);
            for (entry, end) in own.iter().zip(ends) {
                let lines = (entry.line, entry.start..end);
                result.entries.insert((name.clone(), entry.key.clone()), lines);
            }
        }
        result
    }

    /// The lines of an entry of a section: how many stand before them, and where in the text they are.
    pub fn entry(&self, section: &str, key: &str) -> Option<(usize, Range<usize>)> {
        self.entries.get(&(section.to_owned(), key.to_owned())).cloned()
    }
}

/// Every line that looks like a key, with its indentation.
fn entries(text: &str) -> Vec<SectionLine> {
    let mut all = Vec::new();
    let mut start = 0;
    for (line, line_text) in text.split_inclusive('\n').enumerate() {
        let indent = line_text.len() - line_text.trim_start_matches(' ').len();
        if let Some(key) = key(line_text.trim()) {
            all.push(SectionLine { indent, key, line, start });
        }
        start += line_text.len();
    }
    all
}

/// The key that a line begins with: bare, or in quotes without anything escaped.
fn key(line: &str) -> Option<String> {
    let (key, rest) = match line.chars().next()? {
        '#' | '-' | '?' | '&' | '*' | '!' | '{' | '[' | '}' | ']' | '%' | '|' | '>' => return None,
        quote @ ('"' | '\'') => {
            let (key, rest) = line[1..].split_once(quote)?;
            if key.contains('\\') || rest.starts_with(quote) {
                return None;
            }
            (key, rest.trim_start())
        }
        _ => {
            let colon = line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1))?;
            (line[..colon].trim_end(), &line[colon..])
        }
    };
    (rest == ":" || rest.starts_with(": ")).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{SectionLines, key};
    use crate::spec::yaml;

    fn lines(text: &str, section: &str, entry: &str) -> Option<(usize, String)> {
        let (root, _) = yaml::parse(text).unwrap();
        let (before, range) = SectionLines::from_tree(text, &root).entry(section, entry)?;
        Some((before, text[range].to_owned()))
    }

    #[test]
    fn an_entry_is_its_own_lines() {
        let text = "# a file\ndata:\n  rows: {source: x}\n\ntasks:\n  'a b':\n    kind: binary\n  c: {\n    kind: x }\nseed: 1\n";
        assert_eq!(lines(text, "tasks", "a b").unwrap(), (5, "  'a b':\n    kind: binary\n".to_owned()));
        assert_eq!(lines(text, "tasks", "c").unwrap(), (7, "  c: {\n    kind: x }\n".to_owned()));
        assert_eq!(lines(text, "data", "rows").unwrap().0, 2);
        assert_eq!(lines(text, "tasks", "kind"), None);
    }

    #[test]
    fn what_only_looks_like_an_entry_is_not_believed() {
        let flow = "tasks:\n  a: {target: y,\n  loss: x}\n";
        assert_eq!(lines(flow, "tasks", "a"), None);
        let text = "tasks:\n  a: \"x\n  b: c\"\n";
        assert_eq!(lines(text, "tasks", "a"), None);
        assert_eq!(lines("tasks: {a: 1, b: 2}\n", "tasks", "a"), None);
    }

    #[test]
    fn keys_of_lines() {
        let sentences = |line: &str| key(line);
        assert_eq!(sentences("a: 1").unwrap(), "a");
        assert_eq!(sentences("capital gain:").unwrap(), "capital gain");
        assert_eq!(sentences("\"a: b\" : {x: 1}").unwrap(), "a: b");
        for line in ["- a: 1", "# a: 1", "'it''s': 1", "\"a\\n\": 1", "a", "a:1", "{a: 1}", ""] {
            assert_eq!(sentences(line), None, "{line}");
        }
    }
}
