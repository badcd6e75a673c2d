//! What a user names: a run, some of its trials, a model; and what is said where the name does not do.

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

/// A run, and one trial of it where one is named: `RUN#3`.
pub type RunSelector = (RunId, Option<u32>);

/// The run a user names, and the trial if one is named.
pub fn named(store: &ResultsDatabase, text: &str) -> Result<RunSelector, CliError> {
    let (run, number) = TrialAddress::parts(text);
    let Some(number) = number else { return Ok((store.resolve_run(run)?, None)) };
    if run.is_empty() {
        return Err(CliError::Usage(format!(
            "`{text}` names no run; of the last one it would be `last{text}`"
        )));
    }
    let run = store.resolve_run(run)?;
    let trial = trial_number(store, &run, number)?;
    Ok((run, Some(trial)))
}

/// The trial of a run that has this number.
pub fn trial_number(store: &ResultsDatabase, run: &RunId, number: &str) -> Result<u32, CliError> {
    let trials = store.objectives(run)?;
    let known = number.parse().ok().filter(|number| trials.iter().any(|trial| trial.trial == *number));
    match (known, trials.last()) {
        (Some(number), _) => Ok(number),
        (None, None) => Err(CliError::Usage(format!("run `{run}` has no trial `{number}`, and no other"))),
        (None, Some(last)) if last.trial == 1 => {
            let one = TrialAddress::new(run, 1);
            Err(CliError::Usage(format!("run `{run}` has no trial `{number}`; it has one: `{one}`")))
        }
        (None, Some(last)) => Err(CliError::Usage(format!(
            "run `{run}` has no trial `{number}`; it has {} trials, `#1` to `#{}`",
            trials.len(),
            last.trial
        ))),
    }
}

/// Several of them.
pub fn all(store: &ResultsDatabase, names: &[String]) -> Result<Vec<RunSelector>, CliError> {
    names.iter().map(|name| named(store, name)).collect()
}

/// The run a user names, where a trial alone cannot be meant; `what` the command does.
pub fn resolve_run(store: &ResultsDatabase, text: &str, what: &str) -> Result<RunId, CliError> {
    match TrialAddress::parts(text) {
        (run, None) => Ok(store.resolve_run(run)?),
        (run, Some(_)) => {
            Err(CliError::Usage(format!("{what}, not of one trial: write `{run}` for `{text}`")))
        }
    }
}

/// The trial a user names: `RUN#3`, or of a run its best one.
pub fn trial(store: &ResultsDatabase, text: &str) -> Result<(RunId, u32), CliError> {
    let (run, number) = named(store, text)?;
    let number = match number {
        Some(number) => number,
        None => store.best_trial(&run)?.unwrap_or(1),
    };
    Ok((run, number))
}

/// The trial a user names and its model: of a run the best that has one.
pub fn model(
    layout: &Layout,
    store: &ResultsDatabase,
    text: &str,
) -> Result<(RunId, u32, ModelBundle), CliError> {
    let (run, number) = named(store, text)?;
    let written = |number: &u32| {
        let trials = store.objectives(&run)?;
        Ok::<_, CliError>(trials.iter().any(|trial| trial.trial == *number && trial.exported))
    };
    let number = match number {
        Some(own) if written(&own)? => own,
        None => match store.best_trial(&run)? {
            Some(best) => best,
            None => return Err(without_model(store, text, &run, None)),
        },
        own => return Err(without_model(store, text, &run, own)),
    };
    let bundle = ModelBundle::read(&layout.trial(&run, number))?;
    Ok((run, number, bundle))
}

/// The model a user names: a bundle's folder, or that of a run. A folder of data that is called as a run is
/// no bundle.
pub fn bundle(arguments: &Arguments, text: &str) -> Result<ModelBundle, CliError> {
    let (layout, folder) = (workspace::layout(arguments), Path::new(text));
    let is_bundle = ModelBundle::is_at(folder);
    // What has a separator in it cannot be a run.
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
                "`{text}` is no folder, and there is no database of runs at {}",
                layout.database().display()
            ))),
        };
    }
    // A bundle needs no database: one that cannot be opened is no reason to refuse it.
    let store = match workspace::open_for_reading(&layout) {
        Err(_) if is_bundle => return Ok(ModelBundle::read(folder)?),
        opened => opened?,
    };
    let (named, of_trial) = TrialAddress::parts(text);
    match (store.resolve_run(named), is_bundle) {
        (Ok(run), true) => {
            let number = store.best_trial(&run)?.unwrap_or(1);
            let by =
                TrialAddress::format(&run, (run.as_str() == text || of_trial.is_some()).then_some(number));
            Err(CliError::Usage(format!(
                "`{text}` is the folder of a bundle, and also {}: write `./{text}` for the folder, `{by}` for the run",
                if text == "last" { format!("the last run, `{run}`") } else { format!("run `{run}`") },
            )))
        }
        (Err(StoreError::AmbiguousRun { runs, .. }), true) => Err(CliError::Usage(format!(
            "`{text}` is the folder of a bundle, and also the beginning of several runs: write `./{text}` for the \
             folder, or the whole name of a run: {}",
            runs.join(", ")
        ))),
        (Err(_), true) => Ok(ModelBundle::read(folder)?),
        (Ok(_), false) => model(&layout, &store, text).map(|(.., bundle)| bundle),
        (Err(error), false) if folder.is_dir() => {
            let missing = ModelBundle::read(folder)
                .err()
                .map_or_else(String::new, |missing| format!("; and the folder {missing}"));
            Err(CliError::Failed(format!("{error}{missing}")))
        }
        (Err(_), false) if folder.exists() => Err(CliError::Failed(no_folder(folder))),
        (Err(error), false) => Err(error.into()),
    }
}

/// The run that a model is named by; `None` where it is a bundle's folder.
pub fn run_of_model(arguments: &Arguments, text: &str) -> Result<Option<(ResultsDatabase, RunId)>, CliError> {
    let layout = workspace::layout(arguments);
    let is_path = text.contains(std::path::is_separator) || ModelBundle::is_at(Path::new(text));
    if is_path || !layout.database().exists() {
        return Ok(None);
    }
    let store = workspace::open_for_reading(&layout)?;
    Ok(named(&store, text).ok().map(|(run, _)| (store, run)))
}

/// Refuses a name that is both a pipeline's file and a run.
pub fn refuse_ambiguous(layout: &Layout, text: &str, file: &Path) -> Result<(), CliError> {
    if !file.is_file() || text.contains(std::path::is_separator) || !layout.database().exists() {
        return Ok(());
    }
    match workspace::open_for_reading(layout)?.resolve_run(text) {
        Ok(run) => {
            let by = TrialAddress::format(&run, (run.as_str() == text).then_some(1));
            Err(CliError::Usage(format!(
                "`{text}` is a file, and also run `{run}`: write `./{text}` for the file, `{by}` for the run"
            )))
        }
        Err(_) => Ok(()),
    }
}

/// What is said of a path that leads to no folder.
fn no_folder(path: &Path) -> String {
    let shown = path.display();
    let folder = path.parent().filter(|folder| ModelBundle::is_at(folder));
    match folder {
        Some(folder) if path.exists() => {
            format!("`{shown}` is a file of a bundle; name its folder: {}", folder.display())
        }
        _ if path.exists() => format!("`{shown}` is a file, no bundle's folder and no run"),
        _ => format!("there is no folder `{shown}`"),
    }
}

/// Why a run, or one of its trials, has no model; and which run has.
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
    let mut output = format!("{subject} has no model: {}", reason(&detail, number));
    match (store.newest_with_model(), number.map(|_| store.best_trial(run))) {
        (_, Some(Ok(Some(best)))) => {
            let best = TrialAddress::new(run, best);
            output.push_str(&format!("; its best trial with a model is `{best}`"))
        }
        (Ok(Some(other)), _) if other != *run => {
            output.push_str(&format!("; the newest run with a model is `{other}`"));
        }
        _ => {}
    }
    CliError::Failed(output)
}

/// How far it came.
fn reason(detail: &RunDetail, number: Option<u32>) -> String {
    let run = &detail.run;
    if let Some(epoch) = detail.trials.iter().find(|own| Some(own.trial) == number).and_then(|own| own.pruned)
    {
        return format!("its sweep gave it up after epoch {epoch}");
    }
    let mut failed = detail.stages.iter().filter(|stage| stage.state == "failed");
    let own = failed.find(|stage| number.is_none() || stage.trial.is_none() || stage.trial == number);
    if let Some(stage) = own {
        let why = stage.reason.as_deref().and_then(|reason| reason.lines().next());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        return format!("it failed at stage `{}`{why}; try again with: mtl retry {run}", stage.stage);
    }
    match detail.state {
        RunState::Running => format!("it is still at work; see: mtl show {run}"),
        RunState::Interrupted => format!("it was interrupted; go on with: mtl resume {run}"),
        RunState::Failed => format!("it failed; see: mtl show {run}"),
        RunState::Finished => "its stage `export` was not asked for".to_owned(),
    }
}
