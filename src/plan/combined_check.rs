//! From the choices of a sweep to its trials: each combination is applied to the pipeline and checked like
//! the pipeline itself.

use crate::domain::diagnostic::{Diagnostic, Path, Severity};
use crate::plan::check;
use crate::plan::default;
use crate::plan::sweep::{SettingChoice, combinations, seeds, singles};
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::variant::{PipelineVariants, SettingChange};

/// Returns all trials of a pipeline (with defaults filled in) and warnings, or all errors of the choices.
/// `known` are the diagnostics of the pipeline itself.
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
    // Each choice alone first, so that a problem of one is reported once, at its own location.
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
    if diagnostics.has_errors() {
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
    if diagnostics.has_errors() { Err(diagnostics.0) } else { Ok((trials, diagnostics.0)) }
}

/// Diagnostics without duplicates.
#[derive(Default)]
struct UniqueDiagnostics(Vec<Diagnostic>);

impl UniqueDiagnostics {
    fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in others {
            if !self.0.contains(&diagnostic) {
                self.0.push(diagnostic);
            }
        }
    }

    fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Returns the pipeline with these choices and its warnings, or its errors; located at the choices.
pub(crate) fn variant(
    variants: &PipelineVariants,
    picks: &[SettingChoice],
    known: &[Diagnostic],
) -> Result<(PipelineConfig, Vec<Diagnostic>), Vec<Diagnostic>> {
    let changes: Vec<SettingChange> = picks.iter().map(|pick| pick.change.clone()).collect();
    let at_choice = |diagnostics: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let new = diagnostics.into_iter().filter(|diagnostic| !known.contains(diagnostic));
        new.map(|diagnostic| located_at_choice(diagnostic, picks)).collect()
    };
    let mut changed = variants.with(&changes).map_err(at_choice)?;
    let diagnostics = check::all(&changed);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(at_choice(diagnostics));
    }
    default::fill(&mut changed, "");
    Ok((changed, at_choice(diagnostics)))
}

/// Moves a diagnostic of a changed pipeline to the choice that caused it.
fn located_at_choice(diagnostic: Diagnostic, picks: &[SettingChoice]) -> Diagnostic {
    let own = picks
        .iter()
        .find(|pick| diagnostic.path.starts_with(&pick.path) || pick.path.starts_with(&diagnostic.path));
    if let Some(pick) = own {
        // The key is wrong, not the choices under it.
        if ["unknown-address", "other-choice"].contains(&diagnostic.code) {
            let path = pick.key();
            return Diagnostic { path, on_key: true, ..diagnostic };
        }
        let inside = diagnostic.path.0.get(pick.path.0.len()..).unwrap_or_default();
        let path = Path([pick.location.0.as_slice(), inside].concat());
        return Diagnostic { path, ..diagnostic };
    }
    let choices: Vec<String> = picks.iter().map(SettingChoice::describe).collect();
    let message = format!("with {}: `{}`: {}", choices.join(", "), diagnostic.path, diagnostic.message);
    match picks {
        [one] => Diagnostic { path: one.location.clone(), message, on_key: false, ..diagnostic },
        _ => Diagnostic { path: Path::from_key("sweep").key("space"), message, on_key: true, ..diagnostic },
    }
}
