//! What a step of each task does to the others, as a matrix: a row per task that steps.

use crate::report::estimate::signed;
use crate::report::style::{Style, Tone};
use crate::report::table::{Align, Cell, Table};
use crate::store::affinity::AffinityRecord;

/// Half of the interval of what one task does to another, where it is known.
pub(crate) type Half<'a> = dyn Fn(&str, &str) -> Option<f64> + 'a;

/// A matrix with a heading for its rows; `–` where nothing was measured. Numbers are multiplied by `times`.
pub(crate) fn matrix(
    title: &str,
    pairs: &[AffinityRecord],
    times: f64,
    half: &Half<'_>,
    style: &Style,
) -> String {
    let mut tasks: Vec<&str> = Vec::new();
    for task in pairs.iter().flat_map(|pair| [pair.task.as_str(), pair.other.as_str()]) {
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    let columns: Vec<(&str, Align)> =
        std::iter::once((title, Align::Left)).chain(tasks.iter().map(|task| (*task, Align::Right))).collect();
    let mut table = Table::new(&columns);
    for task in &tasks {
        let mut row = vec![Cell::new(Tone::Strong, task)];
        for other in &tasks {
            let found = pairs.iter().find(|pair| pair.task == *task && pair.other == *other);
            let value = found.and_then(|pair| pair.value).map(|value| value * times);
            let half = half(task, other).map(|half| half * times);
            let tone = match value {
                // What may as well be 0 is no hindrance.
                Some(value) if value + half.unwrap_or(0.0) < 0.0 => Tone::Bad,
                _ if task == other => Tone::Faint,
                _ => Tone::Plain,
            };
            row.push(Cell::new(tone, value.map_or_else(|| "–".to_owned(), |value| signed(value, half))));
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
