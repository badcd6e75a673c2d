//! `mtl runs`: what has been run, the newest first.

use crate::cli::arguments::{Arguments, List};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::Runs;

pub fn perform(arguments: &Arguments, words: &List) -> Result<Exit, Error> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let mut report = Runs::read(&store)?;
    report.lines.retain(|line| words.pipeline.as_ref().is_none_or(|name| *name == line.pipeline));
    report.lines.truncate(words.limit);
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(&output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
