//! Formats diagnostics for people, in the style of rustc, and as JSON.

use std::fmt::Write;

use crate::domain::diagnostic::{Diagnostic, DiagnosticList, Severity, abbreviate};
use crate::spec::source::{PipelineText, TextLocation};

/// Formats diagnostics with location, source line, caret and help, optionally with ANSI colours. At most ten
/// diagnostics per code are shown.
pub fn render(diagnostics: &[Diagnostic], source: &PipelineText, colour: bool) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    for entry in abbreviate(diagnostics) {
        match entry {
            DiagnosticList::Whole { diagnostic, help } => {
                write_diagnostic(&mut out, diagnostic, help, source, &paint)
            }
            DiagnosticList::More { severity, code, places } => {
                let (word, hue) = name(severity);
                let _ =
                    writeln!(out, "{}: {}", paint.with(hue, word), DiagnosticList::summary(code, &places));
            }
        }
        out.push('\n');
    }
    out
}

/// The number of diagnostics, as the last line: "pipeline.yaml: 53 problems".
pub fn counted(diagnostics: &[Diagnostic], source: &PipelineText) -> String {
    let many = if diagnostics.len() == 1 { "problem" } else { "problems" };
    format!("{}: {} {many}\n", source.file().display(), diagnostics.len())
}

fn name(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
    }
}

/// Formats diagnostics as JSON: code, severity, path, message, help, file, line, column, set.
pub fn json(diagnostics: &[Diagnostic], source: &PipelineText) -> serde_json::Value {
    let all = diagnostics.iter().map(|diagnostic| {
        let set = source.override_of(&diagnostic.path).map(|change| change.argument());
        let location = source.diagnostic_location(diagnostic).filter(|_| set.is_none());
        serde_json::json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "path": diagnostic.path.to_string(),
            "message": diagnostic.message,
            "help": diagnostic.help,
            "file": source.file().display().to_string(),
            "line": location.map(|location| location.line),
            "column": location.map(|location| location.column),
            "set": set,
        })
    });
    all.collect()
}

fn write_diagnostic(
    out: &mut String,
    diagnostic: &Diagnostic,
    help: bool,
    source: &PipelineText,
    paint: &Paint,
) {
    let (word, hue) = name(diagnostic.severity);
    let head = paint.with(hue, &format!("{word}[{}]", diagnostic.code));
    let _ = writeln!(out, "{head}{}", paint.with(BOLD, &format!(": {}", diagnostic.message)));
    let file = source.file().display();
    let mut margin = String::new();
    if let Some(change) = source.override_of(&diagnostic.path) {
        let _ = writeln!(out, " {} --set {}", paint.with(BLUE, "-->"), change.argument());
    } else if let Some((location, line)) =
        source.diagnostic_location(diagnostic).and_then(|place| Some((place, source.line(place.line)?)))
    {
        margin = " ".repeat(location.line.to_string().len());
        let (bar, arrow) = (paint.with(BLUE, "|"), paint.with(BLUE, "-->"));
        let number = paint.with(BLUE, &location.line.to_string());
        let (shown, before, width) = excerpt(line, location);
        let carets = paint.with(hue, &"^".repeat(width));
        let _ = writeln!(out, "{margin}{arrow} {file}:{}:{}", location.line, location.column);
        let _ = writeln!(out, "{margin} {bar}");
        let _ = writeln!(out, "{number} {bar} {shown}");
        let _ = writeln!(out, "{margin} {bar} {before}{carets}");
    } else {
        let _ = writeln!(out, " {} {file}", paint.with(BLUE, "-->"));
    }
    if let Some(help) = diagnostic.help.as_ref().filter(|_| help) {
        let _ = writeln!(out, "{margin} {} {help}", paint.with(BLUE, "= help:"));
    }
}

/// Maximum number of characters shown of a line.
const MAX_WIDTH: usize = 160;

/// Returns the line as shown, the blanks before the carets, and the number of carets. Long lines are cut
/// around the location; tabs and other control characters become blanks.
fn excerpt(line: &str, location: TextLocation) -> (String, String, usize) {
    let letters: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = (location.column - 1).min(letters.len());
    let start = if letters.len() > MAX_WIDTH { at.saturating_sub(MAX_WIDTH / 2) } else { 0 };
    let end = (start + MAX_WIDTH).min(letters.len());
    let width = token_width(&letters[at..]).min(end.saturating_sub(at)).max(1);
    let shown: String = letters[start..end].iter().collect();
    (shown.trim_end().to_owned(), " ".repeat(at - start), width)
}

/// Number of characters of the key or scalar that `letters` start with.
fn token_width(letters: &[char]) -> usize {
    match letters.first() {
        Some(quote @ ('"' | '\'')) => {
            letters[1..].iter().position(|c| c == quote).map_or(letters.len(), |end| end + 2)
        }
        Some('[' | '{') | None => 1,
        Some('-') if letters.get(1).is_none_or(|c| *c == ' ') => 1,
        Some(_) => {
            let end = (0..letters.len()).find(|&i| match letters[i] {
                ',' | ']' | '}' => true,
                ':' => letters.get(i + 1).is_none_or(|c| *c == ' '),
                ' ' => letters.get(i + 1) == Some(&'#'),
                _ => false,
            });
            let text = &letters[..end.unwrap_or(letters.len())];
            text.iter().rposition(|c| !c.is_whitespace()).map_or(1, |last| last + 1)
        }
    }
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const BLUE: &str = "1;34";
const BOLD: &str = "1";

struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
