//! `mtl show RUN`: all that is known of one run.

use crate::cli::arguments::{Arguments, Show};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::report::Detail;

pub fn perform(arguments: &Arguments, words: &Show) -> Result<Exit, Error> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let (run, number) = named::named(&store, &words.run)?;
    let report = Detail::read(&store, &run, number)?;
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(&output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
