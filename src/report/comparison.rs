//! Runs side by side: scores with the best marked, and only the settings that differ.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::gain::percent;
use crate::report::number;
use crate::report::score::{ARROWS, metric};
use crate::report::style::{Style, TextTone};
use crate::report::sweep::rows;
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// Several trainings, the first of which the others are measured against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonReport {
    /// What is compared: runs, or their trials where a run has several (`census-3f2a#2`).
    pub columns: Vec<String>,
    pub scores: Vec<ScoreLine>,
    /// Over single tasks: of each task, then of all of them; empty where no task was trained alone.
    pub gains: Vec<GainLine>,
    pub differences: Vec<SettingLine>,
}

/// One metric of one task on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreLine {
    pub task: String,
    pub split: Split,
    pub metric: String,
    pub direction: Direction,
    /// One per column; `None`: not scored there, or undefined.
    pub values: Vec<Option<f64>>,
    /// Columns with the best value, when there is more than one value and they are not all alike.
    pub best: Vec<usize>,
}

/// The gain of a task, or of all tasks, over single tasks on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GainLine {
    /// `None`: the mean over all tasks.
    pub task: Option<String>,
    pub split: Split,
    /// In percent, one per column; `None`: not measured there, or undefined.
    pub values: Vec<Option<f64>>,
}

/// One setting that is not the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingLine {
    pub path: String,
    /// One per column; `None`: there is no such setting.
    pub values: Vec<Option<String>>,
}

impl ComparisonReport {
    /// Reads runs from the database; the first is the one to measure against.
    pub fn read(store: &ResultsDatabase, runs: &[RunId]) -> Result<Self, StoreError> {
        Self::read_trials(store, &runs.iter().map(|run| (run.clone(), None)).collect::<Vec<_>>())
    }

    /// The same of runs, or of those of their trials that are named.
    pub fn read_trials(store: &ResultsDatabase, named: &[(RunId, Option<u32>)]) -> Result<Self, StoreError> {
        let read = |(run, only): &(RunId, Option<u32>)| Ok((store.run(run)?, *only));
        Ok(Self::from_details(&named.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?))
    }

    /// Compares what was read: all trials of a run, or one.
    pub fn from_details(details: &[(RunDetail, Option<u32>)]) -> Self {
        let columns: Vec<ComparedTrial<'_>> =
            details.iter().flat_map(|(detail, only)| columns_of(detail, *only)).collect();
        Self {
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            scores: score_lines(&columns),
            gains: gain_lines(&columns),
            differences: setting_lines(&columns),
        }
    }

    /// For programs: every split.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// Was anything scored on these rows?
    pub fn is_scored(&self, split: Split) -> bool {
        self.scores.iter().any(|line| line.split == split)
    }

    /// For people: this split, or without one the test split, or the best there is.
    pub fn text(&self, split: Option<Split>, style: &Style) -> String {
        let mut text = String::new();
        let wanted = split.map_or(vec![Split::Test, Split::Valid, Split::Train], |split| vec![split]);
        if let Some(split) = wanted.iter().copied().find(|split| self.is_scored(*split)) {
            let on = rows(split);
            let remark = format!("{on} · ★ best · differences from {} · {ARROWS}", self.columns[0]);
            text.push_str(style.heading("Scores", &remark).trim_start_matches('\n'));
            text.push_str(&self.score_table(split).text(style));
        } else {
            text.push_str("no scores yet\n");
        }
        let split = wanted.into_iter().find(|split| self.gains.iter().any(|line| line.split == *split));
        if let Some(split) = split {
            let on = rows(split);
            let remark = format!("{on} · each task beside itself trained alone; below 0 is worse");
            text.push_str(&style.heading("Gain over single tasks", &remark));
            text.push_str(&self.gain_table(split).text(style));
        }
        if self.differences.is_empty() {
            text.push_str("\nall settings are the same\n");
        } else {
            text.push_str(&style.heading("Settings that differ", ""));
            text.push_str(&self.setting_table().text(style));
        }
        text
    }

    fn score_table(&self, split: Split) -> TextTable {
        let mut titles =
            vec![("task".to_owned(), ColumnAlign::Left), ("metric".to_owned(), ColumnAlign::Left)];
        for (environment, name) in self.columns.iter().enumerate() {
            titles.push((name.clone(), ColumnAlign::Decimal));
            if environment > 0 {
                titles.push(("change".to_owned(), ColumnAlign::Left));
            }
        }
        let mut table = TextTable::new(&titles);
        let mut before = None;
        for line in self.scores.iter().filter(|line| line.split == split) {
            let task = if before == Some(&line.task) { "" } else { line.task.as_str() };
            let mut cells =
                vec![TableCell::new(TextTone::Strong, task), metric(&line.metric, line.direction).into()];
            for (environment, value) in line.values.iter().enumerate() {
                let best = line.best.contains(&environment);
                let tone = if best { TextTone::Good } else { TextTone::Plain };
                let star = if best { "★ " } else { "" };
                cells.push(TableCell::new(tone, format!("{star}{}", number::maybe(*value))));
                if environment > 0 {
                    cells.push(change(line, environment));
                }
            }
            table.row(cells);
            before = Some(&line.task);
        }
        table
    }

    fn gain_table(&self, split: Split) -> TextTable {
        let mut titles = vec![("task".to_owned(), ColumnAlign::Left)];
        titles.extend(self.columns.iter().map(|name| (name.clone(), ColumnAlign::Right)));
        let mut table = TextTable::new(&titles);
        for line in self.gains.iter().filter(|line| line.split == split) {
            let mut cells =
                vec![TableCell::new(TextTone::Strong, line.task.as_deref().unwrap_or("all tasks"))];
            cells.extend(line.values.iter().map(|value| TableCell::from(percent(*value))));
            table.row(cells);
        }
        table
    }

    fn setting_table(&self) -> TextTable {
        let mut titles = vec![("setting".to_owned(), ColumnAlign::Left)];
        titles.extend(self.columns.iter().map(|name| (name.clone(), ColumnAlign::Left)));
        let mut table = TextTable::new(&titles);
        for line in &self.differences {
            let mut cells = vec![TableCell::from(&line.path)];
            cells.extend(line.values.iter().map(|value| match value {
                Some(text) => TableCell::from(text),
                None => TableCell::new(TextTone::Faint, "–"),
            }));
            table.row(cells);
        }
        table
    }
}

/// How far a value is from the first column's.
fn change(line: &ScoreLine, environment: usize) -> TableCell {
    let (Some(first), Some(value)) = (line.values[0], line.values[environment]) else {
        return TableCell::from("");
    };
    if value == first {
        return TableCell::new(TextTone::Faint, "same");
    }
    let tone = if line.direction.prefers(value, first) { TextTone::Good } else { TextTone::Bad };
    TableCell::new(tone, number::difference(value - first))
}

struct ComparedTrial<'a> {
    name: String,
    detail: &'a RunDetail,
    trial: Option<&'a TrialRecord>,
}

fn columns_of(detail: &RunDetail, only: Option<u32>) -> Vec<ComparedTrial<'_>> {
    let several = detail.trials.len() > 1;
    let column = |trial: Option<&TrialRecord>| match trial {
        Some(trial) if several => TrialAddress::format(&detail.run, Some(trial.trial)),
        _ => detail.run.to_string(),
    };
    if detail.trials.is_empty() {
        return vec![ComparedTrial { name: column(None), detail, trial: None }];
    }
    let trials = detail.trials.iter().filter(|trial| only.is_none_or(|only| trial.trial == only));
    trials.map(|trial| ComparedTrial { name: column(Some(trial)), detail, trial: Some(trial) }).collect()
}

fn score_lines(columns: &[ComparedTrial<'_>]) -> Vec<ScoreLine> {
    let mut lines: Vec<ScoreLine> = Vec::new();
    for (environment, column) in columns.iter().enumerate() {
        let own = |trial: u32| column.trial.is_some_and(|known| known.trial == trial);
        for score in column.detail.scores.iter().filter(|score| own(score.trial)) {
            let same = |line: &&mut ScoreLine| {
                (&line.task, line.split, &line.metric) == (&score.task, score.split, &score.metric)
            };
            match lines.iter_mut().find(same) {
                Some(line) => line.values[environment] = score.value,
                None => {
                    let mut values = vec![None; columns.len()];
                    values[environment] = score.value;
                    lines.push(ScoreLine {
                        task: score.task.clone(),
                        split: score.split,
                        metric: score.metric.clone(),
                        direction: score.direction,
                        values,
                        best: Vec::new(),
                    });
                }
            }
        }
    }
    // One task's lines together, in the order tasks and metrics were first met.
    let order: Vec<String> = lines.iter().map(|line| line.task.clone()).collect();
    lines.sort_by_key(|line| order.iter().position(|task| *task == line.task));
    lines.iter_mut().for_each(|line| line.best = best(line));
    lines
}

/// One task's lines in the order tasks were first met, then those of all tasks.
fn gain_lines(columns: &[ComparedTrial<'_>]) -> Vec<GainLine> {
    let mut lines: Vec<GainLine> = Vec::new();
    for (environment, column) in columns.iter().enumerate() {
        let own = |trial: u32| column.trial.is_some_and(|known| known.trial == trial);
        for mean in column.detail.gains.means.iter().filter(|mean| own(mean.trial)) {
            let same = |line: &&mut GainLine| (&line.task, line.split) == (&mean.task, mean.split);
            match lines.iter_mut().find(same) {
                Some(line) => line.values[environment] = mean.gain,
                None => {
                    let mut values = vec![None; columns.len()];
                    values[environment] = mean.gain;
                    lines.push(GainLine { task: mean.task.clone(), split: mean.split, values });
                }
            }
        }
    }
    lines.sort_by_key(|line| line.task.is_none());
    lines
}

fn best(line: &ScoreLine) -> Vec<usize> {
    let present: Vec<f64> = line.values.iter().copied().flatten().filter(|value| !value.is_nan()).collect();
    let Some(first) = present.first().copied() else { return Vec::new() };
    if present.iter().all(|value| *value == first) {
        return Vec::new();
    }
    let better = |a: f64, b: f64| if line.direction.prefers(b, a) { b } else { a };
    let top = present.into_iter().fold(first, better);
    line.values
        .iter()
        .enumerate()
        .filter(|(_, value)| **value == Some(top))
        .map(|(environment, _)| environment)
        .collect()
}

fn setting_lines(columns: &[ComparedTrial<'_>]) -> Vec<SettingLine> {
    let settings: Vec<Vec<(String, String)>> = columns.iter().map(settings_of).collect();
    let mut paths: Vec<&String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for (path, _) in settings.iter().flatten() {
        if known.insert(path) {
            paths.push(path);
        }
    }
    let by_path: Vec<std::collections::HashMap<&String, &String>> =
        settings.iter().map(|column| column.iter().map(|(path, value)| (path, value)).collect()).collect();
    let lines = paths.into_iter().map(|path| SettingLine {
        path: path.clone(),
        values: by_path.iter().map(|column| column.get(path).map(|value| (*value).clone())).collect(),
    });
    lines.filter(|line| line.values.iter().any(|value| *value != line.values[0])).collect()
}

/// A column's settings, and in brackets what else may explain a difference.
fn settings_of(column: &ComparedTrial<'_>) -> Vec<(String, String)> {
    let detail = column.detail;
    let mut settings: Vec<(String, String)> = Vec::new();
    let own = column.trial.map(|trial| trial.parameters.as_slice()).unwrap_or_default();
    for setting in &detail.parameters {
        // A sweep trains a choice with several seeds.
        let seed = column.trial.and_then(|trial| trial.seed).filter(|_| setting.path == "seed");
        if let Some(seed) = seed {
            settings.push((setting.path.clone(), seed.to_string()));
            continue;
        }
        let chosen = own.iter().find(|own| own.path == setting.path).unwrap_or(setting);
        settings.push((setting.path.clone(), chosen.text.clone().unwrap_or_else(|| "null".to_owned())));
    }
    for setting in own.iter().filter(|own| !detail.parameters.iter().any(|known| known.path == own.path)) {
        settings.push((setting.path.clone(), setting.text.clone().unwrap_or_else(|| "null".to_owned())));
    }
    let environment = &detail.environment;
    let mut text = |name: &str, value: String| settings.push((format!("({name})"), value));
    for file in &detail.files {
        let hash = file.hash.get(..12).unwrap_or(&file.hash);
        text(&format!("content of {}", file.data), hash.to_owned());
    }
    if let Some(commit) = &environment.git_commit {
        let dirty = if environment.git_dirty == Some(true) { " + changes" } else { "" };
        text("git", format!("{}{dirty}", commit.get(..8).unwrap_or(commit)));
    }
    text("mtl", environment.mtl_version.clone());
    text("device", environment.device.clone());
    text("threads", environment.threads.to_string());
    text("host", environment.host.clone());
    settings
}
