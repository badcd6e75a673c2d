//! Resolves what a user names: a run, its trials or a model.

use std::path::Path;

use crate::cli::arguments::Arguments;
use crate::cli::error::CliError;
use crate::cli::workspace;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::run::bundle::ModelBundle;
use crate::store::record::RunDetail;
use crate::store::{ResultsDatabase, StoreError};

/// A run, and one of its trials if it was named: `RUN#3`.
pub type RunSelector = (RunId, Option<u32>);

/// Resolves a run, and its trial if one is named.
pub fn named(store: &ResultsDatabase, text: &str) -> Result<RunSelector, CliError> {
    let (run, number) = TrialAddress::parts(text);
    let Some(number) = number else { return Ok((store.resolve_run(run)?, None)) };
    if run.is_empty() {
        return Err(CliError::Usage(format!(
            "`{text}` has no run's name; write `last{text}` for the last run"
        )));
    }
    let run = store.resolve_run(run)?;
    let trial = trial_number(store, &run, number)?;
    Ok((run, Some(trial)))
}

/// Checks that a run has a trial with this number.
pub fn trial_number(store: &ResultsDatabase, run: &RunId, number: &str) -> Result<u32, CliError> {
    let trials = store.objectives(run)?;
    let known = number.parse().ok().filter(|number| trials.iter().any(|trial| trial.trial == *number));
    match (known, trials.last()) {
        (Some(number), _) => Ok(number),
        (None, None) => Err(CliError::Usage(format!("run `{run}` has no trials"))),
        (None, Some(last)) if last.trial == 1 => {
            let only = TrialAddress::new(run, 1);
            Err(CliError::Usage(format!("run `{run}` has no trial `{number}`; its only trial is `{only}`")))
        }
        (None, Some(last)) => Err(CliError::Usage(format!(
            "run `{run}` has no trial `{number}`; it has {} trials, `#1` to `#{}`",
            trials.len(),
            last.trial
        ))),
    }
}

/// Resolves several names.
pub fn all(store: &ResultsDatabase, names: &[String]) -> Result<Vec<RunSelector>, CliError> {
    names.iter().map(|name| named(store, name)).collect()
}

/// Resolves the name of a whole run; `what` describes the command for the error message.
pub fn resolve_run(store: &ResultsDatabase, text: &str, what: &str) -> Result<RunId, CliError> {
    match TrialAddress::parts(text) {
        (run, None) => Ok(store.resolve_run(run)?),
        (run, Some(_)) => {
            Err(CliError::Usage(format!("{what}, not a trial: write `{run}` instead of `{text}`")))
        }
    }
}

/// Resolves a trial: `RUN#3`, or the best trial of a run.
pub fn trial(store: &ResultsDatabase, text: &str) -> Result<(RunId, u32), CliError> {
    let (run, number) = named(store, text)?;
    let number = match number {
        Some(number) => number,
        None => store.best_trial(&run)?.unwrap_or(1),
    };
    Ok((run, number))
}

/// Resolves a trial and reads its model: the best trial of a run that has a model.
pub fn model(
    layout: &Layout,
    store: &ResultsDatabase,
    text: &str,
) -> Result<(RunId, u32, ModelBundle), CliError> {
    let (run, number) = named(store, text)?;
    let has_model = |number: &u32| {
        let trials = store.objectives(&run)?;
        Ok::<_, CliError>(trials.iter().any(|trial| trial.trial == *number && trial.exported))
    };
    let number = match number {
        Some(number) if has_model(&number)? => number,
        None => match store.best_trial(&run)? {
            Some(best) => best,
            None => return Err(without_model(store, text, &run, None)),
        },
        number => return Err(without_model(store, text, &run, number)),
    };
    let bundle = ModelBundle::read(&layout.trial(&run, number))?;
    Ok((run, number, bundle))
}

/// Reads a model bundle from a folder or a run. A folder that is not a bundle does not hide a run of the same
/// name.
pub fn bundle(arguments: &Arguments, text: &str) -> Result<ModelBundle, CliError> {
    let (layout, folder) = (workspace::layout(arguments), Path::new(text));
    let is_bundle = ModelBundle::is_at(folder);
    // A run's name has no path separators.
    if text.contains(std::path::is_separator) || matches!(text, "." | "..") {
        return match folder.is_dir() {
            true => Ok(ModelBundle::read(folder)?),
            false => Err(CliError::Failed(no_folder(folder))),
        };
    }
    if !layout.database().exists() {
        return match folder.is_dir() {
            true => Ok(ModelBundle::read(folder)?),
            false => Err(CliError::Failed(format!(
                "`{text}` is not a folder, and there is no results database at {}",
                layout.database().display()
            ))),
        };
    }
    // Reading a bundle must work even if the database cannot be opened.
    let store = match workspace::open_for_reading(&layout) {
        Err(_) if is_bundle => return Ok(ModelBundle::read(folder)?),
        opened => opened?,
    };
    let (name, trial_number) = TrialAddress::parts(text);
    match (store.resolve_run(name), is_bundle) {
        (Ok(run), true) => {
            let number = store.best_trial(&run)?.unwrap_or(1);
            let alternative = TrialAddress::format(
                &run,
                (run.as_str() == text || trial_number.is_some()).then_some(number),
            );
            let what = if text == "last" { format!("the last run, `{run}`") } else { format!("run `{run}`") };
            Err(CliError::Usage(format!(
                "`{text}` is ambiguous: it is the folder of a bundle and {what}; write `./{text}` for the \
                 folder, `{alternative}` for the run"
            )))
        }
        (Err(StoreError::AmbiguousRun { runs, .. }), true) => Err(CliError::Usage(format!(
            "`{text}` is ambiguous: it is the folder of a bundle and a prefix of several runs; write \
             `./{text}` for the folder, or the full name of a run: {}",
            runs.join(", ")
        ))),
        (Err(_), true) => Ok(ModelBundle::read(folder)?),
        (Ok(_), false) => model(&layout, &store, text).map(|(.., bundle)| bundle),
        (Err(error), false) if folder.is_dir() => {
            let problem = ModelBundle::read(folder)
                .err()
                .map_or_else(String::new, |problem| format!("; and the folder {problem}"));
            Err(CliError::Failed(format!("{error}{problem}")))
        }
        (Err(_), false) if folder.exists() => Err(CliError::Failed(no_folder(folder))),
        (Err(error), false) => Err(error.into()),
    }
}

/// The run that is named as a model; `None` if a bundle's folder is named.
pub fn run_of_model(arguments: &Arguments, text: &str) -> Result<Option<(ResultsDatabase, RunId)>, CliError> {
    let layout = workspace::layout(arguments);
    let is_path = text.contains(std::path::is_separator) || ModelBundle::is_at(Path::new(text));
    if is_path || !layout.database().exists() {
        return Ok(None);
    }
    let store = workspace::open_for_reading(&layout)?;
    Ok(named(&store, text).ok().map(|(run, _)| (store, run)))
}

/// Refuses a name that is both a pipeline file and a run.
pub fn refuse_ambiguous(layout: &Layout, text: &str, file: &Path) -> Result<(), CliError> {
    if !file.is_file() || text.contains(std::path::is_separator) || !layout.database().exists() {
        return Ok(());
    }
    match workspace::open_for_reading(layout)?.resolve_run(text) {
        Ok(run) => {
            let alternative = TrialAddress::format(&run, (run.as_str() == text).then_some(1));
            Err(CliError::Usage(format!(
                "`{text}` is ambiguous: it is a file and run `{run}`; write `./{text}` for the file, \
                 `{alternative}` for the run"
            )))
        }
        Err(_) => Ok(()),
    }
}

/// The message for a path that is not a folder.
fn no_folder(path: &Path) -> String {
    let shown = path.display();
    let folder = path.parent().filter(|folder| ModelBundle::is_at(folder));
    match folder {
        Some(folder) if path.exists() => {
            format!("`{shown}` is a file of a bundle; write its folder: {}", folder.display())
        }
        _ if path.exists() => format!("`{shown}` is a file, not the folder of a bundle or a run"),
        _ => format!("folder `{shown}` does not exist"),
    }
}

/// Why a run or trial has no model, and which one has.
fn without_model(store: &ResultsDatabase, text: &str, run: &RunId, number: Option<u32>) -> CliError {
    let detail = match store.run(run) {
        Ok(detail) => detail,
        Err(error) => return error.into(),
    };
    let last = TrialAddress::parts(text).0 == "last";
    let subject = match (number, last) {
        (Some(number), _) => format!("trial #{number} of run `{run}`"),
        (None, true) => format!("`last` is run `{run}`, which"),
        (None, false) => format!("run `{run}`"),
    };
    let mut message = format!("{subject} has no model: {}", reason(&detail, number));
    match (store.newest_with_model(), number.map(|_| store.best_trial(run))) {
        (_, Some(Ok(Some(best)))) => {
            let best = TrialAddress::new(run, best);
            message.push_str(&format!("; its best trial with a model is `{best}`"))
        }
        (Ok(Some(other)), _) if other != *run => {
            message.push_str(&format!("; the newest run with a model is `{other}`"));
        }
        _ => {}
    }
    CliError::Failed(message)
}

/// Why there is no model.
fn reason(detail: &RunDetail, number: Option<u32>) -> String {
    let run = &detail.run;
    if let Some(epoch) = detail.trials.iter().find(|own| Some(own.trial) == number).and_then(|own| own.pruned)
    {
        return format!("it was pruned after epoch {epoch}");
    }
    let mut failed = detail.stages.iter().filter(|stage| stage.state == "failed");
    let own = failed.find(|stage| number.is_none() || stage.trial.is_none() || stage.trial == number);
    if let Some(stage) = own {
        let why = stage.reason.as_deref().and_then(|reason| reason.lines().next());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        return format!("stage `{}` failed{why}; try again with: mtl retry {run}", stage.stage);
    }
    match detail.state {
        RunState::Running => format!("it is still running; see: mtl show {run}"),
        RunState::Interrupted => format!("it was interrupted; resume with: mtl resume {run}"),
        RunState::Failed => format!("it failed; see: mtl show {run}"),
        RunState::Finished => "its stage `export` was not run".to_owned(),
    }
}
