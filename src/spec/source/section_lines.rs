//! Line ranges of the entries of each section, computed once. To locate a setting, only the lines of its
//! entry are parsed; otherwise thousands of locations would mean thousands of passes over the whole file.
//!
//! Entries are detected by indentation. The ranges of a section are used only if the detected entries are
//! equal, in order, to those that the YAML parser found; for other sections the whole file is parsed.

use std::collections::HashMap;
use std::ops::Range;

use crate::domain::tree::node::Node;

/// The lines of each entry, by section and key (such as `tasks` and `income`): the zero-based number of the
/// first line, and the byte range.
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
    /// Computes the ranges of a text from the tree that was parsed from it.
    pub fn from_tree(text: &str, root: &Node) -> Self {
        let mut ranges = Self::default();
        let Node::Map(sections) = root else { return ranges };
        let lines = entries(text);
        let tops: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].indent == 0).collect();
        let names = tops.iter().map(|at| &lines[*at].key);
        if !names.eq(sections.iter().map(|(name, _)| name)) {
            return ranges;
        }
        for (index, (name, section)) in sections.iter().enumerate() {
            let end = tops.get(index + 1).copied().unwrap_or(lines.len());
            let inside = &lines[tops[index] + 1..end];
            let (Node::Map(expected), Some(first)) = (section, inside.first()) else { continue };
            let own: Vec<&SectionLine> = inside.iter().filter(|entry| entry.indent == first.indent).collect();
            if !own.iter().map(|entry| &entry.key).eq(expected.iter().map(|(key, _)| key)) {
                continue;
            }
            let last = lines.get(end).map_or(text.len(), |entry| entry.start);
            let ends = own.iter().skip(1).map(|entry| entry.start).chain([last]);
            for (entry, end) in own.iter().zip(ends) {
                let lines = (entry.line, entry.start..end);
                ranges.entries.insert((name.clone(), entry.key.clone()), lines);
            }
        }
        ranges
    }

    /// The number of lines before an entry, and its byte range.
    pub fn entry(&self, section: &str, key: &str) -> Option<(usize, Range<usize>)> {
        self.entries.get(&(section.to_owned(), key.to_owned())).cloned()
    }
}

/// All lines that look like a key, with their indentation.
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

/// The key at the start of a line, if it is bare or in quotes without escapes.
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
    fn an_entry_has_its_own_lines() {
        let text = "# a file\ndata:\n  rows: {source: x}\n\ntasks:\n  'a b':\n    kind: binary\n  c: {\n    \
                    kind: x }\nseed: 1\n";
        assert_eq!(lines(text, "tasks", "a b").unwrap(), (5, "  'a b':\n    kind: binary\n".to_owned()));
        assert_eq!(lines(text, "tasks", "c").unwrap(), (7, "  c: {\n    kind: x }\n".to_owned()));
        assert_eq!(lines(text, "data", "rows").unwrap().0, 2);
        assert_eq!(lines(text, "tasks", "kind"), None);
    }

    #[test]
    fn text_that_only_looks_like_an_entry_is_ignored() {
        let flow = "tasks:\n  a: {target: y,\n  loss: x}\n";
        assert_eq!(lines(flow, "tasks", "a"), None);
        let text = "tasks:\n  a: \"x\n  b: c\"\n";
        assert_eq!(lines(text, "tasks", "a"), None);
        assert_eq!(lines("tasks: {a: 1, b: 2}\n", "tasks", "a"), None);
    }

    #[test]
    fn keys_of_lines() {
        assert_eq!(key("a: 1").unwrap(), "a");
        assert_eq!(key("capital gain:").unwrap(), "capital gain");
        assert_eq!(key("\"a: b\" : {x: 1}").unwrap(), "a: b");
        for line in ["- a: 1", "# a: 1", "'it''s': 1", "\"a\\n\": 1", "a", "a:1", "{a: 1}", ""] {
            assert_eq!(key(line), None, "{line}");
        }
    }
}
