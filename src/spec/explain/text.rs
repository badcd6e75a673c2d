//! Formats an explanation for the terminal.

use std::fmt::Write;

use crate::spec::explain::Explanation;

/// Maximum line width in characters.
const WIDTH: usize = 96;

/// Returns the explanation as wrapped lines.
pub fn text(item: &Explanation) -> String {
    let mut text = format!("{}: {}\n\n", item.name, item.kind);
    paragraphs(&item.about, "  ", &mut text);
    if !item.settings.is_empty() {
        text.push_str("\nSettings\n");
    }
    for setting in &item.settings {
        let default = match (&setting.default, setting.required) {
            (_, true) => ", required".to_owned(),
            (Some(default), false) => format!(", default {default}"),
            (None, false) => String::new(),
        };
        let _ = writeln!(text, "  {}: {}{default}", setting.name, setting.kind);
        paragraphs(&setting.about, "      ", &mut text);
    }
    if let Some(bare) = &item.bare {
        let _ = writeln!(text, "\n  Short form: `{{{}: ...}}` sets `{bare}`.", item.name);
    }
    let _ = write!(text, "\nExample\n  {}\n", item.example);
    text
}

/// Wraps paragraphs; indented and fenced lines stay unchanged.
fn paragraphs(about: &str, indent: &str, text: &mut String) {
    let (mut words, mut fenced): (Vec<&str>, bool) = (Vec::new(), false);
    let flush = |words: &mut Vec<&str>, text: &mut String| {
        let mut line = String::new();
        for word in words.drain(..) {
            if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(text, "{indent}{line}");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            let _ = writeln!(text, "{indent}{line}");
        }
    };
    for line in about.lines() {
        if line.trim_start().starts_with("```") {
            flush(&mut words, text);
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let _ = writeln!(text, "{indent}    {}", line.trim_end());
        } else if line.trim().is_empty() {
            flush(&mut words, text);
            text.push('\n');
        } else {
            words.extend(line.split_whitespace());
        }
    }
    flush(&mut words, text);
}

/// The text up to the end of the first sentence; abbreviations such as "et al." do not end it.
pub fn first_sentence(about: &str) -> String {
    let paragraph = about.split("\n\n").next().unwrap_or_default();
    let whole = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = whole.match_indices(". ").map(|(at, _)| at);
    let is_end = |at: &usize| {
        let before = &whole[..*at];
        !["et al", "e.g", "i.e", " vs"].iter().any(|short| before.ends_with(short))
            && whole[at + 2..].starts_with(|letter: char| letter.is_uppercase() || letter == '`')
    };
    let end = ends.into_iter().find(is_end).map_or(whole.len(), |at| at);
    whole[..end].trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn the_first_sentence_ends_at_its_full_stop() {
        assert_eq!(
            first_sentence("Long memory (Gers et al. 2000), a\ncell. It has gates."),
            "Long memory (Gers et al. 2000), a cell"
        );
        assert_eq!(first_sentence("y = x W. \n\nMore."), "y = x W");
    }
}
