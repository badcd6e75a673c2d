//! The lines of groups: coloured and named while there are few, else the best named and the others behind them.

use std::collections::BTreeMap;

use crate::report::plot::figure::{Key, Shape};
use crate::report::plot::lines::Series;
use crate::report::plot::look::Look;
use crate::report::plot::palette::{BACK, SOFT};
use crate::report::plot::scene::Dash;
use crate::report::plot::subject::{Group, Subject, Traced};
use crate::report::student::Mean;

/// Names that people tell apart in one panel.
const MOST: usize = 10;

/// So many lines behind the others are seen one by one; more are a grey field.
const MANY: usize = 100;

/// How each of so many names is drawn; `None`: behind the others, without a name.
pub fn looks(count: usize) -> Vec<Option<Look>> {
    let named = if count > MOST { 8 } else { count };
    (0..count).map(|place| (place < named).then(|| Look::nth(place))).collect()
}

/// How what stands behind the others is drawn.
pub fn behind() -> Look {
    Look { colour: BACK, dash: Dash::Whole, width: 1.0 }
}

/// A line for every group, those without a name first, so that they are below.
pub fn of_groups(subject: &Subject, value: impl Fn(&Traced, usize) -> Option<f64>) -> Vec<Series> {
    let groups = &subject.groups;
    let one = |(group, look): (&Group, Option<Look>)| curve(group, look, &value);
    let series: Vec<Vec<Series>> = groups.iter().zip(looks(groups.len())).map(one).collect();
    series.into_iter().rev().flatten().collect()
}

/// The mean of a group as a line, with its interval as a band where it has a name; dotted where some of its trials have stopped.
pub fn curve(
    group: &Group,
    look: Option<Look>,
    value: &impl Fn(&Traced, usize) -> Option<f64>,
) -> Vec<Series> {
    let course = group.curve(value);
    let dotted = |look: Look| Look { dash: Dash::Dotted, width: 0.75 * look.width, ..look };
    let named = look.unwrap_or(behind());
    let line = |means: &[(f64, Mean)], own: Look| {
        let mut series = Series::line(own, means.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect());
        let ends = |(epoch, mean): &(f64, Mean)| {
            let half = mean.half.unwrap_or(f64::NAN);
            (*epoch, mean.mean - half, mean.mean + half)
        };
        if look.is_some() {
            series.band = means.iter().map(ends).collect();
        }
        series
    };
    let mut lines = vec![line(&course.all, named)];
    if !course.rest.is_empty() {
        lines.push(line(&course.rest, dotted(named)));
    }
    lines
}

/// Lines without a name as they are, or, where there are too many to be seen one by one, between which values they are.
pub fn gathered(series: Vec<Series>) -> Vec<Series> {
    let (others, named): (Vec<Series>, Vec<Series>) =
        series.into_iter().partition(|line| line.look.colour == BACK && line.dots.is_none());
    // Of a line that goes on dotted only the first part counts.
    if others.iter().filter(|line| line.look.dash == Dash::Whole).count() <= MANY {
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
        Series::line(behind(), ends.iter().map(|all| (all.0, end(all))).collect())
    };
    let (least, greatest) = (line(|all| all.1), line(|all| all.2));
    let field =
        Series { look: Look { colour: SOFT, ..behind() }, band: ends, ..Series::line(behind(), Vec::new()) };
    [field, least, greatest].into_iter().chain(named).collect()
}

/// What the colours of the groups mean.
pub fn group_keys(subject: &Subject, shape: Shape) -> Vec<Key> {
    keys(&subject.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>(), shape)
}

/// A key for every name that has a colour, and one for all others.
pub fn keys(names: &[String], shape: Shape) -> Vec<Key> {
    let looks = looks(names.len());
    let named = names.iter().zip(&looks);
    let mut keys: Vec<Key> =
        named.filter_map(|(name, look)| look.map(|look| Key { look, shape, text: name.clone() })).collect();
    let others = names.len() - keys.len();
    if others > 0 {
        keys.push(Key {
            look: behind(),
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
pub fn kept_key(rule: Option<f64>) -> Option<Key> {
    let look = Look { colour: SOFT, dash: Dash::Dotted, width: 1.0 };
    rule.map(|_| Key { look, shape: Shape::Line, text: "epoch whose weights were kept".to_owned() })
}
