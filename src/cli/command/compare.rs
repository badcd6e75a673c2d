//! `mtl compare RUN RUN...`: scores side by side, and only the settings that differ.

use crate::cli::arguments::{Arguments, Compare, ComparedSplit};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, workspace};
use crate::domain::score::Split;
use crate::domain::trial_address::TrialAddress;
use crate::report::{Comparison, Sweep};

pub fn perform(arguments: &Arguments, words: &Compare) -> Result<Exit, Error> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let named = named::all(&store, &words.names)?;
    let split = words.split.map(|split| match split {
        ComparedSplit::Valid => Split::Valid,
        ComparedSplit::Test => Split::Test,
    });
    let unscored = |split: Split| {
        let help = "`evaluate.splits` says what is scored";
        Error::Failed(format!("there are no scores of the {split} split; {help}"))
    };
    if !words.group_by.is_empty() {
        let report = Sweep::read_trials(&store, &named, &words.group_by, split)?;
        if let Some(split) = split.filter(|split| !report.groups.is_empty() && !report.is_scored(*split)) {
            return Err(unscored(split));
        }
        let unknown = |(place, _): &(usize, &String)| {
            !report.groups.is_empty() && report.groups.iter().all(|group| group.settings[*place] == "–")
        };
        if let Some((_, address)) = words.group_by.iter().enumerate().find(unknown) {
            let help = "write its address as in the pipeline, such as weighting or train.batch_size";
            return Err(Error::Usage(format!("no trial has a setting `{address}`; {help}")));
        }
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
                    "one trial has nothing to be compared with; name a second, such as {} {run}#OTHER",
                    TrialAddress::new(run, *number)
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
    if let Some(split) = split.filter(|split| !report.is_scored(*split)) {
        return Err(unscored(split));
    }
    if words.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text(split, &output::style(arguments.color)))?;
    }
    Ok(Exit::Done)
}
