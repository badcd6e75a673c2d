//! `mtl merge RUN RUN... --into DIR`: merges runs of single tasks that began from the same weights. The
//! merged network is a run of its own, of a pipeline with all their tasks and `train.merge`.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{
    Arguments, CompareArguments, ExportArguments, MergeArguments, OverrideArguments,
};
use crate::cli::command::run::{RunJob, RunReporting, new_run, perform_with};
use crate::cli::command::{compare, export};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::progress::ProgressMode;
use crate::cli::{pipeline, run_selector, workspace};
use crate::domain::number::Seed;
use crate::domain::trial_address::TrialAddress;
use crate::spec::PipelineConfig;

pub fn perform(arguments: &Arguments, args: &MergeArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open(&layout)?;
    let (mut names, mut merged, mut file) = (Vec::new(), None, PathBuf::new());
    for name in &args.names {
        let (run, number) = run_selector::trial(&store, name)?;
        let detail = store.run(&run)?;
        let plan = pipeline::of_run(&layout, &detail)?.require_silently(arguments.color)?.plan;
        let trial = plan.trials.iter().find(|trial| trial.number == number);
        let trial = trial.ok_or_else(|| CliError::Usage(format!("run `{run}` has no trial {number}")))?;
        let seed = Seed::new(trial.seed).unwrap_or(trial.pipeline.seed);
        let own = PipelineConfig { seed, ..trial.pipeline.clone() };
        match &mut merged {
            None => {
                file = merged_file(Path::new(&detail.file));
                merged = Some(own);
            }
            Some(merged) => add(merged, own, name)?,
        }
        names.push(TrialAddress::format(&run, Some(number).filter(|number| *number > 1)));
    }
    let Some(mut merged) = merged else {
        return Err(CliError::Usage("no runs to merge".to_owned()));
    };
    without_training(&mut merged);
    let text = crate::spec::write(&merged);
    let mut changes = OverrideArguments::default();
    changes.set.push(format!("train.merge.runs=[{}]", quoted(&names)));
    changes.set.push(format!("train.merge.method={}", args.method.name()));
    changes.set.extend(args.scale.map(|scale| format!("train.merge.scale={scale}")));
    changes.set.extend(args.keep.map(|keep| format!("train.merge.keep={keep}")));
    let reading = pipeline::of_text(&text, &file, &changes)?.within_memory(arguments)?;
    let pipeline = reading.require(arguments.color)?;
    let (run, lock) = new_run(&layout, &pipeline)?;
    let jobs = NonZeroUsize::MIN;
    let job = RunJob { run: run.clone(), lock, fresh: false, only: Vec::new(), resumed: false, jobs };
    let mode = match (args.quiet, std::io::stderr().is_terminal()) {
        (true, _) => ProgressMode::Quiet,
        (false, true) => ProgressMode::Bars,
        (false, false) => ProgressMode::Lines,
    };
    let reporting = RunReporting { mode, quiet: false, summary: false };
    match perform_with(arguments, &layout, store, &pipeline, &file, &job, &reporting)? {
        ExitStatus::Done => {}
        other => return Ok(other),
    }
    // Of all runs but the merged one each has its own tasks: their scores stand beside its own.
    let names: Vec<String> = std::iter::once(run.to_string()).chain(names).collect();
    compare::perform(arguments, &CompareArguments { names, group_by: Vec::new(), split: None, json: false })?;
    export::perform(arguments, &ExportArguments { run: run.to_string(), to: args.into.clone() })
}

/// Adds the tables and tasks of another run.
fn add(merged: &mut PipelineConfig, other: PipelineConfig, name: &str) -> Result<(), CliError> {
    for (table, config) in other.data {
        match merged.data.get(&table) {
            Some(known) if *known != config => {
                let message = format!("run `{name}` has another table called `{table}` than the runs before");
                return Err(CliError::Failed(message));
            }
            _ => {
                merged.data.insert(table, config);
            }
        }
    }
    for (task, config) in other.tasks {
        if merged.tasks.contains_key(&task) {
            let message =
                format!("task `{task}` is in run `{name}` and in a run before; merge different tasks");
            return Err(CliError::Failed(message));
        }
        merged.tasks.insert(task, config);
    }
    Ok(())
}

/// Resets what matters to a training or to one task only.
fn without_training(pipeline: &mut PipelineConfig) {
    pipeline.name = None;
    pipeline.sweep = None;
    pipeline.weighting = Default::default();
    pipeline.evaluate.baselines = None;
    (pipeline.train.rates, pipeline.train.unfreeze) = (Default::default(), None);
    (pipeline.train.affinity, pipeline.train.gradients) = (None, Default::default());
    (pipeline.train.monitor.task, pipeline.train.monitor.metric) = (None, None);
}

/// `census.yaml` -> `census.merged.yaml`, in the same folder, because data paths are relative to it. The file
/// itself is not written: the run keeps its pipeline.
fn merged_file(original: &Path) -> PathBuf {
    let stem = original.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    original.with_file_name(format!("{stem}.merged.yaml"))
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
