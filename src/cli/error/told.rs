//! How a person is told of a command that could not be done, and how the process ends because of it.

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::domain::diagnostic::{Path, Shown, shown};

impl Error {
    /// Prints the error and gives the exit code.
    pub fn report(&self) -> Exit {
        match self {
            Self::Diagnostics { rendered } => {
                output::tell(rendered);
                Exit::Diagnostics
            }
            Self::Usage(_) | Self::Run(crate::run::Error::Destination(_)) => self.say(Exit::Usage),
            Self::Store(crate::store::Error::Newer { .. }) => self.say(Exit::NewerDatabase),
            Self::Run(crate::run::Error::Parity { .. }) => self.say(Exit::Parity),
            Self::Run(error) if error.is_interruption() => self.say(Exit::Interrupted),
            _ => self.say(Exit::Failed),
        }
    }

    fn say(&self, exit: Exit) -> Exit {
        match self {
            // What is wrong with data knows what to do about it.
            Self::Run(crate::run::Error::Data(problem)) => {
                for each in shown(&problem.diagnostics(&Path::root())) {
                    match each {
                        Shown::Whole { diagnostic, help } => {
                            output::tell(&format!("error: {}", diagnostic.message));
                            let help = diagnostic.help.iter().filter(|_| help);
                            help.for_each(|help| output::tell(&format!("  help: {help}")));
                        }
                        Shown::More { code, places, .. } => {
                            output::tell(&format!("error: {}", Shown::left_out(code, &places)));
                        }
                    }
                }
            }
            _ => output::tell(&format!("error: {self}")),
        }
        exit
    }
}
