//! `mtl show RUN`: shows everything about one run.

use crate::cli::arguments::{Arguments, ShowArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::report::RunReport;

pub fn perform(arguments: &Arguments, args: &ShowArguments) -> Result<ExitStatus, CliError> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let (run, number) = run_selector::named(&store, &args.run)?;
    let report = RunReport::read(&store, &run, number)?;
    output::print_report(args.json, arguments.color, || report.json(), |style| report.text(style))?;
    Ok(ExitStatus::Done)
}
