//! `mtl report RUN`: all about a run, or one of its trials, as one HTML file that needs nothing else.

use std::path::Path;

use crate::cli::arguments::{Arguments, Report};
use crate::cli::command::plot::elsewhere;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::report::Page;
use crate::run::place;

pub fn perform(arguments: &Arguments, words: &Report) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    if let Some(to) = &words.to {
        check(to)?;
    }
    let store = workspace::open_for_reading(&layout)?;
    let (run, trial) = named::named(&store, &words.run)?;
    let page = Page::read_trial(&store, &run, trial)?;
    let folder = trial.map_or_else(|| layout.run(&run), |number| layout.trial(&run, number));
    let file = words.to.clone().unwrap_or_else(|| folder.join("report.html"));
    let written = place::write(&file, page.html().as_bytes());
    written.map_err(|error| elsewhere(words.to.is_none(), error, "--to FILE.html"))?;
    output::print(&file.display().to_string())?;
    Ok(Exit::Done)
}

/// A page must not take the place of data or of a database.
fn check(to: &Path) -> Result<(), Error> {
    let shown = to.display();
    if to.is_dir() {
        let inside = to.join("report.html");
        return Err(Error::Usage(format!(
            "`{shown}` is a folder; name a file, such as `{}`",
            inside.display()
        )));
    }
    let ending = to.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("html" | "htm") => Ok(()),
        _ => Err(Error::Usage(format!("`{shown}`: a report is written as .html; use that ending"))),
    }
}
