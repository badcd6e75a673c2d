//! A series of numbers per row, or of several numbers per step: (x - mean) / deviation of the training
//! rows in each of them.
//!
//! A missing number inside a series stands at the mean; an empty series is one step at the mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::token::offset;
use crate::data::feature::{Feature, Part, Statistics};
use crate::data::fit::{Note, warning};
use crate::data::list::Steps;
use crate::domain::array::{Array, ElementType, Filler, Values};
use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::signature::Encoding;

/// A series of numbers per row: a list of numbers, a list of lists of numbers, or a text of numbers.
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
            let statistics = Statistics::of(of_training.collect())
                .ok_or_else(|| Error::AllMissing { column: name.to_owned() })?;
            let usable = statistics.usable(statistics.deviation);
            if usable.is_none() && self.standardize {
                let value = statistics.minimum;
                notes.push(warning(format!(
                    "input `{name}`: number {} of each step is {value} on every training row; it is not scaled",
                    place + 1
                )));
            }
            center.push(if self.standardize { statistics.mean as f32 } else { 0.0 });
            scale.push(if self.standardize { usable.unwrap_or(1.0) } else { 1.0 });
        }
        notes.extend(self.notes(name, parts, &found));
        let length = self.length.get();
        let encoding = Encoding::Series { center: center.clone(), scale: scale.clone(), length };
        let raw = found.iter().map(|steps| kept(steps, &center, length));
        let raw = raw.collect::<Result<Vec<Array>, Error>>()?;
        let sample = |(part, raw): (&Part<'_>, &Array)| fed(&raw.gather(part.sample));
        Ok(Feature {
            raw: ElementType::Float32,
            samples: parts.iter().zip(&raw).map(sample).collect(),
            encoded: raw.iter().map(|raw| scaled(raw, &center, &scale)).collect(),
            encoding,
            notes,
        })
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

/// Raw rows cut to their limit, the center in place of what is missing.
pub(in crate::data) fn kept(steps: &Steps, center: &[f32], length: usize) -> Result<Array, Error> {
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
    Ok(Array::ragged(&[width], Values::F32(values), offsets))
}

/// Series as a model is fed them: `[rows, time, width]`, filled up behind their ends.
pub(in crate::data) fn fed(raw: &Array) -> Array {
    raw.padded(&Filler::F32(f32::NAN))
}

/// Raw series as the network reads them.
pub(in crate::data) fn scaled(raw: &Array, center: &[f32], scale: &[f32]) -> Array {
    let values = raw.as_f32().unwrap_or_default().iter();
    let places = center.iter().zip(scale).cycle();
    let values = values.zip(places).map(|(value, (center, scale))| (value - center) / scale).collect();
    Array { shape: raw.shape.clone(), values: Values::F32(values), offsets: raw.offsets.clone() }
}
