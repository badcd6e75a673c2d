//! `mtl show`: everything recorded about one run.

use serde_json::{Value, json};

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::score::Split;
use crate::report::affinity::affinities;
use crate::report::gain;
use crate::report::number;
use crate::report::preferences;
use crate::report::score;
use crate::report::style::{Style, TextTone};
use crate::report::summary::{headline, notes, parity_line};
use crate::report::sweep::SweepReport;
use crate::report::table::{ColumnAlign, TableCell, TextTable, width};
use crate::store::record::{RunDetail, ShareRecord, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// Everything recorded about one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The records of the run.
    pub detail: RunDetail,
    /// The report over all trials, if there are several and none was selected.
    sweep: Option<SweepReport>,
    layout: Layout,
}

impl RunReport {
    /// Reads a run with the given trial or, of several trials, with the best one.
    pub fn read(store: &ResultsDatabase, run: &RunId, trial: Option<u32>) -> Result<Self, StoreError> {
        let mut detail = store.run(run)?;
        let mut sweep = None;
        if detail.trials.len() > 1 {
            let shown = trial.or(store.best_trial(run)?);
            detail.trials.retain(|trial| shown.is_none_or(|shown| trial.trial == shown));
            if trial.is_none() {
                sweep = Some(SweepReport::read(store, std::slice::from_ref(run), &[], None)?);
            }
        }
        Ok(Self { detail, sweep, layout: store.layout() })
    }

    /// The report as JSON.
    pub fn json(&self) -> Value {
        json!(self.detail)
    }

    /// The report as text.
    pub fn text(&self, style: &Style) -> String {
        let detail = &self.detail;
        let mut text = headline(detail, style);
        text.push_str(&facts(detail, style));
        section(&mut text, style, "Stages", stages(detail));
        section(&mut text, style, "Data", data(detail));
        section(&mut text, style, "Tasks", tasks(detail));
        text.push_str(&self.sweep.as_ref().map_or_else(String::new, |sweep| sweep.text(style)));
        for trial in &detail.trials {
            text.push_str(&trial_text(detail, trial, style));
        }
        text.push_str(&notes(detail, style));
        section(&mut text, style, "Files", self.files());
        section(&mut text, style, "Settings", settings(detail));
        text
    }

    fn files(&self) -> TextTable {
        let mut table = TextTable::new(&[
            ("file", ColumnAlign::Left),
            ("what", ColumnAlign::Left),
            ("size", ColumnAlign::Right),
        ]);
        for file in &self.detail.artifacts {
            let what = file
                .detail
                .as_ref()
                .map_or_else(|| file.kind.clone(), |more| format!("{}, {more}", file.kind));
            table.row(vec![
                self.layout.root().join(&file.path).display().to_string().into(),
                what.into(),
                file.bytes.map_or_else(String::new, number::size).into(),
            ]);
        }
        table
    }
}

fn section(text: &mut String, style: &Style, title: &str, table: TextTable) {
    if !table.is_empty() {
        text.push_str(&style.heading(title, ""));
        text.push_str(&table.text(style));
    }
}

/// The provenance as lines of text.
fn facts(detail: &RunDetail, style: &Style) -> String {
    let line = |(name, fact): (&str, String)| {
        format!("  {}{fact}\n", style.paint(TextTone::Faint, &format!("{name:10}")))
    };
    provenance(detail).into_iter().map(line).collect()
}

/// Pipeline, time, command, machine and software of a run, as names and facts.
pub(crate) fn provenance(detail: &RunDetail) -> Vec<(&'static str, String)> {
    let environment = &detail.environment;
    let mut facts = vec![("pipeline", format!("{} ({})", detail.pipeline, detail.file))];
    facts.extend(detail.description.as_ref().map(|about| ("about", about.trim().replace('\n', " "))));
    let resumed = match detail.resumes {
        0 => String::new(),
        1 => ", resumed once".to_owned(),
        times => format!(", resumed {times} times"),
    };
    facts.push(("started", format!("{} UTC{resumed}", number::moment(&detail.started_at))));
    facts.extend(detail.command.clone().map(|command| ("command", command)));
    facts.push(("seed", detail.seed.to_string()));
    let cpu = environment.cpu.as_ref().map_or_else(String::new, |cpu| format!(" {cpu}"));
    facts.push(("machine", format!("{}, {}, {} x{cpu}", environment.host, environment.os, environment.cpus)));
    facts.push(("device", format!("{}, {} threads", environment.device, environment.threads)));
    let runtime = environment
        .onnx_runtime
        .as_ref()
        .map_or_else(String::new, |version| format!(", ONNX Runtime {version}"));
    facts.push(("software", format!("mtl {}{runtime}", environment.mtl_version)));
    if let Some(commit) = &environment.git_commit {
        let dirty = if environment.git_dirty == Some(true) { ", with uncommitted changes" } else { "" };
        facts.push(("git", format!("{}{dirty}", commit.get(..12).unwrap_or(commit))));
    }
    facts
}

pub(crate) fn stages(detail: &RunDetail) -> TextTable {
    let columns = [
        ("stage", ColumnAlign::Left),
        ("state", ColumnAlign::Left),
        ("time", ColumnAlign::Right),
        ("size", ColumnAlign::Right),
        ("fingerprint", ColumnAlign::Left),
    ];
    let mut table = TextTable::new(&columns);
    for stage in &detail.stages {
        let (tone, state) = match (stage.state.as_str(), stage.cached) {
            ("finished", true) => (TextTone::Faint, "cached"),
            ("finished", false) => (TextTone::Good, "finished"),
            ("failed", _) => (TextTone::Bad, "failed"),
            ("running", _) => (TextTone::Plain, "running"),
            (other, _) => (TextTone::Caution, other),
        };
        let fingerprint = stage.fingerprint.as_deref().unwrap_or_default();
        table.row(vec![
            stage.stage.as_str().into(),
            TableCell::new(tone, state),
            stage.seconds.map_or_else(String::new, number::duration).into(),
            stage.bytes.filter(|bytes| *bytes > 0).map_or_else(String::new, number::size).into(),
            TableCell::new(TextTone::Faint, fingerprint.get(..12).unwrap_or(fingerprint)),
        ]);
    }
    table
}

pub(crate) fn data(detail: &RunDetail) -> TextTable {
    let columns = [
        ("table", ColumnAlign::Left),
        ("rows", ColumnAlign::Right),
        ("columns", ColumnAlign::Right),
        ("train", ColumnAlign::Right),
        ("valid", ColumnAlign::Right),
        ("test", ColumnAlign::Right),
        ("file", ColumnAlign::Left),
        ("size", ColumnAlign::Right),
        ("content", ColumnAlign::Left),
    ];
    let mut table = TextTable::new(&columns);
    let count = |number: Option<usize>| number.map_or_else(String::new, number::count);
    for record in &detail.tables {
        let mut cells: Vec<TableCell> = vec![TableCell::new(TextTone::Strong, &record.data)];
        let counts = [record.rows, record.columns, record.train, record.valid, record.test];
        cells.extend(counts.map(|number| TableCell::from(count(number))));
        let mut files = detail.files.iter().filter(|file| file.data == record.data).peekable();
        if files.peek().is_none() {
            table.row(cells.clone());
        }
        for file in files {
            let mut row = std::mem::replace(&mut cells, vec![TableCell::from(""); 6]);
            let hash = file.hash.get(..12).unwrap_or(&file.hash);
            row.extend([
                (&file.path).into(),
                number::size(file.bytes).into(),
                TableCell::new(TextTone::Faint, hash),
            ]);
            table.row(row);
        }
    }
    table
}

pub(crate) fn tasks(detail: &RunDetail) -> TextTable {
    let columns = [
        ("task", ColumnAlign::Left),
        ("kind", ColumnAlign::Left),
        ("target", ColumnAlign::Left),
        ("table", ColumnAlign::Left),
        ("loss", ColumnAlign::Left),
        ("missing labels", ColumnAlign::Left),
    ];
    let mut table = TextTable::new(&columns);
    for task in &detail.tasks {
        let missing: Vec<String> = Split::ALL
            .iter()
            .filter_map(|split| {
                detail.labels.iter().find(|label| label.task == task.task && label.split == *split)
            })
            .filter(|label| label.missing > 0)
            .map(|label| {
                format!("{} {} of {}", label.split, number::count(label.missing), number::count(label.rows))
            })
            .collect();
        table.row(vec![
            TableCell::new(TextTone::Strong, &task.task),
            (&task.kind).into(),
            (&task.target).into(),
            (&task.data).into(),
            TableCell::new(
                if task.loss.is_some() { TextTone::Plain } else { TextTone::Faint },
                task.loss.as_deref().unwrap_or("–"),
            ),
            if missing.is_empty() {
                TableCell::new(TextTone::Faint, "–")
            } else {
                missing.join(", ").into()
            },
        ]);
    }
    table
}

fn trial_text(detail: &RunDetail, trial: &TrialRecord, style: &Style) -> String {
    let mut remarks = Vec::new();
    remarks.extend(trial.weights.map(|count| format!("{} parameters", number::count(count))));
    remarks.extend(trial.rows.map(|rows| format!("{} rows", number::count(rows))));
    match (trial.best_epoch, trial.epochs) {
        (Some(best), Some(epochs)) => remarks.push(format!("best epoch {best} of {epochs}")),
        _ => remarks.extend(
            trial.checkpoint.map(|(epoch, step)| format!("last checkpoint in epoch {epoch} at step {step}")),
        ),
    }
    remarks.extend(trial.stopped.clone());
    remarks
        .extend(trial.rows_per_second.map(|rate| format!("{} rows/s", number::count(rate.round() as usize))));
    let mut text = style.heading(&format!("Trial {}", trial.trial), &remarks.join(" · "));
    let longest = trial.parameters.iter().map(|setting| width(&setting.path)).max().unwrap_or(0);
    for setting in &trial.parameters {
        let value = setting.text.as_deref().unwrap_or("null");
        text.push_str(&format!("  {:longest$}  {value}\n", setting.path));
    }
    let scores = score::text(detail, trial, style);
    if !scores.is_empty() {
        text.push_str(&scores);
        text.push_str(&style.paint(TextTone::Faint, score::ARROWS));
        text.push('\n');
    }
    text.push_str(&preferences::text(&trial.front, style));
    text.push_str(&gain::text(&detail.gains, trial.trial, true, style));
    text.push_str(&relations(trial, style));
    text.push_str(&shares(trial, style));
    text.push_str(&gradients(trial, style));
    text.push_str(&affinities(&trial.affinities, style));
    if trial.parity.is_some() {
        text.push_str(&parity_line(trial.parity.as_ref(), style));
    }
    text
}

/// The share of each task's part in what a task reads; one row per reader.
fn relations(trial: &TrialRecord, style: &Style) -> String {
    let mut tasks: Vec<&str> = trial.relations.iter().map(|(task, ..)| task.as_str()).collect();
    tasks.dedup();
    if tasks.is_empty() {
        return String::new();
    }
    let columns: Vec<(&str, ColumnAlign)> = std::iter::once(("reads from", ColumnAlign::Left))
        .chain(tasks.iter().map(|task| (*task, ColumnAlign::Right)))
        .collect();
    let mut table = TextTable::new(&columns);
    for task in &tasks {
        let mut row: Vec<TableCell> = vec![TableCell::new(TextTone::Strong, task)];
        for other in &tasks {
            let record = trial.relations.iter().find(|(reader, read, _)| reader == task && read == other);
            let share = record.and_then(|(.., share)| *share);
            row.push(three_decimals(share).into());
        }
        table.row(row);
    }
    table.text(style)
}

/// The share of each expert or column that a task reads; one table per unit, one row per reader.
fn shares(trial: &TrialRecord, style: &Style) -> String {
    let mut text = String::new();
    for unit in trial.shares.chunk_by(|one, next| one.unit == next.unit) {
        let distinct = |name: fn(&ShareRecord) -> &String| {
            let mut names: Vec<&str> = Vec::new();
            for name in unit.iter().map(name) {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            names
        };
        let (readers, sources) = (distinct(|share| &share.reader), distinct(|share| &share.source));
        let heading = format!("reads at {}", unit[0].unit);
        let columns: Vec<(&str, ColumnAlign)> = std::iter::once((heading.as_str(), ColumnAlign::Left))
            .chain(sources.iter().map(|source| (*source, ColumnAlign::Right)))
            .collect();
        let mut table = TextTable::new(&columns);
        for reader in &readers {
            let mut row: Vec<TableCell> = vec![TableCell::new(TextTone::Strong, reader)];
            for source in &sources {
                let record = unit.iter().find(|share| share.reader == *reader && share.source == *source);
                row.push(three_decimals(record.and_then(|share| share.value)).into());
            }
            table.row(row);
        }
        text.push_str(&table.text(style));
    }
    text
}

/// The gradient statistics; one row per pair of tasks.
fn gradients(trial: &TrialRecord, style: &Style) -> String {
    if trial.gradients.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&[
        ("gradients of", ColumnAlign::Left),
        ("and", ColumnAlign::Left),
        ("cosine", ColumnAlign::Right),
        ("conflicts", ColumnAlign::Right),
        ("magnitude similarity", ColumnAlign::Right),
    ]);
    for pair in &trial.gradients {
        table.row(vec![
            TableCell::new(TextTone::Strong, &pair.task),
            TableCell::new(TextTone::Strong, &pair.other),
            three_decimals(pair.cosine).into(),
            pair.conflicts.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share)).into(),
            three_decimals(pair.similarity).into(),
        ]);
    }
    table.text(style)
}

/// `0.123`; a dash for `None`.
fn three_decimals(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

pub(crate) fn settings(detail: &RunDetail) -> TextTable {
    let mut table = TextTable::new(&[("setting", ColumnAlign::Left), ("value", ColumnAlign::Left)]);
    for setting in &detail.parameters {
        let value = match &setting.text {
            Some(text) => TableCell::from(text),
            None => TableCell::new(TextTone::Faint, "null"),
        };
        table.row(vec![(&setting.path).into(), value]);
    }
    table
}
