//! Final scores as a table: one line per task and metric, the splits side by side.

use crate::domain::score::{Direction, Split};
use crate::report::number;
use crate::report::style::{Style, Tone};
use crate::report::table::{Align, Cell, Table};
use crate::store::record::{RunDetail, ScoreRecord, TrialRecord};

/// `auroc ↑`
pub(crate) fn metric(name: &str, direction: Direction) -> String {
    match direction {
        Direction::Higher => format!("{name} ↑"),
        Direction::Lower => format!("{name} ↓"),
    }
}

/// The arrows explained.
pub(crate) const ARROWS: &str = "↑ higher is better  ↓ lower is better";

/// The scores of one trial, with the weight of each task's loss; empty when nothing was scored.
pub(crate) fn text(detail: &RunDetail, trial: &TrialRecord, style: &Style) -> String {
    table(detail, trial).map_or_else(String::new, |table| table.text(style))
}

/// The same as a table; `None` when nothing was scored.
pub(crate) fn table(detail: &RunDetail, trial: &TrialRecord) -> Option<Table> {
    let scores: Vec<&ScoreRecord> = detail.scores.iter().filter(|score| score.trial == trial.trial).collect();
    let splits: Vec<Split> =
        Split::ALL.into_iter().filter(|split| scores.iter().any(|score| score.split == *split)).collect();
    if scores.is_empty() {
        return None;
    }
    let weighted = !trial.task_weights.is_empty();
    let mut columns = vec![("task", Align::Left)];
    if weighted {
        columns.push(("weight", Align::Decimal));
    }
    columns.push(("metric", Align::Left));
    columns.extend(splits.iter().map(|split| (split.name(), Align::Decimal)));
    let mut table = Table::new(&columns);
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
        let first = before != Some(task);
        let mut cells = vec![if first { Cell::new(Tone::Strong, task) } else { Cell::from("") }];
        if weighted {
            let weight = trial.task_weights.iter().find(|(weighted, _)| first && weighted == task);
            cells.push(weight.map_or_else(String::new, |(_, value)| number::maybe(*value)).into());
        }
        cells.push(metric(name, direction).into());
        for split in &splits {
            let found = scores.iter().find(|s| s.task == task && s.metric == name && s.split == *split);
            let tone = if *split == Split::Test { Tone::Strong } else { Tone::Plain };
            cells.push(Cell::new(tone, found.map_or_else(String::new, |score| number::maybe(score.value))));
        }
        table.row(cells);
        before = Some(task);
    }
    Some(table)
}
