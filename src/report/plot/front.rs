//! Plots Pareto fronts of several trials, or of the preference vectors of one network: the scores of two
//! tasks against each other, with the non-dominated ones marked.

use crate::domain::front::ParetoFront;
use crate::domain::score::{Direction, Split};
use crate::report::number;
use crate::report::plot::figure::{Figure, LegendEntry, LegendMarker, Panel};
use crate::report::plot::lines::{LinePlot, Markers, Series};
use crate::report::plot::palette::SOFT;
use crate::report::plot::plot_subject::PlotSubject;
use crate::report::plot::scene::{LineStyle, PlotPoint};
use crate::report::plot::series_style::SeriesStyle;
use crate::report::plot::{NamedFigure, NothingToDraw, series};
use crate::report::score::metric;
use crate::report::trained::TaskScore;

/// Maximum number of pairs of tasks in a figure.
const MOST: usize = 6;

/// The scores of a trial, or of one preference vector.
struct ScoredPoint<'a> {
    name: String,
    seed: u64,
    /// Index of the trial's group.
    group: usize,
    scores: &'a [TaskScore],
}

impl ScoredPoint<'_> {
    fn value(&self, task: &str, split: Split) -> Option<f64> {
        self.scores.iter().find(|score| score.task == task)?.value(split).filter(|value| value.is_finite())
    }
}

/// Draws one panel per pair of tasks.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let mut scored = Vec::new();
    for (group, plot_group) in subject.groups.iter().enumerate() {
        for trial in plot_group.trials.iter().filter(|trial| !trial.scores.is_empty()) {
            let point = |name: String, scores| ScoredPoint { name, seed: trial.seed, group, scores };
            match trial.preference_scores.is_empty() {
                true => scored.push(point(trial.name.to_string(), &trial.scores)),
                false => scored.extend(trial.preference_scores.iter().map(|(preference, scores)| {
                    point(format!("{} with preference {preference}", trial.name), scores)
                })),
            }
        }
    }
    let Some(first) = scored.first().filter(|_| scored.len() > 1) else {
        return Err(NothingToDraw::because(
            "a front needs several trials with scores, or a network that reads preferences: run a sweep, or \
             pass several runs",
        ));
    };
    let tasks: Vec<&TaskScore> = first.scores.iter().collect();
    if tasks.len() < 2 {
        return Err(NothingToDraw::because("a front needs at least 2 tasks"));
    }
    // Choices are made on validation rows; test rows are for reporting.
    let has_validation =
        scored.iter().any(|trial| tasks.iter().any(|task| trial.value(&task.task, Split::Valid).is_some()));
    let split = if has_validation { Split::Valid } else { Split::Test };
    let mut pairs = Vec::new();
    for (index, one) in tasks.iter().enumerate() {
        pairs.extend(tasks[index + 1..].iter().map(|other| (*one, *other)));
    }
    let all = pairs.len();
    pairs.truncate(MOST);
    let panels: Vec<Panel> =
        pairs.iter().filter_map(|(one, other)| panel(subject, &scored, one, other, split)).collect();
    if panels.is_empty() {
        return Err(NothingToDraw::because("no two trials have scores of the same two tasks"));
    }
    let rows = if split == Split::Valid { "validation" } else { "test" };
    let has_preferences = subject
        .groups
        .iter()
        .flat_map(|group| &group.trials)
        .any(|trial| !trial.preference_scores.is_empty());
    let dots = if has_preferences { "trial or preference" } else { "trial" };
    let mut remark =
        format!("scores on {rows} rows, one dot per {dots}; filled dots are on the front (not dominated)");
    if !subject.by.is_empty() {
        remark.push_str(&format!(" · by {}", subject.by));
    }
    if all > pairs.len() {
        remark.push_str(&format!(" · the first {MOST} of {all} pairs of tasks"));
    }
    let mut keys = series::group_keys(subject, LegendMarker::Dot);
    keys.push(LegendEntry { style: front_style(), shape: LegendMarker::Line, text: "front".to_owned() });
    let title = format!("{}: Pareto front of the tasks' scores", subject.name);
    let figure = Figure { title, remark, columns: 3, panels, keys };
    Ok(vec![NamedFigure { file: "front".to_owned(), figure }])
}

fn front_style() -> SeriesStyle {
    SeriesStyle { colour: SOFT, dash: LineStyle::Dashed, width: 1.2 }
}

fn panel(
    subject: &PlotSubject,
    scored: &[ScoredPoint<'_>],
    one: &TaskScore,
    other: &TaskScore,
    split: Split,
) -> Option<Panel> {
    let both = |trial: &&ScoredPoint<'_>| {
        trial.value(&one.task, split).is_some() && trial.value(&other.task, split).is_some()
    };
    let trials: Vec<&ScoredPoint<'_>> = scored.iter().filter(both).collect();
    let point = |trial: &ScoredPoint<'_>| {
        (
            trial.value(&one.task, split).unwrap_or(f64::NAN),
            trial.value(&other.task, split).unwrap_or(f64::NAN),
        )
    };
    let points: Vec<Vec<f64>> = trials.iter().map(|trial| point(trial)).map(|(x, y)| vec![x, y]).collect();
    let front = ParetoFront::from_points(&points, &[one.direction, other.direction]);
    let mut members: Vec<PlotPoint> = front.members().iter().map(|index| point(trials[*index])).collect();
    members.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut all = vec![Series::line(front_style(), staircase(&members, one.direction))];
    let styles = series::styles(subject.groups.len());
    // The front is drawn last, on top of the others.
    for filled in [false, true] {
        for (group, style) in styles.iter().enumerate().rev() {
            let is_own =
                |index: &usize| trials[*index].group == group && front.members().contains(index) == filled;
            let own: Vec<usize> = (0..trials.len()).filter(is_own).collect();
            let tip = |index: &usize| {
                let (trial, (x, y)) = (trials[*index], point(trials[*index]));
                let (x, y) = (number::significant(x), number::significant(y));
                let group = &subject.groups[group].name;
                format!("{} ({group}, seed {}): {} {x}, {} {y}", trial.name, trial.seed, one.task, other.task)
            };
            all.push(Series {
                style: style.unwrap_or(series::background_style()),
                points: own.iter().map(|index| point(trials[*index])).collect(),
                band: Vec::new(),
                dots: Some(Markers { tips: own.iter().map(tip).collect(), filled }),
            });
        }
    }
    let axis = |score: &TaskScore| format!("{}: {}", score.task, metric(&score.metric, score.direction));
    (trials.len() > 1).then(|| {
        Panel::Lines(LinePlot {
            title: format!("{} and {}", one.task, other.task),
            across: axis(one),
            up: axis(other),
            series: all,
            ..LinePlot::default()
        })
    })
}

/// The boundary of the region that the front dominates: between two members, the worse value of each.
fn staircase(members: &[PlotPoint], across: Direction) -> Vec<PlotPoint> {
    let mut steps: Vec<PlotPoint> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            let before = members[index - 1];
            steps.push(match across {
                Direction::Higher => (before.0, member.1),
                Direction::Lower => (member.0, before.1),
            });
        }
        steps.push(*member);
    }
    steps
}

#[cfg(test)]
mod tests {
    use crate::domain::score::Direction;
    use crate::report::plot::front::staircase;

    #[test]
    fn the_steps_bound_what_the_front_dominates() {
        // Both higher: (1, 3) and (2, 1) dominate nothing at (2, 3), but (1, 1).
        assert_eq!(
            staircase(&[(1.0, 3.0), (2.0, 1.0)], Direction::Higher),
            [(1.0, 3.0), (1.0, 1.0), (2.0, 1.0)]
        );
        assert_eq!(
            staircase(&[(1.0, 3.0), (2.0, 1.0)], Direction::Lower),
            [(1.0, 3.0), (2.0, 3.0), (2.0, 1.0)]
        );
    }
}
