//! Sweeps: what may vary, and how choices are combined. Whether a choice fits its setting is found out by
//! reading the pipeline with it.

use petgraph::graph::DiGraph;

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::plan::check::objective;
use crate::plan::check::train::without_valid;
use crate::plan::preference;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{Stage, Work};
use crate::plan::sweep::{MOST_TRIALS, SettingChoice, combinations, seeds};
use crate::plan::trial::metrics;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::pruning::PruningConfig;
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, SweepSearchConfig};
use crate::spec::variant::address;

/// More values for one address than could tell a search more.
const MOST_CANDIDATES: usize = 10_000;

/// Checks `sweep` but for the choices themselves.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let Some(sweep) = &pipeline.sweep else { return Vec::new() };
    let mut diagnostics = preference::check(pipeline, sweep);
    diagnostics.extend(addresses(sweep));
    diagnostics.extend(overlaps(sweep));
    diagnostics.extend(repeated(sweep));
    diagnostics.extend(ranges(sweep));
    diagnostics.extend(by_results(pipeline, sweep));
    diagnostics.extend(objective::check(pipeline, sweep));
    if diagnostics.is_empty() {
        diagnostics.extend(size(pipeline, &preference::expanded(pipeline, sweep)));
    }
    diagnostics
}

fn key(address: &str) -> Path {
    Path::from_key("sweep").key("space").key(address)
}

/// Addresses that are none, and those that make no difference between trainings.
fn addresses(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for name in sweep.space.keys() {
        let error = |code, message: String| Diagnostic::error(code, key(name), message).on_key();
        let Some(path) = address(name) else {
            let help = "write it as for --set: train.epochs, trunk[0].dense.units";
            diagnostics
                .push(error("sweep-address", format!("`{name}` is no address of a setting")).help(help));
            continue;
        };
        let Some(PathStep::Key(first)) = path.0.first() else { continue };
        match first.as_str() {
            "seed" => diagnostics.push(
                error("sweep-address", "the seed is not varied by the space".to_owned())
                    .help("list seeds beside it: `seeds: [1, 2, 3]`"),
            ),
            "name" | "description" | "sweep" => diagnostics.push(
                error("sweep-address", format!("`{first}` makes no difference to a training"))
                    .help("vary a setting of trunk, sharing, tasks, weighting, sampling or train"),
            ),
            _ => {}
        }
    }
    diagnostics
}

/// Two addresses, one inside the other: which of them would win?
fn overlaps(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let paths: Vec<(&String, Path)> =
        sweep.space.keys().filter_map(|name| Some((name, address(name)?))).collect();
    let mut diagnostics = Vec::new();
    for (inner, path) in &paths {
        let around = |(outer, other): &&(&String, Path)| outer != inner && path.starts_with(other);
        if let Some((outer, _)) = paths.iter().find(around) {
            let message = format!("`{inner}` lies inside `{outer}`, which varies too");
            let help = format!("list whole choices under `{outer}`, such as {{sgd: {{rate: 0.1}}}}");
            diagnostics.push(Diagnostic::error("sweep-overlap", key(inner), message).on_key().help(help));
        }
    }
    diagnostics
}

/// Choices and seeds that stand twice.
fn repeated(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, choices) in &sweep.space {
        let ChoicesConfig::List(values) = choices else { continue };
        for (i, value) in values.iter().enumerate().filter(|(i, value)| values[..*i].contains(value)) {
            let message = format!("`{}` stands twice under `{name}`", crate::plan::sweep::plain(value));
            diagnostics.push(Diagnostic::error("same-choice", key(name).index(i), message));
        }
    }
    for (i, seed) in sweep.seeds.iter().enumerate().filter(|(i, seed)| sweep.seeds[..*i].contains(seed)) {
        let message = format!("the seed {} stands twice: it would give the same numbers", seed.get());
        diagnostics.push(Diagnostic::error(
            "same-choice",
            Path::from_key("sweep").key("seeds").index(i),
            message,
        ));
    }
    diagnostics
}

/// Ranges need a search that draws; of logarithms they are above 0, of whole numbers whole.
fn ranges(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, choices) in &sweep.space {
        let ChoicesConfig::Range(range) = choices else { continue };
        let error = |code, message: String| Diagnostic::error(code, key(name), message);
        if matches!(sweep.search, SweepSearchConfig::Grid(_)) {
            let help = "list the values to try, or draw some: `search: {random: {trials: 20}}`";
            let message = format!("a grid has no end over the range under `{name}`");
            diagnostics.push(error("sweep-grid", message).on_key().help(help));
        }
        match range {
            RangeConfig::Log(config) if config.between.0 <= 0.0 => {
                let message =
                    format!("found {}, expected a smallest number greater than 0", config.between.0);
                diagnostics
                    .push(error("sweep-range", message).help("logarithms begin above 0; or use `linear`"));
            }
            RangeConfig::Whole(config)
                if config.between.0.fract() != 0.0
                    || config.between.1.fract() != 0.0
                    || config.between.0.abs().max(config.between.1.abs()) > 1e15 =>
            {
                let message =
                    format!("found {} and {}, expected whole numbers", config.between.0, config.between.1);
                diagnostics.push(error("sweep-range", message));
            }
            _ => {}
        }
    }
    diagnostics
}

/// Pruning and searching compare trials by their objective on validation rows.
fn by_results(pipeline: &PipelineConfig, sweep: &SweepConfig) -> Vec<Diagnostic> {
    let path = Path::from_key("sweep");
    let mut diagnostics = Vec::new();
    if let Some(PruningConfig::Asha(config)) = &sweep.pruning
        && config.reduction.get() < 2
    {
        let path = path.key("pruning").key("asha").key("reduction");
        diagnostics.push(Diagnostic::error(
            "pruning",
            path,
            "found 1, expected 2 or more: of one trial one goes on",
        ));
    }
    if let SweepSearchConfig::Tpe(config) = &sweep.search
        && config.candidates.get() > MOST_CANDIDATES
    {
        let count = config.candidates.get();
        let message = format!(
            "found {count} candidates, expected at most {MOST_CANDIDATES}: each is drawn and weighed for every address"
        );
        let path = path.key("search").key("tpe").key("candidates");
        diagnostics.push(Diagnostic::error("sweep-search", path, message).help("a few dozen are usual"));
    }
    let searches = matches!(sweep.search, SweepSearchConfig::Tpe(_));
    if searches && sweep.space.is_empty() && sweep.preferences.is_none() {
        let message = "there is nothing to search: the space is empty";
        let help = "for example: `space: {train.optimizer.adamw.rate: {log: [1.0e-4, 1.0e-2]}}`";
        diagnostics.push(Diagnostic::error("sweep-search", path.key("search"), message).on_key().help(help));
    }
    let Some(table) = without_valid(pipeline) else { return diagnostics };
    for (key, given) in [("pruning", sweep.pruning.is_some()), ("search", searches)] {
        if given {
            let message =
                format!("it compares trials on validation rows, but the split of `{table}` has none");
            let help = format!("raise `valid` in `data.{table}.split`");
            diagnostics
                .push(Diagnostic::error("sweep-without-valid", path.key(key), message).on_key().help(help));
        }
    }
    diagnostics
}

fn size(pipeline: &PipelineConfig, sweep: &SweepConfig) -> Option<Diagnostic> {
    let mut trials = seeds(sweep, pipeline).len();
    match &sweep.search {
        SweepSearchConfig::Random(config) => trials = trials.saturating_mul(config.trials.get()),
        SweepSearchConfig::Tpe(config) => trials = trials.saturating_mul(config.trials.get()),
        SweepSearchConfig::Grid(_) => {
            for choices in sweep.space.values() {
                if let ChoicesConfig::List(values) = choices {
                    trials = trials.saturating_mul(values.len());
                }
            }
        }
    }
    if trials > MOST_TRIALS {
        let message = format!("the sweep has {trials} trials, expected at most {MOST_TRIALS}");
        let help = "draw some of them: `search: {random: {trials: 100}}`";
        return Some(Diagnostic::error("sweep-size", Path::from_key("sweep"), message).on_key().help(help));
    }
    if let SweepSearchConfig::Random(config) = &sweep.search {
        let all = combinations(sweep, pipeline.seed.get()).len();
        if all < config.trials.get() {
            let message =
                format!("the space has {all} combinations, fewer than the {} asked for", config.trials.get());
            let path = Path::from_key("sweep").key("search").key("random").key("trials");
            return Some(
                Diagnostic::warning("sweep-size", path, message).help("`search: grid` tries them all"),
            );
        }
    }
    None
}

/// Whether a choice changes what all trials share (the data, and what is fitted to it) or what they are
/// compared by.
pub(crate) fn shared(
    plain: &PipelineConfig,
    changed: &PipelineConfig,
    pick: &SettingChoice,
) -> Option<Diagnostic> {
    let address = &pick.change.address;
    let refuse = |message: String, help: &str| {
        Some(Diagnostic::error("sweep-shared", pick.key(), message).on_key().help(help))
    };
    let may = "trunk, encoders, sharing, heads, losses, weighting, sampling and train may vary; \
               for this, write a pipeline each";
    let config = |pipeline: &PipelineConfig| {
        let plan =
            Plan { pipeline: pipeline.clone(), trials: Vec::new(), graph: DiGraph::new(), memory: None };
        let tables = pipeline.data.keys().cloned();
        let mut works: Vec<Work> =
            tables.flat_map(|table| [Work::Load(table.clone()), Work::Split(table)]).collect();
        works.push(Work::Fit);
        let config = |work| plan.stage_config(&Stage::shared(work), &Default::default());
        works.into_iter().map(config).collect::<Vec<_>>()
    };
    if config(plain) != config(changed) {
        let message =
            format!("`{address}` changes the data, or what is fitted to it, which all trials share");
        return refuse(message, may);
    }
    let monitored = |pipeline: &PipelineConfig| {
        let monitor = &pipeline.train.monitor;
        (monitor.task.clone(), monitor.metric.clone())
    };
    if monitored(plain) != monitored(changed)
        || metrics(plain) != metrics(changed)
        || plain.evaluate != changed.evaluate
    {
        let message = format!("`{address}` changes what trials are compared by");
        return refuse(message, "all trials have the same metrics, splits and monitor");
    }
    None
}
