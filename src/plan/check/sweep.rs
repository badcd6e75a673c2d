//! Checks sweeps: what may vary, and how choices are combined. The choices themselves are checked by parsing
//! the pipeline with each of them.

use petgraph::graph::DiGraph;

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::plan::check::objective;
use crate::plan::check::train::without_valid;
use crate::plan::preference;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{Stage, Work};
use crate::plan::sweep::{MAX_TRIALS, SettingChoice, combinations, seeds};
use crate::plan::trial::metrics;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::pruning::PruningConfig;
use crate::spec::sweep::{ChoicesConfig, RangeConfig, SweepConfig, SweepSearchConfig};
use crate::spec::variant::address;

/// More candidates per setting would not improve a search.
const MAX_CANDIDATES: usize = 10_000;

/// Checks `sweep`, except the choices themselves.
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

fn in_space(address: &str) -> Path {
    Path::from_key("sweep").key("space").key(address)
}

/// Finds invalid setting paths, and settings that have no effect on training.
fn addresses(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for name in sweep.space.keys() {
        let error = |code, message: String| Diagnostic::error(code, in_space(name), message).on_key();
        let Some(path) = address(name) else {
            let help = "write, for example, train.epochs or trunk[0].dense.units";
            diagnostics
                .push(error("sweep-address", format!("`{name}` is not a valid setting path")).help(help));
            continue;
        };
        let Some(PathStep::Key(first)) = path.0.first() else { continue };
        match first.as_str() {
            "seed" => diagnostics.push(
                error("sweep-address", "`seed` cannot be in `space`".to_owned())
                    .help("write `sweep: {seeds: [1, 2, 3]}`"),
            ),
            "name" | "description" | "sweep" => diagnostics.push(
                error("sweep-address", format!("`{first}` has no effect on training and cannot be swept"))
                    .help("sweep a setting of trunk, sharing, tasks, weighting, sampling or train"),
            ),
            _ => {}
        }
    }
    diagnostics
}

/// Finds settings that are inside each other.
fn overlaps(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let paths: Vec<(&String, Path)> =
        sweep.space.keys().filter_map(|name| Some((name, address(name)?))).collect();
    let mut diagnostics = Vec::new();
    for (inner, path) in &paths {
        let around = |(outer, other): &&(&String, Path)| outer != inner && path.starts_with(other);
        if let Some((outer, _)) = paths.iter().find(around) {
            let message = format!("`{inner}` and `{outer}` overlap: both are in `space`");
            let help =
                format!("keep one; list whole choices under `{outer}`, for example {{sgd: {{rate: 0.1}}}}");
            let diagnostic = Diagnostic::error("sweep-overlap", in_space(inner), message);
            diagnostics.push(diagnostic.on_key().help(help));
        }
    }
    diagnostics
}

/// Finds duplicate choices and seeds.
fn repeated(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, choices) in &sweep.space {
        let ChoicesConfig::List(values) = choices else { continue };
        for (i, value) in values.iter().enumerate().filter(|(i, value)| values[..*i].contains(value)) {
            let message = format!("`{name}` lists `{}` twice", crate::plan::sweep::plain(value));
            diagnostics.push(Diagnostic::error("same-choice", in_space(name).index(i), message));
        }
    }
    for (i, seed) in sweep.seeds.iter().enumerate().filter(|(i, seed)| sweep.seeds[..*i].contains(seed)) {
        let message = format!("duplicate seed {}: the trials would be identical", seed.get());
        diagnostics.push(Diagnostic::error(
            "same-choice",
            Path::from_key("sweep").key("seeds").index(i),
            message,
        ));
    }
    diagnostics
}

/// Checks ranges: they need a search that draws values, a logarithm positive bounds, and `whole` integers.
fn ranges(sweep: &SweepConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, choices) in &sweep.space {
        let ChoicesConfig::Range(range) = choices else { continue };
        let error = |code, message: String| Diagnostic::error(code, in_space(name), message);
        if matches!(sweep.search, SweepSearchConfig::Grid(_)) {
            let help = "list the values, or write `search: {random: {trials: 20}}`";
            let message = format!("grid search needs a finite list of values; `{name}` is a range");
            diagnostics.push(error("sweep-grid", message).on_key().help(help));
        }
        match range {
            RangeConfig::Log(config) if config.between.0 <= 0.0 => {
                let low = config.between.0;
                let message = format!("the lower bound of a `log` range must be greater than 0; found {low}");
                diagnostics
                    .push(error("sweep-range", message).help("use `linear`, or a positive lower bound"));
            }
            RangeConfig::Whole(config)
                if config.between.0.fract() != 0.0
                    || config.between.1.fract() != 0.0
                    || config.between.0.abs().max(config.between.1.abs()) > 1e15 =>
            {
                let message = format!(
                    "a `whole` range needs integer bounds; found {} and {}",
                    config.between.0, config.between.1
                );
                diagnostics.push(error("sweep-range", message));
            }
            _ => {}
        }
    }
    diagnostics
}

/// Checks pruning and searching, which compare trials by their objective on validation rows.
fn by_results(pipeline: &PipelineConfig, sweep: &SweepConfig) -> Vec<Diagnostic> {
    let path = Path::from_key("sweep");
    let mut diagnostics = Vec::new();
    if let Some(PruningConfig::Asha(config)) = &sweep.pruning
        && config.reduction.get() < 2
    {
        let path = path.key("pruning").key("asha").key("reduction");
        diagnostics.push(Diagnostic::error("pruning", path, "`reduction` must be at least 2; found 1"));
    }
    if let SweepSearchConfig::Tpe(config) = &sweep.search
        && config.candidates.get() > MAX_CANDIDATES
    {
        let count = config.candidates.get();
        let message = format!("`candidates` must be at most {MAX_CANDIDATES}; found {count}");
        let path = path.key("search").key("tpe").key("candidates");
        diagnostics.push(Diagnostic::error("sweep-search", path, message).help("a few dozen are enough"));
    }
    let searches = matches!(sweep.search, SweepSearchConfig::Tpe(_));
    if searches && sweep.space.is_empty() && sweep.preferences.is_none() {
        let message = "`search` needs at least one entry in `space`";
        let help = "for example: `space: {train.optimizer.adamw.rate: {log: [1.0e-4, 1.0e-2]}}`";
        diagnostics.push(Diagnostic::error("sweep-search", path.key("search"), message).on_key().help(help));
    }
    let Some(table) = without_valid(pipeline) else { return diagnostics };
    for (key, is_set) in [("pruning", sweep.pruning.is_some()), ("search", searches)] {
        if is_set {
            let message = format!(
                "a sweep with `{key}` ranks trials on validation rows; the split of `{table}` has none"
            );
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
    if trials > MAX_TRIALS {
        let message = format!("the sweep has {trials} trials; the limit is {MAX_TRIALS}");
        let help = "draw some of them: `search: {random: {trials: 100}}`";
        return Some(Diagnostic::error("sweep-size", Path::from_key("sweep"), message).on_key().help(help));
    }
    if let SweepSearchConfig::Random(config) = &sweep.search {
        let all = combinations(sweep, pipeline.seed.get()).len();
        if all < config.trials.get() {
            let trials = config.trials.get();
            let message = format!("`trials` is {trials}, but `space` has only {all} combinations");
            let path = Path::from_key("sweep").key("search").key("random").key("trials");
            return Some(Diagnostic::warning("sweep-size", path, message).help("use `search: grid`"));
        }
    }
    None
}

/// Refuses a choice that changes what all trials share (the data and its preprocessing) or how trials are
/// compared.
pub(crate) fn shared(
    plain: &PipelineConfig,
    changed: &PipelineConfig,
    pick: &SettingChoice,
) -> Option<Diagnostic> {
    let address = &pick.change.address;
    let refuse = |message: String, help: &str| {
        Some(Diagnostic::error("sweep-shared", pick.key(), message).on_key().help(help))
    };
    let help = "sweep trunk, encoders, sharing, heads, losses, weighting, sampling or train; for this \
                setting write one pipeline per value";
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
        let message = format!("`{address}` cannot be swept: all trials share the data and its preprocessing");
        return refuse(message, help);
    }
    let monitored = |pipeline: &PipelineConfig| {
        let monitor = &pipeline.train.monitor;
        (monitor.task.clone(), monitor.metric.clone())
    };
    if monitored(plain) != monitored(changed)
        || metrics(plain) != metrics(changed)
        || plain.evaluate != changed.evaluate
    {
        let message = format!("`{address}` cannot be swept: trials are ranked by these settings");
        return refuse(message, "all trials use the same metrics, splits and monitor");
    }
    None
}
