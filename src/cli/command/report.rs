//! `mtl report RUN`: all about a run as one HTML file that needs nothing else.

use crate::cli::arguments::{Arguments, Report};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::Page;
use crate::run::place;

pub fn perform(arguments: &Arguments, words: &Report) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let run = store.resolve_run(&words.run)?;
    let page = Page::read(&store, &run)?;
    let file = words.to.clone().unwrap_or_else(|| layout.run(&run).join("report.html"));
    place::write(&file, page.html().as_bytes())?;
    output::print(&file.display().to_string())?;
    Ok(Exit::Done)
}
