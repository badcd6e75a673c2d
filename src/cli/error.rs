//! What a command could not do, and how the process ends because of it.

use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::domain::diagnostic::{Path, Shown, shown};

/// A command that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Already rendered with places and help.
    #[error("{rendered}")]
    Diagnostics { rendered: String },
    #[error(transparent)]
    Run(#[from] crate::run::Error),
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Prints the error and gives the exit code.
    pub fn report(&self) -> Exit {
        match self {
            Self::Diagnostics { rendered } => {
                output::tell(rendered);
                Exit::Diagnostics
            }
            Self::Usage(_) => self.say(Exit::Usage),
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
