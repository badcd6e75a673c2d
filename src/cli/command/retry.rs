//! `mtl retry RUN`: runs the failed stages of a run again, and those skipped because of them.

use crate::cli::arguments::{Arguments, ResumeArguments};
use crate::cli::command::resume::continue_run;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;

pub fn perform(arguments: &Arguments, args: &ResumeArguments) -> Result<ExitStatus, CliError> {
    continue_run(arguments, args, |_, detail| {
        let is_retried = |state: &str| state == "failed" || state == "skipped";
        let stages = detail.stages.iter().filter(|stage| is_retried(&stage.state));
        let stages: Vec<String> = stages.map(|stage| stage.stage.clone()).collect();
        match stages.is_empty() {
            true => Err(format!("no failed stages in {}", detail.run)),
            false => Ok(stages),
        }
    })
}
