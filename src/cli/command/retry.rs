//! `mtl retry RUN`: the stages of a run that failed, and those left out because of them; nothing else.

use crate::cli::arguments::{Arguments, Resume};
use crate::cli::command::resume::go_on;
use crate::cli::error::Error;
use crate::cli::exit::Exit;

pub fn perform(arguments: &Arguments, words: &Resume) -> Result<Exit, Error> {
    go_on(arguments, words, |_, detail| {
        let again = |state: &str| state == "failed" || state == "skipped";
        let stages = detail.stages.iter().filter(|stage| again(&stage.state));
        let stages: Vec<String> = stages.map(|stage| stage.stage.clone()).collect();
        match stages.is_empty() {
            true => Err(format!("nothing failed in {}", detail.run)),
            false => Ok(stages),
        }
    })
}
