//! Where words go: results to standard output, problems to standard error.

use std::io::{IsTerminal, Write};

use crate::cli::arguments::Colour;
use crate::cli::error::Error;
use crate::report::Style;

/// Prints a result. A reader that has seen enough (`| head`) is not an error.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let ended = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{ended}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Tells a person something on standard error, on lines of its own. That nobody is there to hear it
/// is no reason to stop: a long training may outlive its terminal.
pub fn tell(text: &str) {
    let ended = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(std::io::stderr().lock(), "{text}{ended}");
}

/// Prints a result as JSON.
pub fn print_json(value: &serde_json::Value) -> Result<(), Error> {
    print(&format!("{value:#}"))
}

/// How reports look on standard output: as wide as the terminal, in colour where that is wanted.
pub fn style(choice: Colour) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    Style { width: columns.filter(|_| terminal), colour: wanted(choice, terminal) }
}

/// Colours on standard error?
pub fn coloured_errors(choice: Colour) -> bool {
    wanted(choice, std::io::stderr().is_terminal())
}

fn wanted(choice: Colour, terminal: bool) -> bool {
    match choice {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
