//! Final scores as a table: one row per task and metric, one column per split, and the number of scored rows
//! if these are not all rows of the split.

use crate::domain::score::{Direction, KNOWN_CLASSES, Split};
use crate::report::number;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::record::{RunDetail, ScoreRecord, TrialRecord};

/// `auroc ↑`
pub(crate) fn metric(name: &str, direction: Direction) -> String {
    match direction {
        Direction::Higher => format!("{name} ↑"),
        Direction::Lower => format!("{name} ↓"),
    }
}

/// The column of intervals, which are those of test scores.
const INTERVAL: &str = "95 % interval";

/// The meaning of the arrows.
pub(crate) const ARROWS: &str = "↑ higher is better  ↓ lower is better";

/// Explanations of `n` and of the scores of known classes, if the table has them.
pub(crate) fn remarks(detail: &RunDetail, trial: &TrialRecord) -> Vec<String> {
    let scores = || detail.scores.iter().filter(|score| score.trial == trial.trial);
    let mut remarks = Vec::new();
    if scores().any(|score| part(detail, score).is_some()) {
        remarks.push("n: number of scored rows, if not all rows of the split have a label".to_owned());
    }
    if scores().any(|score| score.low.is_some()) {
        remarks.push(format!("{INTERVAL}: of the test score, by drawing its rows anew (bootstrap)"));
    }
    if scores().any(|score| score.metric.ends_with(KNOWN_CLASSES)) {
        remarks.push(format!(
            "{KNOWN_CLASSES}: only rows of classes that have training rows; in other scores, all other rows \
             count as wrong"
        ));
    }
    remarks
}

/// The scores of one trial as text, with the loss weights; empty without scores.
pub(crate) fn text(detail: &RunDetail, trial: &TrialRecord, style: &Style) -> String {
    let Some(table) = table(detail, trial) else { return String::new() };
    let remarks =
        remarks(detail, trial).into_iter().map(|remark| style.paint(TextTone::Faint, &remark) + "\n");
    table.text(style) + &remarks.collect::<String>()
}

/// The scores of one trial as a table, with the loss weights; `None` without scores.
pub(crate) fn table(detail: &RunDetail, trial: &TrialRecord) -> Option<TextTable> {
    let scores: Vec<&ScoreRecord> = detail.scores.iter().filter(|score| score.trial == trial.trial).collect();
    let splits: Vec<Split> =
        Split::ALL.into_iter().filter(|split| scores.iter().any(|score| score.split == *split)).collect();
    if scores.is_empty() {
        return None;
    }
    let has_weights = !trial.task_weights.is_empty();
    let mut columns = vec![("task", ColumnAlign::Left)];
    if has_weights {
        columns.push(("weight", ColumnAlign::Decimal));
    }
    columns.push(("metric", ColumnAlign::Left));
    let partial: Vec<bool> = splits
        .iter()
        .map(|split| scores.iter().any(|score| score.split == *split && part(detail, score).is_some()))
        .collect();
    for (split, partial) in splits.iter().zip(&partial) {
        columns.push((split.name(), ColumnAlign::Decimal));
        columns.extend(partial.then_some(("n", ColumnAlign::Right)));
    }
    let has_intervals = scores.iter().any(|score| score.low.is_some());
    columns.extend(has_intervals.then_some((INTERVAL, ColumnAlign::Left)));
    let mut table = TextTable::new(&columns);
    let mut lines: Vec<(&str, &str, Direction)> = Vec::new();
    for score in &scores {
        let line = (score.task.as_str(), score.metric.as_str(), score.direction);
        if !lines.iter().any(|(task, metric, _)| (*task, *metric) == (line.0, line.1)) {
            lines.push(line);
        }
    }
    let order = |task: &str| detail.tasks.iter().position(|known| known.task == task).unwrap_or(usize::MAX);
    lines.sort_by_key(|(task, ..)| order(task));
    let mut before = None;
    for (task, name, direction) in lines {
        let is_first = before != Some(task);
        let mut cells = vec![TableCell::new(TextTone::Strong, if is_first { task } else { "" })];
        if has_weights {
            let weight = trial.task_weights.iter().find(|(weighted, _)| is_first && weighted == task);
            cells.push(weight.map_or_else(String::new, |(_, value)| number::maybe(*value)).into());
        }
        cells.push(metric(name, direction).into());
        for (split, partial) in splits.iter().zip(&partial) {
            let record = scores.iter().find(|s| s.task == task && s.metric == name && s.split == *split);
            let tone = if *split == Split::Test { TextTone::Strong } else { TextTone::Plain };
            cells.push(TableCell::new(tone, record.map_or_else(String::new, |score| value(score.value))));
            if *partial {
                let rows = record.and_then(|score| part(detail, score));
                cells.push(TableCell::new(TextTone::Faint, rows.map_or_else(String::new, number::count)));
            }
        }
        if has_intervals {
            let of_line = scores.iter().filter(|score| score.task == task && score.metric == name);
            let bounds = of_line.filter_map(|score| score.low.zip(score.high)).next();
            let text = |(low, high)| format!("{} to {}", number::significant(low), number::significant(high));
            cells.push(TableCell::new(TextTone::Faint, bounds.map_or_else(String::new, text)));
        }
        table.row(cells);
        before = Some(task);
    }
    Some(table)
}

/// The number of scored rows, if these are not all rows of the split.
pub(crate) fn part(detail: &RunDetail, score: &ScoreRecord) -> Option<usize> {
    let whole = detail.labels.iter().find(|label| label.task == score.task && label.split == score.split)?;
    (whole.rows != score.rows).then_some(score.rows)
}

fn value(value: Option<f64>) -> String {
    value.map_or_else(|| "undefined".to_owned(), number::significant)
}
