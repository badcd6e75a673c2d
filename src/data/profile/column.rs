//! The profile of one column.

use polars::prelude::Int64Chunked;

use crate::data::cells::Cells;
use crate::data::profile::count::{CountedValues, ValueRows};
use crate::data::profile::pattern::{self, Pattern};
use crate::data::profile::text_profile::{self, TextProfile};

/// Statistics of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnProfile {
    /// Name of the column.
    pub name: String,
    /// Type of the cells that are not missing.
    pub kind: ColumnKind,
    /// Number of cells, including missing ones.
    pub rows: usize,
    /// The number of distinct values, without missing ones.
    pub distinct: usize,
    /// Number of missing cells.
    pub missing: usize,
    /// Minimum, median and maximum of numbers.
    pub range: Option<[f64; 3]>,
    /// The second-smallest number.
    pub second_smallest: Option<f64>,
    /// Are all numbers whole?
    pub is_whole: bool,
    /// The number of rows with an infinite number.
    pub infinite: usize,
    /// The most frequent values with their row counts, most frequent first, at most a hundred.
    pub values: Vec<(String, usize)>,
    /// The row count of the rarest value.
    pub rarest_count: usize,
    /// The number of distinct values that occur on at least 2, 5 and 20 rows.
    pub frequent_counts: [usize; 3],
    /// Do the whole numbers form an arithmetic sequence, as row numbers do?
    pub is_sequence: bool,
    /// The pattern of nine of ten texts.
    pub pattern: Option<Pattern>,
    /// Word statistics of texts.
    pub text: Option<TextProfile>,
    /// Statistics of the lists, if cells are lists.
    pub list: Option<ListProfile>,
}

/// The type of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Integers.
    Whole,
    /// Real numbers.
    Number,
    /// True or false.
    Boolean,
    /// Strings.
    Text,
    /// Dates, times and durations.
    Time,
    /// Lists, as in JSON lines.
    List,
    /// Bytes, such as images.
    Bytes,
    /// Any other type.
    Other,
}

/// Statistics of a column of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListProfile {
    /// Are the items numbers or lists of numbers, rather than texts?
    pub numbers: bool,
    /// The length of the longest list.
    pub longest: usize,
    /// Do all lists have the same length?
    pub is_fixed: bool,
}

impl ColumnProfile {
    /// The number of rows with a value.
    pub fn present(&self) -> usize {
        self.rows - self.missing
    }

    /// Whether cells are integers or real numbers.
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
        second_smallest: None,
        is_whole: false,
        infinite: 0,
        values: vec![],
        rarest_count: 0,
        frequent_counts: [0; 3],
        is_sequence: false,
        pattern: None,
        text: None,
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
    profile.rarest_count = counts.iter().copied().min().unwrap_or(0);
    profile.frequent_counts = [2, 5, 20].map(|least| counts.iter().filter(|count| **count >= least).count());
    match &counted.values {
        CountedValues::Numbers(numbers) => {
            let mut ordered = numbers.clone();
            ordered.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            profile.range = range(&ordered);
            profile.second_smallest = ordered.get(1).map(|(number, _)| *number);
            profile.is_whole = numbers.iter().all(|(number, _)| number.fract() == 0.0);
            profile.infinite =
                numbers.iter().filter(|(number, _)| number.is_infinite()).map(|(_, rows)| rows).sum();
        }
        CountedValues::Texts(texts) if kind == ColumnKind::Text => {
            profile.pattern = pattern::detect(texts);
            profile.text = text_profile::profile(texts);
        }
        CountedValues::Texts(_) => {}
    }
    if let Cells::Int(values) = cells {
        profile.is_sequence = is_sequence(values);
    }
    profile
}

/// Minimum, median and maximum of sorted numbers with their row counts.
fn range(ordered: &[(f64, usize)]) -> Option<[f64; 3]> {
    let rows: usize = ordered.iter().map(|(_, rows)| rows).sum();
    let mut seen = 0;
    let median = ordered.iter().find(|(_, count)| {
        seen += count;
        seen * 2 >= rows
    });
    Some([ordered.first()?.0, median?.0, ordered.last()?.0])
}

fn is_sequence(values: &Int64Chunked) -> bool {
    if values.null_count() > 0 || values.len() < 3 {
        return false;
    }
    let steps =
        || values.iter().flatten().zip(values.iter().flatten().skip(1)).map(|(a, b)| b.wrapping_sub(a));
    steps().next().is_some_and(|first| first != 0 && steps().all(|step| step == first))
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
