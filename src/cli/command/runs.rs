//! `mtl runs`: lists runs, newest first.

use crate::cli::arguments::{Arguments, ListArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, workspace};
use crate::report::RunList;

pub fn perform(arguments: &Arguments, args: &ListArguments) -> Result<ExitStatus, CliError> {
    let store = workspace::open_for_reading(&workspace::layout(arguments))?;
    let mut report = RunList::read(&store)?;
    report.lines.retain(|line| args.pipeline.as_ref().is_none_or(|name| *name == line.pipeline));
    report.lines.truncate(args.limit);
    output::print_report(args.json, arguments.color, || report.json(), |style| report.text(style))?;
    Ok(ExitStatus::Done)
}
