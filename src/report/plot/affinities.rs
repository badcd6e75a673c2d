//! Plots inter-task affinities (the effect of each task's step on the other tasks' losses) over the whole
//! training and by epoch.

use std::collections::HashMap;

use crate::report::number::difference;
use crate::report::plot::curves_by_key::distinct;
use crate::report::plot::figure::{Figure, LegendMarker, Panel};
use crate::report::plot::matrix::{MatrixField, MatrixPlot};
use crate::report::plot::palette::ColorRamp;
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw, curves, series};

/// Draws the means as matrices and, for a single group, the affinities by epoch.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let measured: Vec<&PlotGroup> = subject
        .groups
        .iter()
        .filter(|group| group.trials.iter().any(|trial| !trial.affinities.is_empty()))
        .collect();
    if measured.is_empty() {
        return Err(NothingToDraw::because("no affinities were measured: set train.affinity.every"));
    }
    let shown = &measured[..measured.len().min(MOST_PANELS)];
    // The effect of a task on itself is much larger, so it does not set the range of colours.
    let largest = |with_diagonal: bool| {
        let pairs = shown.iter().flat_map(|group| pairs(group));
        let pairs = pairs.filter(|(task, other, _)| with_diagonal || task != other);
        Some(pairs.map(|(.., value)| value.abs()).fold(0.0, f64::max)).filter(|largest| *largest > 0.0)
    };
    let span = largest(false).or_else(|| largest(true)).unwrap_or(1.0);
    let title = |group: &PlotGroup| match subject.groups.len() {
        1 => "mean over the training".to_owned(),
        _ => group.name.clone(),
    };
    let measure = "decrease in % of the column's loss by a gradient step of the row's task";
    let remarks = vec![measure.to_owned(), subject.remark(false)];
    let figure = Figure {
        title: format!("{}: task affinities", subject.name),
        remark: subtitle(remarks, shown.len(), measured.len()),
        columns: 3,
        panels: shown.iter().map(|group| Panel::Matrix(matrix(group, title(group), span))).collect(),
        keys: Vec::new(),
    };
    let mut drawn = vec![NamedFigure { file: "affinities".to_owned(), figure }];
    drawn.extend(measured.first().filter(|_| subject.groups.len() == 1).and_then(|g| by_epoch(subject, g)));
    Ok(drawn)
}

/// (task, other, mean over all measurements of a group's trials in percent), in recording order.
fn pairs(group: &PlotGroup) -> Vec<(String, String, f64)> {
    let mut sums: Vec<(String, String, f64, f64)> = Vec::new();
    let mut indices: HashMap<(&str, &str), usize> = HashMap::new();
    for record in group.trials.iter().flat_map(|trial| trial.affinities.iter()).map(|seen| &seen.record) {
        let Some(value) = record.value else { continue };
        let (value, steps) = (100.0 * value * record.steps as f64, record.steps as f64);
        let index = *indices.entry((&record.task, &record.other)).or_insert(sums.len());
        match sums.get_mut(index) {
            Some((_, _, sum, all)) => (*sum, *all) = (*sum + value, *all + steps),
            None => sums.push((record.task.clone(), record.other.clone(), value, steps)),
        }
    }
    let measured = sums.into_iter().filter(|(.., steps)| *steps > 0.0);
    measured.map(|(task, other, sum, steps)| (task, other, sum / steps)).collect()
}

fn names(pairs: &[(String, String, f64)]) -> Vec<String> {
    distinct(pairs.iter().flat_map(|(task, other, _)| [task, other]))
}

fn matrix(group: &PlotGroup, title: String, span: f64) -> MatrixPlot {
    let pairs = pairs(group);
    let tasks = names(&pairs);
    let values: HashMap<(&str, &str), f64> =
        pairs.iter().map(|(task, other, value)| ((task.as_str(), other.as_str()), *value)).collect();
    let field = |row: &String, column: &String| {
        let Some(value) = values.get(&(row.as_str(), column.as_str())) else {
            return MatrixField { text: "–".to_owned(), ..MatrixField::default() };
        };
        let text = difference(*value);
        let tooltip = format!("a step of {row} lowers the loss of {column} by {text} %");
        MatrixField { value: Some(*value), text, below: String::new(), tooltip }
    };
    let fields = tasks.iter().map(|row| tasks.iter().map(|column| field(row, column)).collect()).collect();
    MatrixPlot {
        title,
        rows: tasks.clone(),
        columns: tasks,
        fields,
        ramp: ColorRamp::Cosine,
        span,
        measure: "% of the loss".to_owned(),
        side: "a step of".to_owned(),
        above: "lowers the loss of".to_owned(),
    }
}

/// One panel per task that takes the step, one line per other task.
fn by_epoch(subject: &PlotSubject, group: &PlotGroup) -> Option<NamedFigure> {
    let tasks = names(&pairs(group));
    let rule = subject.alone().and_then(curves::best_epoch_marker);
    let styles = series::styles(tasks.len());
    let of_task = |task: &String| {
        let line = |(other, style): (&String, &Option<_>)| {
            let value = |trial: &TrialCurves, epoch: usize| {
                let record = trial.affinities.at(epoch, [task, other, ""])?;
                record.value.map(|value| 100.0 * value)
            };
            series::curve(group, *style, &value)
        };
        let others = tasks.iter().zip(&styles).filter(|(other, _)| *other != task);
        curves::panel(
            &format!("a step of {task}"),
            "decrease of the loss (%)",
            others.flat_map(line).collect(),
            rule,
        )
    };
    let panels: Vec<Panel> = tasks.iter().filter_map(of_task).take(MOST_PANELS).collect();
    let mut remarks = vec![subject.remark(true)];
    if panels.len() < tasks.len() {
        remarks.push(format!("the first {} of {} tasks", panels.len(), tasks.len()));
    }
    let has_curves = group.trials.iter().any(|trial| trial.last() > 1);
    let figure = Figure {
        title: format!("{}: task affinities by epoch", subject.name),
        remark: subtitle(remarks, 1, 1),
        columns: 3,
        panels,
        keys: series::keys(&tasks, LegendMarker::Line)
            .into_iter()
            .chain(series::best_epoch_key(rule))
            .collect(),
    };
    (has_curves && !figure.panels.is_empty())
        .then(|| NamedFigure { file: "affinities-epochs".to_owned(), figure })
}
