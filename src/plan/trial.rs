//! One training in a run: the pipeline with one choice for each swept setting, and one seed.

use crate::domain::diagnostic::{Diagnostic, Path, Severity};
use crate::domain::name::TaskName;
use crate::evaluate::spec::MetricSpec;
use crate::model::spec::{NetworkSpec, TaskNetworkSpec};
use crate::plan::check;
use crate::plan::default;
use crate::plan::preference;
use crate::plan::sweep::{Pick, combinations, seeds, singles};
use crate::spec::pipeline::PipelineSpec;
use crate::spec::variant::{Change, Variants};

/// One training in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Counts from 1.
    pub number: u32,
    pub seed: u64,
    /// What the sweep chose, by address.
    pub choices: Vec<Change>,
    /// The pipeline with these choices, every default filled in; without its sweep.
    pub pipeline: PipelineSpec,
}

impl Trial {
    /// The network's words.
    pub fn network(&self) -> NetworkSpec {
        network(&self.pipeline)
    }

    /// The metrics of every task, in the file's order.
    pub fn metrics(&self) -> Vec<(TaskName, Vec<MetricSpec>)> {
        metrics(&self.pipeline)
    }
}

/// The network's words, gathered from inputs, trunk, sharing and tasks.
pub(crate) fn network(pipeline: &PipelineSpec) -> NetworkSpec {
    let task = |(name, task): (&TaskName, &crate::spec::task::TaskSpec)| TaskNetworkSpec {
        name: name.clone(),
        from: task.from.clone(),
        after: task.after.clone(),
        head: task.head.clone(),
        loss: task.loss.clone(),
    };
    NetworkSpec {
        encoders: pipeline.inputs.iter().map(|(name, input)| (name.clone(), input.encoder.clone())).collect(),
        preference: preference::cosmos(pipeline).is_some(),
        trunk: pipeline.trunk.clone(),
        sharing: pipeline.sharing.clone(),
        tasks: pipeline.tasks.iter().map(task).collect(),
    }
}

/// The metrics of every task, in the file's order.
pub(crate) fn metrics(pipeline: &PipelineSpec) -> Vec<(TaskName, Vec<MetricSpec>)> {
    let tasks = pipeline.tasks.iter();
    tasks.map(|(name, task)| (name.clone(), task.metrics.clone().unwrap_or_default())).collect()
}

/// Every trial of a pipeline whose defaults are filled in, and what is worth a warning; or everything
/// that is wrong with the choices. `known`: what was said of the pipeline itself.
pub(crate) fn all(
    pipeline: &PipelineSpec,
    known: &[Diagnostic],
) -> Result<(Vec<Trial>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let plain = PipelineSpec { sweep: None, ..pipeline.clone() };
    let Some(sweep) = &pipeline.sweep else {
        let (number, seed) = (1, plain.seed.get());
        return Ok((vec![Trial { number, seed, choices: Vec::new(), pipeline: plain }], Vec::new()));
    };
    let variants = Variants::of(&plain);
    let mut found = Found::default();
    // Each choice alone first, so that what is wrong with one is told once, at its own place.
    for pick in singles(sweep) {
        let picks = [pick];
        match variant(&variants, &picks, known) {
            Ok((changed, warnings)) => {
                found.extend(warnings);
                found.extend(check::sweep::shared(&plain, &changed, &picks[0]));
            }
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_bad() {
        return Err(found.0);
    }
    let mut trials = Vec::new();
    for picks in combinations(sweep, plain.seed.get()) {
        let changed = match variant(&variants, &picks, known) {
            Ok((changed, _)) => changed,
            Err(problems) => {
                found.extend(problems);
                continue;
            }
        };
        let choices: Vec<Change> = picks.into_iter().map(|pick| pick.change).collect();
        for seed in seeds(sweep, &plain) {
            let (number, choices, pipeline) = (trials.len() as u32 + 1, choices.clone(), changed.clone());
            trials.push(Trial { number, seed, choices, pipeline });
        }
    }
    if found.is_bad() { Err(found.0) } else { Ok((trials, found.0)) }
}

/// Diagnostics, each once.
#[derive(Default)]
struct Found(Vec<Diagnostic>);

impl Found {
    fn extend(&mut self, news: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in news {
            if !self.0.contains(&diagnostic) {
                self.0.push(diagnostic);
            }
        }
    }

    fn is_bad(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The pipeline with these choices and its warnings, or what is wrong with it; told at the choices' places.
pub(crate) fn variant(
    variants: &Variants,
    picks: &[Pick],
    known: &[Diagnostic],
) -> Result<(PipelineSpec, Vec<Diagnostic>), Vec<Diagnostic>> {
    let changes: Vec<Change> = picks.iter().map(|pick| pick.change.clone()).collect();
    let place = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let news = found.into_iter().filter(|diagnostic| !known.contains(diagnostic));
        news.map(|diagnostic| placed(diagnostic, picks)).collect()
    };
    let mut changed = variants.with(&changes).map_err(place)?;
    let found = check::all(&changed);
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(place(found));
    }
    default::fill(&mut changed, "");
    Ok((changed, place(found)))
}

/// A diagnostic of a changed pipeline, told where the choice stands that brought it about.
fn placed(diagnostic: Diagnostic, picks: &[Pick]) -> Diagnostic {
    let own = picks
        .iter()
        .find(|pick| diagnostic.path.starts_with(&pick.path) || pick.path.starts_with(&diagnostic.path));
    if let Some(pick) = own {
        // Of an address that leads nowhere the key is wrong, not the choices under it.
        if ["unknown-address", "other-choice"].contains(&diagnostic.code) {
            let path = pick.key();
            return Diagnostic { path, on_key: true, ..diagnostic };
        }
        let inside = diagnostic.path.0.get(pick.path.0.len()..).unwrap_or_default();
        let path = Path([pick.place.0.as_slice(), inside].concat());
        return Diagnostic { path, ..diagnostic };
    }
    let said: Vec<String> = picks.iter().map(Pick::said).collect();
    let message = format!("with {}: `{}`: {}", said.join(", "), diagnostic.path, diagnostic.message);
    match picks {
        [one] => Diagnostic { path: one.place.clone(), message, on_key: false, ..diagnostic },
        _ => Diagnostic { path: Path::of("sweep").key("space"), message, on_key: true, ..diagnostic },
    }
}
