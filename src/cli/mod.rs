//! The command-line interface.

pub mod arguments;
pub mod command;
pub mod environment;
pub mod error;
pub mod exit;
mod integrity;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod run_selector;
pub mod signal;
pub mod threads;
pub mod workspace;

use clap::Parser;

use crate::cli::arguments::{Arguments, ColorChoice};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::domain::registry::RegistrationError;

/// Parses the command line, executes the command, and returns the exit code.
pub fn main() -> ExitStatus {
    main_with(|| Ok(()))
}

/// Like [`main`], with items of other crates: `register` calls `LayerConfig::register` and the like.
pub fn main_with(register: impl FnOnce() -> Result<(), RegistrationError>) -> ExitStatus {
    if let Err(refused) = register() {
        output::print_error(&format!("error: {refused}"));
        return ExitStatus::Usage;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = |colour: bool| match colour {
                true => error.render().ansi().to_string(),
                false => error.render().to_string(),
            };
            if error.use_stderr() {
                output::print_error(&text(output::coloured_errors(ColorChoice::Auto)));
                return ExitStatus::Usage;
            }
            // Help and version are also reported as errors by clap.
            return match output::print(&text(output::style(ColorChoice::Auto).colour)) {
                Ok(()) => ExitStatus::Done,
                Err(error) => error.report(),
            };
        }
    };
    match threads::settle(arguments.command.threads(), arguments.command.jobs())
        .and_then(|()| crate::run::machine::kernels().map(drop).map_err(CliError::Usage))
        .and_then(|()| command::perform(&arguments))
    {
        Ok(exit) => exit,
        Err(error) => error.report(),
    }
}
