//! Plots the share of each expert or column in what tasks read, in the best epoch and by epoch.

use std::collections::HashMap;

use crate::report::plot::bars::{BarSegment, Bars};
use crate::report::plot::curves_by_key::distinct;
use crate::report::plot::figure::{Figure, LegendEntry, LegendMarker, Panel};
use crate::report::plot::matrix::{MatrixField, MatrixPlot, hundredths};
use crate::report::plot::palette::{ColorRamp, NAMED};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves, subtitle};
use crate::report::plot::series_style::SeriesStyle;
use crate::report::plot::{MOST_PANELS, NamedFigure, NothingToDraw, curves, series};
use crate::report::student::mean;
use crate::store::record::ShareRecord;

/// A unit of the shared network with its readers and sources.
struct ShareUnit {
    name: String,
    readers: Vec<String>,
    sources: Vec<String>,
}

/// Draws bars or matrices of the best epochs and, for a single group, the shares by epoch.
pub fn draw(subject: &PlotSubject) -> Result<Vec<NamedFigure>, NothingToDraw> {
    let sharing: Vec<&PlotGroup> = subject
        .groups
        .iter()
        .filter(|group| group.trials.iter().any(|trial| !trial.shares.is_empty()))
        .collect();
    if sharing.is_empty() {
        return Err(NothingToDraw::because(
            "no shares were recorded: the sharing has no gates or mixed columns, as mmoe, ple and \
             cross_stitch have",
        ));
    }
    let mut panels = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    let mut shown = 0;
    for group in &sharing {
        let units = units(group);
        if shown > 0 && panels.len() + units.len() > MOST_PANELS {
            break;
        }
        shown += 1;
        for unit in units {
            for source in &unit.sources {
                if !sources.contains(source) {
                    sources.push(source.clone());
                }
            }
            let title = if subject.groups.len() > 1 {
                format!("{}: {}", group.name, unit.name)
            } else {
                unit.name.clone()
            };
            panels.push(panel(group, &unit, &sources, title));
        }
    }
    let remarks = vec!["shares in the best epoch".to_owned(), subject.remark(false)];
    let has_bars = panels.iter().any(|panel| matches!(panel, Panel::Bars(_)));
    let key = |(index, name): (usize, &String)| LegendEntry {
        style: SeriesStyle::nth(index),
        shape: LegendMarker::Box,
        text: name.clone(),
    };
    let figure = Figure {
        title: format!("{}: shares of experts and columns", subject.name),
        remark: subtitle(remarks, shown, sharing.len()),
        columns: 3,
        panels,
        keys: if has_bars { sources.iter().enumerate().map(key).collect() } else { Vec::new() },
    };
    let mut drawn = vec![NamedFigure { file: "shares".to_owned(), figure }];
    drawn.extend(
        subject
            .groups
            .first()
            .filter(|_| subject.groups.len() == 1)
            .and_then(|group| by_epoch(subject, group)),
    );
    Ok(drawn)
}

fn units(group: &PlotGroup) -> Vec<ShareUnit> {
    let records = || group.trials.iter().flat_map(|trial| trial.shares.iter()).map(|seen| &seen.record);
    let mut by_unit: HashMap<&str, Vec<&ShareRecord>> = HashMap::new();
    records().for_each(|record| by_unit.entry(&record.unit).or_default().push(record));
    let unit = |name: String| {
        let own = &by_unit[name.as_str()];
        let readers = distinct(own.iter().map(|record| &record.reader));
        ShareUnit { readers, sources: distinct(own.iter().map(|record| &record.source)), name }
    };
    distinct(records().map(|record| &record.unit)).into_iter().map(unit).collect()
}

fn share(trial: &TrialCurves, epoch: usize, unit: &str, reader: &str, source: &str) -> Option<f64> {
    trial.shares.at(epoch, [unit, reader, source])?.value
}

/// Stacked bars if the shares of each reader sum to 1 and there are colours for all sources, else a matrix.
fn panel(group: &PlotGroup, unit: &ShareUnit, sources: &[String], title: String) -> Panel {
    let value = |reader: &str, source: &str| {
        let best = |trial: &TrialCurves| share(trial, trial.best_epoch(), &unit.name, reader, source);
        mean(&group.trials.iter().filter_map(best).collect::<Vec<_>>()).map(|mean| mean.mean)
    };
    let row = |reader: &String| -> Vec<Option<f64>> {
        unit.sources.iter().map(|source| value(reader, source)).collect()
    };
    let rows: Vec<Vec<Option<f64>>> = unit.readers.iter().map(row).collect();
    let sums_to_one = |row: &Vec<Option<f64>>| {
        let sum: f64 = row.iter().flatten().sum();
        row.iter().flatten().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 0.01
    };
    let tip = |reader: &str, source: &str, share: f64| format!("{reader} reads {share:.3} of {source}");
    if rows.iter().all(sums_to_one) && sources.len() <= NAMED.len() {
        let part = |reader: &str, source: &String, share: Option<f64>| {
            let index = sources.iter().position(|known| known == source).unwrap_or(0);
            let share = share.unwrap_or(0.0);
            let text = format!("{:.0} %", 100.0 * share);
            BarSegment { value: share, fill: NAMED[index], text, tooltip: tip(reader, source, share) }
        };
        let bar = |(reader, row): (&String, &Vec<Option<f64>>)| {
            let parts = unit.sources.iter().zip(row).map(|(source, share)| part(reader, source, *share));
            (reader.clone(), parts.collect())
        };
        let bars = unit.readers.iter().zip(&rows).map(bar).collect();
        return Panel::Bars(Bars { title, across: "share of what is read".to_owned(), bars });
    }
    let field = |reader: &str, (source, share): (&String, &Option<f64>)| MatrixField {
        value: *share,
        text: share.map_or_else(|| "–".to_owned(), hundredths),
        below: String::new(),
        tooltip: share.map_or_else(String::new, |share| tip(reader, source, share)),
    };
    let fields = |(reader, row): (&String, &Vec<Option<f64>>)| -> Vec<MatrixField> {
        unit.sources.iter().zip(row).map(|pair| field(reader, pair)).collect()
    };
    let has_negative = rows.iter().flatten().flatten().any(|share| *share < 0.0);
    Panel::Matrix(MatrixPlot {
        title,
        rows: unit.readers.clone(),
        columns: unit.sources.clone(),
        fields: unit.readers.iter().zip(&rows).map(fields).collect(),
        ramp: if has_negative { ColorRamp::Cosine } else { ColorRamp::Share },
        span: 1.0,
        measure: "share".to_owned(),
        side: "reads".to_owned(),
        above: "of".to_owned(),
    })
}

/// One panel per unit and reader.
fn by_epoch(subject: &PlotSubject, group: &PlotGroup) -> Option<NamedFigure> {
    const MOST: usize = 12;
    let units = units(group);
    let sources = distinct(units.iter().flat_map(|unit| &unit.sources));
    let styles = series::styles(sources.len());
    let rule = subject.alone().and_then(curves::best_epoch_marker);
    let shares =
        group.trials.iter().flat_map(|trial| trial.shares.iter()).filter_map(|seen| seen.record.value);
    let are_fractions = shares.into_iter().all(|share| (0.0..=1.0).contains(&share));
    let mut panels = Vec::new();
    for unit in &units {
        for reader in &unit.readers {
            let line = |source: &String| {
                let index = sources.iter().position(|known| known == source).unwrap_or(0);
                let value =
                    |trial: &TrialCurves, epoch: usize| share(trial, epoch, &unit.name, reader, source);
                series::curve(group, styles[index], &value)
            };
            let lines = unit.sources.iter().flat_map(line).collect();
            let panel = curves::panel(&format!("{reader} at {}", unit.name), "share", lines, rule);
            panels.extend(panel.map(|panel| if are_fractions { panel.between(0.0, 1.0) } else { panel }));
        }
    }
    let all = panels.len();
    panels.truncate(MOST);
    let mut remark = subject.remark(true);
    if all > panels.len() {
        remark = format!("{remark} the first {MOST} of {all} readers").trim().to_owned();
    }
    let has_curves = group.trials.iter().any(|trial| trial.last() > 1);
    let figure = Figure {
        title: format!("{}: shares of experts and columns by epoch", subject.name),
        remark,
        columns: 3,
        panels,
        keys: series::keys(&sources, LegendMarker::Line)
            .into_iter()
            .chain(series::best_epoch_key(rule))
            .collect(),
    };
    (has_curves && !figure.panels.is_empty())
        .then(|| NamedFigure { file: "shares-epochs".to_owned(), figure })
}
