//! From a sweep's choices to its trials: each combination is laid over the pipeline, and checked as the
//! pipeline itself was.

use crate::domain::diagnostic::{Diagnostic, Path, Severity};
use crate::plan::check;
use crate::plan::default;
use crate::plan::sweep::{SettingChoice, combinations, seeds, singles};
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::variant::{PipelineVariants, SettingChange};

/// Every trial of a pipeline whose defaults are filled in, and what is worth a warning; or everything
/// that is wrong with the choices. `known`: what was said of the pipeline itself.
pub(crate) fn all(
    pipeline: &PipelineConfig,
    known: &[Diagnostic],
) -> Result<(Vec<Trial>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let plain = PipelineConfig { sweep: None, ..pipeline.clone() };
    let Some(sweep) = &pipeline.sweep else {
        let (number, seed) = (1, plain.seed.get());
        return Ok((vec![Trial { number, seed, choices: Vec::new(), pipeline: plain }], Vec::new()));
    };
    let variants = PipelineVariants::from_pipeline(&plain);
    let mut diagnostics = UniqueDiagnostics::default();
    // Each choice alone first, so that what is wrong with one is told once, at its own place.
    for pick in singles(sweep) {
        let picks = [pick];
        match variant(&variants, &picks, known) {
            Ok((changed, warnings)) => {
                diagnostics.extend(warnings);
                diagnostics.extend(check::sweep::shared(&plain, &changed, &picks[0]));
            }
            Err(problems) => diagnostics.extend(problems),
        }
    }
    if diagnostics.is_bad() {
        return Err(diagnostics.0);
    }
    let mut trials = Vec::new();
    for picks in combinations(sweep, plain.seed.get()) {
        let changed = match variant(&variants, &picks, known) {
            Ok((changed, _)) => changed,
            Err(problems) => {
                diagnostics.extend(problems);
                continue;
            }
        };
        let choices: Vec<SettingChange> = picks.into_iter().map(|pick| pick.change).collect();
        for seed in seeds(sweep, &plain) {
            let (number, choices, pipeline) = (trials.len() as u32 + 1, choices.clone(), changed.clone());
            trials.push(Trial { number, seed, choices, pipeline });
        }
    }
    if diagnostics.is_bad() { Err(diagnostics.0) } else { Ok((trials, diagnostics.0)) }
}

/// Diagnostics, each once.
#[derive(Default)]
struct UniqueDiagnostics(Vec<Diagnostic>);

impl UniqueDiagnostics {
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
    variants: &PipelineVariants,
    picks: &[SettingChoice],
    known: &[Diagnostic],
) -> Result<(PipelineConfig, Vec<Diagnostic>), Vec<Diagnostic>> {
    let changes: Vec<SettingChange> = picks.iter().map(|pick| pick.change.clone()).collect();
    let at_choice = |diagnostics: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let news = diagnostics.into_iter().filter(|diagnostic| !known.contains(diagnostic));
        news.map(|diagnostic| placed(diagnostic, picks)).collect()
    };
    let mut changed = variants.with(&changes).map_err(at_choice)?;
    let diagnostics = check::all(&changed);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(at_choice(diagnostics));
    }
    default::fill(&mut changed, "");
    Ok((changed, at_choice(diagnostics)))
}

/// A diagnostic of a changed pipeline, told where the choice stands that brought it about.
fn placed(diagnostic: Diagnostic, picks: &[SettingChoice]) -> Diagnostic {
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
        let path = Path([pick.address.0.as_slice(), inside].concat());
        return Diagnostic { path, ..diagnostic };
    }
    let text: Vec<String> = picks.iter().map(SettingChoice::describe).collect();
    let message = format!("with {}: `{}`: {}", text.join(", "), diagnostic.path, diagnostic.message);
    match picks {
        [one] => Diagnostic { path: one.address.clone(), message, on_key: false, ..diagnostic },
        _ => Diagnostic { path: Path::from_key("sweep").key("space"), message, on_key: true, ..diagnostic },
    }
}
