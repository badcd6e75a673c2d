//! `mtl compare RUN RUN...`: scores side by side, and only the settings that differ.

use crate::cli::arguments::{Arguments, CompareArguments, ComparedSplit};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::domain::score::Split;
use crate::domain::trial_address::TrialAddress;
use crate::report::{ComparisonReport, Style, SweepReport};

pub fn perform(arguments: &Arguments, args: &CompareArguments) -> Result<ExitStatus, CliError> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let named = run_selector::all(&store, &args.names)?;
    let split = args.split.map(|split| match split {
        ComparedSplit::Valid => Split::Valid,
        ComparedSplit::Test => Split::Test,
    });
    let unscored = |split: Split| {
        let help = "`evaluate.splits` sets which splits are scored";
        CliError::Failed(format!("no scores of the {split} split; {help}"))
    };
    if !args.group_by.is_empty() {
        let report = SweepReport::read_trials(&store, &named, &args.group_by, split)?;
        if let Some(split) = split.filter(|split| !report.groups.is_empty() && !report.is_scored(*split)) {
            return Err(unscored(split));
        }
        let is_missing = |(index, _): &(usize, &String)| {
            !report.groups.is_empty() && report.groups.iter().all(|group| group.settings[*index] == "–")
        };
        if let Some((_, address)) = args.group_by.iter().enumerate().find(is_missing) {
            let help = "write its path as in the pipeline, for example weighting or train.batch_size";
            return Err(CliError::Usage(format!("no trial has a setting `{address}`; {help}")));
        }
        let text = |style: &Style| report.text(style).trim_start().to_owned();
        output::print_report(args.json, arguments.color, || report.json(), text)?;
        return Ok(ExitStatus::Done);
    }
    if let [(run, trial)] = &named[..] {
        let text = match trial {
            Some(number) => format!(
                "one trial cannot be compared; add another one, for example {} {run}#OTHER",
                TrialAddress::new(run, *number)
            ),
            None => {
                "one run cannot be compared; add another run, or group its trials with --group-by ADDRESS"
                    .to_owned()
            }
        };
        return Err(CliError::Usage(text));
    }
    let report = ComparisonReport::read_trials(&store, &named)?;
    if let Some(split) = split.filter(|split| !report.is_scored(*split)) {
        return Err(unscored(split));
    }
    let text = |style: &Style| report.text(split, style);
    output::print_report(args.json, arguments.color, || report.json(), text)?;
    Ok(ExitStatus::Done)
}
