//! The report of a sweep as text.

use crate::domain::score::Split;
use crate::report::estimate::signed;
use crate::report::group::names;
use crate::report::number;
use crate::report::score::{ARROWS, metric};
use crate::report::seeds::SeedEstimate;
use crate::report::style::{Style, TextTone};
use crate::report::sweep::{SweepReport, gains};
use crate::report::table::{ColumnAlign, TableCell, TextTable};

/// Significance level of the coloured differences.
const SIGNIFICANT: f64 = 0.05;

impl SweepReport {
    /// The report as text.
    pub fn text(&self, style: &Style) -> String {
        if self.groups.is_empty() {
            return "no trial has scores yet\n".to_owned();
        }
        let mut text = String::new();
        for (title, remark, table) in self.tables() {
            text.push_str(&style.heading(&title, &remark));
            text.push_str(&table.text(style));
        }
        text.push_str(&self.front_text(style));
        for remark in self.remarks() {
            text.push_str(&format!("\n{remark}\n"));
        }
        text
    }

    /// Remarks on the tables, one sentence each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.pruned > 0 {
            let (trained, planned) = self.epochs;
            remarks.push(format!(
                "{} trials were pruned and count in no mean; {trained} of {planned} epochs were trained",
                self.pruned
            ));
        }
        if self.without > 0 {
            remarks.push(format!("{} trials have no scores yet", self.without));
        }
        if !self.comparable && self.groups.len() > 1 {
            remarks.push(
                "the groups have no values of their other settings in common, so they differ in these too"
                    .to_owned(),
            );
        }
        let leaves_out_trials = self.groups.iter().any(|group| {
            let is_partial = |estimate: &Option<SeedEstimate>| {
                estimate.is_some_and(|estimate| estimate.trials < group.trials.len())
            };
            is_partial(&group.objective)
                || group.tasks.iter().any(|task| is_partial(&task.valid) || is_partial(&task.test))
        });
        if leaves_out_trials {
            remarks.push(
                "(n of m trials): all means are over the same other settings; trials with settings that some \
                 seed or group has no score for are left out"
                    .to_owned(),
            );
        }
        remarks
    }

    /// The number of seeds of the means, and the settings averaged within each seed.
    fn remark(&self) -> String {
        let seeds = self.groups.iter().map(|group| group.seeds);
        let (fewest, most) = (seeds.clone().min().unwrap_or(0), seeds.max().unwrap_or(0));
        let mut text = vec![match (fewest, most) {
            (_, 0 | 1) => "one seed: no interval".to_owned(),
            (fewest, most) if fewest == most => {
                format!("mean ± half-width of the 95 % confidence interval over {most} seeds (Student t)")
            }
            (fewest, most) => format!(
                "mean ± half-width of the 95 % confidence interval over {fewest} to {most} seeds (Student t)"
            ),
        }];
        if !self.averaged.is_empty() {
            let settings = self.averaged.iter().map(|own| format!("{} ({} values)", own.address, own.values));
            let settings = number::listed(&settings.collect::<Vec<_>>().join(", "));
            text.push(format!("averaged within each seed first: {settings}"));
        }
        text.join(" · ")
    }

    /// Title, remark and table of all groups, of every task, and of the gains.
    pub(crate) fn tables(&self) -> Vec<(String, String, TextTable)> {
        let Some(first) = self.groups.first() else { return Vec::new() };
        let rows = rows(self.split);
        let objective = format!("{}, validation rows", metric("objective", self.direction));
        let rank = format!("mean rank, {rows}");
        let mut table = self.table(&[
            ("trials", ColumnAlign::Right),
            ("seeds", ColumnAlign::Right),
            (objective.as_str(), ColumnAlign::Left),
            (rank.as_str(), ColumnAlign::Right),
        ]);
        for group in &self.groups {
            let rank = group.rank.map_or_else(|| "–".to_owned(), |rank| format!("{rank:.2}"));
            let more = if group.pruned > 0 { format!(" + {} pruned", group.pruned) } else { String::new() };
            let all = group.trials.len();
            let cells =
                [format!("{all}{more}"), group.seeds.to_string(), interval(group.objective, all), rank];
            table.row([names(group), cells.map(TableCell::from).to_vec()].concat());
        }
        let mut tables = vec![("Settings".to_owned(), self.remark(), table)];
        for (index, task) in first.tasks.iter().enumerate() {
            let tested = self.groups.iter().filter(|group| group.tasks[index].p.is_some()).count();
            let mut remark = format!("{}  {ARROWS}", metric(&task.metric, task.direction));
            let mut columns = vec![("valid", ColumnAlign::Left), ("test", ColumnAlign::Left)];
            let against = format!("p against equal weights, {rows}");
            if tested > 0 {
                columns.extend([("difference", ColumnAlign::Left), (against.as_str(), ColumnAlign::Right)]);
                remark.push_str("  p: t-test of the difference, paired by seed");
            }
            if tested > 1 {
                columns.push(("p (Holm)", ColumnAlign::Right));
                remark
                    .push_str(&format!(", and with Holm's correction for the {tested} tests of this table"));
            }
            let mut table = self.table(&columns);
            for group in &self.groups {
                let task = &group.tasks[index];
                let mut cells = names(group);
                let all = group.trials.len();
                for split in [Split::Valid, Split::Test] {
                    let tone = if split == self.split { TextTone::Strong } else { TextTone::Plain };
                    cells.push(TableCell::new(tone, interval(task.on(split), all)));
                }
                let is_significant = task.p_holm.is_some_and(|p| p < SIGNIFICANT);
                let tone = match task.difference.filter(|_| is_significant) {
                    Some(difference) if task.direction.prefers(difference.mean, 0.0) => TextTone::Good,
                    Some(_) => TextTone::Bad,
                    None => TextTone::Plain,
                };
                if tested > 0 {
                    let tested = task.difference.filter(|_| task.p.is_some());
                    let estimate =
                        tested.map_or_else(String::new, |estimate| signed(estimate.mean, estimate.half));
                    cells.push(TableCell::new(tone, estimate));
                }
                let shown = [task.p, task.p_holm].into_iter().take(tested.min(2));
                cells.extend(shown.map(|p| TableCell::new(tone, p.map_or_else(String::new, probability))));
                table.row(cells);
            }
            tables.push((task.task.clone(), remark, table));
        }
        tables.extend(gains::groups(self));
        tables
    }

    /// The Pareto front as text; empty without several objectives.
    pub fn front_text(&self, style: &Style) -> String {
        self.front.as_ref().map_or_else(String::new, |front| front.text(&self.by, style))
    }

    /// An empty table whose first columns are the settings of the groups.
    pub(crate) fn table(&self, columns: &[(&str, ColumnAlign)]) -> TextTable {
        let mut titles: Vec<(&str, ColumnAlign)> =
            self.by.iter().map(|by| (by.as_str(), ColumnAlign::Left)).collect();
        titles.extend(columns);
        TextTable::new(&titles)
    }
}

/// `test rows`
pub(crate) fn rows(split: Split) -> &'static str {
    match split {
        Split::Train => "training rows",
        Split::Valid => "validation rows",
        Split::Test => "test rows",
    }
}

/// `0.9463 ± 0.0012`, of a group of `all` trials; a dash without a score.
pub(crate) fn interval(estimate: Option<SeedEstimate>, all: usize) -> String {
    estimate.map_or_else(|| "–".to_owned(), |estimate| estimate.text(all))
}

/// `0.031`; `<0.001` for smaller values.
fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}
