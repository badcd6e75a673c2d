//! The Pareto front of a sweep: the settings that no other is better than in every objective, chosen on
//! validation rows, with their values on test rows; and the front's hypervolume.

use serde::Serialize;

use crate::domain::front::ParetoFront;
use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::group::TrialGroup;
use crate::report::number;
use crate::report::score::metric;
use crate::report::style::{Style, TextTone};
use crate::report::table::{ColumnAlign, TableCell, TextTable};
use crate::report::trained::TrainedTrial;
use crate::store::trial::SweepObjective;

/// How far beyond the worst setting the reference point lies, in parts of what settings differ in.
const BEYOND: f64 = 0.1;

/// The front of a sweep's settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParetoReport {
    pub objectives: Vec<Axis>,
    /// Is the reference point the pipeline's own? Else it is worse than every setting by a tenth of what they
    /// differ in.
    pub given: bool,
    /// Of the best first objective first.
    pub front: Vec<FrontMember>,
    /// Settings that another is better than.
    pub dominated: usize,
    /// What the front dominates up to the reference point, on validation rows.
    pub hypervolume: f64,
    /// The same settings on test rows.
    pub test_hypervolume: Option<f64>,
}

/// One objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    pub reference: f64,
}

/// Settings on the front; each value is the mean over their seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontMember {
    pub settings: Vec<String>,
    pub trials: Vec<TrialAddress>,
    pub valid: Vec<f64>,
    pub test: Vec<Option<f64>>,
}

impl ParetoReport {
    /// The front of groups of trials; `None` while no group has a value of every objective.
    pub fn from_groups(
        objectives: &[SweepObjective],
        groups: &[TrialGroup],
        trained: &[TrainedTrial],
    ) -> Option<Self> {
        let value = |group: &TrialGroup, index: usize, split: Split| {
            let own = trained.iter().filter(|trial| group.trials.contains(&trial.name));
            let values: Vec<f64> =
                own.filter_map(|trial| trial.objectives.get(index)?.as_ref()?.value(split)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let indices = || 0..objectives.len();
        let member = |group: &TrialGroup| {
            Some(FrontMember {
                settings: group.settings.clone(),
                trials: group.trials.clone(),
                valid: indices().map(|index| value(group, index, Split::Valid)).collect::<Option<_>>()?,
                test: indices().map(|index| value(group, index, Split::Test)).collect(),
            })
        };
        Self::among(objectives, &groups.iter().filter_map(member).collect::<Vec<_>>())
    }

    /// The front of these members; `None` of none.
    pub fn among(objectives: &[SweepObjective], members: &[FrontMember]) -> Option<Self> {
        if members.is_empty() || objectives.is_empty() {
            return None;
        }
        let axis = |(index, own): (usize, &SweepObjective)| Axis {
            task: own.task.clone(),
            metric: own.metric.clone(),
            direction: own.direction,
            reference: own.reference.unwrap_or_else(|| beyond(members, index, own.direction)),
        };
        let axes: Vec<Axis> = objectives.iter().enumerate().map(axis).collect();
        let directions: Vec<Direction> = axes.iter().map(|axis| axis.direction).collect();
        let reference: Vec<f64> = axes.iter().map(|axis| axis.reference).collect();
        let points: Vec<Vec<f64>> = members.iter().map(|member| member.valid.clone()).collect();
        let chosen = ParetoFront::from_points(&points, &directions);
        let mut front: Vec<FrontMember> =
            chosen.members().iter().map(|index| members[*index].clone()).collect();
        let tested: Option<Vec<Vec<f64>>> =
            front.iter().map(|member| member.test.iter().copied().collect()).collect();
        front.sort_by(|a, b| match directions[0] {
            Direction::Higher => b.valid[0].total_cmp(&a.valid[0]),
            Direction::Lower => a.valid[0].total_cmp(&b.valid[0]),
        });
        Some(Self {
            given: objectives.iter().all(|objective| objective.reference.is_some()),
            dominated: members.len() - front.len(),
            hypervolume: chosen.hypervolume(&reference),
            test_hypervolume: tested
                .map(|points| ParetoFront::from_points(&points, &directions).hypervolume(&reference)),
            objectives: axes,
            front,
        })
    }

    /// For people; `by`: the addresses whose values the settings are.
    pub fn text(&self, by: &[String], style: &Style) -> String {
        let remark = "chosen on validation rows: no setting is better in every objective";
        let mut text = style.heading("Pareto front", remark);
        let mut columns: Vec<(String, ColumnAlign)> =
            by.iter().map(|by| (by.clone(), ColumnAlign::Left)).collect();
        columns.push(("trials".to_owned(), ColumnAlign::Left));
        for axis in &self.objectives {
            columns.push((
                format!("{} {}", axis.task, metric(&axis.metric, axis.direction)),
                ColumnAlign::Decimal,
            ));
            columns.push(("on test".to_owned(), ColumnAlign::Decimal));
        }
        let mut table = TextTable::new(&columns);
        for member in &self.front {
            let mut cells: Vec<TableCell> =
                member.settings.iter().map(|setting| TableCell::new(TextTone::Strong, setting)).collect();
            let numbers: Vec<String> =
                member.trials.iter().map(|address| format!("#{}", address.trial)).collect();
            cells.push(numbers.join(" ").into());
            for (valid, test) in member.valid.iter().zip(&member.test) {
                cells.push(number::significant(*valid).into());
                cells.push(TableCell::new(TextTone::Strong, number::maybe(*test)));
            }
            table.row(cells);
        }
        text.push_str(&table.text(style));
        text.push_str(&self.verdict("settings", "validation"));
        text
    }

    /// How many of them are on the front, and what it dominates; `rows` are those the front was chosen on.
    pub fn verdict(&self, what: &str, rows: &str) -> String {
        let tested =
            self.test_hypervolume.map(|volume| format!(", {} on test rows", number::significant(volume)));
        let point: Vec<String> =
            self.objectives.iter().map(|axis| number::significant(axis.reference)).collect();
        let whose = match self.given {
            true => "as the pipeline says",
            false => &format!("a tenth of their spread beyond the worst {what}"),
        };
        format!(
            "{} of {} {what} are on it; hypervolume {} on {rows} rows{} up to ({}), {whose}\n",
            self.front.len(),
            self.front.len() + self.dominated,
            number::significant(self.hypervolume),
            tested.unwrap_or_default(),
            point.join(", "),
        )
    }
}

/// A value worse than every member's.
fn beyond(members: &[FrontMember], index: usize, direction: Direction) -> f64 {
    let values = || members.iter().map(|member| member.valid[index]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let step = match high > low {
        true => BEYOND * (high - low),
        // One value alone: a tenth of itself.
        false => BEYOND * if high == 0.0 { 1.0 } else { high.abs() },
    };
    match direction {
        Direction::Higher => low - step,
        Direction::Lower => high + step,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::RunId;
    use crate::domain::score::Direction;
    use crate::domain::trial_address::TrialAddress;
    use crate::report::style::Style;
    use crate::report::sweep::SweepReport;
    use crate::report::trained::{TaskScore, TrainedTrial};
    use crate::store::trial::SweepObjective;

    fn trial(number: u32, weighting: &str, auroc: (f64, f64), error: (f64, f64)) -> TrainedTrial {
        let score = |task: &str, metric: &str, direction, (valid, test): (f64, f64)| TaskScore {
            task: task.to_owned(),
            metric: metric.to_owned(),
            direction,
            valid: Some(valid),
            test: Some(test),
            gain: None,
        };
        let scores = vec![
            score("rich", "auroc", Direction::Higher, auroc),
            score("weeks", "mae", Direction::Lower, error),
        ];
        TrainedTrial {
            name: TrialAddress::new(&RunId::new("a-1").expect("a name"), number),
            number,
            seed: 1,
            choices: vec![("weighting".to_owned(), weighting.to_owned())],
            parameters: Vec::new(),
            objective: Some(error.0),
            pruned: None,
            epochs: (3, 3),
            gain: (None, None),
            objectives: scores.iter().cloned().map(Some).collect(),
            scores,
        }
    }

    fn objectives(reference: Option<(f64, f64)>) -> Vec<SweepObjective> {
        let one = |task: &str, metric: &str, direction, reference| SweepObjective {
            task: task.to_owned(),
            metric: metric.to_owned(),
            direction,
            reference,
        };
        vec![
            one("rich", "auroc", Direction::Higher, reference.map(|(own, _)| own)),
            one("weeks", "mae", Direction::Lower, reference.map(|(_, own)| own)),
        ]
    }

    /// Two rectangles up to (0.5, 10): 0.4 x 4 and 0.3 x 2 more. On test rows the second is dominated: 0.4 x
    /// 5.
    #[test]
    fn the_front_is_chosen_on_validation_rows() {
        let trained = [
            trial(1, "equal", (0.9, 0.9), (6.0, 5.0)),
            trial(2, "dwa", (0.8, 0.7), (4.0, 6.0)),
            trial(3, "worse", (0.7, 0.99), (7.0, 1.0)),
        ];
        let sweep = SweepReport::from_trials(&trained, &[], Direction::Lower, None)
            .with_front(&objectives(Some((0.5, 10.0))), &trained);
        let front = sweep.front.as_ref().expect("a front");
        let names: Vec<&str> = front.front.iter().map(|member| member.settings[0].as_str()).collect();
        assert_eq!((names, front.dominated), (vec!["equal", "dwa"], 1));
        assert!((front.hypervolume - (0.4 * 4.0 + 0.3 * 2.0)).abs() < 1e-12, "{}", front.hypervolume);
        assert!((front.test_hypervolume.unwrap() - 0.4 * 5.0).abs() < 1e-12);
        let text = sweep.text(&Style::plain());
        assert!(
            text.contains("2 of 3 settings") && text.contains("up to (0.5000, 10.00), as the pipeline"),
            "{text}"
        );
    }

    #[test]
    fn without_a_reference_it_lies_beyond_the_worst() {
        let trained = [trial(1, "equal", (0.9, 0.9), (6.0, 5.0)), trial(2, "dwa", (0.8, 0.7), (4.0, 6.0))];
        let sweep = SweepReport::from_trials(&trained, &[], Direction::Lower, None)
            .with_front(&objectives(None), &trained);
        let front = sweep.front.expect("a front");
        let reference: Vec<f64> = front.objectives.iter().map(|axis| axis.reference).collect();
        assert!((reference[0] - 0.79).abs() < 1e-12 && (reference[1] - 6.2).abs() < 1e-12, "{reference:?}");
        assert!(!front.given);
    }
}
