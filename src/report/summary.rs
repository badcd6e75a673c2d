//! The end of a run: scores, weights, the model and its proof, and what to type next.

use serde_json::{Value, json};

use crate::domain::choice::called;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::report::gain;
use crate::report::number;
use crate::report::preferences;
use crate::report::score;
use crate::report::style::{Style, TextTone};
use crate::report::sweep::SweepReport;
use crate::store::record::{NoteRecord, ParityRecord, RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    pub detail: RunDetail,
    /// What its trials say together, when it has several.
    sweep: Option<SweepReport>,
    /// The trial to use: of several the best one.
    best: Option<u32>,
    /// The trials whose best epoch was chosen by what the pipeline says.
    chosen: Vec<u32>,
    layout: Layout,
}

impl RunSummary {
    /// Reads it from the database.
    pub fn read(store: &ResultsDatabase, run: &RunId) -> Result<Self, StoreError> {
        let detail = store.run(run)?;
        let several = detail.trials.len() > 1;
        let sweep =
            several.then(|| SweepReport::read(store, std::slice::from_ref(run), &[], None)).transpose()?;
        let judged = store.objectives(run)?.into_iter().filter(|trial| trial.objective.is_some());
        let chosen = judged.map(|trial| trial.trial).collect();
        Ok(Self { detail, sweep, best: store.best_trial(run)?, chosen, layout: store.layout() })
    }

    /// For people.
    pub fn text(&self, style: &Style) -> String {
        let mut text = String::new();
        let detail = &self.detail;
        text.push_str(&headline(detail, style));
        text.push_str(&self.sweep.as_ref().map_or_else(String::new, |sweep| sweep.text(style)));
        let shown = |trial: &&TrialRecord| self.sweep.is_none() || self.best == Some(trial.trial);
        for trial in detail.trials.iter().filter(shown) {
            text.push_str(&self.trial(trial, style));
        }
        text.push_str(&self.times(style));
        text.push_str(&troubles(detail, style));
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

    /// For programs.
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
                let value = |own: &TrialRecord| {
                    let parameter = own.parameters.iter().find(|other| other.path == setting.path)?;
                    Some(parameter.text.clone().unwrap_or_else(|| "null".to_owned()))
                };
                let all: Vec<String> = detail.trials.iter().chain([trial]).filter_map(value).collect();
                title.push_str(&format!("  {} = {}", setting.path, called(&all).pop().unwrap_or_default()));
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
                    format!("epoch {best} of {epochs}, of the lowest validation loss  ")
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
            text.push_str(&proof(trial.parity.as_ref(), style));
        }
        text
    }

    fn models(&self) -> impl Iterator<Item = Value> {
        let models = self.detail.artifacts.iter().filter(|artifact| artifact.kind == "onnx");
        models.map(|model| {
            json!({"trial": model.trial, "path": self.layout.root().join(&model.path), "bytes": model.bytes})
        })
    }

    /// Seconds by kind of stage.
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
        let fast = self.detail.trials.iter().filter_map(|trial| trial.rows_per_second).fold(0.0, f64::max);
        let fast = match fast {
            fast if fast > 0.0 => format!(" ({} rows/s)", number::rate(fast)),
            _ => String::new(),
        };
        format!(
            "{}  {text}{}\n",
            style.paint(TextTone::Strong, "Time  "),
            style.paint(TextTone::Faint, &fast)
        )
    }

    /// What to type next, and what it does.
    fn next(&self) -> Vec<(String, &'static str)> {
        let run = &self.detail.run;
        let mut next = Vec::new();
        match self.detail.state {
            RunState::Running => {}
            RunState::Interrupted => next.push((format!("mtl resume {run}"), "go on where it stopped")),
            RunState::Failed => {
                let again = if self.sweep.is_some() { "retry" } else { "resume" };
                next.push((format!("mtl {again} {run}"), "try again what failed"));
            }
            RunState::Finished => {
                if self.models().next().is_some() {
                    let command = format!("mtl predict {run} rows.csv --to answers.csv");
                    next.push((command, "use the model on new rows"));
                    next.push((format!("mtl export {run} --to model"), "take model.onnx and mtl.json along"));
                }
                let unproven =
                    |trial: &TrialRecord| trial.parity.as_ref().is_some_and(|parity| !parity.verified);
                if self.detail.trials.iter().any(unproven) {
                    next.push((format!("mtl verify {run}"), "check the model once ONNX Runtime is there"));
                }
                next.push((format!("mtl compare {run} OTHER"), "what another run did better"));
            }
        }
        next.push((format!("mtl show {run}"), "everything recorded about it"));
        next
    }
}

/// Its name, how it ended, and how long it took.
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

/// Whether the exported model answers like the trained one; loud when that is not known.
pub(crate) fn proof(parity: Option<&ParityRecord>, style: &Style) -> String {
    let label = style.paint(TextTone::Strong, "Parity");
    let Some(parity) = parity else {
        return format!(
            "{label}  {}\n",
            style.paint(TextTone::Caution, "UNVERIFIED: it was not compared with the trained model")
        );
    };
    let tolerance = format!("{:e}", parity.tolerance);
    let largest = parity.largest.map_or_else(|| "not a number".to_owned(), number::tiny);
    let runtime = parity.onnx_runtime.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    if !parity.verified {
        let reason = parity.reason.as_deref().unwrap_or("ONNX Runtime could not be had");
        let text =
            format!("UNVERIFIED: nobody knows yet whether this model answers like the trained one: {reason}");
        return format!("{label}  {}\n", style.paint(TextTone::Bad, &text));
    }
    let difference = format!(
        "differs by {largest} in ONNX Runtime{runtime} on batches of {}",
        number::listed(&parity.batches)
    );
    if parity.holds() {
        let verified = style.paint(TextTone::Good, "verified");
        return format!("{label}  {verified}: {difference} (allowed {tolerance})\n");
    }
    let worst: Vec<&str> = parity
        .outputs
        .iter()
        .filter(|output| output.largest.is_nan() || output.largest > parity.tolerance)
        .map(|output| output.output.as_str())
        .collect();
    let text = format!("BROKEN: {difference} (allowed {tolerance}); outputs: {}", worst.join(", "));
    format!("{label}  {}\n", style.paint(TextTone::Bad, &text))
}

/// Stages that failed or were left out, and notes.
pub(crate) fn troubles(detail: &RunDetail, style: &Style) -> String {
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
    for (path, note) in detail.notes.iter().enumerate() {
        let same = |other: &&NoteRecord| (&other.severity, &other.text) == (&note.severity, &note.text);
        // What is so of every trial is told once.
        if detail.notes[..path].iter().any(|other| same(&other)) {
            continue;
        }
        let tone = if note.severity == "error" { TextTone::Bad } else { TextTone::Caution };
        let more = match detail.notes[path + 1..].iter().filter(same).count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let severity = style.paint(tone, &note.severity);
        text.push_str(&format!("  {severity} {}{more}: {}\n", note.stage, note.text));
    }
    if text.is_empty() { text } else { style.heading("Notes", "") + &text }
}
