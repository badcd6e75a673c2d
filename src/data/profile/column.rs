//! What one column holds.

use polars::prelude::Int64Chunked;

use crate::data::cells::Cells;
use crate::data::profile::count::{CountedValues, ValueRows};
use crate::data::profile::pattern::{self, Pattern};
use crate::data::profile::text_profile::{self, TextProfile};

/// What one column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnKind,
    pub rows: usize,
    /// Different values, missing ones left out.
    pub distinct: usize,
    pub missing: usize,
    /// Smallest, median and largest, of numbers.
    pub range: Option<[f64; 3]>,
    /// The smallest number but one.
    pub second: Option<f64>,
    /// Are all numbers whole?
    pub is_whole: bool,
    /// Rows with a number that is none: infinity.
    pub infinite: usize,
    /// The most frequent values and their rows, most frequent first, at most a hundred.
    pub values: Vec<(String, usize)>,
    /// Rows of the rarest value.
    pub rarest: usize,
    /// Different values that stand on at least 2, 5 and 20 rows.
    pub frequent: [usize; 3],
    /// Is each number as much larger than the one above it?
    pub is_running: bool,
    /// What the texts look like, where nine of ten look alike.
    pub pattern: Option<Pattern>,
    /// What the texts are made of.
    pub prose: Option<TextProfile>,
    pub list: Option<ListProfile>,
}

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Whole,
    Number,
    Boolean,
    Text,
    Time,
    /// Lists, as in JSON lines.
    List,
    /// Pictures, and whatever else is bytes.
    Bytes,
    Other,
}

/// What lists hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListProfile {
    /// Numbers, or lists of numbers; else texts.
    pub numbers: bool,
    pub longest: usize,
    /// Are all lists of one length?
    pub is_fixed: bool,
}

impl ColumnProfile {
    /// Rows with a value.
    pub fn present(&self) -> usize {
        self.rows - self.missing
    }

    pub fn is_numeric(&self) -> bool {
        matches!(self.kind, ColumnKind::Whole | ColumnKind::Number)
    }
}

pub(super) fn describe(cells: &Cells) -> ColumnProfile {
    let kind = match cells {
        Cells::Int(_) => ColumnKind::Whole,
        Cells::Float { .. } => ColumnKind::Number,
        Cells::Bool(_) => ColumnKind::Boolean,
        Cells::Text(_) => ColumnKind::Text,
        Cells::Time(_) => ColumnKind::Time,
        Cells::List(_) => ColumnKind::List,
        Cells::Binary(_) => ColumnKind::Bytes,
        Cells::Other { .. } => ColumnKind::Other,
    };
    let mut profile = ColumnProfile {
        name: cells.name().to_owned(),
        kind,
        rows: cells.len(),
        distinct: 0,
        missing: 0,
        range: None,
        second: None,
        is_whole: false,
        infinite: 0,
        values: vec![],
        rarest: 0,
        frequent: [0; 3],
        is_running: false,
        pattern: None,
        prose: None,
        list: list(cells),
    };
    if let Cells::Time(values) = cells {
        profile.missing = values.null_count();
    }
    let Some(counted) = ValueRows::from_cells(cells) else { return profile };
    let counts = counted.counts();
    profile.distinct = counted.distinct();
    profile.missing = counted.missing;
    profile.values = counted.texts(100);
    profile.rarest = counts.iter().copied().min().unwrap_or(0);
    profile.frequent = [2, 5, 20].map(|least| counts.iter().filter(|count| **count >= least).count());
    match &counted.values {
        CountedValues::Numbers(numbers) => {
            let mut ordered = numbers.clone();
            ordered.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            profile.range = range(&ordered);
            profile.second = ordered.get(1).map(|(number, _)| *number);
            profile.is_whole = numbers.iter().all(|(number, _)| number.fract() == 0.0);
            profile.infinite =
                numbers.iter().filter(|(number, _)| number.is_infinite()).map(|(_, rows)| rows).sum();
        }
        CountedValues::Texts(texts) if kind == ColumnKind::Text => {
            profile.pattern = pattern::detect(texts);
            profile.prose = text_profile::profile(texts);
        }
        CountedValues::Texts(_) => {}
    }
    if let Cells::Int(values) = cells {
        profile.is_running = is_running(values);
    }
    profile
}

/// Smallest, median and largest.
fn range(ordered: &[(f64, usize)]) -> Option<[f64; 3]> {
    let rows: usize = ordered.iter().map(|(_, rows)| rows).sum();
    let mut seen = 0;
    let median = ordered.iter().find(|(_, here)| {
        seen += here;
        seen * 2 >= rows
    });
    Some([ordered.first()?.0, median?.0, ordered.last()?.0])
}

fn is_running(values: &Int64Chunked) -> bool {
    if values.null_count() > 0 || values.len() < 3 {
        return false;
    }
    let mut numbers = values.iter().flatten();
    let (Some(first), Some(second)) = (numbers.next(), numbers.next()) else { return false };
    let step = second.wrapping_sub(first);
    let mut last = second;
    step != 0
        && numbers.all(|number| {
            let follows = number.wrapping_sub(last) == step;
            last = number;
            follows
        })
}

fn list(cells: &Cells) -> Option<ListProfile> {
    let Cells::List(list) = cells else { return None };
    let numbers = match &list.inner {
        Cells::List(inner) => inner.inner.is_numeric(),
        inner => inner.is_numeric(),
    };
    let lengths = || (0..list.rows()).map(|row| list.row(row).len());
    let (longest, shortest) = (lengths().max().unwrap_or(0), lengths().min().unwrap_or(0));
    Some(ListProfile { numbers, longest, is_fixed: longest == shortest })
}
