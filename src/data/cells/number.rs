//! Cells as numbers. Errors name the first cell that is not a number.

use crate::data::cells::{BadRow, Cells, as_integer};
use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::location::DataLocation;

impl Cells {
    /// The cells as 64-bit floats, NaN for missing ones. Texts are parsed.
    ///
    /// # Errors
    ///
    /// `DataError::NotNumber` or `DataError::Infinite` with the first such cell; `DataError::WrongType` for
    /// cells that are neither numbers, booleans nor texts.
    pub fn numbers(&self, frame: &Frame) -> Result<Vec<f64>, DataError> {
        self.numbers_at(&|row| frame.cell_location(row, self.name()))
    }

    /// As [`Cells::numbers`]; `location` gives the position of a row's cell.
    pub fn numbers_at(&self, location: &dyn Fn(usize) -> DataLocation) -> Result<Vec<f64>, DataError> {
        let mut bad = BadRow::default();
        let mut infinite = BadRow::default();
        let mut numbers = Vec::with_capacity(self.len());
        let mut push = |row: usize, value: Option<f64>, infinite: &mut BadRow| {
            let number = value.unwrap_or(f64::NAN);
            if number.is_infinite() {
                infinite.note(row);
            }
            numbers.push(number);
        };
        match self {
            Self::Int(values) => {
                values.iter().enumerate().for_each(|(row, v)| push(row, v.map(|v| v as f64), &mut infinite));
            }
            Self::Float { values, .. } => {
                values.iter().enumerate().for_each(|(row, v)| push(row, v, &mut infinite));
            }
            Self::Bool(values) => {
                values.iter().enumerate().for_each(|(row, v)| push(row, v.map(f64::from), &mut infinite));
            }
            Self::Text(values) => {
                for (row, value) in values.iter().enumerate() {
                    let text = value.map(str::trim).filter(|text| !text.is_empty());
                    let number = text.and_then(|text| match text.parse::<f64>() {
                        Ok(number) => Some(number),
                        Err(_) => {
                            bad.note(row);
                            None
                        }
                    });
                    push(row, number, &mut infinite);
                }
            }
            Self::Time(_) | Self::List(_) | Self::Binary(_) | Self::Other { .. } => {
                return Err(self.type_error("a number"));
            }
        }
        if let Some(row) = bad.first {
            let (value, location) = (self.text(row).into_owned(), location(row));
            let (column, samples) = (self.name().to_owned(), self.non_numbers());
            return Err(DataError::NotNumber { column, value, place: location, count: bad.count, samples });
        }
        if let Some(row) = infinite.first {
            let (value, location) = (self.text(row).into_owned(), location(row));
            let (column, count) = (self.name().to_owned(), infinite.count);
            return Err(DataError::Infinite { column, value, place: location, count });
        }
        Ok(numbers)
    }

    /// The cells as whole numbers, `missing` for missing cells.
    ///
    /// # Errors
    ///
    /// `DataError::NotWhole` with the first cell that is not a whole number; `DataError::WrongType`.
    pub fn whole_numbers(&self, missing: i64, frame: &Frame) -> Result<Vec<i64>, DataError> {
        let mut bad = BadRow::default();
        let mut from_float = |row: usize, value: Option<f64>| match value.filter(|value| !value.is_nan()) {
            Some(value) => as_integer(value).unwrap_or_else(|| {
                bad.note(row);
                missing
            }),
            None => missing,
        };
        let numbers: Vec<i64> = match self {
            Self::Int(values) => values.iter().map(|value| value.unwrap_or(missing)).collect(),
            Self::Float { values, .. } => {
                values.iter().enumerate().map(|(row, v)| from_float(row, v)).collect()
            }
            Self::Bool(values) => values.iter().map(|value| value.map_or(missing, i64::from)).collect(),
            Self::Text(values) => {
                let mut parse = |(row, value): (usize, Option<&str>)| {
                    let Some(text) = value.map(str::trim).filter(|text| !text.is_empty()) else {
                        return missing;
                    };
                    match text.parse::<i64>() {
                        Ok(number) => number,
                        Err(_) => from_float(row, Some(text.parse().unwrap_or(f64::INFINITY))),
                    }
                };
                values.iter().enumerate().map(&mut parse).collect()
            }
            Self::Time(_) | Self::List(_) | Self::Binary(_) | Self::Other { .. } => {
                return Err(self.type_error("a whole number"));
            }
        };
        match bad.first {
            None => Ok(numbers),
            Some(row) => Err(DataError::NotWhole {
                column: self.name().to_owned(),
                value: self.text(row).into_owned(),
                place: frame.cell_location(row, self.name()),
                count: bad.count,
            }),
        }
    }

    /// Up to eight distinct texts that are not numbers.
    fn non_numbers(&self) -> Vec<String> {
        let mut samples: Vec<String> = Vec::new();
        let Self::Text(values) = self else { return samples };
        let texts = values.iter().flatten().map(str::trim);
        for text in texts.filter(|text| !text.is_empty() && text.parse::<f64>().is_err()) {
            if samples.len() < 8 && !samples.iter().any(|known| known == text) {
                samples.push(text.to_owned());
            }
        }
        samples
    }
}
