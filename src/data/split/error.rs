//! Why a table cannot be divided.

use crate::data::location::DataLocation;

/// Why a table cannot be divided.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("column `{column}`: `{value}` in {place} is no number, date or time{}", more(*.count))]
    NotTime { column: String, value: String, place: DataLocation, count: usize },
    #[error(
        "column `{column}`: `{value}` in {place} is {form}, but `{first}` in {first_place} is {first_form}"
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
        "column `{column}`: no row tells whether the day or the month comes first, as `{value}` in {place} does not"
    )]
    DayOrMonth { column: String, value: String, place: DataLocation, formats: [String; 2] },
    #[error(
        "column `{column}`: the day comes first in `{day}` in {day_place}, but the month in `{month}` in {month_place}"
    )]
    DayAndMonth {
        column: String,
        day: String,
        day_place: DataLocation,
        month: String,
        month_place: DataLocation,
    },
    #[error(
        "column `{column}`: `{value}` in {place} looks like a date whose year comes last; as numbers such are in no order of time"
    )]
    YearLast { column: String, value: String, place: DataLocation, formats: Vec<String> },
    #[error("column `{column}`: `{value}` in {place} is not written as `{format}`: {cause}{}", more(*.count))]
    OtherFormat {
        column: String,
        value: String,
        place: DataLocation,
        format: String,
        cause: String,
        count: usize,
    },
    #[error("column `{column}` holds dates or times already, not texts of the format `{format}`")]
    FormatOfTimes { column: String, format: String },
    #[error("column `{column}` holds {found}, which are in no order of time")]
    NoTime { column: String, found: String },
    #[error("column `{column}` has {found} different moment{}, too few for {splits} splits", if *.found == 1 { "" } else { "s" })]
    TooFewMoments { column: String, found: usize, splits: usize },
    #[error("column `{column}` has no value in {}, first in {place}: such a row has no {what}", rows(*.count))]
    Missing { column: String, what: &'static str, place: DataLocation, count: usize },
    #[error("column `{column}` has {found} group{}, too few for {splits} splits", if *.found == 1 { "" } else { "s" })]
    TooFewGroups { column: String, found: usize, splits: usize },
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and 1 more row)".to_owned(),
        _ => format!(" (and {} more rows)", count - 1),
    }
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

const FORMS: &str = "understood are numbers; `2024-03-05`, `20240305`, `2024-03-05 9:35:10.5`, `2024-03-05T09:35:00Z`, \
                     `2024-03-05 09:35+02:00`; `05.03.2024 9:35`, the day first; `5 Mar 2024 9:35 PM`; `9:35`. Say any other \
                     by `format`, such as `format: \"%d/%m/%y %H.%M\"`";

impl SplitError {
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

    pub fn help(&self) -> Option<String> {
        let write = |formats: &[String]| {
            let formats: Vec<String> =
                formats.iter().map(|format| format!("`format: \"{format}\"`")).collect();
            format!("write {}", formats.join(" or "))
        };
        let help = match self {
            Self::NotTime { .. } => FORMS,
            Self::Mixed { .. } => {
                "write all rows in one form, in the file or in the `query`; which came first is not to be told"
            }
            Self::DayOrMonth { formats, .. } => return Some(write(formats)),
            Self::YearLast { formats, .. } => return Some(write(formats)),
            Self::DayAndMonth { .. } => "write all rows in one form, in the file or in the `query`",
            Self::OtherFormat { .. } => {
                "`%Y` is a year, `%m` a month, `%d` a day, `%H` an hour of 24, `%I` of 12 with `%p` for AM or PM, `%M` a \
                 minute, `%S` a second, `%.f` its parts, `%z` +0200, `%:z` +02:00, `%b` Mar"
            }
            Self::FormatOfTimes { .. } => "leave `format` out",
            Self::NoTime { .. } => "name a column of numbers, dates, times, or texts of them",
            Self::TooFewMoments { .. } | Self::TooFewGroups { .. } => {
                "use another split, or fewer splits by a share of 0"
            }
            Self::Missing { .. } => {
                "fill it or drop such rows in the `query`, as `select * from self where day is not null`"
            }
        };
        Some(help.to_owned())
    }
}
