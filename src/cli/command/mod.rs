//! One file per command, each of them the whole path from words to an exit code.

mod check;
mod compare;
mod doctor;
mod explain;
mod export;
mod gc;
mod group;
mod init;
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
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output;

/// Does what the command line says.
pub fn perform(arguments: &Arguments) -> Result<Exit, Error> {
    match &arguments.command {
        Command::Run(words) => run::perform(arguments, words),
        Command::Resume(words) => resume::perform(arguments, words),
        Command::Retry(words) => retry::perform(arguments, words),
        Command::Sweep(words) => sweep::perform(arguments, words),
        Command::Check(words) => check::perform(arguments, words),
        Command::Plan(words) => plan::perform(arguments, words),
        Command::List(words) => runs::perform(arguments, words),
        Command::Show(words) => show::perform(arguments, words),
        Command::Compare(words) => compare::perform(arguments, words),
        Command::Plot(words) => plot::perform(arguments, words),
        Command::Report(words) => report::perform(arguments, words),
        Command::Group(words) => group::perform(arguments, words),
        Command::Query(words) => query::perform(arguments, words),
        Command::Export(words) => export::perform(arguments, words),
        Command::Predict(words) => predict::perform(arguments, words),
        Command::Verify(words) => verify::perform(arguments, words),
        Command::Init(words) => init::perform(words),
        Command::Explain(words) => explain::perform(arguments, words),
        Command::Schema => output::print_json(&crate::spec::schema()).map(|()| Exit::Done),
        Command::Doctor(words) => doctor::perform(arguments, words),
        Command::Rm(words) => rm::perform(arguments, words),
        Command::Gc(words) => gc::perform(arguments, words),
        Command::Completions { shell } => {
            // Into memory first: it panics where a reader has left.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "mtl", &mut script);
            output::pipe(|out| out.write_all(&script)).map(|()| Exit::Done)
        }
    }
}
