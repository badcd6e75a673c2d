//! One file per command, from arguments to exit code.

mod check;
mod compare;
mod doctor;
mod explain;
mod export;
mod gc;
mod group;
mod init;
mod man;
mod merge;
mod plan;
mod plot;
mod predict;
mod query;
mod report;
mod resume;
mod retry;
mod rm;
mod run;
mod runs;
mod show;
mod sweep;
mod verify;

use clap::CommandFactory;

use crate::cli::arguments::{Arguments, Command};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output;

/// Executes the command.
pub fn perform(arguments: &Arguments) -> Result<ExitStatus, CliError> {
    match &arguments.command {
        Command::Run(args) => run::perform(arguments, args),
        Command::Resume(args) => resume::perform(arguments, args),
        Command::Retry(args) => retry::perform(arguments, args),
        Command::Sweep(args) => sweep::perform(arguments, args),
        Command::Check(args) => check::perform(arguments, args),
        Command::Plan(args) => plan::perform(arguments, args),
        Command::List(args) => runs::perform(arguments, args),
        Command::Show(args) => show::perform(arguments, args),
        Command::Compare(args) => compare::perform(arguments, args),
        Command::Plot(args) => plot::perform(arguments, args),
        Command::Report(args) => report::perform(arguments, args),
        Command::Group(args) => group::perform(arguments, args),
        Command::Merge(args) => merge::perform(arguments, args),
        Command::Query(args) => query::perform(arguments, args),
        Command::Export(args) => export::perform(arguments, args),
        Command::Predict(args) => predict::perform(arguments, args),
        Command::Verify(args) => verify::perform(arguments, args),
        Command::Init(args) => init::perform(args),
        Command::Explain(args) => explain::perform(arguments, args),
        Command::Schema => output::print_json(&crate::spec::schema()).map(|()| ExitStatus::Done),
        Command::Doctor(args) => doctor::perform(arguments, args),
        Command::Rm(args) => rm::perform(arguments, args),
        Command::Gc(args) => gc::perform(arguments, args),
        Command::Completions { shell } => {
            // Into memory first, because clap panics on a closed pipe.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "mtl", &mut script);
            output::pipe(|out| out.write_all(&script)).map(|()| ExitStatus::Done)
        }
        Command::Man(args) => man::perform(args),
    }
}
