//! Who asked, and what do they see?

pub mod arguments;
pub mod command;
pub mod environment;
pub mod error;
pub mod exit;
mod kept;
pub mod named;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod signal;
pub mod threads;
pub mod workspace;

use clap::Parser;

use crate::cli::arguments::{Arguments, Colour};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::domain::registry::Refused;

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> Exit {
    main_with(|| Ok(()))
}

/// The same with what another crate adds: `register` calls `LayerSpec::register` and the like.
pub fn main_with(register: impl FnOnce() -> Result<(), Refused>) -> Exit {
    if let Err(refused) = register() {
        output::tell(&format!("error: {refused}"));
        return Exit::Usage;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let said = |colour: bool| match colour {
                true => error.render().ansi().to_string(),
                false => error.render().to_string(),
            };
            if error.use_stderr() {
                output::tell(&said(output::coloured_errors(Colour::Auto)));
                return Exit::Usage;
            }
            // Help and version come this way too, and are no mistake.
            return match output::print(&said(output::style(Colour::Auto).colour)) {
                Ok(()) => Exit::Done,
                Err(error) => error.report(),
            };
        }
    };
    match threads::settle(arguments.command.threads(), arguments.command.jobs())
        .and_then(|()| crate::run::machine::kernels().map(drop).map_err(Error::Usage))
        .and_then(|()| command::perform(&arguments))
    {
        Ok(exit) => exit,
        Err(error) => error.report(),
    }
}
