//! The input kind `series`: see [`SeriesConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::precision::{display_number, precision_loss, raw_type};
use crate::data::feature::token::offset;
use crate::data::feature::{Feature, FeaturePart, Statistics};
use crate::data::frame::Frame;
use crate::data::list::StepLists;
use crate::data::note::{DataNote, warning};
use crate::domain::array::{Array, ArrayValues, ElementType, PaddingValue};
use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// A time series with one or several numbers per step, each scaled as (x - mean) / standard deviation of the
/// training rows.
///
/// Missing numbers are replaced by the mean; an empty series becomes one step with the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesConfig {
    /// Maximum number of steps; longer series are truncated at the end. Default 512.
    pub length: Count,
    /// Whether to standardize. Default true.
    pub standardize: bool,
}

impl Default for SeriesConfig {
    fn default() -> Self {
        Self { length: Count::constant(512), standardize: true }
    }
}

impl Settings for SeriesConfig {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{series: {length: 100, standardize: true}}";
}

impl SeriesConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let tables = parts.iter().map(|part| StepLists::from_cells(&part.cells, part.frame));
        let tables = tables.collect::<Result<Vec<_>, _>>()?;
        // A table with only empty series has no width.
        let width = tables.iter().find(|steps| !steps.values.is_empty()).map_or(1, |steps| steps.width);
        let differs = |steps: &StepLists| !steps.values.is_empty() && steps.width != width;
        if let Some(other) = tables.iter().position(differs) {
            let (column, place) = (name.to_owned(), parts[other].frame.location(0));
            return Err(DataError::StepSize { column, found: tables[other].width, expected: width, place });
        }
        let mut notes = Vec::new();
        let (mut centers, mut scales) = (Vec::new(), Vec::new());
        let mut raw = ElementType::Float32;
        for index in 0..width {
            let training_values = parts.iter().zip(&tables).flat_map(|(part, steps)| {
                let rows = part.train.iter().flat_map(|&row| steps.row(row as usize).chunks(width));
                rows.map(move |step| step[index]).filter(|value| !value.is_nan())
            });
            let mut present: Vec<f64> = training_values.collect();
            let statistics = Statistics::from_values(&mut present)
                .ok_or_else(|| DataError::AllMissing { column: name.to_owned() })?;
            let number = index + 1;
            if statistics.is_constant() && self.standardize {
                let value = display_number(statistics.minimum);
                notes.push(warning(format!(
                    "input `{name}`: number {number} of each step is {value} on every training row; it is \
                     not scaled"
                )));
            }
            let (center, scale) = match self.standardize {
                true => (statistics.mean, statistics.valid_scale(statistics.deviation).unwrap_or(1.0)),
                false => (0.0, 1.0),
            };
            notes.extend(precision_loss(&present, &statistics, center, scale).map(|loss| {
                let remedy = loss.remedy(!self.standardize, "set `standardize: true`");
                warning(loss.message(&format!("input `{name}`, number {number} of each step"), remedy))
            }));
            let numbers = tables.iter().flat_map(|steps| steps.values.iter().skip(index).step_by(width));
            if raw_type(numbers, center, scale) == ElementType::Float64 {
                raw = ElementType::Float64;
            }
            centers.push(center);
            scales.push(scale);
        }
        notes.extend(self.notes(name, parts, &tables));
        let encoding = Encoding::Series { center: centers, scale: scales, length: self.length.get() };
        let (mut samples, mut encoded) = (Vec::new(), Vec::new());
        for (part, steps) in parts.iter().zip(&tables) {
            let (raw_rows, array) = truncate_rows(name, steps, part.frame, (&encoding, raw))?;
            samples.push(pad_series(&raw_rows.gather(part.sample)));
            encoded.push(array);
        }
        Ok(Feature { raw, samples, encoded, encoding, notes })
    }

    fn notes(&self, name: &str, parts: &[FeaturePart<'_>], tables: &[StepLists]) -> Vec<DataNote> {
        let length = self.length.get();
        let all = || {
            let rows = |(part, steps): (usize, &StepLists)| (0..steps.rows()).map(move |row| (part, row));
            tables.iter().enumerate().flat_map(rows)
        };
        let first_and_count = |condition: &dyn Fn(&StepLists, usize) -> bool| {
            let mut rows = all().filter(|(part, row)| condition(&tables[*part], *row));
            let (part, row) = rows.next()?;
            Some((parts[part].frame.location(row), 1 + rows.count()))
        };
        let mut notes = Vec::new();
        if let Some((location, count)) = first_and_count(&|steps, row| steps.length(row) == 0) {
            notes.push(warning(format!(
                "input `{name}`: {count} empty series, first in {location}; an empty series is read as one \
                 step with the mean"
            )));
        }
        let has_missing = |steps: &StepLists, row: usize| steps.row(row).iter().any(|value| value.is_nan());
        if let Some((location, count)) = first_and_count(&has_missing) {
            notes.push(warning(format!(
                "input `{name}`: {count} series with missing numbers, first in {location}; they are \
                 replaced by the mean"
            )));
        }
        if let Some((location, count)) = first_and_count(&|steps, row| steps.length(row) > length) {
            let longest = all().map(|(part, row)| tables[part].length(row)).max().unwrap_or(0);
            notes.push(warning(format!(
                "input `{name}`: {count} series longer than {length} steps (up to {longest}), first in \
                 {location}; they are truncated at the end"
            )));
        }
        notes
    }
}

/// Series truncated to the maximum length, with missing numbers replaced by the center: raw, and encoded as
/// the network reads them.
pub(in crate::data) fn truncate_rows(
    name: &str,
    steps: &StepLists,
    frame: &Frame,
    (encoding, raw): (&Encoding, ElementType),
) -> Result<(Array, Array), DataError> {
    let Encoding::Series { center, scale, length } = encoding else {
        return Err(DataError::OtherEncoding { column: name.to_owned() });
    };
    let width = center.len();
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..steps.rows() {
        let numbers = steps.row(row);
        let numbers = &numbers[..numbers.len().min(length * width)];
        let filled = numbers.iter().zip(center.iter().cycle());
        values.extend(filled.map(|(value, center)| if value.is_nan() { *center } else { *value }));
        if numbers.is_empty() {
            values.extend_from_slice(center);
        }
        offsets.push(offset(values.len() / width)?);
    }
    let raw_rows = Array::ragged(&[width], ArrayValues::F64(values), offsets).with_floats(raw);
    let encoded = scaled(&raw_rows, center, scale);
    let infinite = encoded.as_f32().unwrap_or_default().iter().position(|value| value.is_infinite());
    let Some(infinite) = infinite else { return Ok((raw_rows, encoded)) };
    let row = (0..encoded.rows()).find(|row| encoded.row(*row).contains(&(infinite / width))).unwrap_or(0);
    let value = raw_rows.to_f64().map(|values| display_number(values[infinite])).unwrap_or_default();
    Err(DataError::OutsideFloat32 { column: name.to_owned(), value, place: frame.location(row), count: 1 })
}

/// Series as a model input: `[rows, time, width]`, padded with NaN at the end.
pub(in crate::data) fn pad_series(raw: &Array) -> Array {
    raw.padded(&PaddingValue::Float(f64::NAN))
}

/// Raw series, centered and scaled.
pub(in crate::data) fn scaled(raw: &Array, center: &[f64], scale: &[f64]) -> Array {
    let values = raw.to_f64().unwrap_or_default();
    let parameters = center.iter().zip(scale).cycle();
    let values =
        values.iter().zip(parameters).map(|(value, (center, scale))| ((value - center) / scale) as f32);
    Array {
        shape: raw.shape.clone(),
        values: ArrayValues::F32(values.collect()),
        offsets: raw.offsets.clone(),
    }
}
