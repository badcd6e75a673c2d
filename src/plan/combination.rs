//! From a sweep's choices to its trials: each combination is laid over the pipeline, and checked as the pipeline itself was.

use crate::domain::diagnostic::{Diagnostic, Path, Severity};
use crate::plan::check;
use crate::plan::default;
use crate::plan::sweep::{Pick, combinations, seeds, singles};
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineSpec;
use crate::spec::variant::{Change, Variants};

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
