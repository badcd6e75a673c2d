//! Prints errors and chooses the exit code.

use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output;
use crate::domain::diagnostic::{DiagnosticList, Path, abbreviate};

impl CliError {
    /// Prints the error and returns the exit code.
    pub fn report(&self) -> ExitStatus {
        match self {
            Self::Diagnostics { rendered } => {
                output::print_error(rendered);
                ExitStatus::Diagnostics
            }
            Self::Usage(_) | Self::Run(crate::run::RunError::Destination(_)) => self.print(ExitStatus::Usage),
            Self::Store(crate::store::StoreError::Newer { .. }) => self.print(ExitStatus::NewerDatabase),
            Self::Run(crate::run::RunError::Parity { .. }) => self.print(ExitStatus::Parity),
            Self::Run(error) if error.is_interruption() => self.print(ExitStatus::Interrupted),
            _ => self.print(ExitStatus::Failed),
        }
    }

    fn print(&self, exit: ExitStatus) -> ExitStatus {
        match self {
            // Data errors have a help text.
            Self::Run(crate::run::RunError::Data(problem)) => {
                for entry in abbreviate(&problem.diagnostics(&Path::root())) {
                    match entry {
                        DiagnosticList::Whole { diagnostic, help } => {
                            output::print_error(&format!("error: {}", diagnostic.message));
                            let help = diagnostic.help.iter().filter(|_| help);
                            help.for_each(|help| output::print_error(&format!("  help: {help}")));
                        }
                        DiagnosticList::More { code, places, .. } => {
                            output::print_error(&format!(
                                "error: {}",
                                DiagnosticList::summary(code, &places)
                            ));
                        }
                    }
                }
            }
            _ => output::print_error(&format!("error: {self}")),
        }
        exit
    }
}
