//! One word, one meaning: public types have names of their own, retired words stay away, lines are short.

use std::collections::BTreeMap;

use crate::support;
use crate::tidy::{Source, fail, sources};

/// Words of an earlier private language, which are neither names nor documentation any more. The field says:
/// registry, event log, scheduler, settings, label level, composed form, backward pass.
const RETIRED: [&str; 10] =
    ["shelf", "shelves", "rehearsal", "twin", "twins", "told", "grain", "sight", "way back", "ways back"];

/// Columns of a line.
const WIDTH: usize = 110;

/// Names of the public types that a source declares.
fn public_types(source: &Source) -> Vec<String> {
    let declared = |line: &str| {
        let mut words = line.split_whitespace();
        if !words.next()?.starts_with("pub") {
            return None;
        }
        let name = match words.next()? {
            "struct" | "enum" | "trait" | "type" | "union" => {
                words.next().filter(|name| !name.starts_with('$'))?
            }
            _ => return None,
        };
        Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    };
    source.code.lines().filter_map(declared).collect()
}

/// The words of a text in lower case: identifiers are divided at underscores and capitals.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    out.push(' ');
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            out.push(' ');
        }
        match letter.is_alphanumeric() {
            true => out.extend(letter.to_lowercase()),
            false if out.ends_with(' ') => {}
            false => out.push(' '),
        }
        before = letter;
    }
    out.push(' ');
    out
}

fn retired(text: &str) -> Vec<&'static str> {
    let words = words(text);
    RETIRED.into_iter().filter(|word| words.contains(&format!(" {word} "))).collect()
}

#[test]
fn public_types_have_names_of_their_own() {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for name in public_types(&source) {
            owners.entry(name).or_default().push(source.name.clone());
        }
    }
    let doubled = owners.into_iter().filter(|(_, files)| files.len() > 1);
    fail(
        "a public type's name is used once",
        doubled.map(|(name, files)| format!("{name}: {files:?}")).collect(),
    );
}

#[test]
fn retired_words_do_not_return() {
    let mut violations = Vec::new();
    for source in sources() {
        for word in retired(&source.text) {
            violations.push(format!("{} says `{word}`", source.name));
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(support::root().join(name)).unwrap();
        violations.extend(retired(&text).into_iter().map(|word| format!("{name} says `{word}`")));
    }
    fail("a retired word is neither a name nor documentation", violations);
}

#[test]
fn lines_are_short() {
    let mut violations = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        for path in support::files(&support::root().join(folder), "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut quoted = false;
            for (number, line) in text.lines().enumerate() {
                // A line of a text that spans lines is what a program prints: it stands there as it is.
                let is_text = quoted;
                quoted ^= line.matches('"').count() % 2 == 1;
                if line.chars().count() > WIDTH && !is_text && !line.trim_start().starts_with('"') {
                    violations.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    fail("lines have at most 110 columns", violations);
}

#[test]
fn the_rules_of_words_detect_violations() {
    assert_eq!(retired("struct ToldPreference; // on the way back"), ["told", "way back"]);
    assert!(retired("untold grains, a twinkle").is_empty());
    let code = "pub struct A<T>(T);\n    pub(crate) enum B {}\nstruct C;\npub fn d() {}\n".to_owned();
    let source =
        Source { name: String::new(), module: String::new(), text: String::new(), code, is_test: false };
    assert_eq!(public_types(&source), ["A", "B"]);
}
