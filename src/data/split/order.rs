//! A column's cells as numbers that stand in the order of time.

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::note::{DataNote, warning};
use crate::data::split::SplitError;
use crate::data::split::datetime::{DayMonthOrder, ParsedDateTime, read, year_last};
use crate::data::split::format::TimeFormat;

/// A column to order rows by.
pub(in crate::data::split) struct TimeColumn<'a> {
    pub frame: &'a Frame,
    pub cells: &'a Cells,
    pub column: &'a str,
}

impl TimeColumn<'_> {
    /// By what the cells themselves tell.
    pub fn sort_keys(&self) -> Result<(Vec<i128>, Vec<DataNote>), DataError> {
        if let Cells::Time(moments) = self.cells {
            let moments = moments.iter().map(|moment| moment.map(i128::from)).collect();
            return Ok((self.all_moments(moments)?, vec![]));
        }
        let texts = self.texts()?;
        let known = || texts.iter().flatten().map(String::as_str);
        if known().all(|text| number(text).is_some()) {
            self.refuse_year_last(&texts)?;
            return Ok((self.all_moments(numbers(&texts))?, vec![]));
        }
        let moments: Vec<Option<ParsedDateTime>> =
            texts.iter().map(|text| text.as_deref().and_then(read)).collect();
        self.refuse_strange(&texts, &moments)?;
        self.refuse_mixed(&texts, &moments)?;
        let (first, note) = self.first(&texts, &moments)?;
        let at = moments.iter().map(|moment| moment.and_then(|moment| moment.at(first))).collect();
        Ok((self.all_moments(at)?, note.into_iter().collect()))
    }

    /// By a format that a person has written.
    pub fn of_format(&self, format: &TimeFormat) -> Result<Vec<i128>, DataError> {
        if let Cells::Time(_) = self.cells {
            let (column, format) = (self.column.to_owned(), format.to_string());
            return Err(SplitError::FormatOfTimes { column, format }.into());
        }
        let mut bad = BadRow::default();
        let mut cause = String::new();
        let mut moments = Vec::with_capacity(self.cells.len());
        for (row, text) in self.texts()?.iter().enumerate() {
            let moment = text.as_deref().map(|text| format.read(text)).transpose();
            moments.push(moment.unwrap_or_else(|why| {
                if bad.first.is_none() {
                    cause = why;
                }
                bad.note(row);
                None
            }));
        }
        if let Some(row) = bad.first {
            return Err(SplitError::OtherFormat {
                column: self.column.to_owned(),
                value: self.cells.text(row).into_owned(),
                place: self.frame.cell_location(row, self.column),
                format: format.to_string(),
                cause,
                count: bad.count,
            }
            .into());
        }
        self.all_moments(moments)
    }

    /// The cells' texts without blanks around; `None` where nothing is left.
    fn texts(&self) -> Result<Vec<Option<String>>, DataError> {
        let mut texts = Vec::with_capacity(self.cells.len());
        let read = self.cells.for_each_text(|_, text| {
            texts.push(text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned));
        });
        let (column, year) = (self.column.to_owned(), self.cells.found());
        read.map_err(|_| SplitError::NoTime { column, found: year })?;
        Ok(texts)
    }

    /// All of them, when no row lacks one.
    fn all_moments(&self, moments: Vec<Option<i128>>) -> Result<Vec<i128>, DataError> {
        let count = moments.iter().filter(|moment| moment.is_none()).count();
        match moments.iter().position(Option::is_none) {
            None => Ok(moments.into_iter().flatten().collect()),
            Some(row) => Err(SplitError::Missing {
                column: self.column.to_owned(),
                what: "place in time",
                place: self.frame.cell_location(row, self.column),
                count,
            }
            .into()),
        }
    }

    /// Refuses what is neither a number nor a moment.
    fn refuse_strange(
        &self,
        texts: &[Option<String>],
        moments: &[Option<ParsedDateTime>],
    ) -> Result<(), DataError> {
        let mut bad = BadRow::default();
        for (row, (text, moment)) in texts.iter().zip(moments).enumerate() {
            if moment.is_none() && text.as_deref().is_some_and(|text| number(text).is_none()) {
                bad.note(row);
            }
        }
        let Some(row) = bad.first else { return Ok(()) };
        Err(SplitError::NotTime {
            column: self.column.to_owned(),
            value: texts[row].clone().unwrap_or_default(),
            place: self.frame.cell_location(row, self.column),
            count: bad.count,
        }
        .into())
    }

    /// Refuses rows of several forms.
    fn refuse_mixed(
        &self,
        texts: &[Option<String>],
        moments: &[Option<ParsedDateTime>],
    ) -> Result<(), DataError> {
        let form = |row: usize| moments[row].map(|moment| moment.form());
        let mut known = (0..texts.len()).filter(|row| texts[*row].is_some());
        let Some(first) = known.next() else { return Ok(()) };
        let Some(other) = known.find(|row| form(*row) != form(first)) else { return Ok(()) };
        let name = |row: usize| form(row).map_or("a number".to_owned(), |form| form.to_string());
        let text = |row: usize| texts[row].clone().unwrap_or_default();
        Err(SplitError::Mixed {
            column: self.column.to_owned(),
            value: text(other),
            place: self.frame.cell_location(other, self.column),
            form: name(other),
            first: text(first),
            first_place: self.frame.cell_location(first, self.column),
            first_form: name(first),
        }
        .into())
    }

    /// Whether the day or the month comes first, where the form leaves it open.
    fn first(
        &self,
        texts: &[Option<String>],
        moments: &[Option<ParsedDateTime>],
    ) -> Result<(DayMonthOrder, Option<DataNote>), DataError> {
        let Some(open) = moments.iter().position(|moment| moment.is_some_and(|one| one.form().is_open()))
        else {
            return Ok((DayMonthOrder::Day, None));
        };
        let telling = |first: DayMonthOrder| {
            moments
                .iter()
                .position(|moment| moment.and_then(|moment| moment.day_month_order()) == Some(first))
        };
        let text = |row: usize| texts[row].clone().unwrap_or_default();
        let location = |row: usize| self.frame.cell_location(row, self.column);
        let column = self.column.to_owned();
        let (first, row, word) = match (telling(DayMonthOrder::Day), telling(DayMonthOrder::Month)) {
            (Some(row), None) => (DayMonthOrder::Day, row, "day"),
            (None, Some(row)) => (DayMonthOrder::Month, row, "month"),
            (Some(day), Some(month)) => {
                return Err(SplitError::DayAndMonth {
                    column,
                    day: text(day),
                    day_place: location(day),
                    month: text(month),
                    month_place: location(month),
                }
                .into());
            }
            (None, None) => {
                let format = |first| moments[open].map_or(String::new(), |moment| moment.format(first));
                let formats = [DayMonthOrder::Day, DayMonthOrder::Month].map(format);
                return Err(SplitError::DayOrMonth {
                    column,
                    value: text(open),
                    place: location(open),
                    formats,
                }
                .into());
            }
        };
        // The rows of another day may tell nothing or something else: a person should see what was taken.
        let format = moments[row].map_or(String::new(), |moment| moment.format(first));
        let note = format!(
            "column `{column}` is read with the {word} first, as `{}` in {} can only be; `format: \"{format}\"` says so for good",
            text(row),
            location(row)
        );
        Ok((first, Some(warning(note))))
    }

    /// Refuses numbers such as `05032024`, whose order is not that of time.
    fn refuse_year_last(&self, texts: &[Option<String>]) -> Result<(), DataError> {
        let mut firsts = vec![DayMonthOrder::Day, DayMonthOrder::Month];
        let mut row = None;
        for (at, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let year = year_last(text);
            firsts.retain(|first| year.contains(first));
            if firsts.is_empty() {
                return Ok(());
            }
            row = row.or(Some(at));
        }
        let Some(row) = row else { return Ok(()) };
        // `20012002` may be the 20th of January, but then all of them begin with a year as well.
        if texts.iter().flatten().all(|text| read(text).is_some()) {
            return Ok(());
        }
        let format = |first: &DayMonthOrder| match first {
            DayMonthOrder::Day => "%d%m%Y".to_owned(),
            DayMonthOrder::Month => "%m%d%Y".to_owned(),
        };
        Err(SplitError::YearLast {
            column: self.column.to_owned(),
            value: texts[row].clone().unwrap_or_default(),
            place: self.frame.cell_location(row, self.column),
            formats: firsts.iter().map(format).collect(),
        }
        .into())
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| !number.is_nan())
}

/// Numbers as whole ones of the same order. Those without a fraction keep all of their digits.
fn numbers(texts: &[Option<String>]) -> Vec<Option<i128>> {
    let whole = |text: &Option<String>| text.as_ref().map(|text| text.parse::<i128>().ok());
    if let Some(all) = texts.iter().map(|text| whole(text).map_or(Some(None), |one| one.map(Some))).collect()
    {
        return all;
    }
    let ordered = |text: &Option<String>| {
        // The order of the bits of positive floats is that of the floats; negative ones run backwards.
        let bits = (number(text.as_deref()?)? + 0.0).to_bits() as i64;
        Some(i128::from(if bits < 0 { i64::MIN ^ !bits } else { bits }))
    };
    texts.iter().map(ordered).collect()
}

#[cfg(test)]
mod tests {
    use crate::data::split::order::numbers;

    #[test]
    fn numbers_keep_their_order_and_their_digits() {
        let texts = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let year = numbers(&texts(&["9007199254740993", "9007199254740992", "-1", "18446744073709551616"]));
        assert!(year[2] < year[1] && year[1] < year[0] && year[0] < year[3]);
        let year = numbers(&texts(&["-1.5", "-20", "-0", "0", "1e3", "inf"]));
        assert!(year[1] < year[0] && year[0] < year[2] && year[2] == year[3] && year[3] < year[4]);
        assert!(year[4] < year[5]);
    }
}
