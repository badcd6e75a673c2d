//! The Pareto front of one preference-conditioned network: its scores for each preference vector, chosen on
//! validation rows, with those on test rows, and the front's hypervolume.

use crate::domain::score::{Direction, Split};
use crate::report::number;
use crate::report::pareto::{FrontMember, ParetoReport};
use crate::report::score::metric;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::report::trained::TaskScore;
use crate::store::front::FrontRecord;
use crate::store::trial::SweepObjective;

pub(crate) const TITLE: &str = "Pareto front of the network";
const LOSS: &str = "loss";

/// The scores of one network for several preference vectors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PreferenceReport {
    tasks: Vec<String>,
    /// The rows on which the front is chosen.
    split: Split,
    front: ParetoReport,
}

/// The front as text; empty without one.
pub(crate) fn text(records: &[FrontRecord], style: &Style) -> String {
    let Some(report) = PreferenceReport::from_records(records) else { return String::new() };
    format!("{}{}{}", style.heading(TITLE, &report.remark()), report.table().text(style), report.verdict())
}

/// The network's scores for each preference vector, with the vector as name: `rich 0.75, weeks 0.25`.
pub(crate) fn preference_scores(records: &[FrontRecord]) -> Vec<(String, Vec<TaskScore>)> {
    let of_point = |point: &[FrontRecord]| {
        let axes = axes(point, point.first().map_or(Split::Valid, |record| record.split));
        let score = |axis: &SweepObjective| TaskScore {
            task: axis.task.clone(),
            metric: axis.metric.clone(),
            direction: axis.direction,
            valid: value(point, axis, Split::Valid),
            test: value(point, axis, Split::Test),
            gain: None,
        };
        let shares: Vec<String> =
            axes.iter().map(|axis| format!("{} {}", axis.task, share(point, axis))).collect();
        (shares.join(", "), axes.iter().map(score).collect())
    };
    records.chunk_by(|one, next| one.point == next.point).map(of_point).collect()
}

/// The value of a point on an axis.
fn value(point: &[FrontRecord], axis: &SweepObjective, split: Split) -> Option<f64> {
    let mut own = point.iter().filter(|record| record.split == split);
    own.find(|record| record.task == axis.task && record.metric == axis.metric)?.value
}

/// The component of an axis' task in a point's preference vector.
fn share(point: &[FrontRecord], axis: &SweepObjective) -> String {
    let own = point.iter().find(|record| record.task == axis.task);
    own.map_or_else(String::new, |record| number::short(record.share))
}

impl PreferenceReport {
    /// `None` without preference vectors that have defined scores for all tasks.
    pub(crate) fn from_records(records: &[FrontRecord]) -> Option<Self> {
        let split = match records.iter().any(|record| record.split == Split::Valid) {
            true => Split::Valid,
            false => Split::Test,
        };
        let axes = axes(records, split);
        let points: Vec<&[FrontRecord]> = records.chunk_by(|one, next| one.point == next.point).collect();
        let member = |point: &&[FrontRecord]| {
            Some(FrontMember {
                settings: axes.iter().map(|axis| share(point, axis)).collect(),
                trials: Vec::new(),
                valid: axes.iter().map(|axis| value(point, axis, split)).collect::<Option<_>>()?,
                // If the front is chosen on test rows, they need no second column.
                test: axes
                    .iter()
                    .map(|axis| value(point, axis, Split::Test).filter(|_| split == Split::Valid))
                    .collect(),
            })
        };
        let members: Vec<FrontMember> = points.iter().filter_map(member).collect();
        let front = ParetoReport::among(&axes, &members)?;
        Some(Self { tasks: axes.into_iter().map(|axis| axis.task).collect(), split, front })
    }

    pub(crate) fn remark(&self) -> String {
        format!("one network for all preferences; non-dominated on {} rows", rows(self.split))
    }

    /// One row for each preference vector on the front.
    pub(crate) fn table(&self) -> TextTable {
        let mut columns: Vec<(String, ColumnAlign)> =
            self.tasks.iter().map(|task| (format!("share of {task}"), ColumnAlign::Left)).collect();
        for axis in &self.front.objectives {
            columns.push((
                format!("{} {}", axis.task, metric(&axis.metric, axis.direction)),
                ColumnAlign::Decimal,
            ));
            columns
                .extend((self.split == Split::Valid).then(|| ("on test".to_owned(), ColumnAlign::Decimal)));
        }
        let mut table = TextTable::new(&columns);
        for member in &self.front.front {
            let mut cells: Vec<TableCell> =
                member.settings.iter().map(|share| TableCell::new(TextTone::Strong, share)).collect();
            for (chosen, test) in member.valid.iter().zip(&member.test) {
                cells.push(number::significant(*chosen).into());
                let test = || TableCell::new(TextTone::Strong, number::maybe(*test));
                cells.extend((self.split == Split::Valid).then(test));
            }
            table.row(cells);
        }
        table
    }

    pub(crate) fn verdict(&self) -> String {
        self.front.verdict("preferences", rows(self.split))
    }
}

fn rows(split: Split) -> &'static str {
    match split {
        Split::Valid => "validation",
        _ => "test",
    }
}

/// The first metric of each task, or its loss if it has no metric.
fn axes(records: &[FrontRecord], split: Split) -> Vec<SweepObjective> {
    let mut axes: Vec<SweepObjective> = Vec::new();
    for record in records.iter().filter(|record| record.split == split) {
        let axis = |record: &FrontRecord| SweepObjective {
            task: record.task.clone(),
            metric: record.metric.clone(),
            direction: record.direction,
            reference: record.reference,
        };
        match axes.iter_mut().find(|axis| axis.task == record.task) {
            None => axes.push(axis(record)),
            Some(known) if known.metric == LOSS && known.direction == Direction::Lower => {
                *known = axis(record)
            }
            Some(_) => {}
        }
    }
    axes
}

#[cfg(test)]
mod tests {
    use crate::domain::score::{Direction, Split};
    use crate::report::preferences::{PreferenceReport, preference_scores, text};
    use crate::report::style::Style;
    use crate::store::front::FrontRecord;

    fn record(
        point: usize,
        task: &str,
        share: f64,
        split: Split,
        (metric, value): (&str, f64),
    ) -> FrontRecord {
        let direction = if metric == "auroc" { Direction::Higher } else { Direction::Lower };
        let (task, metric) = (task.to_owned(), metric.to_owned());
        FrontRecord {
            point,
            task,
            share,
            split,
            metric,
            direction,
            value: Some(value),
            rows: 9,
            reference: None,
        }
    }

    /// Three preferences; the last is worse than the first in both.
    fn records(splits: &[Split]) -> Vec<FrontRecord> {
        let points = [(1.0, 0.9, 6.0), (0.25, 0.8, 4.0), (0.5, 0.7, 7.0)];
        let mut records = Vec::new();
        for (point, (share, auroc, mae)) in points.into_iter().enumerate() {
            for split in splits {
                records.push(record(point, "rich", share, *split, ("loss", 0.1)));
                records.push(record(point, "rich", share, *split, ("auroc", auroc)));
                records.push(record(point, "weeks", 1.0 - share, *split, ("loss", 0.3)));
                records.push(record(point, "weeks", 1.0 - share, *split, ("mae", mae)));
                records.push(record(point, "weeks", 1.0 - share, *split, ("rmse", 0.0)));
            }
        }
        records
    }

    /// To the reference point (0.68, 7.3): 0.22 x 1.3 and 0.12 x 2 more.
    #[test]
    fn the_front_is_of_the_first_metrics() {
        let text = text(&records(&[Split::Valid, Split::Test]), &Style::plain());
        assert!(
            text.contains("share of rich") && text.contains("2 of 3 preferences are on the front"),
            "{text}"
        );
        assert!(text.contains("hypervolume 0.5260 on validation rows, 0.5260 on test rows"), "{text}");
        assert!(text.contains("0.25") && !text.contains("rmse") && !text.contains("loss"), "{text}");
    }

    #[test]
    fn a_preference_is_named_by_its_shares() {
        let scored = preference_scores(&records(&[Split::Valid, Split::Test]));
        assert_eq!(scored.len(), 3);
        let (name, scores) = &scored[1];
        assert_eq!(name, "rich 0.25, weeks 0.75");
        let metrics: Vec<_> =
            scores.iter().map(|score| (score.metric.as_str(), score.valid, score.test)).collect();
        assert_eq!(metrics, [("auroc", Some(0.8), Some(0.8)), ("mae", Some(4.0), Some(4.0))]);
    }

    #[test]
    fn without_validation_rows_it_is_chosen_on_test_rows() {
        let report = PreferenceReport::from_records(&records(&[Split::Test])).expect("a front");
        assert!(report.verdict().contains("hypervolume 0.5260 on test rows"), "{}", report.verdict());
        assert!(!report.table().text(&Style::plain()).contains("on test"));
        assert_eq!(PreferenceReport::from_records(&[]), None);
    }
}
