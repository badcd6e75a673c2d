//! Output: results go to standard output, problems to standard error.

use std::io::{BufWriter, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::arguments::ColorChoice;
use crate::cli::error::CliError;
use crate::report::Style;

/// Prints a result. A closed pipe (`| head`) is not an error.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Streams a result to standard output. As in `print`, a closed pipe is not an error.
pub fn pipe(fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), CliError> {
    let mut out = ImmediateWriter { inner: BufWriter::new(std::io::stdout().lock()), flushed: None };
    let outcome = fill(&mut out).and_then(|()| out.flush());
    // Discard the buffer, so that it is not written again to a closed pipe.
    let _ = out.inner.into_parts();
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Slow output is buffered at most this long.
const MAX_DELAY: Duration = Duration::from_millis(50);

/// A buffered writer that flushes immediately while output is slow.
struct ImmediateWriter<W: Write> {
    inner: BufWriter<W>,
    flushed: Option<Instant>,
}

impl<W: Write> Write for ImmediateWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if self.flushed.is_none_or(|flushed| flushed.elapsed() > MAX_DELAY) {
            self.inner.flush()?;
            self.flushed = Some(Instant::now());
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Refuses to print a binary format to a terminal.
pub fn check_binary(binary: bool, what: &str) -> Result<(), CliError> {
    match binary && std::io::stdout().is_terminal() {
        true => Err(CliError::Usage(format!("{what} is a binary format; write it to a file with --to FILE"))),
        false => Ok(()),
    }
}

/// Prints to standard error, ending with a line break. Write errors are ignored: a long training may outlive
/// its terminal.
pub fn print_error(text: &str) {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(std::io::stderr().lock(), "{text}{end}");
}

/// Prints a result as JSON.
pub fn print_json(value: &serde_json::Value) -> Result<(), CliError> {
    print(&format!("{value:#}"))
}

/// Prints a report as JSON or as text.
pub fn print_report(
    json: bool,
    color: ColorChoice,
    value: impl FnOnce() -> serde_json::Value,
    text: impl FnOnce(&Style) -> String,
) -> Result<(), CliError> {
    match json {
        true => print_json(&value()),
        false => print(&text(&style(color))),
    }
}

/// The style of reports on standard output: the width of the terminal, and colours if enabled.
pub fn style(choice: ColorChoice) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    Style { width: columns.filter(|_| terminal), colour: is_coloured(choice, terminal) }
}

/// The width of the terminal on standard error; `None` if it is not a terminal.
pub fn columns_of_errors() -> Option<usize> {
    let terminal = std::io::stderr().is_terminal();
    let size = terminal.then(|| terminal_size::terminal_size_of(std::io::stderr())).flatten();
    size.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// Are colours enabled on standard error?
pub fn coloured_errors(choice: ColorChoice) -> bool {
    is_coloured(choice, std::io::stderr().is_terminal())
}

fn is_coloured(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
