//! The lines of groups: each with a colour and a legend entry if there are few, else only the best ones,
//! with the others in the background.

use std::collections::BTreeMap;

use crate::report::plot::figure::{LegendEntry, LegendMarker};
use crate::report::plot::lines::Series;
use crate::report::plot::palette::{BACK, SOFT};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves};
use crate::report::plot::scene::LineStyle;
use crate::report::plot::series_style::SeriesStyle;
use crate::report::student::ConfidenceMean;

/// Maximum number of lines that are distinguishable in one panel.
const MOST: usize = 10;

/// Maximum number of background lines that are drawn separately; more are drawn as an area.
const MANY: usize = 100;

/// The style of each of `count` lines; `None`: in the background.
pub fn styles(count: usize) -> Vec<Option<SeriesStyle>> {
    let named = if count > MOST { 8 } else { count };
    (0..count).map(|index| (index < named).then(|| SeriesStyle::nth(index))).collect()
}

/// The style of background lines.
pub fn background_style() -> SeriesStyle {
    SeriesStyle { colour: BACK, dash: LineStyle::Whole, width: 1.0 }
}

/// The lines of all groups, background lines first, so that they are below the others.
pub fn of_groups(subject: &PlotSubject, value: impl Fn(&TrialCurves, usize) -> Option<f64>) -> Vec<Series> {
    let groups = &subject.groups;
    let lines = |(group, style): (&PlotGroup, Option<SeriesStyle>)| curve(group, style, &value);
    let series: Vec<Vec<Series>> = groups.iter().zip(styles(groups.len())).map(lines).collect();
    series.into_iter().rev().flatten().collect()
}

/// The mean of a group as a line, dotted after the first trial has stopped. With a style, its interval is a
/// band.
pub fn curve(
    group: &PlotGroup,
    style: Option<SeriesStyle>,
    value: &impl Fn(&TrialCurves, usize) -> Option<f64>,
) -> Vec<Series> {
    let curve = group.curve(value);
    let solid = style.unwrap_or(background_style());
    let dotted = SeriesStyle { dash: LineStyle::Dotted, width: 0.75 * solid.width, ..solid };
    let line = |means: &[(f64, ConfidenceMean)], own: SeriesStyle| {
        let mut series = Series::line(own, means.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect());
        let ends = |(epoch, mean): &(f64, ConfidenceMean)| {
            let half = mean.half.unwrap_or(f64::NAN);
            (*epoch, mean.mean - half, mean.mean + half)
        };
        if style.is_some() {
            series.band = means.iter().map(ends).collect();
        }
        series
    };
    let mut lines = vec![line(&curve.all, solid)];
    if !curve.rest.is_empty() {
        lines.push(line(&curve.rest, dotted));
    }
    lines
}

/// Replaces the background lines by the area between their least and greatest values if there are too many.
pub fn merge_background(series: Vec<Series>) -> Vec<Series> {
    let (others, named): (Vec<Series>, Vec<Series>) =
        series.into_iter().partition(|line| line.style.colour == BACK && line.dots.is_none());
    // Dotted continuations are not counted.
    if others.iter().filter(|line| line.style.dash == LineStyle::Whole).count() <= MANY {
        return others.into_iter().chain(named).collect();
    }
    // The x values are epochs.
    let mut ends: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (epoch, value) in others.iter().flat_map(|line| &line.points).filter(|point| point.1.is_finite()) {
        let (low, high) = ends.entry(*epoch as u64).or_insert((*value, *value));
        (*low, *high) = (low.min(*value), high.max(*value));
    }
    let ends: Vec<(f64, f64, f64)> =
        ends.into_iter().map(|(epoch, (low, high))| (epoch as f64, low, high)).collect();
    let line = |end: fn(&(f64, f64, f64)) -> f64| {
        Series::line(background_style(), ends.iter().map(|all| (all.0, end(all))).collect())
    };
    let (least, greatest) = (line(|all| all.1), line(|all| all.2));
    let area = Series {
        style: SeriesStyle { colour: SOFT, ..background_style() },
        band: ends,
        ..Series::line(background_style(), Vec::new())
    };
    [area, least, greatest].into_iter().chain(named).collect()
}

/// The legend entries of the groups.
pub fn group_keys(subject: &PlotSubject, shape: LegendMarker) -> Vec<LegendEntry> {
    keys(&subject.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>(), shape)
}

/// A legend entry for every name with a colour, and one for all others.
pub fn keys(names: &[String], shape: LegendMarker) -> Vec<LegendEntry> {
    let styles = styles(names.len());
    let named = names.iter().zip(&styles);
    let mut keys: Vec<LegendEntry> = named
        .filter_map(|(name, style)| style.map(|style| LegendEntry { style, shape, text: name.clone() }))
        .collect();
    let others = names.len() - keys.len();
    if others > 0 {
        keys.push(LegendEntry {
            style: background_style(),
            shape,
            text: match others {
                1 => "1 other".to_owned(),
                _ if others > MANY => format!("{others} others: from their least to their greatest value"),
                _ => format!("{others} others"),
            },
        });
    }
    keys
}

/// The legend entry of the vertical line at the best epoch, if there is one.
pub fn best_epoch_key(rule: Option<f64>) -> Option<LegendEntry> {
    let style = SeriesStyle { colour: SOFT, dash: LineStyle::Dotted, width: 1.0 };
    rule.map(|_| LegendEntry { style, shape: LegendMarker::Line, text: "best epoch".to_owned() })
}
