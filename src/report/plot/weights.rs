//! Plots the weight of each task's loss by epoch.

use crate::report::number::counted;
use crate::report::plot::figure::{Figure, LegendMarker};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw, curves, series};

/// Draws one figure, with one panel per group whose weights change.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let names: Vec<String> = subject.tasks.iter().map(|task| task.task.clone()).collect();
    let weight = |trial: &TrialCurves, epoch: usize, task: &str| {
        let weights = &trial.epoch(epoch)?.weights;
        weights.iter().find(|(name, _)| name == task).and_then(|(_, weight)| *weight)
    };
    let (changing, constant): (Vec<&PlotGroup>, Vec<&PlotGroup>) =
        subject.groups.iter().filter(|group| has_weights(group)).partition(|group| weights_change(group));
    if changing.is_empty() {
        return Err(NothingToDraw::because(match constant.is_empty() {
            true => "no loss weights were recorded: no epoch has been finished yet",
            false => "the loss weights are constant: use a weighting such as uncertainty or dwa",
        }));
    }
    let rule = subject.alone().and_then(curves::best_epoch_marker);
    let panel = |group: &&PlotGroup| {
        let styles = series::styles(names.len());
        let line = |(task, style): (&String, _)| {
            series::curve(group, style, &|trial, epoch| weight(trial, epoch, task))
        };
        let title = if subject.groups.len() > 1 { group.name.clone() } else { "weights".to_owned() };
        curves::panel(&title, "loss weight", names.iter().zip(styles).flat_map(line).collect(), rule)
    };
    let panels: Vec<_> = changing.iter().take(MOST_PANELS).filter_map(panel).collect();
    let mut remarks = vec![subject.remark(true)];
    if !constant.is_empty() {
        remarks.push(format!("left out: {} with constant weights", counted(constant.len(), "group")));
    }
    let figure = Figure {
        title: format!("{}: loss weights of the tasks", subject.name),
        remark: subtitle(remarks, panels.len(), changing.len()),
        columns: 3,
        panels,
        keys: series::keys(&names, LegendMarker::Line)
            .into_iter()
            .chain(series::best_epoch_key(rule))
            .collect(),
    };
    Ok(vec![NamedFigure { file: "weights".to_owned(), figure }])
}

fn has_weights(group: &PlotGroup) -> bool {
    group.trials.iter().any(|trial| trial.epochs.iter().any(|epoch| !epoch.weights.is_empty()))
}

/// Whether any weight differs from that of the first epoch.
fn weights_change(group: &PlotGroup) -> bool {
    group.trials.iter().any(|trial| {
        let first = trial.epochs.first().map(|epoch| &epoch.weights);
        trial.epochs.iter().any(|epoch| Some(&epoch.weights) != first)
    })
}
