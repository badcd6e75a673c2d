//! A proposal as people read it: the groups, what they gain over learning all tasks together, and how sure
//! that is.

use crate::report::affinity::{IntervalHalfWidth, matrix};
use crate::report::estimate::{estimate, signed};
use crate::report::grouping::{Proposal, ProposedGroup};
use crate::report::number;
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

    pub(super) fn matrix(&self, title: &str, times: f64, style: &Style) -> String {
        let records: Vec<_> = self.pairs.iter().map(|pair| pair.record.clone()).collect();
        let half: &IntervalHalfWidth<'_> = &|task, other| {
            let record =
                self.pairs.iter().find(|pair| pair.record.task == task && pair.record.other == other);
            record.and_then(|pair| pair.half)
        };
        matrix(title, &records, times, half, style)
    }

    pub(super) fn text(&self, title: &str, most: usize, times: f64, style: &Style) -> String {
        let remark = format!(
            "at most {most}, they may overlap; a score is the mean of what the others in the group do to the task, 0 alone"
        );
        let columns = [
            ("group", ColumnAlign::Right),
            ("trained together", ColumnAlign::Left),
            ("serves", ColumnAlign::Left),
        ];
        let mut table = TextTable::new(&columns);
        for (number, group) in (1..).zip(&self.groups) {
            let serves = group.serves.iter().map(|(task, score, half)| {
                format!("{task} {}", signed(score * times, half.map(|half| half * times)))
            });
            table.row(vec![
                number.to_string().into(),
                TableCell::new(TextTone::Strong, group.tasks.join(", ")),
                serves.collect::<Vec<_>>().join(", ").into(),
            ]);
        }
        let mut text = format!("{}{}", style.heading(title, &remark), table.text(style));
        text.push_str(&format!("mean score {}\n", number::difference(self.mean * times)));
        if let Some((tone, verdict)) = self.verdict(most, times) {
            text.push_str(&style.paint(tone, &verdict));
            text.push('\n');
        }
        for caution in self.caveats(times) {
            text.push_str(&style.paint(TextTone::Caution, &caution));
            text.push('\n');
        }
        text
    }

    /// Are the best groups better than all tasks together?
    fn verdict(&self, most: usize, times: f64) -> Option<(TextTone, String)> {
        let Some(gain) = self.gain else {
            let text = "no grouping has a higher score than learning all together";
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
            let chosen = number::difference(gain.chosen * times);
            return Some((
                TextTone::Caution,
                format!(
                    "whether a grouping is better than learning all together cannot be told from {measured}: {best} scored {chosen} \
                     more, with a noise that nobody knows; {longer}"
                ),
            ));
        };
        let sure = signed(held_out.mean * times, held_out.half.map(|half| half * times));
        let how = format!(
            "95 % interval over {measured} in {} parts, each measured with the groups that the others choose",
            held_out.count
        );
        Some(match gain.is_sure() {
            true => (TextTone::Good, format!("better than learning all together by {sure} ({how})")),
            false => (
                TextTone::Caution,
                format!(
                    "no grouping is better than learning all together beyond the noise: the best by score, {best}, gains {sure} \
                     ({how}); {longer}"
                ),
            ),
        })
    }

    /// What else to think of before going by it.
    fn caveats(&self, times: f64) -> Vec<String> {
        let mut cautions = Vec::new();
        let compare = "`evaluate: {baselines: single_task}` tells how well alone";
        if self.by_step && self.times < FEW {
            cautions.push(format!("measured over {} only: {FEW} or more say more", self.measured()));
        }
        let named = |tasks: Vec<&str>| number::listed(&tasks.join(", "));
        let of = |alone: bool| -> Vec<&ProposedGroup> {
            self.groups.iter().filter(|group| (group.tasks.len() == 1) == alone).collect()
        };
        let alone: Vec<&str> =
            of(true).iter().flat_map(|group| group.tasks.iter().map(String::as_str)).collect();
        if !alone.is_empty() {
            cautions.push(format!("no group would help {}; {compare}", named(alone)));
        }
        let unhelped: Vec<&str> = of(false).iter().flat_map(|group| group.unhelped()).collect();
        if !unhelped.is_empty() {
            cautions.push(format!("{}: not helped here, with so few groups; {compare}", named(unhelped)));
        }
        if self.groups.len() == 1 && self.together_half.is_some_and(|half| self.together + half < 0.0) {
            let sure = estimate(self.together * times, self.together_half.map(|half| half * times));
            cautions.push(format!("learning all together hinders more than it helps: mean score {sure}"));
        }
        cautions
    }
}

/// `1 step`, `6 steps`
fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", number::count(count), if count == 1 { "" } else { "s" })
}
