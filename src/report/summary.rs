//! The summary at the end of a run: scores, weights, the model and its parity, and the next commands.

use serde_json::{Value, json};

use crate::domain::choice::display_names;
use crate::domain::event::{LARGEST_FALL, RunState, relative_change};
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::report::gain::{self, percent};
use crate::report::number;
use crate::report::preferences;
use crate::report::score;
use crate::report::style::{Style, TextTone};
use crate::report::sweep::SweepReport;
use crate::store::parity::{ExportedScoreRecord, ParityRecord};
use crate::store::record::{NoteRecord, RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// The summary of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// The records of the run.
    pub detail: RunDetail,
    /// The report over all trials, if there are several.
    sweep: Option<SweepReport>,
    /// The best trial.
    best: Option<u32>,
    /// The trials whose best epoch was chosen by the pipeline's objective.
    chosen: Vec<u32>,
    layout: Layout,
}

impl RunSummary {
    /// Reads a run from the database.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Self, StoreError> {
        let detail = store.run(run)?;
        let several = detail.trials.len() > 1;
        let sweep =
            several.then(|| SweepReport::read(store, std::slice::from_ref(run), &[], None)).transpose()?;
        let chosen = store.objectives(run)?.into_iter().filter(|trial| trial.objective.is_some());
        let chosen = chosen.map(|trial| trial.trial).collect();
        Ok(Self { detail, sweep, best: store.best_trial(run)?, chosen, layout: store.layout() })
    }

    /// The summary as text.
    pub fn text(&self, style: &Style) -> String {
        let detail = &self.detail;
        let mut text = headline(detail, style);
        text.push_str(&self.sweep.as_ref().map_or_else(String::new, |sweep| sweep.text(style)));
        let shown = |trial: &&TrialRecord| self.sweep.is_none() || self.best == Some(trial.trial);
        for trial in detail.trials.iter().filter(shown) {
            text.push_str(&self.trial(trial, style));
        }
        text.push_str(&self.times(style));
        text.push_str(&notes(detail, style));
        text.push_str(&style.heading("Next", ""));
        let next = self.next();
        let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
        for (command, meaning) in &next {
            text.push_str(&format!(
                "  {command:width$}  {}\n",
                style.paint(TextTone::Faint, &format!("# {meaning}"))
            ));
        }
        text
    }

    /// The summary as JSON.
    pub fn json(&self) -> Value {
        let detail = &self.detail;
        json!({
            "run": detail.run,
            "pipeline": detail.pipeline,
            "state": detail.state,
            "seconds": detail.seconds,
            "folder": self.layout.run(&detail.run),
            "scores": detail.scores,
            "labels": detail.labels,
            "gains": detail.gains,
            "sweep": self.sweep,
            "best": self.best,
            "trials": detail.trials,
            "models": self.models().collect::<Vec<_>>(),
            "stages": detail.stages,
            "notes": detail.notes,
            "next": self.next().iter().map(|(command, _)| command).collect::<Vec<_>>(),
        })
    }

    fn trial(&self, trial: &TrialRecord, style: &Style) -> String {
        let detail = &self.detail;
        let mut title = "Scores".to_owned();
        if detail.trials.len() > 1 {
            title = format!("Best trial #{}, seed {}", trial.trial, trial.seed.unwrap_or(detail.seed));
            for setting in &trial.parameters {
                let value = |trial: &TrialRecord| {
                    let parameter = trial.parameters.iter().find(|other| other.path == setting.path)?;
                    Some(parameter.text.clone().unwrap_or_else(|| "null".to_owned()))
                };
                let all: Vec<String> = detail.trials.iter().chain([trial]).filter_map(value).collect();
                title.push_str(&format!(
                    "  {} = {}",
                    setting.path,
                    display_names(&all).pop().unwrap_or_default()
                ));
            }
        }
        let mut text = String::new();
        let table = score::text(detail, trial, style);
        if !table.is_empty() {
            let epoch = match (trial.best_epoch, trial.epochs) {
                (Some(best), Some(epochs)) if self.chosen.contains(&trial.trial) => {
                    format!("epoch {best} of {epochs}, the best  ")
                }
                (Some(best), Some(epochs)) if best == epochs => {
                    format!("epoch {best} of {epochs}, the last  ")
                }
                (Some(best), Some(epochs)) => {
                    format!("epoch {best} of {epochs}, with the lowest validation loss  ")
                }
                _ => String::new(),
            };
            text.push_str(&style.heading(&title, &format!("{epoch}{}", score::ARROWS)));
            text.push_str(&table);
        }
        text.push_str(&preferences::text(&trial.front, style));
        text.push_str(&gain::text(&detail.gains, trial.trial, false, style));
        let exported =
            detail.artifacts.iter().find(|file| file.trial == Some(trial.trial) && file.kind == "onnx");
        if let Some(model) = exported {
            let facts = [model.bytes.map(number::size), model.detail.clone()];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            let path = self.layout.root().join(&model.path);
            text.push_str(&format!(
                "\n{}  {}  {}\n",
                style.paint(TextTone::Strong, "Model "),
                path.display(),
                style.paint(TextTone::Faint, &facts.join(", "))
            ));
            text.push_str(&parity_line(trial.parity.as_ref(), style));
        }
        text
    }

    fn models(&self) -> impl Iterator<Item = Value> {
        let models = self.detail.artifacts.iter().filter(|artifact| artifact.kind == "onnx");
        models.map(|model| {
            json!({"trial": model.trial, "path": self.layout.root().join(&model.path), "bytes": model.bytes})
        })
    }

    /// The duration of each kind of stage, and the throughput.
    fn times(&self, style: &Style) -> String {
        let mut kinds: Vec<(&str, f64, bool)> = Vec::new();
        for stage in &self.detail.stages {
            let Some(seconds) = stage.seconds.filter(|seconds| stage.cached || *seconds >= 0.01) else {
                continue;
            };
            match kinds.iter_mut().find(|(kind, ..)| *kind == stage.kind) {
                Some(known) => {
                    known.1 += seconds;
                    known.2 &= stage.cached;
                }
                None => kinds.push((&stage.kind, seconds, stage.cached)),
            }
        }
        if kinds.is_empty() {
            return String::new();
        }
        let text = kinds.into_iter().map(|(kind, seconds, cached)| {
            if cached { format!("{kind} cached") } else { format!("{kind} {}", number::duration(seconds)) }
        });
        let text = text.collect::<Vec<_>>().join(" · ");
        let fastest = self.detail.trials.iter().filter_map(|trial| trial.rows_per_second).fold(0.0, f64::max);
        let speed = match fastest {
            fastest if fastest > 0.0 => format!(" ({} rows/s)", number::rate(fastest)),
            _ => String::new(),
        };
        format!(
            "{}  {text}{}\n",
            style.paint(TextTone::Strong, "Time  "),
            style.paint(TextTone::Faint, &speed)
        )
    }

    /// The next commands, with descriptions.
    fn next(&self) -> Vec<(String, &'static str)> {
        let run = &self.detail.run;
        let mut next = Vec::new();
        match self.detail.state {
            RunState::Running => {}
            RunState::Interrupted => next.push((format!("mtl resume {run}"), "continue where it stopped")),
            RunState::Failed => {
                let command = if self.sweep.is_some() { "retry" } else { "resume" };
                next.push((format!("mtl {command} {run}"), "run the failed stages again"));
            }
            RunState::Finished => {
                if self.models().next().is_some() {
                    let command = format!("mtl predict {run} rows.csv --to predictions.csv");
                    next.push((command, "predict new rows"));
                    next.push((format!("mtl export {run} --to model"), "copy model.onnx and mtl.json"));
                }
                let unverified =
                    |trial: &TrialRecord| trial.parity.as_ref().is_some_and(|parity| !parity.verified);
                if self.detail.trials.iter().any(unverified) {
                    let description = "verify the model once ONNX Runtime is available";
                    next.push((format!("mtl verify {run}"), description));
                }
                next.push((format!("mtl compare {run} OTHER"), "compare with another run"));
            }
        }
        next.push((format!("mtl show {run}"), "show everything recorded about the run"));
        next
    }
}

/// A run's name, state and duration.
pub(crate) fn headline(detail: &RunDetail, style: &Style) -> String {
    let state = style.paint(tone(detail.state), detail.state.name());
    let seconds = detail.seconds.filter(|_| detail.state != RunState::Running);
    let time = seconds.map_or_else(String::new, |seconds| format!(" in {}", number::duration(seconds)));
    format!("{}  {state}{time}\n", style.paint(TextTone::Strong, detail.run.as_str()))
}

pub(crate) fn tone(state: RunState) -> TextTone {
    match state {
        RunState::Finished => TextTone::Good,
        RunState::Running => TextTone::Plain,
        RunState::Interrupted => TextTone::Caution,
        RunState::Failed => TextTone::Bad,
    }
}

/// The comparison of the exported model with the trained one.
pub(crate) fn parity_line(parity: Option<&ParityRecord>, style: &Style) -> String {
    let label = style.paint(TextTone::Strong, "Parity");
    let Some(parity) = parity else {
        return format!(
            "{label}  {}\n",
            style.paint(TextTone::Caution, "UNVERIFIED: not compared with the trained model")
        );
    };
    let tolerance = format!("{:e}", parity.tolerance);
    let largest = number::tiny(parity.largest.unwrap_or(f64::NAN));
    let runtime = parity.onnx_runtime.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    if !parity.verified {
        let reason = parity.reason.as_deref().unwrap_or("ONNX Runtime is not available");
        let text = format!("UNVERIFIED: not compared with the trained model: {reason}");
        return format!("{label}  {}\n", style.paint(TextTone::Bad, &text));
    }
    let difference = format!(
        "max difference {largest} in ONNX Runtime{runtime} on batches of {}",
        number::listed(&parity.batches)
    );
    let scores: String = parity.scores.iter().map(|score| exported_score_line(score, style)).collect();
    let precision = match parity.precision.is_reduced() {
        true => format!(", {}", parity.precision),
        false => String::new(),
    };
    if parity.holds() {
        let verified = style.paint(TextTone::Good, "verified");
        return format!("{label}  {verified}{precision}: {difference} (tolerance {tolerance})\n{scores}");
    }
    if parity.is_rounded() {
        let rounded = style.paint(TextTone::Caution, &format!("rounded{precision}"));
        let text = format!("{difference}, more than the tolerance of {tolerance}: its scores decide");
        return format!("{label}  {rounded}: {text}\n{scores}");
    }
    let worst: Vec<&str> = parity
        .outputs
        .iter()
        .filter(|output| output.largest.is_nan() || output.largest > parity.tolerance)
        .map(|output| output.output.as_str())
        .collect();
    let text = format!("BROKEN: {difference} (tolerance {tolerance}); outputs: {}", worst.join(", "));
    format!("{label}  {}\n", style.paint(TextTone::Bad, &text))
}

/// A score of the exported model beside the trained network's, as a line.
fn exported_score_line(score: &ExportedScoreRecord, style: &Style) -> String {
    let change = score.value.zip(score.trained);
    let change = change.and_then(|(value, trained)| relative_change(value, trained, score.direction));
    let tone = match change {
        Some(change) if change < -LARGEST_FALL => TextTone::Bad,
        _ => TextTone::Plain,
    };
    let change = style.paint(tone, &percent(change.map(|change| 100.0 * change)));
    format!(
        "        {} {} {} on {} rows; trained {} ({change})\n",
        score.task,
        score.metric,
        number::maybe(score.value),
        score.split,
        number::maybe(score.trained)
    )
}

/// Failed and skipped stages, and notes.
pub(crate) fn notes(detail: &RunDetail, style: &Style) -> String {
    let mut text = String::new();
    for stage in &detail.stages {
        let reason = stage.reason.as_deref().unwrap_or_default();
        let line = match stage.state.as_str() {
            "failed" => format!("{} {}: {reason}", style.paint(TextTone::Bad, "failed"), stage.stage),
            "skipped" => {
                format!(
                    "{} {}, because {reason} failed",
                    style.paint(TextTone::Caution, "skipped"),
                    stage.stage
                )
            }
            _ => continue,
        };
        text.push_str(&format!("  {line}\n"));
    }
    for (index, note) in detail.notes.iter().enumerate() {
        let same = |other: &&NoteRecord| (&other.severity, &other.text) == (&note.severity, &note.text);
        // A note that several trials share is shown once.
        if detail.notes[..index].iter().any(|other| same(&other)) {
            continue;
        }
        let tone = if note.severity == "error" { TextTone::Bad } else { TextTone::Caution };
        let more = match detail.notes[index + 1..].iter().filter(same).count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let severity = style.paint(tone, &note.severity);
        text.push_str(&format!("  {severity} {}{more}: {}\n", note.stage, note.text));
    }
    if text.is_empty() { text } else { style.heading("Notes", "") + &text }
}
