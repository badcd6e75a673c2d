//! The gain of joint training over training each task alone.

use crate::domain::score::Split;
use crate::report::number;
use crate::report::score::metric;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::store::gain::{GainRecord, GainRecords};

/// `+1.20 %`; a dash if undefined.
pub(crate) fn percent(gain: Option<f64>) -> String {
    match gain {
        Some(gain) if gain > 0.0 => format!("+{gain:.2} %"),
        Some(gain) if gain < 0.0 => format!("−{:.2} %", gain.abs()),
        Some(_) => "0 %".to_owned(),
        None => "–".to_owned(),
    }
}

pub(crate) fn tone(gain: Option<f64>) -> TextTone {
    match gain {
        Some(gain) if gain > 0.0 => TextTone::Good,
        Some(gain) if gain < 0.0 => TextTone::Bad,
        Some(_) => TextTone::Plain,
        None => TextTone::Faint,
    }
}

/// The held-out splits on which a trial has gains.
fn splits(gains: &GainRecords, trial: u32) -> Vec<Split> {
    let has = |split: &Split| gains.metrics.iter().any(|gain| gain.trial == trial && gain.split == *split);
    [Split::Valid, Split::Test].into_iter().filter(has).collect()
}

/// The title of tables of gains, and how to read those of a trial.
pub(crate) const TITLE: &str = "Gain over single-task training";
pub(crate) const REMARK: &str =
    "compared with each task trained alone: same inputs, trunk, training settings and seed";

/// A trial's gains as a table with a verdict; empty without single-task baselines. `all_metrics` includes
/// the metrics that do not count towards the gain.
pub(crate) fn text(gains: &GainRecords, trial: u32, all_metrics: bool, style: &Style) -> String {
    let Some((table, verdict)) = table(gains, trial, all_metrics, style) else { return String::new() };
    format!("{}{}{verdict}\n", style.heading(TITLE, REMARK), table.text(style))
}

/// The table and the verdict.
pub(crate) fn table(
    gains: &GainRecords,
    trial: u32,
    all_metrics: bool,
    style: &Style,
) -> Option<(TextTable, String)> {
    let splits = splits(gains, trial);
    let last = splits.last()?;
    let (alone, joint) = (format!("alone, {last}"), format!("joint, {last}"));
    let mut columns = vec![
        ("task", ColumnAlign::Left),
        ("metric", ColumnAlign::Left),
        (alone.as_str(), ColumnAlign::Decimal),
        (joint.as_str(), ColumnAlign::Decimal),
    ];
    let titles: Vec<String> = splits.iter().map(|split| format!("gain, {split}")).collect();
    columns.extend(titles.iter().map(|title| (title.as_str(), ColumnAlign::Right)));
    let mut table = TextTable::new(&columns);
    let own =
        |split: Split| gains.metrics.iter().filter(move |gain| gain.trial == trial && gain.split == split);
    let mut before = None;
    for line in own(*last).filter(|line| all_metrics || line.counts) {
        let task = if before == Some(&line.task) { "" } else { line.task.as_str() };
        let mut cells =
            vec![TableCell::new(TextTone::Strong, task), metric(&line.metric, line.direction).into()];
        cells.extend([line.baseline, line.value].map(|value| TableCell::from(number::maybe(value))));
        for split in &splits {
            let same = |other: &&GainRecord| (&other.task, &other.metric) == (&line.task, &line.metric);
            let gain = own(*split).find(same).and_then(|record| record.gain);
            cells.push(TableCell::new(if line.counts { tone(gain) } else { TextTone::Faint }, percent(gain)));
        }
        table.row(cells);
        before = Some(&line.task);
    }
    Some((table, verdict(gains, trial, *last, style)))
}

/// Whether joint training is better, in one sentence.
fn verdict(gains: &GainRecords, trial: u32, split: Split, style: &Style) -> String {
    let Some(mean) = gains.mean(trial, None, split) else {
        let text =
            "over all tasks: undefined, because a metric is undefined, or 0 for the task trained alone";
        return style.paint(TextTone::Caution, text);
    };
    let tasks: Vec<_> =
        gains.means.iter().filter(|m| m.trial == trial && m.split == split && m.task.is_some()).collect();
    let worse: Vec<&str> = tasks
        .iter()
        .filter(|mean| mean.gain.is_some_and(|gain| gain < 0.0))
        .filter_map(|mean| mean.task.as_deref())
        .collect();
    let worse = match worse.len() {
        0 => "no task is worse than alone".to_owned(),
        all if all == tasks.len() => "every task is worse than alone".to_owned(),
        1 => format!("{} is worse than alone", worse[0]),
        _ => format!("{} are worse than alone", number::listed(&worse.join(", "))),
    };
    let size = format!("{:.2} %", mean.abs());
    let (tone, text) = match mean {
        mean if mean < 0.0 => (TextTone::Bad, format!("WORSE than single-task training by {size}")),
        mean if mean > 0.0 => (TextTone::Good, format!("better than single-task training by {size}")),
        _ => (TextTone::Plain, "the same as single-task training".to_owned()),
    };
    format!("over all tasks on {split} rows: {}; {worse}", style.paint(tone, &text))
}
