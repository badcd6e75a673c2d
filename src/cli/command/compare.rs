//! `mtl compare RUN RUN...`: scores side by side, and only the settings that differ.

use crate::cli::arguments::{Arguments, Compare};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::report::{Comparison, Sweep};

pub fn perform(arguments: &Arguments, words: &Compare) -> Result<Exit, Error> {
    let store = workspace::open_existing(&workspace::layout(arguments))?;
    let named = named::all(&store, &words.names)?;
    if !words.group_by.is_empty() {
        let report = Sweep::read_trials(&store, &named, &words.group_by)?;
        return match words.json {
            true => output::print_json(&report.json()),
            false => output::print(report.text(&output::style(arguments.color)).trim_start()),
        }
        .map(|()| Exit::Done);
    }
    if let [(run, trial)] = &named[..] {
        let said = match trial {
            Some(number) => {
                format!(
                    "one trial has nothing to be compared with; name a second, such as {run}#{number} {run}#OTHER"
                )
            }
            None => {
                "one run has nothing to be compared with; name a second run, or put its trials together: \
                     --group-by ADDRESS"
                    .to_owned()
            }
        };
        return Err(Error::Usage(said));
    }
    let report = Comparison::read_trials(&store, &named)?;
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(&output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
