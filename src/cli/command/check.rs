//! `mtl check FILE`: everything that is wrong with a pipeline, without touching its data.

use crate::cli::arguments::{Arguments, Check};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, pipeline};
use crate::spec::render;

pub fn perform(arguments: &Arguments, words: &Check) -> Result<Exit, Error> {
    let reading = pipeline::read(&words.file, &words.changes)?.within_memory(arguments)?;
    let (problems, stages) = match &reading.meaning {
        Ok((plan, warnings)) => (warnings, Some(plan.stages().count())),
        Err(problems) => (problems, None),
    };
    if words.json {
        output::print_json(&render::json(problems, &reading.source))?;
    } else {
        let colour = output::coloured_errors(arguments.color);
        output::tell(&render::render(problems, &reading.source, colour));
        match stages {
            Some(stages) => output::print(&format!("{}: ok, {stages} stages", words.file.display()))?,
            None => output::tell(&render::counted(problems, &reading.source)),
        }
    }
    Ok(if stages.is_some() { Exit::Done } else { Exit::Diagnostics })
}
