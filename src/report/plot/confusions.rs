//! Plots confusion matrices: of the rows of each true class, the share that was predicted to be of each
//! class.

use std::collections::HashMap;

use crate::domain::score::Split;
use crate::report::number;
use crate::report::plot::curves_by_key::distinct;
use crate::report::plot::figure::{Figure, Panel};
use crate::report::plot::matrix::{MatrixField, MatrixPlot, hundredths};
use crate::report::plot::palette::ColorRamp;
use crate::report::plot::plot_subject::{PlotSubject, TrialCurves, subtitle};
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw};
use crate::store::confusion::ConfusionRecord;

/// More classes make fields too small to see.
const MOST_CLASSES: usize = 60;

/// Draws the matrices of the best group's first trial, on test rows if there are any.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let has_matrices = |trial: &&TrialCurves| !trial.confusions.is_empty();
    let mut trials = subject.groups.iter().flat_map(|group| &group.trials);
    let Some(trial) = trials.find(has_matrices) else {
        return Err(NothingToDraw::because("no task has classes, or the network has not been scored yet"));
    };
    let splits = [Split::Test, Split::Valid, Split::Train];
    let of = |split: Split| trial.confusions.iter().filter(move |cell| cell.split == split);
    let split = splits.into_iter().find(|split| of(*split).next().is_some()).unwrap_or(Split::Test);
    let mut keys: Vec<(&str, &str)> =
        of(split).map(|cell| (cell.task.as_str(), cell.label.as_str())).collect();
    keys.dedup();
    let matrices: Vec<MatrixPlot> = keys.into_iter().map(|key| matrix(key, of(split))).collect();
    let (small, large): (Vec<_>, Vec<_>) =
        matrices.into_iter().partition(|matrix| matrix.rows.len() <= MOST_CLASSES);
    if small.is_empty() {
        let why = format!(
            "every task has more than {MOST_CLASSES} classes; the table `confusions` of the database has \
             the counts"
        );
        return Err(NothingToDraw { why });
    }
    let all = small.len() + large.len();
    let panels: Vec<Panel> = small.into_iter().take(MOST_PANELS).map(Panel::Matrix).collect();
    let mut remarks = vec![format!("{} on {split} rows; shares of the true class", trial.name)];
    if all > panels.len() {
        remarks.push(format!("{} of {all} matrices", panels.len()));
    }
    let figure = Figure {
        title: format!("{}: confusion matrices", subject.name),
        remark: subtitle(remarks, 0, 0),
        columns: 3,
        panels,
        keys: Vec::new(),
    };
    Ok(vec![NamedFigure { file: "confusions".to_owned(), figure }])
}

fn matrix<'a>((task, label): (&str, &str), cells: impl Iterator<Item = &'a ConfusionRecord>) -> MatrixPlot {
    let cells: Vec<&ConfusionRecord> =
        cells.filter(|cell| cell.task == task && cell.label == label).collect();
    let names = cells.iter().map(|cell| &cell.truth).chain(cells.iter().map(|cell| &cell.predicted));
    let classes = distinct(names);
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let mut sums: HashMap<&str, usize> = HashMap::new();
    for cell in &cells {
        counts.insert((&cell.truth, &cell.predicted), cell.rows);
        *sums.entry(&cell.truth).or_default() += cell.rows;
    }
    let field = |truth: &String, predicted: &String| {
        let rows = counts.get(&(truth.as_str(), predicted.as_str())).copied().unwrap_or(0);
        let Some(sum) = sums.get(truth.as_str()) else { return MatrixField::default() };
        let share = rows as f64 / *sum as f64;
        MatrixField {
            value: Some(share),
            text: hundredths(share),
            below: number::count(rows),
            tooltip: format!("{rows} of {sum} of {truth} predicted as {predicted}"),
        }
    };
    let fields =
        classes.iter().map(|row| classes.iter().map(|column| field(row, column)).collect()).collect();
    MatrixPlot {
        title: if label.is_empty() { task.to_owned() } else { format!("{task}: {label}") },
        rows: classes.clone(),
        columns: classes,
        fields,
        ramp: ColorRamp::Share,
        span: 1.0,
        measure: "share".to_owned(),
        side: "true class".to_owned(),
        above: "predicted class".to_owned(),
    }
}
