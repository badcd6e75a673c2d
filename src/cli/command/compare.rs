//! `mtl compare RUN RUN...`: scores side by side, and only the settings that differ.

use crate::cli::arguments::{Arguments, Compare};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::report::Comparison;

pub fn perform(arguments: &Arguments, words: &Compare) -> Result<Exit, Error> {
    let store = workspace::open_existing(&workspace::layout(arguments))?;
    let runs = words.names.iter().map(|run| store.resolve_run(run)).collect::<Result<Vec<_>, _>>()?;
    let report = Comparison::read(&store, &runs)?;
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(&output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
