//! How much each task's loss counted, epoch by epoch.

use crate::report::plot::figure::{Figure, LegendMarker};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, groups, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw, curves, series};

/// One figure, with a panel for every group whose weights move.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let names: Vec<String> = subject.tasks.iter().map(|task| task.task.clone()).collect();
    let weight = |trial: &TrialCurves, epoch: usize, task: &str| {
        let weights = &trial.epoch(epoch)?.weights;
        weights.iter().find(|(name, _)| name == task).and_then(|(_, weight)| *weight)
    };
    let (moving, still): (Vec<&PlotGroup>, Vec<&PlotGroup>) =
        subject.groups.iter().filter(|group| any(group)).partition(|group| moves(group));
    if moving.is_empty() {
        return Err(NothingToDraw::because(match still.is_empty() {
            true => "no weights of losses were recorded: no epoch has been finished yet",
            false => "the weights of the losses never changed: choose a weighting such as uncertainty or dwa",
        }));
    }
    let rule = subject.alone().and_then(curves::best_epoch_marker);
    let panel = |group: &&PlotGroup| {
        let looks = series::looks(names.len());
        let line = |(task, look): (&String, _)| {
            series::curve(group, look, &|trial, epoch| weight(trial, epoch, task))
        };
        let title = if subject.groups.len() > 1 { group.name.clone() } else { "weights".to_owned() };
        curves::panel(&title, "weight of the loss", names.iter().zip(looks).flat_map(line).collect(), rule)
    };
    let panels: Vec<_> = moving.iter().take(MOST_PANELS).filter_map(panel).collect();
    let mut remarks = vec![subject.remark(true)];
    if !still.is_empty() {
        remarks.push(format!("left out: {} whose weights never change", groups(still.len())));
    }
    let figure = Figure {
        title: format!("{}: weights of the tasks' losses", subject.name),
        remark: subtitle(remarks, panels.len(), moving.len()),
        columns: 3,
        panels,
        keys: series::keys(&names, LegendMarker::Line).into_iter().chain(series::kept_key(rule)).collect(),
    };
    Ok(vec![NamedFigure { file: "weights".to_owned(), figure }])
}

fn any(group: &PlotGroup) -> bool {
    group.trials.iter().any(|trial| trial.epochs.iter().any(|epoch| !epoch.weights.is_empty()))
}

/// Is any task's weight ever another one than in the first epoch?
fn moves(group: &PlotGroup) -> bool {
    group.trials.iter().any(|trial| {
        let first = trial.epochs.first().map(|epoch| &epoch.weights);
        trial.epochs.iter().any(|epoch| Some(&epoch.weights) != first)
    })
}
