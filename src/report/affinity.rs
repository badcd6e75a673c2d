//! The affinity matrix: the effect of each task's step (row) on the other tasks' losses (columns).

use crate::report::estimate::signed;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::affinity::AffinityRecord;

/// Half-width of the confidence interval of a pair's value, if known.
pub(crate) type IntervalHalfWidth<'a> = dyn Fn(&str, &str) -> Option<f64> + 'a;

/// How to read a matrix of affinities.
pub(crate) const REMARK: &str = "decrease in % of the column's loss by a step of the row's task";

/// A matrix with `title` above its row names; `–` where nothing was measured. Values are multiplied by
/// `factor`.
pub(crate) fn matrix(
    title: &str,
    pairs: &[AffinityRecord],
    factor: f64,
    half_width: &IntervalHalfWidth<'_>,
    style: &Style,
) -> String {
    let mut tasks: Vec<&str> = Vec::new();
    for task in pairs.iter().flat_map(|pair| [pair.task.as_str(), pair.other.as_str()]) {
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    let columns: Vec<(&str, ColumnAlign)> = std::iter::once((title, ColumnAlign::Left))
        .chain(tasks.iter().map(|task| (*task, ColumnAlign::Right)))
        .collect();
    let mut table = TextTable::new(&columns);
    for task in &tasks {
        let mut row = vec![TableCell::new(TextTone::Strong, task)];
        for other in &tasks {
            let pair = pairs.iter().find(|pair| pair.task == *task && pair.other == *other);
            let value = pair.and_then(|pair| pair.value).map(|value| value * factor);
            let half = half_width(task, other).map(|half| half * factor);
            let tone = match value {
                // Negative beyond the interval.
                Some(value) if value + half.unwrap_or(0.0) < 0.0 => TextTone::Bad,
                _ if task == other => TextTone::Faint,
                _ => TextTone::Plain,
            };
            row.push(TableCell::new(tone, value.map_or_else(|| "–".to_owned(), |value| signed(value, half))));
        }
        table.row(row);
    }
    table.text(style)
}

/// The affinities of a trial, in percent of the loss; empty if none were measured.
pub(crate) fn affinities(pairs: &[AffinityRecord], style: &Style) -> String {
    let Some(steps) = pairs.iter().map(|pair| pair.steps).max() else { return String::new() };
    let remark = format!("{REMARK}; mean of {steps} steps");
    format!(
        "{}{}",
        style.heading("Affinity", &remark),
        matrix("a step of", pairs, 100.0, &|_, _| None, style)
    )
}
