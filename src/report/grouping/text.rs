//! A proposal as text: the groups, their gain over training all tasks together, and its confidence.

use crate::report::affinity::{IntervalHalfWidth, matrix};
use crate::report::estimate::{estimate, signed};
use crate::report::grouping::{Proposal, ProposedGroup};
use crate::report::number::{self, counted};
use crate::report::pair_measurements::FEW;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};

impl Proposal {
    /// `6 steps`
    pub(super) fn measured(&self) -> String {
        if self.by_step {
            return counted(self.times, "step");
        }
        let steps = self.pairs.iter().map(|pair| pair.record.steps).max().unwrap_or(0);
        format!("{} in {}", counted(steps, "step"), counted(self.times, "epoch"))
    }

    /// The matrix of the pairs, with values multiplied by `factor`.
    pub(super) fn matrix(&self, title: &str, factor: f64, style: &Style) -> String {
        let records: Vec<_> = self.pairs.iter().map(|pair| pair.record.clone()).collect();
        let half: &IntervalHalfWidth<'_> = &|task, other| {
            let pair = self.pairs.iter().find(|pair| pair.record.task == task && pair.record.other == other);
            pair.and_then(|pair| pair.half)
        };
        matrix(title, &records, factor, half, style)
    }

    /// The groups, with scores multiplied by `factor`.
    pub(super) fn text(&self, title: &str, most: usize, factor: f64, style: &Style) -> String {
        let remark = format!(
            "at most {most}, may overlap; a task's score is the mean effect of the other tasks in its \
             group on it, 0 alone"
        );
        let columns = [
            ("group", ColumnAlign::Right),
            ("trained together", ColumnAlign::Left),
            ("predicts", ColumnAlign::Left),
        ];
        let mut table = TextTable::new(&columns);
        for (number, group) in (1..).zip(&self.groups) {
            let predicts = group.serves.iter().map(|(task, score, half)| {
                format!("{task} {}", signed(score * factor, half.map(|half| half * factor)))
            });
            table.row(vec![
                number.to_string().into(),
                TableCell::new(TextTone::Strong, group.tasks.join(", ")),
                predicts.collect::<Vec<_>>().join(", ").into(),
            ]);
        }
        let mut text = format!("{}{}", style.heading(title, &remark), table.text(style));
        text.push_str(&format!("mean score {}\n", number::difference(self.mean * factor)));
        if let Some((tone, verdict)) = self.verdict(most, factor) {
            text.push_str(&style.paint(tone, &verdict));
            text.push('\n');
        }
        for caution in self.caveats(factor) {
            text.push_str(&style.paint(TextTone::Caution, &caution));
            text.push('\n');
        }
        text
    }

    /// Whether the best groups are better than one group of all tasks.
    fn verdict(&self, most: usize, factor: f64) -> Option<(TextTone, String)> {
        let Some(gain) = self.gain else {
            let text = "no grouping has a higher score than training all tasks together";
            return (most > 1).then(|| (TextTone::Plain, text.to_owned()));
        };
        let measured = self.measured();
        let best: Vec<String> =
            self.best.iter().map(|group| format!("({})", group.tasks.join(", "))).collect();
        let best = match best.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => best.concat(),
        };
        let longer = "measure longer: more epochs, or a smaller train.affinity.every";
        let Some(held_out) = gain.held_out else {
            let chosen = number::difference(gain.chosen * factor);
            return Some((
                TextTone::Caution,
                format!(
                    "{measured} is not enough to tell whether a grouping is better than training all tasks \
                     together: {best} scored {chosen} more, but the noise is unknown; {longer}"
                ),
            ));
        };
        let interval = signed(held_out.mean * factor, held_out.half.map(|half| half * factor));
        let how = format!(
            "95 % interval over {measured} in {} parts, cross-validated: groups chosen on the other parts",
            held_out.count
        );
        Some(match gain.is_sure() {
            true => {
                (TextTone::Good, format!("better than training all tasks together by {interval} ({how})"))
            }
            false => (
                TextTone::Caution,
                format!(
                    "no grouping is significantly better than training all tasks together: the best by \
                     score, {best}, gains {interval} ({how}); {longer}"
                ),
            ),
        })
    }

    /// Warnings about the proposal.
    fn caveats(&self, factor: f64) -> Vec<String> {
        let mut cautions = Vec::new();
        let compare = "compare with training alone: `evaluate: {baselines: single_task}`";
        if self.by_step && self.times < FEW {
            cautions.push(format!("measured over only {}; use at least {FEW}", self.measured()));
        }
        let listed = |tasks: Vec<&str>| number::listed(&tasks.join(", "));
        let (alone, groups): (Vec<&ProposedGroup>, Vec<&ProposedGroup>) =
            self.groups.iter().partition(|group| group.tasks.len() == 1);
        let alone: Vec<&str> =
            alone.iter().flat_map(|group| group.tasks.iter().map(String::as_str)).collect();
        if !alone.is_empty() {
            cautions.push(format!("no group helps {}; {compare}", listed(alone)));
        }
        let unhelped: Vec<&str> = groups.iter().flat_map(|group| group.unhelped()).collect();
        if !unhelped.is_empty() {
            cautions.push(format!(
                "the group does not help {}; {compare}, or allow more groups",
                listed(unhelped)
            ));
        }
        if self.groups.len() == 1 && self.together_half.is_some_and(|half| self.together + half < 0.0) {
            let interval = estimate(self.together * factor, self.together_half.map(|half| half * factor));
            cautions
                .push(format!("training all tasks together harms more than it helps: mean score {interval}"));
        }
        cautions
    }
}
