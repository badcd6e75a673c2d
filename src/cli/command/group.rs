//! `mtl group PIPELINE|RUN`: train once with all tasks and measure what they do to each other, or take what an earlier run
//! measured; then say which to train together, and how.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Arguments, Changes, Group};
use crate::cli::command::run::{Job, Telling, new_run, perform_and_tell};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::progress::Manner;
use crate::cli::{named, output, pipeline, workspace};
use crate::domain::name::RunId;
use crate::report::Grouping;
use crate::run::place;
use crate::spec::PipelineSpec;

pub fn perform(arguments: &Arguments, words: &Group) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let file = PathBuf::from(&words.of);
    named::told_apart(&layout, &words.of, &file)?;
    let (store, run, trial) = if file.is_file() {
        match train(arguments, words, &file)? {
            (run, Exit::Done) => (workspace::open_for_reading(&layout)?, run, 1),
            (_, exit) => return Ok(exit),
        }
    } else {
        if !words.changes.set.is_empty() {
            return Err(Error::Usage("--set changes a pipeline, but a run was named".to_owned()));
        }
        let store = workspace::open_for_reading(&layout)?;
        let (run, trial) = named::trial(&store, &words.of)?;
        (store, run, trial)
    };
    let found = Grouping::read(&store, &run, trial, words.groups.get())?;
    if let Some(obstacle) = found.obstacle() {
        return Err(Error::Failed(obstacle));
    }
    let detail = store.run(&run)?;
    let original = PathBuf::from(&detail.file);
    let reading = pipeline::of_run(&layout, &detail, arguments.color)?;
    if words.json {
        output::print_json(&found.json())?;
    } else {
        output::print(&found.text(&output::style(arguments.color)))?;
    }
    let files: Vec<PathBuf> = (1..=found.groups().len()).map(|number| beside(&original, number)).collect();
    if words.write {
        let texts: Vec<String> = found
            .groups()
            .iter()
            .map(|group| crate::spec::write(&of_group(&reading.plan.pipeline, &group.tasks)))
            .collect();
        // Nothing is written over what somebody may have changed by hand.
        let differs = |(path, text): &(&PathBuf, &String)| {
            std::fs::read_to_string(path).map_or_else(|_| path.exists(), |known| known != **text)
        };
        if let Some((path, _)) = files.iter().zip(&texts).find(differs) {
            let said = format!("`{}` is there and says something else: move it away first", path.display());
            return Err(Error::Failed(said));
        }
        for (path, text) in files.iter().zip(&texts) {
            place::write(path, text.as_bytes())?;
            // What the group leaves without meaning, such as a weight for a task that is not in it, is said at once.
            if let Err(problem) = pipeline::read(path, &Changes::default())?.require(arguments.color) {
                problem.report();
            }
        }
    }
    if !words.json {
        output::print(&next(&run, words, &found, &original, &files))?;
    }
    Ok(Exit::Done)
}

/// Trains the pipeline once, one trial with all its tasks, with everything measured that grouping needs.
fn train(arguments: &Arguments, words: &Group, file: &Path) -> Result<(RunId, Exit), Error> {
    let given = pipeline::read(file, &words.changes)?.require(arguments.color)?.plan.pipeline;
    let mut changes = Changes { set: words.changes.set.clone(), ..Changes::default() };
    (changes.seed, changes.device) = (words.changes.seed, words.changes.device.clone());
    let mut set = |setting: &str, wanted: bool| {
        if wanted {
            changes.set.push(setting.to_owned());
        }
    };
    set("train.affinity.every=10", given.train.affinity.is_none());
    set("train.gradients.observe=true", !given.train.gradients.observe);
    set("sweep=null", given.sweep.is_some());
    set("evaluate.baselines=null", given.evaluate.baselines.is_some());
    let mut pipeline = pipeline::read(file, &changes)?.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    let store = workspace::open(&layout)?;
    pipeline.find_start(&store, arguments.color)?;
    let (run, lock) = new_run(&layout, &pipeline)?;
    let jobs = NonZeroUsize::MIN;
    let job = Job { run: run.clone(), lock, fresh: false, only: Vec::new(), resumed: false, jobs };
    let manner = match (words.quiet || words.json, std::io::stderr().is_terminal()) {
        (true, _) => Manner::Quiet,
        (_, true) => Manner::Bars,
        _ => Manner::Lines,
    };
    let telling = Telling { manner, quiet: false, summary: false };
    let exit = perform_and_tell(arguments, &layout, store, &pipeline, file, &job, &telling)?;
    Ok((run, exit))
}

/// `census.yaml` -> `census.group-1.yaml`, in the same folder, since data paths are relative to it.
fn beside(original: &Path, number: usize) -> PathBuf {
    let stem = original.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    original.with_file_name(format!("{stem}.group-{number}.yaml"))
}

/// The pipeline with these tasks alone, and only the tables they learn from.
fn of_group(pipeline: &PipelineSpec, tasks: &[String]) -> PipelineSpec {
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

/// What to type now.
fn next(run: &RunId, words: &Group, found: &Grouping, original: &Path, files: &[PathBuf]) -> String {
    let mut text = String::from("\nNext\n");
    if !words.write && found.groups().len() == 1 {
        text.push_str(&format!("  mtl run {}  # all tasks together, as they are\n", original.display()));
        return text;
    }
    if !words.write {
        let groups = words.groups;
        text.push_str(&format!(
            "  mtl group {run} --groups {groups} --write  # a pipeline for each group, beside the original\n"
        ));
    }
    for (path, group) in files.iter().zip(found.groups()) {
        let serves: Vec<&str> = group.serves.iter().map(|(task, ..)| task.as_str()).collect();
        text.push_str(&format!("  mtl run {}  # answers for {}\n", path.display(), serves.join(", ")));
    }
    text
}
