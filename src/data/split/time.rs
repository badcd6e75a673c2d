//! The earliest rows train, the latest test. Rows of the same moment keep the order of the file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::frame::Frame;
use crate::data::split::{Rows, Shares};
use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// The earliest rows train, the latest test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeSpec {
    /// The column to order by: a number, a date or a time.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for TimeSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{time: {by: day, valid: 0.1, test: 0.2}}";
}

impl TimeSpec {
    pub(in crate::data) fn divide(&self, frame: &Frame) -> Result<Rows, Error> {
        let shares = Shares::new(self.valid, self.test)?;
        let cells = frame.cells(self.by.as_str())?;
        let mut order = match &cells {
            Cells::Time(moments) => by_moment(moments.iter().collect(), frame, &self.by)?,
            Cells::Text(texts) => {
                let texts: Vec<Option<&str>> =
                    texts.iter().map(|text| text.map(str::trim).filter(|t| !t.is_empty())).collect();
                if texts.iter().flatten().all(|text| is_date(text)) {
                    by_moment(texts, frame, &self.by)?
                } else {
                    by_number(&cells, frame, &self.by)?
                }
            }
            _ => by_number(&cells, frame, &self.by)?,
        };
        // The shares are cut from the front: test first, then valid.
        order.reverse();
        Ok(shares.cut(&order))
    }
}

/// Rows from the earliest to the latest.
fn by_moment<T: Ord>(moments: Vec<Option<T>>, frame: &Frame, by: &ColumnName) -> Result<Vec<u32>, Error> {
    if let Some(row) = moments.iter().position(Option::is_none) {
        let count = moments.iter().filter(|moment| moment.is_none()).count();
        return Err(Error::Missing {
            column: by.to_string(),
            place: frame.place_of(row, by.as_str()),
            count,
        });
    }
    let mut order: Vec<u32> = (0..moments.len() as u32).collect();
    order.sort_by(|&a, &b| moments[a as usize].cmp(&moments[b as usize]));
    Ok(order)
}

/// As `by_moment`, of numbers or texts that read as numbers.
fn by_number(cells: &Cells, frame: &Frame, by: &ColumnName) -> Result<Vec<u32>, Error> {
    let mut numbers = Vec::with_capacity(cells.len());
    let mut strange = None;
    cells.for_each_text(|row, text| {
        let number = text.and_then(|text| text.trim().parse::<f64>().ok()).filter(|number| !number.is_nan());
        if text.is_some() && number.is_none() {
            strange.get_or_insert(row);
        }
        // The order of the bits of positive floats is that of the floats; negative ones run backwards.
        numbers.push(number.map(|number| {
            let bits = (number + 0.0).to_bits() as i64;
            if bits < 0 { i64::MIN ^ !bits } else { bits }
        }));
    })?;
    if let Some(row) = strange {
        let value = cells.text(row).into_owned();
        return Err(Error::NotTime {
            column: by.to_string(),
            value,
            place: frame.place_of(row, by.as_str()),
        });
    }
    by_moment(numbers, frame, by)
}

/// Does the text begin as ISO 8601 dates do, so that the order of letters is that of time?
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0..4)
        && bytes.get(4) == Some(&b'-')
        && digits(5..7)
        && bytes.get(7) == Some(&b'-')
        && digits(8..10)
}

#[cfg(test)]
mod tests {
    use crate::data::split::time::is_date;

    #[test]
    fn dates_are_iso_8601() {
        assert!(is_date("2024-02-29") && is_date("2024-02-29T12:00:00"));
        assert!(!is_date("29.02.2024") && !is_date("2024-2-29") && !is_date("2024"));
    }
}
