//! Where words go: results to standard output, problems to standard error.

use std::io::{BufWriter, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::arguments::ColorChoice;
use crate::cli::error::CliError;
use crate::report::Style;

/// Prints a result. A reader that has seen enough (`| head`) is not an error.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let ended = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{ended}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Writes a result as it comes; as with `print`, a reader may leave.
pub fn pipe(fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), CliError> {
    let mut out = ImmediateWriter { inner: BufWriter::new(std::io::stdout().lock()), flushed: None };
    let ended = fill(&mut out).and_then(|()| out.flush());
    // What a reader who left has not taken is not tried again.
    let _ = out.inner.into_parts();
    match ended {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// What comes slowly is not held back longer than this.
const LATEST: Duration = Duration::from_millis(50);

/// A writer for what comes bit by bit: in large pieces while it comes fast, at once while it comes slowly.
struct ImmediateWriter<W: Write> {
    inner: BufWriter<W>,
    flushed: Option<Instant>,
}

impl<W: Write> Write for ImmediateWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if self.flushed.is_none_or(|flushed| flushed.elapsed() > LATEST) {
            self.inner.flush()?;
            self.flushed = Some(Instant::now());
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Bytes that no terminal can show are for files and other programs.
pub fn check_binary(binary: bool, what: &str) -> Result<(), CliError> {
    match binary && std::io::stdout().is_terminal() {
        true => Err(CliError::Usage(format!("a terminal cannot show {what}; write it to a file: --to FILE"))),
        false => Ok(()),
    }
}

/// Tells a person something on standard error, on lines of its own. That nobody is there to hear it
/// is no reason to stop: a long training may outlive its terminal.
pub fn print_error(text: &str) {
    let ended = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(std::io::stderr().lock(), "{text}{ended}");
}

/// Prints a result as JSON.
pub fn print_json(value: &serde_json::Value) -> Result<(), CliError> {
    print(&format!("{value:#}"))
}

/// How reports look on standard output: as wide as the terminal, in colour where that is wanted.
pub fn style(choice: ColorChoice) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    Style { width: columns.filter(|_| terminal), colour: wanted(choice, terminal) }
}

/// Columns of the terminal that hears what is told; `None` where there is none.
pub fn columns_of_errors() -> Option<usize> {
    let terminal = std::io::stderr().is_terminal();
    let size = terminal.then(|| terminal_size::terminal_size_of(std::io::stderr())).flatten();
    size.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// Colours on standard error?
pub fn coloured_errors(choice: ColorChoice) -> bool {
    wanted(choice, std::io::stderr().is_terminal())
}

fn wanted(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
