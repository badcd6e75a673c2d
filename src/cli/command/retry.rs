//! `mtl retry RUN`: the stages of a run that failed, and those left out because of them; nothing else.

use crate::cli::arguments::{Arguments, ResumeArguments};
use crate::cli::command::resume::continue_run;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;

pub fn perform(arguments: &Arguments, args: &ResumeArguments) -> Result<ExitStatus, CliError> {
    continue_run(arguments, args, |_, detail| {
        let again = |state: &str| state == "failed" || state == "skipped";
        let stages = detail.stages.iter().filter(|stage| again(&stage.state));
        let stages: Vec<String> = stages.map(|stage| stage.stage.clone()).collect();
        match stages.is_empty() {
            true => Err(format!("nothing failed in {}", detail.run)),
            false => Ok(stages),
        }
    })
}
