//! `mtl group PIPELINE|RUN`: measures the affinities of tasks by training once with all of them, or reads
//! those of an earlier run; then proposes which tasks to train together.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Arguments, GroupArguments, OverrideArguments};
use crate::cli::command::run::{RunJob, RunReporting, new_run, perform_with};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::progress::ProgressMode;
use crate::cli::{output, pipeline, run_selector, workspace};
use crate::domain::name::RunId;
use crate::report::GroupingReport;
use crate::run::publish;
use crate::spec::PipelineConfig;

pub fn perform(arguments: &Arguments, args: &GroupArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let file = PathBuf::from(&args.source);
    run_selector::refuse_ambiguous(&layout, &args.source, &file)?;
    let (store, run, trial) = if file.is_file() {
        match train(arguments, args, &file)? {
            (run, ExitStatus::Done) => (workspace::open_for_reading(&layout)?, run, 1),
            (_, exit) => return Ok(exit),
        }
    } else {
        if !args.changes.set.is_empty() {
            return Err(CliError::Usage("--set needs a pipeline; found a run".to_owned()));
        }
        let store = workspace::open_for_reading(&layout)?;
        let (run, trial) = run_selector::trial(&store, &args.source)?;
        (store, run, trial)
    };
    let grouping = GroupingReport::read(&store, &run, trial, args.groups.get())?;
    if let Some(obstacle) = grouping.reason_unavailable() {
        return Err(CliError::Failed(obstacle));
    }
    let detail = store.run(&run)?;
    let original = PathBuf::from(&detail.file);
    let reading = pipeline::of_run(&layout, &detail)?.require_silently(arguments.color)?;
    output::print_report(args.json, arguments.color, || grouping.json(), |style| grouping.text(style))?;
    let files: Vec<PathBuf> =
        (1..=grouping.groups().len()).map(|number| sibling_path(&original, number)).collect();
    if args.write {
        let texts: Vec<String> = grouping
            .groups()
            .iter()
            .map(|group| crate::spec::write(&of_group(&reading.plan.pipeline, &group.tasks)))
            .collect();
        // Do not overwrite files that somebody may have edited.
        let differs = |(path, text): &(&PathBuf, &String)| {
            std::fs::read_to_string(path).map_or_else(|_| path.exists(), |known| known != **text)
        };
        if let Some((path, _)) = files.iter().zip(&texts).find(differs) {
            let message = format!("`{}` already exists with other content: move it away", path.display());
            return Err(CliError::Failed(message));
        }
        for (path, text) in files.iter().zip(&texts) {
            publish::write(path, text.as_bytes())?;
            // Report settings that are invalid in the group, such as a weight of a task that is not in it.
            if let Err(problem) =
                pipeline::read(path, &OverrideArguments::default())?.require(arguments.color)
            {
                problem.report();
            }
        }
    }
    if !args.json {
        output::print(&next(&run, args, &grouping, &original, &files))?;
    }
    Ok(ExitStatus::Done)
}

/// Trains the pipeline once, with all tasks in one trial, and measures everything that grouping needs.
fn train(arguments: &Arguments, args: &GroupArguments, file: &Path) -> Result<(RunId, ExitStatus), CliError> {
    let original = pipeline::read(file, &args.changes)?.require_silently(arguments.color)?.plan.pipeline;
    let mut changes = OverrideArguments { set: args.changes.set.clone(), ..OverrideArguments::default() };
    (changes.seed, changes.device) = (args.changes.seed, args.changes.device.clone());
    let mut set_if = |condition: bool, setting: &str| {
        if condition {
            changes.set.push(setting.to_owned());
        }
    };
    set_if(original.train.affinity.is_none(), "train.affinity.every=10");
    set_if(!original.train.gradients.observe, "train.gradients.observe=true");
    set_if(original.sweep.is_some(), "sweep=null");
    set_if(original.evaluate.baselines.is_some(), "evaluate.baselines=null");
    let reading = pipeline::read(file, &changes)?.within_memory(arguments)?;
    let mut pipeline = reading.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    let store = workspace::open(&layout)?;
    pipeline.find_start(&store, arguments.color)?;
    let (run, lock) = new_run(&layout, &pipeline)?;
    let jobs = NonZeroUsize::MIN;
    let job = RunJob { run: run.clone(), lock, fresh: false, only: Vec::new(), resumed: false, jobs };
    let mode = match (args.quiet || args.json, std::io::stderr().is_terminal()) {
        (true, _) => ProgressMode::Quiet,
        (_, true) => ProgressMode::Bars,
        _ => ProgressMode::Lines,
    };
    let reporting = RunReporting { mode, quiet: false, summary: false };
    let exit = perform_with(arguments, &layout, store, &pipeline, file, &job, &reporting)?;
    Ok((run, exit))
}

/// `census.yaml` -> `census.group-1.yaml`, in the same folder, because data paths are relative to it.
fn sibling_path(original: &Path, number: usize) -> PathBuf {
    let stem = original.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    original.with_file_name(format!("{stem}.group-{number}.yaml"))
}

/// The pipeline with only these tasks and their tables.
fn of_group(pipeline: &PipelineConfig, tasks: &[String]) -> PipelineConfig {
    let mut own = pipeline.clone();
    own.name = None;
    own.train.affinity = None;
    own.tasks.retain(|name, _| tasks.iter().any(|task| task == name.as_str()));
    let kept: Vec<_> = own.tasks.keys().cloned().collect();
    for task in own.tasks.values_mut() {
        task.after.retain(|other| kept.contains(other));
    }
    let tables: Vec<_> = own.tasks.values().filter_map(|task| task.data.clone()).collect();
    own.data.retain(|name, _| tables.contains(name));
    if own.train.monitor.task.as_ref().is_some_and(|task| !kept.contains(task)) {
        (own.train.monitor.task, own.train.monitor.metric) = (None, None);
    }
    own
}

/// The commands to run next.
fn next(
    run: &RunId,
    args: &GroupArguments,
    grouping: &GroupingReport,
    original: &Path,
    files: &[PathBuf],
) -> String {
    let mut text = String::from("\nNext\n");
    if !args.write && grouping.groups().len() == 1 {
        text.push_str(&format!("  mtl run {}  # all tasks together, unchanged\n", original.display()));
        return text;
    }
    if !args.write {
        let groups = args.groups;
        text.push_str(&format!(
            "  mtl group {run} --groups {groups} --write  # write a pipeline for each group\n"
        ));
    }
    for (path, group) in files.iter().zip(grouping.groups()) {
        let serves: Vec<&str> = group.serves.iter().map(|(task, ..)| task.as_str()).collect();
        text.push_str(&format!("  mtl run {}  # predicts {}\n", path.display(), serves.join(", ")));
    }
    text
}
