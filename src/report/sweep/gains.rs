//! The gains over single-task training of the groups of a sweep.

use crate::report::estimate::signed;
use crate::report::gain::{TITLE, tone};
use crate::report::group::{TrialGroup, names};
use crate::report::seeds::SeedEstimate;
use crate::report::style::TextTone;
use crate::report::sweep::SweepReport;
use crate::report::table::{ColumnAlign, TableCell, TextTable};

/// Title, remark and table of the gains of a sweep's groups: means over trials, each compared with the
/// baselines of its own seed. `None` without baselines.
pub(crate) fn groups(sweep: &SweepReport) -> Option<(String, String, TextTable)> {
    let measured = |group: &TrialGroup| group.gain.test.is_some() || group.gain.valid.is_some();
    if !sweep.groups.iter().any(measured) {
        return None;
    }
    let tasks: Vec<&str> =
        sweep.groups.first().map_or_else(Vec::new, |g| g.tasks.iter().map(|t| t.task.as_str()).collect());
    let mut columns = vec![("all, valid", ColumnAlign::Left), ("all, test", ColumnAlign::Left)];
    let titles: Vec<String> = tasks.iter().map(|task| format!("{task}, test")).collect();
    columns.extend(titles.iter().map(|title| (title.as_str(), ColumnAlign::Left)));
    let mut table = sweep.table(&columns);
    let percents = |estimate: Option<SeedEstimate>| {
        estimate
            .map_or_else(|| "–".to_owned(), |estimate| format!("{} %", signed(estimate.mean, estimate.half)))
    };
    let (mut worse, mut unsure) = (0, 0);
    for group in &sweep.groups {
        let best = group.gain.test.or(group.gain.valid);
        let is_negative = best.is_some_and(|gain| gain.mean < 0.0);
        let is_unsure = best.is_some_and(|gain| gain.half.is_some_and(|half| half >= gain.mean.abs()));
        worse += usize::from(is_negative && !is_unsure);
        unsure += usize::from(is_unsure);
        let mut cells = names(group);
        cells.push(percents(group.gain.valid).into());
        let tone = if is_unsure { TextTone::Plain } else { tone(best.map(|gain| gain.mean)) };
        cells.push(TableCell::new(tone, percents(group.gain.test)));
        cells.extend(group.tasks.iter().map(|task| TableCell::from(percents(task.gain))));
        table.row(cells);
    }
    let mut verdict = match worse {
        0 => "no group is worse than single-task training".to_owned(),
        all if all == sweep.groups.len() => "every group is WORSE than single-task training".to_owned(),
        some => format!("{some} of {} groups are WORSE than single-task training", sweep.groups.len()),
    };
    if unsure > 0 {
        verdict.push_str(&format!("; for {unsure}, the interval contains 0: no significant difference"));
    }
    let remark = format!("in %, compared with each task trained alone with the same seed; {verdict}");
    Some((TITLE.to_owned(), remark, table))
}
