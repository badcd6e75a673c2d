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

/// A series of numbers per row, or of several numbers per step: (x - mean) / deviation of the training
/// rows in each of them.
///
/// A missing number inside a series stands at the mean; an empty series is one step at the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesConfig {
    /// Steps at most; what follows is cut off. Default 512.
    pub length: Count,
    /// Learn (x - mean) / deviation of the training rows. Default true.
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
        let result = parts.iter().map(|part| StepLists::from_cells(&part.cells, part.frame));
        let result = result.collect::<Result<Vec<_>, _>>()?;
        // A table of empty series alone has no width to speak of.
        let width = result.iter().find(|steps| !steps.values.is_empty()).map_or(1, |steps| steps.width);
        let differs = |steps: &&StepLists| !steps.values.is_empty() && steps.width != width;
        if let Some(other) = result.iter().position(|steps| differs(&steps)) {
            let (column, location) = (name.to_owned(), parts[other].frame.location(0));
            return Err(DataError::StepWidth {
                column,
                found: result[other].width,
                expected: width,
                place: location,
            });
        }
        let mut notes = Vec::new();
        let (mut center, mut scale) = (Vec::new(), Vec::new());
        for location in 0..width {
            let of_training = parts.iter().zip(&result).flat_map(|(part, steps)| {
                let rows = part.train.iter().flat_map(|&row| steps.row(row as usize).chunks(width));
                rows.map(move |step| step[location]).filter(|value| !value.is_nan())
            });
            let mut known: Vec<f64> = of_training.collect();
            let statistics = Statistics::from_values(&mut known)
                .ok_or_else(|| DataError::AllMissing { column: name.to_owned() })?;
            let usable = statistics.usable(statistics.deviation);
            let number = location + 1;
            if statistics.is_constant() && self.standardize {
                let value = display_number(statistics.minimum);
                notes.push(warning(format!(
                    "input `{name}`: number {number} of each step is {value} on every training row; it is not scaled"
                )));
            }
            let (middle, factor) = match self.standardize {
                true => (statistics.mean, usable.unwrap_or(1.0)),
                false => (0.0, 1.0),
            };
            notes.extend(precision_loss(&known, &statistics, middle, factor).map(|lost| {
                let remedy = lost.remedy(!self.standardize, "leave `standardize` on");
                warning(lost.message(&format!("input `{name}`, number {number} of each step"), remedy))
            }));
            center.push(middle);
            scale.push(factor);
        }
        notes.extend(self.notes(name, parts, &result));
        let length = self.length.get();
        let mut raw = ElementType::Float32;
        for location in 0..width {
            let numbers = result.iter().flat_map(|steps| steps.values.iter().skip(location).step_by(width));
            if raw_type(numbers, center[location], scale[location]) == ElementType::Float64 {
                raw = ElementType::Float64;
            }
        }
        let encoding = Encoding::Series { center, scale, length };
        let (mut samples, mut encoded) = (Vec::new(), Vec::new());
        for (part, steps) in parts.iter().zip(&result) {
            let (fed, array) = truncate_rows(name, steps, part.frame, (&encoding, raw))?;
            samples.push(self::fed(&fed.gather(part.sample)));
            encoded.push(array);
        }
        Ok(Feature { raw, samples, encoded, encoding, notes })
    }

    fn notes(&self, name: &str, parts: &[FeaturePart<'_>], result: &[StepLists]) -> Vec<DataNote> {
        let length = self.length.get();
        let rows = |wanted: &dyn Fn(&StepLists, usize) -> bool| {
            let all = result
                .iter()
                .enumerate()
                .flat_map(|(part, steps)| (0..steps.rows()).map(move |row| (part, row)));
            let mut those = all.filter(|(part, row)| wanted(&result[*part], *row));
            let first = those.next()?;
            Some((parts[first.0].frame.location(first.1), 1 + those.count()))
        };
        let mut notes = Vec::new();
        if let Some((location, count)) = rows(&|steps, row| steps.length(row) == 0) {
            notes.push(warning(format!(
                "input `{name}`: {count} empty series, first {location}; an empty one is read as one step at the mean"
            )));
        }
        if let Some((location, count)) = rows(&|steps, row| steps.row(row).iter().any(|value| value.is_nan()))
        {
            notes.push(warning(format!(
                "input `{name}`: {count} series with missing numbers, first {location}; the mean stands in"
            )));
        }
        if let Some((location, count)) = rows(&|steps, row| steps.length(row) > length) {
            let longest = result
                .iter()
                .flat_map(|steps| (0..steps.rows()).map(|row| steps.length(row)))
                .max()
                .unwrap_or(0);
            notes.push(warning(format!(
                "input `{name}`: {count} series of more than {length} steps, the longest {longest}, first {location}; \
                 their end is cut off"
            )));
        }
        notes
    }
}

/// Raw rows cut to their limit, the center in place of what is missing; and as the network reads them.
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
    let fed = Array::ragged(&[width], ArrayValues::F64(values), offsets).with_floats(raw);
    let encoded = scaled(&fed, center, scale);
    let beyond = encoded.as_f32().unwrap_or_default().iter().position(|value| value.is_infinite());
    let Some(beyond) = beyond else { return Ok((fed, encoded)) };
    let row = (0..encoded.rows()).find(|row| encoded.row(*row).contains(&(beyond / width))).unwrap_or(0);
    let value = fed.to_f64().map(|values| display_number(values[beyond])).unwrap_or_default();
    Err(DataError::BeyondFloats { column: name.to_owned(), value, place: frame.location(row), count: 1 })
}

/// Series as a model is fed them: `[rows, time, width]`, filled up behind their ends.
pub(in crate::data) fn fed(raw: &Array) -> Array {
    raw.padded(&PaddingValue::Float(f64::NAN))
}

/// Raw series as the network reads them.
pub(in crate::data) fn scaled(raw: &Array, center: &[f64], scale: &[f64]) -> Array {
    let values = raw.to_f64().unwrap_or_default();
    let locations = center.iter().zip(scale).cycle();
    let values =
        values.iter().zip(locations).map(|(value, (center, scale))| ((value - center) / scale) as f32);
    Array {
        shape: raw.shape.clone(),
        values: ArrayValues::F32(values.collect()),
        offsets: raw.offsets.clone(),
    }
}
