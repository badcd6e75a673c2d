//! `mtl sweep status RUN`: how far a sweep has come.

use crate::cli::arguments::{Arguments, Sweep};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::report::SweepStatus;

pub fn perform(arguments: &Arguments, words: &Sweep) -> Result<Exit, Error> {
    let Sweep::Status(words) = words;
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let run = named::whole(&store, &words.run, "`mtl sweep status` tells of a whole run")?;
    let report = SweepStatus::read(&store, &run)?;
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(&output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
