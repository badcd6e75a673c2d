//! Checks the network: marks, what tasks read, and layers that cannot work.

use std::collections::{HashMap, HashSet};

use crate::domain::choice_config::with_article;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{InputName, MarkName, TaskName};
use crate::domain::task::TargetConfig;
use crate::model::config::LayerConfig;
use crate::plan::check::task::{table_of, unknown_task};
use crate::spec::pipeline::PipelineConfig;

/// Checks `trunk`, encoders, heads, `from` and `after`.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let (marks, mut diagnostics) = marks(pipeline);
    diagnostics.extend(reads(pipeline, &marks));
    diagnostics.extend(after(pipeline));
    diagnostics.extend(named(pipeline));
    diagnostics.extend(cycles(pipeline));
    diagnostics.extend(batch_of_one(pipeline));
    if pipeline.tasks.len() > 1
        && !pipeline.trunk.iter().any(has_parameters)
        && experts(pipeline).is_empty()
        && pipeline.inputs.values().all(|input| input.encoder.is_empty())
        && pipeline
            .inputs
            .values()
            .all(|input| !matches!(input.feature, crate::data::config::FeatureConfig::Category(_)))
    {
        let message = "no shared layers: every head reads the inputs directly";
        let help = "add, for example, `trunk: [{dense: {units: 64, activation: relu}}]`";
        diagnostics.push(Diagnostic::warning("nothing-shared", Path::from_key("trunk"), message).help(help));
    }
    diagnostics
}

/// All lists of layers with their paths: encoders, trunk, experts, heads. Empty encoders are skipped: with
/// ten thousand columns, hardly any has an encoder.
pub(crate) fn lists(pipeline: &PipelineConfig) -> Vec<(Path, &[LayerConfig])> {
    lists_of(pipeline).into_iter().map(|(path, layers, _)| (path, layers)).collect()
}

/// Like [`lists`], with the input for encoders.
pub(crate) fn lists_of(pipeline: &PipelineConfig) -> Vec<(Path, &[LayerConfig], Option<&InputName>)> {
    let with_layers = pipeline.inputs.iter().filter(|(_, input)| !input.encoder.is_empty());
    let encoders = with_layers.map(|(name, input)| {
        let kind = crate::domain::choice_config::Choice::name(&input.feature);
        (Path::from_key("inputs").key(name).key(kind).key("encoder"), input.encoder.as_slice(), Some(name))
    });
    let heads = pipeline
        .tasks
        .iter()
        .map(|(name, task)| (Path::from_key("tasks").key(name).key("head"), task.head.as_slice()));
    let trunk = std::iter::once((Path::from_key("trunk"), pipeline.trunk.as_slice()));
    let others = trunk.chain(experts(pipeline)).chain(heads);
    encoders.chain(others.map(|(path, layers)| (path, layers, None))).collect()
}

/// The lists of layers in the settings of the sharing, with their paths.
pub(crate) fn experts(pipeline: &PipelineConfig) -> Vec<(Path, &[LayerConfig])> {
    let sharing = &pipeline.sharing;
    let path = |field: &str| {
        Path::from_key("sharing").key(crate::domain::choice_config::Choice::name(sharing)).key(field)
    };
    sharing.view().layer_lists().into_iter().map(|(field, layers)| (path(field), layers)).collect()
}

/// Calls `visit` with every layer of a list, including those inside residuals, with its path and whether it
/// is inside a residual.
pub(crate) fn each<'a>(
    layers: &'a [LayerConfig],
    path: &Path,
    inside: bool,
    visit: &mut dyn FnMut(&'a LayerConfig, Path, bool),
) {
    for (position, layer) in layers.iter().enumerate() {
        let here = path.index(position);
        visit(layer, here.clone(), inside);
        if let LayerConfig::Residual(residual) = layer {
            each(&residual.layers, &here.key("residual").key("layers"), true, visit);
        }
    }
}

fn has_parameters(layer: &LayerConfig) -> bool {
    match layer {
        LayerConfig::Residual(residual) => residual.layers.iter().any(has_parameters),
        LayerConfig::Dropout(_) | LayerConfig::Activation(_) | LayerConfig::Mark(_) => false,
        _ => true,
    }
}

/// Returns the marks of the trunk with their paths, and diagnostics of duplicate and misplaced marks.
fn marks(pipeline: &PipelineConfig) -> (HashMap<&MarkName, Path>, Vec<Diagnostic>) {
    let (mut marks, mut diagnostics) = (HashMap::new(), Vec::new());
    for (list, layers) in lists(pipeline) {
        let in_trunk = list == Path::from_key("trunk");
        each(layers, &list, false, &mut |layer, path, inside| {
            let LayerConfig::Mark(mark) = layer else { return };
            let path = path.key("mark");
            if !in_trunk || inside {
                let message = format!("mark `{}` is outside the trunk, where no task can read it", mark.name);
                let help = if inside {
                    "move it out of the residual, into the list of the trunk"
                } else {
                    "move it into the trunk"
                };
                diagnostics.push(Diagnostic::error("mark-place", path, message).help(help));
            } else if marks.insert(&mark.name, path.clone()).is_some() {
                let message = format!("duplicate mark `{}` in the trunk", mark.name);
                diagnostics
                    .push(Diagnostic::error("same-mark", path, message).help("rename or remove one of them"));
            }
        });
    }
    (marks, diagnostics)
}

/// Checks `from` of every task, and finds unused marks.
fn reads(pipeline: &PipelineConfig, marks: &HashMap<&MarkName, Path>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut read = HashSet::new();
    for (name, task) in &pipeline.tasks {
        let Some(from) = &task.from else { continue };
        read.insert(from);
        if !marks.contains_key(from) {
            let path = Path::from_key("tasks").key(name).key("from");
            let diagnostic =
                Diagnostic::error("unknown-mark", path, format!("no mark `{from}` in the trunk"));
            diagnostics.push(match marks.is_empty() {
                true => diagnostic.help(format!("add `- mark: {from}` to the trunk where the task reads")),
                false => {
                    let mut known: Vec<&str> = marks.keys().map(|mark| mark.as_str()).collect();
                    known.sort_unstable();
                    diagnostic.did_you_mean(from.as_str(), known)
                }
            });
        }
    }
    for (mark, path) in marks {
        if !read.contains(mark) {
            let message = format!("unused mark `{mark}`");
            let help = format!("read it in a task with `from: {mark}`, or remove it");
            diagnostics.push(Diagnostic::warning("unused-mark", path.clone(), message).help(help));
        }
    }
    diagnostics
}

/// Checks the tasks in every `after`.
fn after(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, task) in &pipeline.tasks {
        for (position, other) in task.after.iter().enumerate() {
            let path = Path::from_key("tasks").key(name).key("after").index(position);
            let Some(seen) = pipeline.tasks.get(other) else {
                let known = pipeline.tasks.keys().filter(|task| *task != name).map(TaskName::as_str);
                let message = format!("unknown task `{other}` in `after`");
                diagnostics.push(
                    Diagnostic::error("unknown-task", path, message).did_you_mean(other.as_str(), known),
                );
                continue;
            };
            if task.after[..position].contains(other) {
                diagnostics.push(Diagnostic::warning(
                    "same-after",
                    path.clone(),
                    format!("duplicate `{other}` in `after`"),
                ));
            }
            let (mine, theirs) = (table_of(pipeline, task), table_of(pipeline, seen));
            if let (Some((mine, _)), Some((theirs, _))) = (mine, theirs)
                && mine != theirs
            {
                let message =
                    format!("task `{name}` (table `{mine}`) cannot depend on `{other}` (table `{theirs}`)");
                let help = "`after` needs tasks of the same table";
                diagnostics.push(Diagnostic::error("after-other-table", path, message).help(help));
            }
        }
    }
    diagnostics
}

/// Checks the tasks in the settings of the sharing.
fn named(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let sharing = crate::domain::choice_config::Choice::name(&pipeline.sharing);
    let mut diagnostics = Vec::new();
    let named = pipeline.sharing.view().task_settings();
    for (position, (index, name)) in named.iter().enumerate() {
        let mut path = Path::from_key("sharing").key(sharing);
        path.0.extend(index.0.iter().cloned());
        let Some(task) = pipeline.tasks.get(*name) else {
            diagnostics.push(unknown_task(pipeline, name, sharing, path));
            continue;
        };
        if named[..position].iter().any(|(_, other)| other == name) {
            let message = format!("duplicate task `{name}` in `{sharing}`");
            diagnostics.push(Diagnostic::error("same-task", path, message).help("list each task once"));
            continue;
        }
        if !matches!(task.kind, TargetConfig::Binary(_)) {
            let kind = crate::domain::choice_config::Choice::name(&task.kind);
            let message = format!("`{sharing}` needs binary tasks; `{name}` is {}", with_article(kind));
            let help = format!("remove `{name}`, or make it `kind: binary`");
            diagnostics.push(Diagnostic::error("sharing-kind", path, message).help(help));
        }
    }
    diagnostics
}

/// Finds dependency cycles among tasks; each is reported once.
fn cycles(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut graph = petgraph::graphmap::DiGraphMap::<usize, ()>::new();
    for (number, task) in pipeline.tasks.values().enumerate() {
        graph.add_node(number);
        for other in task.after.iter().filter_map(|other| pipeline.tasks.get_index_of(other)) {
            graph.add_edge(number, other, ());
        }
    }
    for (task, other) in pipeline.sharing.view().joined_tasks() {
        let number = |name: &TaskName| pipeline.tasks.get_index_of(name);
        if let (Some(task), Some(other)) = (number(task), number(other)) {
            graph.add_edge(task, other, ());
        }
    }
    let mut diagnostics = Vec::new();
    for mut component in petgraph::algo::tarjan_scc(&graph) {
        component.sort_unstable();
        let first = component[0];
        let Some((name, _)) = pipeline.tasks.get_index(first) else { continue };
        let Some(cycle) = shortest_cycle(&graph, first) else { continue };
        let message = match cycle.len() {
            1 => format!("task `{name}` depends on itself"),
            _ => {
                let tasks = cycle.iter().chain([&first]);
                let names = tasks.filter_map(|number| pipeline.tasks.get_index(*number));
                let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
                format!("dependency cycle in `after`: {}", names.join(" -> "))
            }
        };
        let path = Path::from_key("tasks").key(name).key("after");
        let diagnostic = Diagnostic::error("after-cycle", path, message);
        diagnostics.push(diagnostic.help("remove one of these dependencies"));
    }
    diagnostics
}

/// A shortest cycle through `start`, without its repetition at the end.
fn shortest_cycle(graph: &petgraph::graphmap::DiGraphMap<usize, ()>, start: usize) -> Option<Vec<usize>> {
    let mut paths = std::collections::VecDeque::from([vec![start]]);
    let mut seen = HashSet::new();
    while let Some(path) = paths.pop_front() {
        for next in graph.neighbors(*path.last()?) {
            if next == start {
                return Some(path);
            }
            if seen.insert(next) {
                paths.push_back([path.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// Batch normalization of a single row would be 0.
fn batch_of_one(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    if pipeline.train.batch_size.get() > 1 {
        return Vec::new();
    }
    let mut diagnostics = Vec::new();
    for (list, layers) in lists(pipeline) {
        each(layers, &list, false, &mut |layer, path, _| {
            if matches!(layer, LayerConfig::BatchNorm(_)) {
                let message = "batch normalization needs at least 2 rows per batch; `batch_size` is 1";
                let help = "raise `train.batch_size`, or use `layer_norm`";
                diagnostics.push(Diagnostic::error("batch-of-one", path, message).help(help));
            }
        });
    }
    diagnostics
}
