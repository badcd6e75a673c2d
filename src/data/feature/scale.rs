//! Common parts of the numeric input kinds: numbers are centered and scaled in 64 bits, and stored in 32.

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::feature::encode::encode;
use crate::data::feature::precision::{display_number, integer_precision_loss, precision_loss, raw_type};
use crate::data::feature::{Feature, FeaturePart, MissingNumber, Statistics};
use crate::data::frame::Frame;
use crate::data::note::warning;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::piecewise::PiecewiseFeatures;
use crate::domain::signature::{Encoding, InputSignature};

/// Raw numbers as a model input `[rows, 1]`.
pub(in crate::data) fn fed(values: Vec<f64>, element: ElementType) -> Array {
    Array::new(&[values.len(), 1], ArrayValues::F64(values)).with_floats(element)
}

/// The raw numbers of a column as a model input `[rows, 1]`.
///
/// # Errors
/// Cells that are not numbers, and numbers too large for the network, see [`refuse_beyond`].
pub(in crate::data) fn raw_numbers(
    cells: &Cells,
    frame: &Frame,
    input: &InputSignature,
) -> Result<Array, DataError> {
    let raw = fed(cells.numbers(frame)?, input.raw);
    match encode(&input.encoding, &raw) {
        Some(encoded) => refuse_beyond(cells, frame, &encoded).map(|()| raw),
        None => Err(DataError::OtherEncoding { column: cells.name().to_owned() }),
    }
}

/// Refuses rows whose numbers do not fit into 32-bit floats after centering and scaling.
pub(in crate::data) fn refuse_beyond(cells: &Cells, frame: &Frame, encoded: &Array) -> Result<(), DataError> {
    let (width, mut bad) = (encoded.width().max(1), BadRow::default());
    let values = encoded.as_f32().unwrap_or_default().iter().step_by(width).enumerate();
    values.filter(|(_, value)| value.is_infinite()).for_each(|(row, _)| bad.note(row));
    bad.first.map_or(Ok(()), |row| {
        let (column, text) = (cells.name().to_owned(), cells.text(row));
        let value = text.parse().map_or_else(|_| text.to_string(), display_number);
        Err(DataError::OutsideFloat32 {
            place: frame.cell_location(row, &column),
            column,
            value,
            count: bad.count,
        })
    })
}

/// What a numeric input kind learns from its training rows.
pub(in crate::data) enum NumberFit {
    /// (x - center) / scale; no scale if the numbers cannot be divided by it.
    Scale { center: f64, scale: Option<f64> },
    /// A piecewise linear function.
    Pieces { edges: Vec<f64>, features: PiecewiseFeatures },
}

impl NumberFit {
    pub fn scale(center: f64, scale: Option<f64>) -> Self {
        Self::Scale { center, scale }
    }

    /// Of a column with one value only: 0 on every training row.
    pub fn constant(statistics: &Statistics) -> Self {
        Self::scale(statistics.minimum, None)
    }

    fn is_unscaled(&self) -> bool {
        matches!(self, Self::Scale { scale: None, .. })
    }

    /// Center and unit, by which lost digits are judged.
    fn units(&self, statistics: &Statistics) -> (f64, f64) {
        match self {
            Self::Scale { center, scale } => (*center, scale.unwrap_or(1.0)),
            Self::Pieces { .. } => {
                (statistics.median, statistics.valid_scale(statistics.spread).unwrap_or(1.0))
            }
        }
    }
}

/// The settings that all numeric input kinds have.
pub(in crate::data) struct ScaledInput<'a> {
    pub name: &'a str,
    pub missing: MissingNumber,
    pub indicator: bool,
}

impl ScaledInput<'_> {
    /// Fits and encodes. `choose` gets the numbers of the training rows, in any order, and their statistics.
    pub fn fit(
        &self,
        parts: &[FeaturePart<'_>],
        choose: impl Fn(&mut [f64], &Statistics) -> NumberFit,
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
        let chosen = choose(&mut present, &statistics);
        let (center, scale) = chosen.units(&statistics);
        let precision_warning = self.precision_warning(parts, &present, &statistics, (center, scale));
        let constant_warning = || {
            let (name, value) = (self.name, display_number(statistics.minimum));
            let is_constant = chosen.is_unscaled() && statistics.is_constant();
            is_constant.then(|| format!("input `{name}` is {value} on every training row; it is not scaled"))
        };
        let notes = precision_warning.or_else(constant_warning).map(warning).into_iter().collect();
        let fill = match self.missing {
            MissingNumber::Mean | MissingNumber::Error => statistics.mean,
            MissingNumber::Median => statistics.median,
            MissingNumber::Zero => 0.0,
        };
        let raw = raw_type(numbers.iter().flatten(), center, scale);
        let indicator = self.indicator;
        let encoding = match chosen {
            NumberFit::Scale { .. } => Encoding::Scale { center, scale, fill, indicator },
            NumberFit::Pieces { edges, features } => Encoding::Piecewise { edges, features, fill, indicator },
        };
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

    /// A warning about digits that are lost.
    fn precision_warning(
        &self,
        parts: &[FeaturePart<'_>],
        present: &[f64],
        statistics: &Statistics,
        (center, scale): (f64, f64),
    ) -> Option<String> {
        let integer_loss =
            || parts.iter().find_map(|part| integer_precision_loss(&part.cells, part.train, statistics));
        let loss = precision_loss(present, statistics, center, scale).or_else(integer_loss)?;
        let unscaled = (center, scale) == (0.0, 1.0);
        let remedy =
            loss.remedy(unscaled, "use `standardize` or `min_max`, which center in 64-bit floats first");
        Some(loss.message(&format!("input `{}`", self.name), remedy))
    }

    fn refuse_missing(&self, part: &FeaturePart<'_>, values: &[f64]) -> Result<(), DataError> {
        let mut bad = BadRow::default();
        values.iter().enumerate().filter(|(_, value)| value.is_nan()).for_each(|(row, _)| bad.note(row));
        bad.first.map_or(Ok(()), |row| {
            let place = part.frame.location(row);
            Err(DataError::Missing { column: self.name.to_owned(), place, count: bad.count })
        })
    }
}
