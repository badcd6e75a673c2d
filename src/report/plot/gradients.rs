//! Plots gradient statistics of task pairs: the cosine, and the fraction of steps in conflict.

use std::collections::{HashMap, HashSet};

use crate::report::plot::curves_by_key::distinct;
use crate::report::plot::figure::{Figure, LegendMarker, Panel};
use crate::report::plot::matrix::{MatrixField, MatrixPlot, hundredths};
use crate::report::plot::palette::ColorRamp;
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw, curves, series};
use crate::report::student::mean;
use crate::store::record::GradientRecord;

/// Draws the means as matrices, and the cosines by epoch.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let observed: Vec<&PlotGroup> = subject
        .groups
        .iter()
        .filter(|group| group.trials.iter().any(|trial| !trial.gradients.is_empty()))
        .collect();
    if observed.is_empty() {
        return Err(NothingToDraw::because(
            "no gradients were recorded: set train.gradients.observe, or use a gradient method such as \
             pcgrad",
        ));
    }
    let shown = &observed[..observed.len().min(MOST_PANELS)];
    let title = |group: &PlotGroup| match subject.groups.len() {
        1 => "mean over all epochs".to_owned(),
        _ => group.name.clone(),
    };
    let measure =
        "mean cosine of the gradients of two tasks, and fraction of steps in conflict (negative cosine)";
    let remarks = vec![measure.to_owned(), subject.remark(false)];
    let figure = Figure {
        title: format!("{}: task gradients", subject.name),
        remark: subtitle(remarks, shown.len(), observed.len()),
        columns: 3,
        panels: shown.iter().map(|group| Panel::Matrix(matrix(group, title(group)))).collect(),
        keys: Vec::new(),
    };
    let mut drawn = vec![NamedFigure { file: "gradients".to_owned(), figure }];
    drawn.extend(by_epoch(subject, shown));
    Ok(drawn)
}

/// The distinct pairs of tasks in recording order.
fn pairs(shown: &[&PlotGroup]) -> Vec<(String, String)> {
    let mut known = HashSet::new();
    let observed = shown.iter().flat_map(|group| &group.trials).flat_map(|trial| trial.gradients.iter());
    let pairs = observed.map(|one| (&one.record.task, &one.record.other)).filter(|pair| known.insert(*pair));
    pairs.map(|(one, other)| (one.clone(), other.clone())).collect()
}

/// The means of every pair over epochs and trials.
fn matrix(group: &PlotGroup, title: String) -> MatrixPlot {
    let pairs = pairs(&[group]);
    let tasks = distinct(pairs.iter().flat_map(|(one, other)| [one, other]));
    let mut records: HashMap<(&str, &str), Vec<&GradientRecord>> = HashMap::new();
    for record in group.trials.iter().flat_map(|trial| trial.gradients.iter()).map(|seen| &seen.record) {
        records.entry(unordered(&record.task, &record.other)).or_default().push(record);
    }
    let field = |row: &String, column: &String| {
        let own = records.get(&unordered(row, column)).map(Vec::as_slice).unwrap_or_default();
        let mean_of = |value: fn(&GradientRecord) -> Option<f64>| {
            let values = own.iter().filter_map(|record| value(record));
            mean(&values.collect::<Vec<_>>()).map(|mean| mean.mean)
        };
        let Some(cosine) = mean_of(|record| record.cosine) else {
            let diagonal = (row == column).then_some(1.0);
            return MatrixField {
                value: diagonal,
                text: diagonal.map_or("–", |_| "1").to_owned(),
                ..MatrixField::default()
            };
        };
        let conflicts = mean_of(|record| record.conflicts).map(|share| format!("{:.0} %", 100.0 * share));
        let tooltip = format!("{row} and {column}: cosine {cosine:.3}");
        let text = hundredths(cosine);
        MatrixField { value: Some(cosine), text, below: conflicts.unwrap_or_default(), tooltip }
    };
    let fields = tasks.iter().map(|row| tasks.iter().map(|column| field(row, column)).collect()).collect();
    MatrixPlot {
        title,
        rows: tasks.clone(),
        columns: tasks,
        fields,
        ramp: ColorRamp::Cosine,
        span: 1.0,
        measure: "cosine".to_owned(),
        side: String::new(),
        above: String::new(),
    }
}

/// A key for a pair in either order.
fn unordered<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    if one <= other { (one, other) } else { (other, one) }
}

/// Draws the cosines by epoch and, for a single group, the conflicts.
fn by_epoch(subject: &PlotSubject, shown: &[&PlotGroup]) -> Option<NamedFigure> {
    let pairs = pairs(shown);
    let names: Vec<String> = pairs.iter().map(|(one, other)| format!("{one} and {other}")).collect();
    let rule = subject.alone().and_then(curves::best_epoch_marker);
    let lines = |group: &PlotGroup, value: fn(&GradientRecord) -> Option<f64>| -> Vec<_> {
        let styles = series::styles(pairs.len());
        let line = |(pair, style): (&(String, String), _)| {
            series::curve(group, style, &|trial: &TrialCurves, epoch| {
                value(trial.gradients.at(epoch, [&pair.0, &pair.1, ""])?)
            })
        };
        pairs.iter().zip(styles).flat_map(line).collect()
    };
    let mut panels = Vec::new();
    for group in shown {
        let title = if subject.groups.len() > 1 { group.name.as_str() } else { "cosine" };
        panels.extend(curves::panel(title, "cosine of the gradients", lines(group, |r| r.cosine), rule));
        if subject.groups.len() == 1 {
            let percent = lines(group, |record| record.conflicts.map(|share| 100.0 * share));
            let panel = curves::panel("conflicts", "steps in conflict (%)", percent, rule);
            panels.extend(panel.map(|panel| panel.between(0.0, 100.0)));
        }
    }
    let figure = Figure {
        title: format!("{}: task gradients by epoch", subject.name),
        remark: subject.remark(true),
        columns: 3,
        panels,
        keys: series::keys(&names, LegendMarker::Line)
            .into_iter()
            .chain(series::best_epoch_key(rule))
            .collect(),
    };
    (!figure.panels.is_empty()).then(|| NamedFigure { file: "gradients-epochs".to_owned(), figure })
}
