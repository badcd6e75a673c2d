//! The Pareto front of a sweep: the settings that no other settings dominate on validation rows, with their
//! values on test rows, and the front's hypervolume.

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

/// Distance of the default reference point from the worst value, as a fraction of the range of values.
const BEYOND: f64 = 0.1;

/// The Pareto front of settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParetoReport {
    /// The objectives, in the order of the sweep.
    pub objectives: Vec<Axis>,
    /// Whether the pipeline sets the reference point. By default it is worse than the worst value of each
    /// objective by a tenth of the range of values.
    pub given: bool,
    /// Ordered by the first objective, best first.
    pub front: Vec<FrontMember>,
    /// Number of dominated settings.
    pub dominated: usize,
    /// The hypervolume of the front with respect to the reference point, on validation rows.
    pub hypervolume: f64,
    /// The hypervolume of the same settings on test rows.
    pub test_hypervolume: Option<f64>,
}

/// One objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// Name of the task.
    pub task: String,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// Coordinate of the hypervolume's reference point.
    pub reference: f64,
}

/// Settings on the front; values are means over their seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontMember {
    /// The chosen settings.
    pub settings: Vec<String>,
    /// Its trials, one per seed.
    pub trials: Vec<TrialAddress>,
    /// The objectives on validation rows.
    pub valid: Vec<f64>,
    /// The objectives on test rows; `None` if not scored.
    pub test: Vec<Option<f64>>,
}

impl ParetoReport {
    /// The front of groups of trials; `None` if no group has a value for every objective.
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

    /// The front of these members; `None` without members or objectives.
    pub fn among(objectives: &[SweepObjective], members: &[FrontMember]) -> Option<Self> {
        if members.is_empty() || objectives.is_empty() {
            return None;
        }
        let axis = |(index, objective): (usize, &SweepObjective)| Axis {
            task: objective.task.clone(),
            metric: objective.metric.clone(),
            direction: objective.direction,
            reference: objective.reference.unwrap_or_else(|| beyond(members, index, objective.direction)),
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

    /// The front as text; `by` are the paths of the settings.
    pub fn text(&self, by: &[String], style: &Style) -> String {
        let remark = "non-dominated settings on validation rows";
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

    /// The size of the front and its hypervolume. `members` names what is on the front, `rows` the rows on
    /// which it was chosen.
    pub fn verdict(&self, members: &str, rows: &str) -> String {
        let test =
            self.test_hypervolume.map(|volume| format!(", {} on test rows", number::significant(volume)));
        let reference: Vec<String> =
            self.objectives.iter().map(|axis| number::significant(axis.reference)).collect();
        let origin = match self.given {
            true => "set in the pipeline",
            false => "a tenth of the range beyond the worst values",
        };
        format!(
            "{} of {} {members} are on the front; hypervolume {} on {rows} rows{}; \
             reference point ({}), {origin}\n",
            self.front.len(),
            self.front.len() + self.dominated,
            number::significant(self.hypervolume),
            test.unwrap_or_default(),
            reference.join(", "),
        )
    }
}

/// The default component of the reference point: worse than every member's value.
fn beyond(members: &[FrontMember], index: usize, direction: Direction) -> f64 {
    let values = || members.iter().map(|member| member.valid[index]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let step = match high > low {
        true => BEYOND * (high - low),
        // With a single value, a tenth of it.
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

    /// Two rectangles to the reference point (0.5, 10): 0.4 x 4 and 0.3 x 2 more. On test rows the second is
    /// dominated: 0.4 x 5.
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
            text.contains("2 of 3 settings")
                && text.contains("reference point (0.5000, 10.00), set in the pipeline"),
            "{text}"
        );
    }

    #[test]
    fn the_default_reference_is_beyond_the_worst() {
        let trained = [trial(1, "equal", (0.9, 0.9), (6.0, 5.0)), trial(2, "dwa", (0.8, 0.7), (4.0, 6.0))];
        let sweep = SweepReport::from_trials(&trained, &[], Direction::Lower, None)
            .with_front(&objectives(None), &trained);
        let front = sweep.front.expect("a front");
        let reference: Vec<f64> = front.objectives.iter().map(|axis| axis.reference).collect();
        assert!((reference[0] - 0.79).abs() < 1e-12 && (reference[1] - 6.2).abs() < 1e-12, "{reference:?}");
        assert!(!front.given);
    }
}
