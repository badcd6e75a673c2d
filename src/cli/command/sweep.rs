//! `mtl sweep status RUN`: shows the progress of a sweep.

use crate::cli::arguments::{Arguments, SweepCommand};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::report::SweepStatus;

pub fn perform(arguments: &Arguments, args: &SweepCommand) -> Result<ExitStatus, CliError> {
    let SweepCommand::Status(args) = args;
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let run = run_selector::resolve_run(&store, &args.run, "`mtl sweep status` shows a whole run")?;
    let report = SweepStatus::read(&store, &run)?;
    output::print_report(args.json, arguments.color, || report.json(), |style| report.text(style))?;
    Ok(ExitStatus::Done)
}
