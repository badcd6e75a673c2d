//! File names derived from user-chosen names: columns, tasks, runs. Every such name becomes a path through
//! this type, so that no path leaves its folder and every name is valid on every operating system.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Maximum length of a file name in bytes on common file systems.
const MAX_BYTES: usize = 255;
/// Maximum number of bytes taken from the text.
const MAX_TEXT_BYTES: usize = 100;
/// Device names on Windows, with any extension.
const DEVICES: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];
/// Numbers of the ports `com` and `lpt` on Windows, which also exist as superscript digits.
const PORTS: [&str; 13] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\u{b9}", "\u{b2}", "\u{b3}"];

/// The name of a file or folder: exactly one component of a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FileName(String);

impl FileName {
    /// Returns the name if `text` is valid without changes.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= MAX_BYTES;
        let safe = text.chars().all(is_safe) && !text.contains("..") && !is_device(&text);
        (fits && safe && !text.starts_with(['.', ' ']) && !text.ends_with(['.', ' '])).then_some(Self(text))
    }

    /// Returns a file name for `text` with an extension such as `.tokenizer.json`. Characters that are not
    /// allowed in file names are replaced.
    pub fn from_text(text: &str, ending: &str) -> Self {
        Self::with_number(text, 1, ending)
    }

    /// Returns file names for several pairs of text and extension, in order. The names are unique even when
    /// case is ignored. Texts that are valid file names keep their name.
    pub fn unique<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Self> {
        let all: Vec<(&str, &str)> = all.into_iter().collect();
        let mut names: Vec<Option<Self>> = vec![None; all.len()];
        let (mut taken, mut numbers) = (HashSet::new(), HashMap::new());
        for keeps_name in [true, false] {
            for (name, (text, ending)) in names.iter_mut().zip(&all).filter(|(name, _)| name.is_none()) {
                let first = Self::from_text(text, ending);
                let number = numbers.entry(first.folded()).or_insert(1);
                let usable = first.0.strip_suffix(ending) == Some(text) && !taken.contains(&first.folded());
                let chosen = match (keeps_name, usable) {
                    (true, true) => Some(first),
                    (true, false) => None,
                    (false, _) => (*number..)
                        .inspect(|tried| *number = *tried)
                        .map(|number| Self::with_number(text, number, ending))
                        .find(|name| !taken.contains(&name.folded())),
                };
                taken.extend(chosen.iter().map(Self::folded));
                *name = chosen;
            }
        }
        names.into_iter().flatten().collect()
    }

    fn with_number(text: &str, number: usize, ending: &str) -> Self {
        let safe = |letter: char| if is_safe(letter) { letter } else { '_' };
        let mut name: String = text.chars().map(safe).collect();
        let ends = name.char_indices().map(|(start, letter)| start + letter.len_utf8());
        name.truncate(ends.take_while(|end| *end <= MAX_TEXT_BYTES).last().unwrap_or(0));
        while name.contains("..") {
            name = name.replace("..", "._");
        }
        if name.starts_with(['.', ' ']) {
            name.replace_range(..1, "_");
        }
        if name.is_empty() || name.ends_with(['.', ' ']) {
            name.push('_');
        }
        if number > 1 {
            name += &format!("_{number}");
        }
        name += ending;
        if is_device(&name) {
            name.insert(0, '_');
        }
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a case-insensitive file system compares it.
    pub fn folded(&self) -> String {
        self.0.to_uppercase().to_lowercase()
    }
}

/// Is the character allowed in a file name? Combining marks are not: some systems normalize them.
fn is_safe(letter: char) -> bool {
    let invisible =
        matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    let mark = matches!(letter, '\u{300}'..='\u{36f}' | '\u{feff}' | '\u{fffd}');
    !(letter.is_control() || invisible || mark || "/\\:*?\"<>|".contains(letter))
}

/// Is the name a Windows device, such as `con` or `com1.txt`?
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_lowercase();
    let port = |kind: &str| stem.strip_prefix(kind).is_some_and(|rest| PORTS.contains(&rest));
    DEVICES.contains(&stem.as_str()) || port("com") || port("lpt")
}

impl AsRef<Path> for FileName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = &"a file's name, without a folder";
        Self::new(text.clone()).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), expected))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::FileName;

    /// Path traversal, Windows device names, control characters and other troublesome names.
    const NASTY: [&str; 44] = [
        "",
        ".",
        "..",
        "...",
        "../../../VICTIM",
        "..\\..\\VICTIM",
        "/abs/x",
        "C:\\x",
        "C:",
        "\\\\server\\share",
        "a/b",
        "a\\b",
        "~",
        ".ssh",
        " ",
        "  x  ",
        "x.",
        "x..",
        "a..b",
        "con",
        "CON",
        "Con.txt",
        "nul ",
        "aux.decoder.onnx",
        "com1",
        "COM\u{b9}",
        "lpt9.x.y",
        "prn .txt",
        "conin$",
        "a\0b",
        "a\nb",
        "a\u{7f}",
        "a:stream",
        "what?",
        "*",
        "<x>",
        "\"x\"",
        "a|b",
        "\u{202e}gnp.exe",
        "e\u{301}",
        "\u{feff}x",
        "$(rm -rf ~)",
        "-rf",
        "\u{e9}\u{4e2d}\u{1f600}",
    ];

    #[test]
    fn nasty_names_become_one_path_component() {
        let long = "x".repeat(5000);
        let wide = "\u{1f600}".repeat(400);
        for text in NASTY.into_iter().chain([long.as_str(), wide.as_str()]) {
            for ending in ["", ".tokenizer.json", ".decoder.onnx"] {
                let name = FileName::from_text(text, ending);
                assert_eq!(FileName::new(name.as_str()), Some(name.clone()), "{text:?}");
                let steps: Vec<Component> = Path::new(name.as_str()).components().collect();
                assert!(matches!(steps[..], [Component::Normal(_)]), "{text:?}: {name}");
                assert!(name.as_str().ends_with(ending) && name.as_str().len() <= 255, "{text:?}: {name}");
                let read: FileName = serde_json::from_value(serde_json::json!(name)).unwrap();
                assert_eq!(read, name);
            }
        }
    }

    #[test]
    fn invalid_names_are_refused() {
        let fine = ["$(rm -rf ~)", "-rf", "~", "\u{e9}\u{4e2d}\u{1f600}"];
        for text in NASTY.into_iter().filter(|text| !fine.contains(text)) {
            assert_eq!(FileName::new(text), None, "{text:?}");
            assert!(serde_json::from_value::<FileName>(serde_json::json!(text)).is_err(), "{text:?}");
        }
        assert_eq!(FileName::new("x".repeat(256)), None);
        for text in fine.into_iter().chain(["title", "Price (EUR)", "a.b", "console", "com10"]) {
            assert_eq!(FileName::from_text(text, "").as_str(), text);
        }
    }

    #[test]
    fn windows_devices_are_detected_by_the_part_before_the_first_dot() {
        assert_eq!(FileName::from_text("con", ".decoder.onnx").as_str(), "_con.decoder.onnx");
        assert_eq!(FileName::from_text("con-3f2a9c", "").as_str(), "con-3f2a9c");
        assert_eq!(FileName::from_text("../x", ".json").as_str(), "___x.json");
    }

    #[test]
    fn names_that_clash_after_replacement_or_case_folding_are_numbered() {
        let all = ["a/b", "a_b", "A_B", "a:b", "Title", "title"].map(|text| (text, ".json"));
        let names: Vec<String> = FileName::unique(all).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            ["a_b_2.json", "a_b.json", "A_B_3.json", "a_b_4.json", "Title.json", "title_2.json"]
        );
        let both = FileName::unique([("x", ".a"), ("x", ".b"), ("x", ".a")]);
        assert_eq!(both.iter().map(FileName::as_str).collect::<Vec<_>>(), ["x.a", "x.b", "x_2.a"]);
        let nasty = FileName::unique(NASTY.map(|text| (text, ".json")));
        let different: std::collections::HashSet<String> = nasty.iter().map(FileName::folded).collect();
        assert_eq!(different.len(), NASTY.len());
    }
}
