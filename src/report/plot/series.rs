//! The lines of groups: coloured and named while there are few, else the best named and the others behind
//! them.

use std::collections::BTreeMap;

use crate::report::plot::figure::{LegendEntry, LegendMarker};
use crate::report::plot::lines::Series;
use crate::report::plot::palette::{BACK, SOFT};
use crate::report::plot::plot_subject::{PlotGroup, PlotSubject, TrialCurves};
use crate::report::plot::scene::LineStyle;
use crate::report::plot::series_style::SeriesStyle;
use crate::report::student::ConfidenceMean;

/// Names that people tell apart in one panel.
const MOST: usize = 10;

/// So many lines behind the others are seen one by one; more are a grey field.
const MANY: usize = 100;

/// How each of so many names is drawn; `None`: behind the others, without a name.
pub fn looks(count: usize) -> Vec<Option<SeriesStyle>> {
    let named = if count > MOST { 8 } else { count };
    (0..count).map(|index| (index < named).then(|| SeriesStyle::nth(index))).collect()
}

/// How what stands behind the others is drawn.
pub fn background_style() -> SeriesStyle {
    SeriesStyle { colour: BACK, dash: LineStyle::Whole, width: 1.0 }
}

/// A line for every group, those without a name first, so that they are below.
pub fn of_groups(subject: &PlotSubject, value: impl Fn(&TrialCurves, usize) -> Option<f64>) -> Vec<Series> {
    let groups = &subject.groups;
    let one = |(group, look): (&PlotGroup, Option<SeriesStyle>)| curve(group, look, &value);
    let series: Vec<Vec<Series>> = groups.iter().zip(looks(groups.len())).map(one).collect();
    series.into_iter().rev().flatten().collect()
}

/// The mean of a group as a line, with its interval as a band where it has a name; dotted where some of its
/// trials have stopped.
pub fn curve(
    group: &PlotGroup,
    look: Option<SeriesStyle>,
    value: &impl Fn(&TrialCurves, usize) -> Option<f64>,
) -> Vec<Series> {
    let curve = group.curve(value);
    let dotted =
        |look: SeriesStyle| SeriesStyle { dash: LineStyle::Dotted, width: 0.75 * look.width, ..look };
    let named = look.unwrap_or(background_style());
    let line = |means: &[(f64, ConfidenceMean)], own: SeriesStyle| {
        let mut series = Series::line(own, means.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect());
        let ends = |(epoch, mean): &(f64, ConfidenceMean)| {
            let half = mean.half.unwrap_or(f64::NAN);
            (*epoch, mean.mean - half, mean.mean + half)
        };
        if look.is_some() {
            series.band = means.iter().map(ends).collect();
        }
        series
    };
    let mut lines = vec![line(&curve.all, named)];
    if !curve.rest.is_empty() {
        lines.push(line(&curve.rest, dotted(named)));
    }
    lines
}

/// Lines without a name as they are, or, where there are too many to be seen one by one, between which values
/// they are.
pub fn gathered(series: Vec<Series>) -> Vec<Series> {
    let (others, named): (Vec<Series>, Vec<Series>) =
        series.into_iter().partition(|line| line.style.colour == BACK && line.dots.is_none());
    // Of a line that goes on dotted only the first part counts.
    if others.iter().filter(|line| line.style.dash == LineStyle::Whole).count() <= MANY {
        return others.into_iter().chain(named).collect();
    }
    // Places across are epochs.
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
    let field = Series {
        style: SeriesStyle { colour: SOFT, ..background_style() },
        band: ends,
        ..Series::line(background_style(), Vec::new())
    };
    [field, least, greatest].into_iter().chain(named).collect()
}

/// What the colours of the groups mean.
pub fn group_keys(subject: &PlotSubject, shape: LegendMarker) -> Vec<LegendEntry> {
    keys(&subject.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>(), shape)
}

/// A key for every name that has a colour, and one for all others.
pub fn keys(names: &[String], shape: LegendMarker) -> Vec<LegendEntry> {
    let looks = looks(names.len());
    let named = names.iter().zip(&looks);
    let mut keys: Vec<LegendEntry> = named
        .filter_map(|(name, look)| look.map(|look| LegendEntry { style: look, shape, text: name.clone() }))
        .collect();
    let others = names.len() - keys.len();
    if others > 0 {
        keys.push(LegendEntry {
            style: background_style(),
            shape,
            text: match others {
                1 => "1 other".to_owned(),
                _ if others > MANY => format!("{others} others: from the least of them to the greatest"),
                _ => format!("{others} others"),
            },
        });
    }
    keys
}

/// What the upright line means, where there is one.
pub fn kept_key(rule: Option<f64>) -> Option<LegendEntry> {
    let look = SeriesStyle { colour: SOFT, dash: LineStyle::Dotted, width: 1.0 };
    rule.map(|_| LegendEntry {
        style: look,
        shape: LegendMarker::Line,
        text: "epoch whose weights were kept".to_owned(),
    })
}
