//! The lines of groups: coloured and named while there are few, else the best named and the others behind them.

use crate::report::plot::figure::{Key, Look, Shape};
use crate::report::plot::lines::Series;
use crate::report::plot::palette::{BACK, SOFT};
use crate::report::plot::scene::Dash;
use crate::report::plot::subject::{Group, Subject, Traced};

/// Names that people tell apart in one panel.
const MOST: usize = 10;
/// More bands than these hide each other.
const MOST_BANDS: usize = 4;

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
    let banded = groups.len() <= MOST_BANDS;
    let one = |(group, look): (&Group, Option<Look>)| curve(group, look.unwrap_or(behind()), banded, &value);
    let mut series: Vec<Series> = groups.iter().zip(looks(groups.len())).map(one).collect();
    series.reverse();
    series
}

/// The mean of a group as a line, with its interval as a band.
pub fn curve(
    group: &Group,
    look: Look,
    banded: bool,
    value: &impl Fn(&Traced, usize) -> Option<f64>,
) -> Series {
    let means = group.curve(value);
    let mut series = Series::line(look, means.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect());
    if banded {
        let ends = |(epoch, mean): &(f64, crate::report::student::Mean)| {
            mean.half.map(|half| (*epoch, mean.mean - half, mean.mean + half))
        };
        series.band = means.iter().filter_map(ends).collect();
    }
    series
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
            text: format!("{others} other{}", if others > 1 { "s" } else { "" }),
        });
    }
    keys
}

/// What the upright line means, where there is one.
pub fn kept_key(rule: Option<f64>) -> Option<Key> {
    let look = Look { colour: SOFT, dash: Dash::Dotted, width: 1.0 };
    rule.map(|_| Key { look, shape: Shape::Line, text: "epoch whose weights were kept".to_owned() })
}

/// Whether bands are drawn, so that a remark may speak of them.
pub fn has_bands(subject: &Subject) -> bool {
    subject.groups.len() <= MOST_BANDS
}
