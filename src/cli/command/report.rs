//! `mtl report RUN`: a report of a run, or of one of its trials, as a self-contained HTML file.

use std::path::Path;

use crate::cli::arguments::{Arguments, ReportArguments};
use crate::cli::command::plot::with_alternative;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::report::ReportPage;
use crate::run::publish;

pub fn perform(arguments: &Arguments, args: &ReportArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    if let Some(to) = &args.to {
        check(to)?;
    }
    let store = workspace::open_for_reading(&layout)?;
    let (run, trial) = run_selector::named(&store, &args.run)?;
    let page = ReportPage::read_trial(&store, &run, trial)?;
    let folder = trial.map_or_else(|| layout.run(&run), |number| layout.trial(&run, number));
    let file = args.to.clone().unwrap_or_else(|| folder.join("report.html"));
    let written = publish::write(&file, page.html().as_bytes());
    written.map_err(|error| with_alternative(args.to.is_none(), error, "--to FILE.html"))?;
    output::print(&file.display().to_string())?;
    Ok(ExitStatus::Done)
}

/// Refuses destinations that a report must not overwrite, such as data or a database.
fn check(to: &Path) -> Result<(), CliError> {
    let shown = to.display();
    if to.is_dir() {
        let inside = to.join("report.html");
        return Err(CliError::Usage(format!(
            "`{shown}` is a folder; write a file name, for example `{}`",
            inside.display()
        )));
    }
    let extension = to.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("html" | "htm") => Ok(()),
        _ => Err(CliError::Usage(format!("`{shown}`: the file name of a report must end in .html"))),
    }
}
