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

use crate::cli::arguments::Arguments;
use crate::cli::exit::Exit;

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, and are no mistake.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match threads::settle(&arguments.command).and_then(|()| command::perform(&arguments)) {
        Ok(exit) => exit,
        Err(error) => error.report(),
    }
}
