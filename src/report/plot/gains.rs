//! Plots the gain of each task over training it alone, in percent.

use crate::domain::score::Split;
use crate::report::estimate::signed;
use crate::report::gain::percent;
use crate::report::plot::figure::{Figure, LegendEntry, LegendMarker, Panel};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, subtitle};
use crate::report::plot::scene::LineStyle;
use crate::report::plot::series_style::SeriesStyle;
use crate::report::plot::signed_bars::{Bar, NEGATIVE_COLOR, POSITIVE_COLOR, SignedBars};
use crate::report::plot::{NamedFigure, NothingToDraw};
use crate::report::student::{ConfidenceMean, mean};

/// Maximum number of groups in a panel.
const MOST: usize = 12;
const ALL: &str = "all tasks";

/// Draws one bar per task for a single group, else one panel per task with one bar per group.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let measured: Vec<&PlotGroup> = subject
        .groups
        .iter()
        .filter(|group| group.trials.iter().any(|trial| !trial.gains.is_empty()))
        .collect();
    let trials = || measured.iter().flat_map(|group| &group.trials);
    let on = |split: &Split| trials().any(|trial| trial.gains.iter().any(|gain| gain.split == *split));
    let Some(split) = [Split::Test, Split::Valid].into_iter().find(on) else {
        return Err(NothingToDraw::because("no single-task baselines: set evaluate.baselines: single_task"));
    };
    let mut tasks: Vec<Option<&str>> = subject
        .tasks
        .iter()
        .map(|task| Some(task.task.as_str()))
        .filter(|task| has(&measured, *task))
        .collect();
    tasks.push(None);
    let across = format!("gain on {split} rows (%)");
    let panel = |title: &str, bars| {
        Panel::Signed(SignedBars { title: title.to_owned(), across: across.clone(), bars })
    };
    let shown = &measured[..measured.len().min(MOST)];
    let panels: Vec<Panel> = match shown {
        [group] => {
            let title = if subject.groups.len() > 1 { group.name.as_str() } else { "" };
            let bar = |task: &Option<&str>| bar(task.unwrap_or(ALL), gain(group, *task, split));
            vec![panel(title, tasks.iter().map(bar).collect())]
        }
        shown => {
            let of_task = |task: &Option<&str>| {
                let bars = shown.iter().map(|group| bar(&group.name, gain(group, *task, split))).collect();
                panel(task.unwrap_or(ALL), bars)
            };
            tasks.iter().map(of_task).collect()
        }
    };
    let has_seeds = trials().count() > measured.len();
    let mut remarks = vec!["compared with each task trained alone with the same seed".to_owned()];
    if subject.groups.len() > 1 && !subject.by.is_empty() {
        remarks.push(format!("by {}", subject.by));
    }
    if has_seeds {
        remarks.push("mean over seeds, line: 95 % confidence interval (Student t)".to_owned());
    }
    let key = |colour, text: &str| LegendEntry {
        style: SeriesStyle { colour, dash: LineStyle::Whole, width: 2.0 },
        shape: LegendMarker::Box,
        text: text.to_owned(),
    };
    let figure = Figure {
        title: format!("{}: gain over single-task training", subject.name),
        remark: subtitle(remarks, shown.len(), measured.len()),
        columns: 2,
        panels,
        keys: vec![key(POSITIVE_COLOR, "better than alone"), key(NEGATIVE_COLOR, "worse than alone")],
    };
    Ok(vec![NamedFigure { file: "gains".to_owned(), figure }])
}

fn gains_of<'a>(
    trial: &'a TrialCurves,
    task: Option<&'a str>,
) -> impl Iterator<Item = (Split, Option<f64>)> + 'a {
    let own = trial.gains.iter().filter(move |gain| gain.task.as_deref() == task);
    own.map(|gain| (gain.split, gain.gain))
}

fn has(groups: &[&PlotGroup], task: Option<&str>) -> bool {
    groups.iter().flat_map(|group| &group.trials).any(|trial| gains_of(trial, task).next().is_some())
}

/// The mean gain over a group's trials; `None` if any gain is undefined.
fn gain(group: &PlotGroup, task: Option<&str>, split: Split) -> Option<ConfidenceMean> {
    let gains =
        group.trials.iter().flat_map(|trial| gains_of(trial, task)).filter(|(known, _)| *known == split);
    let values: Option<Vec<f64>> = gains.map(|(_, gain)| gain).collect();
    mean(&values?)
}

fn bar(name: &str, gain: Option<ConfidenceMean>) -> Bar {
    let half = gain.and_then(|gain| gain.half);
    Bar {
        name: name.to_owned(),
        value: gain.map(|gain| gain.mean),
        half,
        text: match gain {
            Some(gain) if gain.half.is_some() => format!("{} %", signed(gain.mean, gain.half)),
            gain => percent(gain.map(|gain| gain.mean)),
        },
    }
}
