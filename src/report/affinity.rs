//! What a step of each task does to the others, as a matrix: a row per task that steps.

use crate::report::estimate::signed;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::affinity::AffinityRecord;

/// Half of the interval of what one task does to another, where it is known.
pub(crate) type IntervalHalfWidth<'a> = dyn Fn(&str, &str) -> Option<f64> + 'a;

/// A matrix with a heading for its rows; `–` where nothing was measured. Numbers are multiplied by `times`.
pub(crate) fn matrix(
    title: &str,
    pairs: &[AffinityRecord],
    times: f64,
    half: &IntervalHalfWidth<'_>,
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
            let result = pairs.iter().find(|pair| pair.task == *task && pair.other == *other);
            let value = result.and_then(|pair| pair.value).map(|value| value * times);
            let half = half(task, other).map(|half| half * times);
            let tone = match value {
                // What may as well be 0 is no hindrance.
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

/// The affinities of a trial, in percent of the loss; empty where none was measured.
pub(crate) fn affinities(pairs: &[AffinityRecord], style: &Style) -> String {
    let Some(steps) = pairs.iter().map(|pair| pair.steps).max() else { return String::new() };
    let remark = format!("a step lowers each column's loss by so many %; mean of {steps} steps");
    format!(
        "{}{}",
        style.heading("Affinity", &remark),
        matrix("a step of", pairs, 100.0, &|_, _| None, style)
    )
}
