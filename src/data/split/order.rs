//! Sort keys of a column by time.

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::note::{DataNote, warning};
use crate::data::split::SplitError;
use crate::data::split::datetime::{DayMonthOrder, ParsedDateTime, read, year_last};
use crate::data::split::format::TimeFormat;

/// A column by which rows are ordered.
pub(in crate::data::split) struct TimeColumn<'a> {
    pub frame: &'a Frame,
    pub cells: &'a Cells,
    pub column: &'a str,
}

impl TimeColumn<'_> {
    /// The sort keys of all rows, with the format detected from the cells.
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
        self.refuse_unreadable(&texts, &moments)?;
        self.refuse_mixed(&texts, &moments)?;
        let (first, note) = self.day_month_order(&texts, &moments)?;
        let at = moments.iter().map(|moment| moment.and_then(|moment| moment.at(first))).collect();
        Ok((self.all_moments(at)?, note.into_iter().collect()))
    }

    /// The sort keys of all rows, read with a given format.
    pub fn sort_keys_with_format(&self, format: &TimeFormat) -> Result<Vec<i128>, DataError> {
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

    /// The trimmed texts of the cells; `None` for empty ones.
    fn texts(&self) -> Result<Vec<Option<String>>, DataError> {
        let mut texts = Vec::with_capacity(self.cells.len());
        let read = self.cells.for_each_text(|_, text| {
            texts.push(text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned));
        });
        let (column, found) = (self.column.to_owned(), self.cells.describe());
        read.map_err(|_| SplitError::NoTime { column, found })?;
        Ok(texts)
    }

    /// The sort keys, if no row is without one.
    fn all_moments(&self, moments: Vec<Option<i128>>) -> Result<Vec<i128>, DataError> {
        let count = moments.iter().filter(|moment| moment.is_none()).count();
        match moments.iter().position(Option::is_none) {
            None => Ok(moments.into_iter().flatten().collect()),
            Some(row) => Err(SplitError::Missing {
                column: self.column.to_owned(),
                what: "time",
                place: self.frame.cell_location(row, self.column),
                count,
            }
            .into()),
        }
    }

    /// Refuses texts that are neither numbers nor dates or times.
    fn refuse_unreadable(
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

    /// Refuses columns with more than one format.
    fn refuse_mixed(
        &self,
        texts: &[Option<String>],
        moments: &[Option<ParsedDateTime>],
    ) -> Result<(), DataError> {
        let form = |row: usize| moments[row].map(|moment| moment.form());
        let mut known = (0..texts.len()).filter(|row| texts[*row].is_some());
        let Some(first) = known.next() else { return Ok(()) };
        let Some(other) = known.find(|row| form(*row) != form(first)) else { return Ok(()) };
        let form_name = |row: usize| form(row).map_or("a number".to_owned(), |form| form.to_string());
        let text = |row: usize| texts[row].clone().unwrap_or_default();
        Err(SplitError::Mixed {
            column: self.column.to_owned(),
            value: text(other),
            place: self.frame.cell_location(other, self.column),
            form: form_name(other),
            first: text(first),
            first_place: self.frame.cell_location(first, self.column),
            first_form: form_name(first),
        }
        .into())
    }

    /// Whether the day or the month comes first, with a note when that follows from single rows only.
    fn day_month_order(
        &self,
        texts: &[Option<String>],
        moments: &[Option<ParsedDateTime>],
    ) -> Result<(DayMonthOrder, Option<DataNote>), DataError> {
        let is_ambiguous =
            |moment: &Option<ParsedDateTime>| moment.is_some_and(|moment| moment.form().is_ambiguous());
        let Some(ambiguous) = moments.iter().position(is_ambiguous) else {
            return Ok((DayMonthOrder::Day, None));
        };
        let row_with_order = |first: DayMonthOrder| {
            moments
                .iter()
                .position(|moment| moment.and_then(|moment| moment.day_month_order()) == Some(first))
        };
        let text = |row: usize| texts[row].clone().unwrap_or_default();
        let location = |row: usize| self.frame.cell_location(row, self.column);
        let column = self.column.to_owned();
        let [day_row, month_row] = [DayMonthOrder::Day, DayMonthOrder::Month].map(row_with_order);
        let (first, row, word) = match (day_row, month_row) {
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
                let format = |first| moments[ambiguous].map_or(String::new(), |moment| moment.format(first));
                let formats = [DayMonthOrder::Day, DayMonthOrder::Month].map(format);
                return Err(SplitError::DayOrMonth {
                    column,
                    value: text(ambiguous),
                    place: location(ambiguous),
                    formats,
                }
                .into());
            }
        };
        // Other rows of the table may be ambiguous or contradict this one, so the user should see what was
        // assumed.
        let format = moments[row].map_or(String::new(), |moment| moment.format(first));
        let note = format!(
            "column `{column}` is read with the {word} first, as required by `{}` in {}; set `format: \
             \"{format}\"` to fix the order",
            text(row),
            location(row)
        );
        Ok((first, Some(warning(note))))
    }

    /// Refuses numbers such as `05032024`, which do not sort by time.
    fn refuse_year_last(&self, texts: &[Option<String>]) -> Result<(), DataError> {
        let mut orders = vec![DayMonthOrder::Day, DayMonthOrder::Month];
        let mut first_row = None;
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let possible = year_last(text);
            orders.retain(|order| possible.contains(order));
            if orders.is_empty() {
                return Ok(());
            }
            first_row = first_row.or(Some(row));
        }
        let Some(row) = first_row else { return Ok(()) };
        // `20012002` could be 20 January 2002, but is not when all rows are dates with the year first.
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
            formats: orders.iter().map(format).collect(),
        }
        .into())
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| !number.is_nan())
}

/// Numbers as integers of the same order. If all are integers, they keep all digits.
fn numbers(texts: &[Option<String>]) -> Vec<Option<i128>> {
    let whole = |text: &Option<String>| text.as_ref().map(|text| text.parse::<i128>().ok());
    if let Some(all) = texts.iter().map(|text| whole(text).map_or(Some(None), |one| one.map(Some))).collect()
    {
        return all;
    }
    let ordered = |text: &Option<String>| {
        // The bits of positive floats sort like the floats; those of negative floats sort in reverse.
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
        let keys = numbers(&texts(&["9007199254740993", "9007199254740992", "-1", "18446744073709551616"]));
        assert!(keys[2] < keys[1] && keys[1] < keys[0] && keys[0] < keys[3]);
        let keys = numbers(&texts(&["-1.5", "-20", "-0", "0", "1e3", "inf"]));
        assert!(keys[1] < keys[0] && keys[0] < keys[2] && keys[2] == keys[3] && keys[3] < keys[4]);
        assert!(keys[4] < keys[5]);
    }
}
