//! `mtl check FILE`: reports all problems of a pipeline without reading its data.

use crate::cli::arguments::{Arguments, CheckArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, pipeline};
use crate::spec::render;

pub fn perform(arguments: &Arguments, args: &CheckArguments) -> Result<ExitStatus, CliError> {
    let reading = pipeline::read(&args.file, &args.changes)?.within_memory(arguments)?;
    let (problems, stages) = match &reading.result {
        Ok((plan, warnings)) => (warnings, Some(plan.stages().count())),
        Err(problems) => (problems, None),
    };
    if args.json {
        output::print_json(&render::json(problems, &reading.source))?;
    } else {
        let colour = output::coloured_errors(arguments.color);
        output::print_error(&render::render(problems, &reading.source, colour));
        match stages {
            Some(stages) => output::print(&format!("{}: ok, {stages} stages", args.file.display()))?,
            None => output::print_error(&render::counted(problems, &reading.source)),
        }
    }
    Ok(if stages.is_some() { ExitStatus::Done } else { ExitStatus::Diagnostics })
}
