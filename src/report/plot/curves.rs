//! Plots learning curves: the training loss, validation loss and validation metric of each task by epoch.

use crate::domain::score::{Direction, Split};
use crate::report::plot::figure::{Figure, LegendEntry, LegendMarker, Panel};
use crate::report::plot::lines::{LinePlot, Series};
use crate::report::plot::plot_subject::{PlotSubject, TrialCurves};
use crate::report::plot::series_style::SeriesStyle;
use crate::report::plot::{NamedFigure, NothingToDraw, series};
use crate::report::score::metric;

/// Draws one figure per task.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let figures: Vec<NamedFigure> =
        subject.tasks.iter().filter_map(|task| of_task(subject, &task.task)).collect();
    if figures.is_empty() {
        Err(NothingToDraw::because("no epoch has been finished yet"))
    } else {
        Ok(figures)
    }
}

fn of_task(subject: &PlotSubject, task: &str) -> Option<NamedFigure> {
    let trained = |trial: &TrialCurves, epoch: usize| {
        let losses = &trial.epoch(epoch)?.losses;
        losses.iter().find(|(name, _)| name == task).and_then(|(_, loss)| *loss)
    };
    let measured = |trial: &TrialCurves, epoch: usize, metric: &str| {
        trial.measured.at(epoch, [task, Split::Valid.name(), metric])?.value
    };
    let validated = |trial: &TrialCurves, epoch: usize| measured(trial, epoch, "loss");
    let known = subject.tasks.iter().find(|known| known.task == task);
    let loss = known.and_then(|known| known.loss.as_ref());
    let loss = loss.map_or_else(|| "loss".to_owned(), |name| format!("loss ({name})"));
    let alone = subject.alone();
    let rule = alone.and_then(best_epoch_marker);
    let mut panels = Vec::new();
    let mut keys = Vec::new();
    if alone.is_some() {
        // Both losses in one panel, to show their difference.
        let group = &subject.groups[0];
        let lines = [
            ("training rows", series::curve(group, Some(SeriesStyle::nth(0)), &trained)),
            ("validation rows", series::curve(group, Some(SeriesStyle::nth(1)), &validated)),
        ];
        let lines =
            lines.into_iter().flat_map(|(name, lines)| lines.into_iter().map(move |line| (name, line)));
        let recorded = lines.filter(|(_, line)| !line.points.is_empty());
        let (names, lines): (Vec<&str>, Vec<Series>) = recorded.unzip();
        let key = |(name, line): (&&str, &Series)| LegendEntry {
            style: line.style,
            shape: LegendMarker::Line,
            text: (*name).to_owned(),
        };
        keys.extend(names.iter().zip(&lines).map(key));
        panels.extend(panel("loss", &loss, lines, rule));
    } else {
        panels.extend(panel("loss on training rows", &loss, series::of_groups(subject, trained), None));
        panels.extend(panel("loss on validation rows", &loss, series::of_groups(subject, validated), None));
        keys = series::group_keys(subject, LegendMarker::Line);
    }
    let mut trials = subject.groups.iter().flat_map(|group| &group.trials);
    if let Some((name, direction)) = trials.find_map(|trial| first_metric(trial, task)) {
        let mut lines = series::of_groups(subject, |trial, epoch| measured(trial, epoch, &name));
        if alone.is_some() {
            lines.iter_mut().for_each(|line| line.style = SeriesStyle::nth(1));
        }
        let title = format!("{name} on validation rows");
        panels.extend(panel(&title, &metric(&name, direction), lines, rule));
    }
    keys.extend(series::best_epoch_key(rule));
    let figure = Figure {
        title: format!("{}: learning curves of {task}", subject.name),
        remark: subject.remark(true),
        columns: 3,
        panels,
        keys,
    };
    (!figure.panels.is_empty()).then(|| NamedFigure { file: format!("curves-{task}"), figure })
}

/// A panel of curves by epoch; `None` without finite values.
pub fn panel(title: &str, up: &str, series: Vec<Series>, rule: Option<f64>) -> Option<Panel> {
    let series = series::merge_background(series);
    let has_values = series.iter().any(|line| line.points.iter().any(|point| point.1.is_finite()));
    let (title, up, across) = (title.to_owned(), up.to_owned(), "epoch".to_owned());
    has_values.then_some(Panel::Lines(LinePlot {
        title,
        across,
        up,
        counted: true,
        fixed: None,
        series,
        rule,
    }))
}

/// The position of the best epoch.
pub fn best_epoch_marker(trial: &TrialCurves) -> Option<f64> {
    trial.record.best_epoch.map(|epoch| epoch as f64)
}

/// The first metric of a task on validation rows, other than its loss.
fn first_metric(trial: &TrialCurves, task: &str) -> Option<(String, Direction)> {
    let scores = trial.measured.iter().map(|seen| &seen.record);
    let mut own = scores.filter(|s| s.task == task && s.split == Split::Valid && s.metric != "loss");
    own.next().map(|score| (score.metric.clone(), score.direction))
}
