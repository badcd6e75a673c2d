//! The input kind `series`: see [`SeriesSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::digits::{lost, raw_type, shown};
use crate::data::feature::token::offset;
use crate::data::feature::{Feature, Part, Statistics};
use crate::data::frame::Frame;
use crate::data::list::Steps;
use crate::data::note::{Note, warning};
use crate::domain::array::{Array, ElementType, Filler, Values};
use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// A series of numbers per row, or of several numbers per step: (x - mean) / deviation of the training
/// rows in each of them.
///
/// A missing number inside a series stands at the mean; an empty series is one step at the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesSpec {
    /// Steps at most; what follows is cut off. Default 512.
    pub length: Count,
    /// Learn (x - mean) / deviation of the training rows. Default true.
    pub standardize: bool,
}

impl Default for SeriesSpec {
    fn default() -> Self {
        Self { length: Count::constant(512), standardize: true }
    }
}

impl Settings for SeriesSpec {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{series: {length: 100, standardize: true}}";
}

impl SeriesSpec {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let found = parts.iter().map(|part| Steps::of(&part.cells, part.frame));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        // A table of empty series alone has no width to speak of.
        let width = found.iter().find(|steps| !steps.values.is_empty()).map_or(1, |steps| steps.width);
        let differs = |steps: &&Steps| !steps.values.is_empty() && steps.width != width;
        if let Some(other) = found.iter().position(|steps| differs(&steps)) {
            let (column, place) = (name.to_owned(), parts[other].frame.place(0));
            return Err(Error::StepWidth { column, found: found[other].width, expected: width, place });
        }
        let mut notes = Vec::new();
        let (mut center, mut scale) = (Vec::new(), Vec::new());
        for place in 0..width {
            let of_training = parts.iter().zip(&found).flat_map(|(part, steps)| {
                let rows = part.train.iter().flat_map(|&row| steps.row(row as usize).chunks(width));
                rows.map(move |step| step[place]).filter(|value| !value.is_nan())
            });
            let mut known: Vec<f64> = of_training.collect();
            let statistics =
                Statistics::of(&mut known).ok_or_else(|| Error::AllMissing { column: name.to_owned() })?;
            let usable = statistics.usable(statistics.deviation);
            let number = place + 1;
            if statistics.is_constant() && self.standardize {
                let value = shown(statistics.minimum);
                notes.push(warning(format!(
                    "input `{name}`: number {number} of each step is {value} on every training row; it is not scaled"
                )));
            }
            let (middle, factor) = match self.standardize {
                true => (statistics.mean, usable.unwrap_or(1.0)),
                false => (0.0, 1.0),
            };
            notes.extend(lost(&known, &statistics, middle, factor).map(|lost| {
                let remedy = lost.remedy(!self.standardize, "leave `standardize` on");
                warning(lost.told(&format!("input `{name}`, number {number} of each step"), remedy))
            }));
            center.push(middle);
            scale.push(factor);
        }
        notes.extend(self.notes(name, parts, &found));
        let length = self.length.get();
        let mut raw = ElementType::Float32;
        for place in 0..width {
            let numbers = found.iter().flat_map(|steps| steps.values.iter().skip(place).step_by(width));
            if raw_type(numbers, center[place], scale[place]) == ElementType::Float64 {
                raw = ElementType::Float64;
            }
        }
        let encoding = Encoding::Series { center, scale, length };
        let (mut samples, mut encoded) = (Vec::new(), Vec::new());
        for (part, steps) in parts.iter().zip(&found) {
            let (fed, array) = kept(name, steps, part.frame, (&encoding, raw))?;
            samples.push(self::fed(&fed.gather(part.sample)));
            encoded.push(array);
        }
        Ok(Feature { raw, samples, encoded, encoding, notes })
    }

    fn notes(&self, name: &str, parts: &[Part<'_>], found: &[Steps]) -> Vec<Note> {
        let length = self.length.get();
        let rows = |wanted: &dyn Fn(&Steps, usize) -> bool| {
            let all = found
                .iter()
                .enumerate()
                .flat_map(|(part, steps)| (0..steps.rows()).map(move |row| (part, row)));
            let mut those = all.filter(|(part, row)| wanted(&found[*part], *row));
            let first = those.next()?;
            Some((parts[first.0].frame.place(first.1), 1 + those.count()))
        };
        let mut notes = Vec::new();
        if let Some((place, count)) = rows(&|steps, row| steps.length(row) == 0) {
            notes.push(warning(format!(
                "input `{name}`: {count} empty series, first {place}; an empty one is read as one step at the mean"
            )));
        }
        if let Some((place, count)) = rows(&|steps, row| steps.row(row).iter().any(|value| value.is_nan())) {
            notes.push(warning(format!(
                "input `{name}`: {count} series with missing numbers, first {place}; the mean stands in"
            )));
        }
        if let Some((place, count)) = rows(&|steps, row| steps.length(row) > length) {
            let longest = found
                .iter()
                .flat_map(|steps| (0..steps.rows()).map(|row| steps.length(row)))
                .max()
                .unwrap_or(0);
            notes.push(warning(format!(
                "input `{name}`: {count} series of more than {length} steps, the longest {longest}, first {place}; \
                 their end is cut off"
            )));
        }
        notes
    }
}

/// Raw rows cut to their limit, the center in place of what is missing; and as the network reads them.
pub(in crate::data) fn kept(
    name: &str,
    steps: &Steps,
    frame: &Frame,
    (encoding, raw): (&Encoding, ElementType),
) -> Result<(Array, Array), Error> {
    let Encoding::Series { center, scale, length } = encoding else {
        return Err(Error::OtherEncoding { column: name.to_owned() });
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
    let fed = Array::ragged(&[width], Values::F64(values), offsets).with_floats(raw);
    let encoded = scaled(&fed, center, scale);
    let beyond = encoded.as_f32().unwrap_or_default().iter().position(|value| value.is_infinite());
    let Some(beyond) = beyond else { return Ok((fed, encoded)) };
    let row = (0..encoded.rows()).find(|row| encoded.row(*row).contains(&(beyond / width))).unwrap_or(0);
    let value = fed.to_f64().map(|values| shown(values[beyond])).unwrap_or_default();
    Err(Error::BeyondFloats { column: name.to_owned(), value, place: frame.place(row), count: 1 })
}

/// Series as a model is fed them: `[rows, time, width]`, filled up behind their ends.
pub(in crate::data) fn fed(raw: &Array) -> Array {
    raw.padded(&Filler::Float(f64::NAN))
}

/// Raw series as the network reads them.
pub(in crate::data) fn scaled(raw: &Array, center: &[f64], scale: &[f64]) -> Array {
    let values = raw.to_f64().unwrap_or_default();
    let places = center.iter().zip(scale).cycle();
    let values = values.iter().zip(places).map(|(value, (center, scale))| ((value - center) / scale) as f32);
    Array { shape: raw.shape.clone(), values: Values::F32(values.collect()), offsets: raw.offsets.clone() }
}
