//! Compares runs side by side: scores with the best marked, gains, and the settings that differ.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::gain::{TITLE, percent};
use crate::report::number;
use crate::report::score::{ARROWS, metric};
use crate::report::style::{Style, TextTone};
use crate::report::sweep::rows;
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::record::{RunDetail, TrialRecord};
use crate::store::{ResultsDatabase, StoreError};

/// A comparison of several trainings with the first one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonReport {
    /// The compared runs, or trials of runs with several (`census-3f2a#2`).
    pub columns: Vec<String>,
    /// One line per task, split and metric.
    pub scores: Vec<ScoreLine>,
    /// The gain of each task over training it alone, then of all tasks; empty without single-task baselines.
    pub gains: Vec<GainLine>,
    /// The settings that are not the same everywhere.
    pub differences: Vec<SettingLine>,
}

/// One metric of one task on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreLine {
    /// Name of the task.
    pub task: String,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// One per column; `None`: not scored, or undefined.
    pub values: Vec<Option<f64>>,
    /// Indices of the columns with the best value; empty if all values are equal.
    pub best: Vec<usize>,
}

/// The gain of a task, or of all tasks, over single-task training on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GainLine {
    /// `None`: the mean over all tasks.
    pub task: Option<String>,
    /// The split that was scored.
    pub split: Split,
    /// In percent, one per column; `None`: not measured, or undefined.
    pub values: Vec<Option<f64>>,
}

/// One setting that differs between columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingLine {
    /// Address of the setting in the pipeline.
    pub path: String,
    /// One per column; `None`: the column has no such setting.
    pub values: Vec<Option<String>>,
}

impl ComparisonReport {
    /// Reads runs from the database; the first one is the reference.
    pub fn read(store: &ResultsDatabase, runs: &[RunId]) -> Result<Self, StoreError> {
        Self::read_trials(store, &runs.iter().map(|run| (run.clone(), None)).collect::<Vec<_>>())
    }

    /// Reads runs, each with one trial or, for `None`, with all its trials.
    pub fn read_trials(store: &ResultsDatabase, named: &[(RunId, Option<u32>)]) -> Result<Self, StoreError> {
        let read = |(run, only): &(RunId, Option<u32>)| Ok((store.run(run)?, *only));
        Ok(Self::from_details(&named.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?))
    }

    /// Compares runs, each with one trial or, for `None`, with all its trials.
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

    /// The comparison as JSON, with all splits.
    pub fn json(&self) -> Value {
        json!(self)
    }

    /// Whether there are scores on this split.
    pub fn is_scored(&self, split: Split) -> bool {
        self.scores.iter().any(|line| line.split == split)
    }

    /// The comparison as text, on `split` or, for `None`, on the first scored of test, valid and train.
    pub fn text(&self, split: Option<Split>, style: &Style) -> String {
        let mut text = String::new();
        let candidates = split.map_or(vec![Split::Test, Split::Valid, Split::Train], |split| vec![split]);
        if let Some(split) = candidates.iter().copied().find(|split| self.is_scored(*split)) {
            let rows = rows(split);
            let remark = format!("{rows} · ★ best · differences from {} · {ARROWS}", self.columns[0]);
            text.push_str(style.heading("Scores", &remark).trim_start_matches('\n'));
            text.push_str(&self.score_table(split).text(style));
        } else {
            text.push_str("no scores yet\n");
        }
        let split = candidates.into_iter().find(|split| self.gains.iter().any(|line| line.split == *split));
        if let Some(split) = split {
            let rows = rows(split);
            let remark = format!("{rows} · compared with each task trained alone; negative is worse");
            text.push_str(&style.heading(TITLE, &remark));
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
        for (column, name) in self.columns.iter().enumerate() {
            titles.push((name.clone(), ColumnAlign::Decimal));
            if column > 0 {
                titles.push(("change".to_owned(), ColumnAlign::Left));
            }
        }
        let mut table = TextTable::new(&titles);
        let mut before = None;
        for line in self.scores.iter().filter(|line| line.split == split) {
            let task = if before == Some(&line.task) { "" } else { line.task.as_str() };
            let mut cells =
                vec![TableCell::new(TextTone::Strong, task), metric(&line.metric, line.direction).into()];
            for (column, value) in line.values.iter().enumerate() {
                let is_best = line.best.contains(&column);
                let tone = if is_best { TextTone::Good } else { TextTone::Plain };
                let star = if is_best { "★ " } else { "" };
                cells.push(TableCell::new(tone, format!("{star}{}", number::maybe(*value))));
                if column > 0 {
                    cells.push(change(line, column));
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

/// The difference of a column's value from the first column's.
fn change(line: &ScoreLine, column: usize) -> TableCell {
    let (Some(first), Some(value)) = (line.values[0], line.values[column]) else {
        return TableCell::from("");
    };
    if value == first {
        return TableCell::new(TextTone::Faint, "same");
    }
    let tone = if line.direction.prefers(value, first) { TextTone::Good } else { TextTone::Bad };
    TableCell::new(tone, number::difference(value - first))
}

/// One column of a comparison.
struct ComparedTrial<'a> {
    name: String,
    detail: &'a RunDetail,
    trial: Option<&'a TrialRecord>,
}

impl ComparedTrial<'_> {
    fn has(&self, trial: u32) -> bool {
        self.trial.is_some_and(|own| own.trial == trial)
    }
}

fn columns_of(detail: &RunDetail, only: Option<u32>) -> Vec<ComparedTrial<'_>> {
    if detail.trials.is_empty() {
        return vec![ComparedTrial { name: detail.run.to_string(), detail, trial: None }];
    }
    let is_sweep = detail.trials.len() > 1;
    let name = |trial: &TrialRecord| TrialAddress::format(&detail.run, is_sweep.then_some(trial.trial));
    let trials = detail.trials.iter().filter(|trial| only.is_none_or(|only| trial.trial == only));
    trials.map(|trial| ComparedTrial { name: name(trial), detail, trial: Some(trial) }).collect()
}

fn score_lines(columns: &[ComparedTrial<'_>]) -> Vec<ScoreLine> {
    let mut lines: Vec<ScoreLine> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        for score in column.detail.scores.iter().filter(|score| column.has(score.trial)) {
            let same = |line: &&mut ScoreLine| {
                (&line.task, line.split, &line.metric) == (&score.task, score.split, &score.metric)
            };
            match lines.iter_mut().find(same) {
                Some(line) => line.values[index] = score.value,
                None => {
                    let mut values = vec![None; columns.len()];
                    values[index] = score.value;
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
    // Groups the lines by task, in the order of first occurrence.
    let order: Vec<String> = lines.iter().map(|line| line.task.clone()).collect();
    lines.sort_by_key(|line| order.iter().position(|task| *task == line.task));
    lines.iter_mut().for_each(|line| line.best = best(line));
    lines
}

/// The lines of the tasks in the order of first occurrence, then those of all tasks.
fn gain_lines(columns: &[ComparedTrial<'_>]) -> Vec<GainLine> {
    let mut lines: Vec<GainLine> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        for mean in column.detail.gains.means.iter().filter(|mean| column.has(mean.trial)) {
            let same = |line: &&mut GainLine| (&line.task, line.split) == (&mean.task, mean.split);
            match lines.iter_mut().find(same) {
                Some(line) => line.values[index] = mean.gain,
                None => {
                    let mut values = vec![None; columns.len()];
                    values[index] = mean.gain;
                    lines.push(GainLine { task: mean.task.clone(), split: mean.split, values });
                }
            }
        }
    }
    lines.sort_by_key(|line| line.task.is_none());
    lines
}

fn best(line: &ScoreLine) -> Vec<usize> {
    let defined: Vec<f64> = line.values.iter().copied().flatten().filter(|value| !value.is_nan()).collect();
    let Some(first) = defined.first().copied() else { return Vec::new() };
    if defined.iter().all(|value| *value == first) {
        return Vec::new();
    }
    let better = |a: f64, b: f64| if line.direction.prefers(b, a) { b } else { a };
    let best = defined.into_iter().fold(first, better);
    (0..line.values.len()).filter(|column| line.values[*column] == Some(best)).collect()
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

/// A column's settings, and in parentheses other facts that may explain a difference.
fn settings_of(column: &ComparedTrial<'_>) -> Vec<(String, String)> {
    let detail = column.detail;
    let mut settings: Vec<(String, String)> = Vec::new();
    let own = column.trial.map(|trial| trial.parameters.as_slice()).unwrap_or_default();
    for setting in &detail.parameters {
        // A trial's seed replaces the run's.
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
    let mut fact = |name: &str, value: String| settings.push((format!("({name})"), value));
    for file in &detail.files {
        let hash = file.hash.get(..12).unwrap_or(&file.hash);
        fact(&format!("content of {}", file.data), hash.to_owned());
    }
    if let Some(commit) = &environment.git_commit {
        let dirty = if environment.git_dirty == Some(true) { " + changes" } else { "" };
        fact("git", format!("{}{dirty}", commit.get(..8).unwrap_or(commit)));
    }
    fact("mtl", environment.mtl_version.clone());
    fact("device", environment.device.clone());
    fact("threads", environment.threads.to_string());
    fact("host", environment.host.clone());
    settings
}
