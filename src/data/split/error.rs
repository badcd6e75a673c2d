//! Errors of splits.

use crate::data::location::DataLocation;

/// A table that cannot be split.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum SplitError {
    #[error("column `{column}`: `{value}` in {place} is not a number, date or time{}", more(*.count))]
    NotTime { column: String, value: String, place: DataLocation, count: usize },
    #[error(
        "column `{column}` mixes formats: `{first}` in {first_place} is {first_form}, but `{value}` in \
         {place} is {form}"
    )]
    Mixed {
        column: String,
        value: String,
        place: DataLocation,
        form: String,
        first: String,
        first_place: DataLocation,
        first_form: String,
    },
    #[error(
        "column `{column}`: ambiguous date format: in all rows, such as `{value}` in {place}, the day or \
         the month may come first"
    )]
    DayOrMonth { column: String, value: String, place: DataLocation, formats: [String; 2] },
    #[error(
        "column `{column}` mixes day/month (`{day}` in {day_place}) and month/day (`{month}` in \
         {month_place})"
    )]
    DayAndMonth {
        column: String,
        day: String,
        day_place: DataLocation,
        month: String,
        month_place: DataLocation,
    },
    #[error(
        "column `{column}`: `{value}` in {place} looks like a date with the year last; such numbers do not \
         sort by time"
    )]
    YearLast { column: String, value: String, place: DataLocation, formats: Vec<String> },
    #[error("column `{column}`: `{value}` in {place} does not match `{format}`: {cause}{}", more(*.count))]
    OtherFormat {
        column: String,
        value: String,
        place: DataLocation,
        format: String,
        cause: String,
        count: usize,
    },
    #[error("column `{column}` already holds dates or times, so that `format: \"{format}\"` does not apply")]
    FormatOfTimes { column: String, format: String },
    #[error("column `{column}` holds {found}, which cannot be ordered by time")]
    NoTime { column: String, found: String },
    #[error(
        "column `{column}` has {found} distinct time{}; {splits} splits need at least {splits}",
        plural(*.found)
    )]
    TooFewMoments { column: String, found: usize, splits: usize },
    #[error("column `{column}` is empty in {} row{}, first in {place}: such a row has no {what}",
        .count, plural(*.count))]
    Missing { column: String, what: &'static str, place: DataLocation, count: usize },
    #[error("column `{column}` has {found} group{}; {splits} splits need at least {splits}", plural(*.found))]
    TooFewGroups { column: String, found: usize, splits: usize },
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and 1 more row)".to_owned(),
        _ => format!(" (and {} more rows)", count - 1),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

const FORMATS: &str = "supported are numbers; `2024-03-05`, `20240305`, `2024-03-05 9:35:10.5`, \
    `2024-03-05T09:35:00Z`, `2024-03-05 09:35+02:00`; `05.03.2024 9:35` (day first); \
    `5 Mar 2024 9:35 PM`; `9:35`. Set any other format, such as `format: \"%d/%m/%y %H.%M\"`";

impl SplitError {
    /// The code of the diagnostic.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotTime { .. }
            | Self::Mixed { .. }
            | Self::DayOrMonth { .. }
            | Self::DayAndMonth { .. }
            | Self::YearLast { .. }
            | Self::OtherFormat { .. }
            | Self::FormatOfTimes { .. } => "not-a-time",
            Self::NoTime { .. } => "column-type",
            Self::Missing { .. } => "missing-value",
            Self::TooFewMoments { .. } | Self::TooFewGroups { .. } => "split-too-few",
        }
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        let write = |formats: &[String]| {
            let formats: Vec<String> =
                formats.iter().map(|format| format!("`format: \"{format}\"`")).collect();
            format!("write {}", formats.join(" or "))
        };
        let help = match self {
            Self::NotTime { .. } => FORMATS,
            Self::Mixed { .. } => "write all rows in one format, in the file or in the `query`",
            Self::DayOrMonth { formats, .. } => return Some(write(formats)),
            Self::YearLast { formats, .. } => return Some(write(formats)),
            Self::DayAndMonth { .. } => "write all rows in one format, in the file or in the `query`",
            Self::OtherFormat { .. } => {
                "`%Y` is the year, `%m` the month, `%d` the day, `%H` the hour of 24, `%I` the hour of 12 \
                 with `%p` for AM or PM, `%M` the minute, `%S` the second, `%.f` its fraction, `%z` +0200, \
                 `%:z` +02:00, `%b` Mar"
            }
            Self::FormatOfTimes { .. } => "remove `format`",
            Self::NoTime { .. } => "name a column of numbers, dates, times, or texts of them",
            Self::TooFewMoments { .. } | Self::TooFewGroups { .. } => {
                "use another split, or set `valid` or `test` to 0"
            }
            Self::Missing { .. } => {
                "fill it or drop such rows in the `query`, such as `select * from self where day is not null`"
            }
        };
        Some(help.to_owned())
    }
}
