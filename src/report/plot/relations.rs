//! Plots the learned relations of tasks: the share of each task's part in what a task reads.

use std::collections::HashMap;

use crate::report::plot::curves_by_key::distinct;
use crate::report::plot::figure::{Figure, Panel};
use crate::report::plot::matrix::{MatrixField, MatrixPlot, hundredths};
use crate::report::plot::palette::ColorRamp;
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw};
use crate::report::student::mean;

/// Draws one matrix per group with learned relations.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let related = |group: &&PlotGroup| group.trials.iter().any(|trial| !trial.record.relations.is_empty());
    let related: Vec<&PlotGroup> = subject.groups.iter().filter(related).collect();
    if related.is_empty() {
        return Err(NothingToDraw::because("no relations were learned: use `sharing: relation`"));
    }
    let title = |group: &PlotGroup| if subject.groups.len() > 1 { group.name.clone() } else { String::new() };
    let panels: Vec<Panel> =
        related.iter().take(MOST_PANELS).map(|group| Panel::Matrix(matrix(group, title(group)))).collect();
    let remarks = vec!["shares in the best epoch; each row sums to 1".to_owned(), subject.remark(false)];
    let figure = Figure {
        title: format!("{}: learned task relations", subject.name),
        remark: subtitle(remarks, panels.len(), related.len()),
        columns: 3,
        panels,
        keys: Vec::new(),
    };
    Ok(vec![NamedFigure { file: "relations".to_owned(), figure }])
}

fn matrix(group: &PlotGroup, title: String) -> MatrixPlot {
    let relations = || group.trials.iter().flat_map(|trial| &trial.record.relations);
    let tasks = distinct(relations().map(|(task, ..)| task));
    let mut shares: HashMap<(&str, &str), Vec<f64>> = HashMap::new();
    for (task, other, share) in relations() {
        shares.entry((task, other)).or_default().extend(share);
    }
    let field = |row: &String, column: &String| {
        let own = shares.get(&(row.as_str(), column.as_str())).map(Vec::as_slice).unwrap_or_default();
        let share = mean(own).map(|mean| mean.mean);
        MatrixField {
            value: share,
            text: share.map_or_else(|| "–".to_owned(), hundredths),
            below: String::new(),
            tooltip: share.map_or_else(String::new, |share| format!("{row} reads {share:.3} of {column}")),
        }
    };
    let fields = tasks.iter().map(|row| tasks.iter().map(|column| field(row, column)).collect()).collect();
    MatrixPlot {
        title,
        rows: tasks.clone(),
        columns: tasks,
        fields,
        ramp: ColorRamp::Share,
        span: 1.0,
        measure: "share".to_owned(),
        side: "task that reads".to_owned(),
        above: "task whose part is read".to_owned(),
    }
}
