//! What the scaled features share: numbers are centered and scaled in 64 bits, and what comes of it is kept
//! in 32.

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::feature::encode::encode;
use crate::data::feature::precision::{display_number, integer_precision_loss, precision_loss, raw_type};
use crate::data::feature::{Feature, FeaturePart, MissingNumber, Statistics};
use crate::data::frame::Frame;
use crate::data::note::warning;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::signature::{Encoding, InputSignature};

/// Raw numbers as a model is fed them, `[rows, 1]`.
pub(in crate::data) fn fed(values: Vec<f64>, element: ElementType) -> Array {
    Array::new(&[values.len(), 1], ArrayValues::F64(values)).with_floats(element)
}

/// A column's raw numbers as a model is fed them; those that the network cannot read are refused.
pub(in crate::data) fn raw(cells: &Cells, frame: &Frame, input: &InputSignature) -> Result<Array, DataError> {
    let raw = fed(cells.numbers(frame)?, input.raw);
    match encode(&input.encoding, &raw) {
        Some(encoded) => refuse_beyond(cells, frame, &encoded).map(|()| raw),
        None => Err(DataError::OtherEncoding { column: cells.name().to_owned() }),
    }
}

/// Refuses rows whose numbers are too large for 32 bits once they are centered and scaled.
pub(in crate::data) fn refuse_beyond(cells: &Cells, frame: &Frame, encoded: &Array) -> Result<(), DataError> {
    let (width, mut bad) = (encoded.width().max(1), BadRow::default());
    let values = encoded.as_f32().unwrap_or_default().iter().step_by(width).enumerate();
    values.filter(|(_, value)| value.is_infinite()).for_each(|(row, _)| bad.note(row));
    bad.first.map_or(Ok(()), |row| {
        let (column, text) = (cells.name().to_owned(), cells.text(row));
        let value = text.parse().map_or_else(|_| text.to_string(), display_number);
        Err(DataError::BeyondFloats {
            place: frame.cell_location(row, &column),
            column,
            value,
            count: bad.count,
        })
    })
}

/// The words the scaled features share.
pub(in crate::data) struct ScaledInput<'a> {
    pub name: &'a str,
    pub missing: MissingNumber,
    pub indicator: bool,
}

impl ScaledInput<'_> {
    /// Fits and encodes; `choose` gives center and scale, or no scale where the column is constant.
    pub fn fit(
        &self,
        parts: &[FeaturePart<'_>],
        choose: impl Fn(&Statistics) -> (f64, Option<f64>),
    ) -> Result<Feature, DataError> {
        let mut numbers = Vec::with_capacity(parts.len());
        for part in parts {
            let values = part.cells.numbers(part.frame)?;
            if self.missing == MissingNumber::Error {
                self.refuse_missing(part, &values)?;
            }
            numbers.push(values);
        }
        let present = |(part, values): (&FeaturePart<'_>, &Vec<f64>)| -> Vec<f64> {
            part.train.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect()
        };
        let mut present: Vec<f64> = parts.iter().zip(&numbers).flat_map(present).collect();
        let statistics = Statistics::from_values(&mut present)
            .ok_or_else(|| DataError::AllMissing { column: self.name.to_owned() })?;
        let (center, chosen) = choose(&statistics);
        let factor = chosen.unwrap_or(1.0);
        let lost = self.warn_precision(parts, &present, &statistics, (center, factor));
        let constant = || {
            let (name, value) = (self.name, display_number(statistics.minimum));
            let is_told = chosen.is_none() && statistics.is_constant();
            is_told.then(|| format!("input `{name}` is {value} on every training row; it is not scaled"))
        };
        let notes = lost.or_else(constant).map(warning).into_iter().collect();
        let fill = match self.missing {
            MissingNumber::Mean | MissingNumber::Error => statistics.mean,
            MissingNumber::Median => statistics.median,
            MissingNumber::Zero => 0.0,
        };
        let raw = raw_type(numbers.iter().flatten(), center, factor);
        let encoding = Encoding::Scale { center, scale: factor, fill, indicator: self.indicator };
        let (mut samples, mut encoded) = (Vec::new(), Vec::new());
        for (part, values) in parts.iter().zip(numbers) {
            let values = fed(values, raw);
            samples.push(values.gather(part.sample));
            let Some(array) = encode(&encoding, &values) else { continue };
            refuse_beyond(&part.cells, part.frame, &array)?;
            encoded.push(array);
        }
        Ok(Feature { raw, samples, encoded, encoding, notes })
    }

    /// A word about digits that do not fit.
    fn warn_precision(
        &self,
        parts: &[FeaturePart<'_>],
        present: &[f64],
        result: &Statistics,
        (center, scale): (f64, f64),
    ) -> Option<String> {
        let whole = || parts.iter().find_map(|part| integer_precision_loss(&part.cells, part.train, result));
        let lost = precision_loss(present, result, center, scale).or_else(whole)?;
        let unscaled = (center, scale) == (0.0, 1.0);
        let remedy =
            lost.remedy(unscaled, "use `standardize` or `min_max`, which center it in 64 bits first");
        Some(lost.message(&format!("input `{}`", self.name), remedy))
    }

    fn refuse_missing(&self, part: &FeaturePart<'_>, values: &[f64]) -> Result<(), DataError> {
        let mut bad = BadRow::default();
        values.iter().enumerate().filter(|(_, value)| value.is_nan()).for_each(|(row, _)| bad.note(row));
        bad.first.map_or(Ok(()), |row| {
            let location = part.frame.location(row);
            Err(DataError::Missing { column: self.name.to_owned(), place: location, count: bad.count })
        })
    }
}
