//! Input kinds of other crates: they encode cells as numbers outside the graph; the numbers are the model
//! input.

pub(in crate::data) mod error;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;

use crate::data::error::DataError;
use crate::data::feature::registered::error::{InputKindOrigin, RegisteredError};
use crate::data::feature::series::pad_series;
use crate::data::feature::token::offset;
use crate::data::feature::{Feature, FeatureConfig, FeaturePart};
use crate::data::frame::Frame;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::choice_config::Choice;
use crate::domain::registry::Registered;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature};

/// An input kind that encodes the cells of a column as numbers. Another crate implements it for its
/// settings and registers them with [`FeatureConfig::register`].
///
/// A cell is a text whose spelling does not depend on the file format (see
/// [`CellKind`](crate::domain::table_schema::CellKind)); `None` is a missing cell. To use several columns,
/// combine them in the `query` of the pipeline.
pub trait InputKind: Send + Sync {
    /// The state fitted on training rows. It is stored as JSON in the dataset and in the model card, so
    /// that its numbers must be finite.
    type Fitted: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The shape of a row: a vector, a sequence or an image. `fitted` is `None` before data is read; sizes
    /// that depend on the data are then [`SOME_SIZE`](crate::data::feature::SOME_SIZE).
    fn shape(&self, fitted: Option<&Self::Fitted>) -> Shape;

    /// Fits on the cells of all training rows.
    ///
    /// # Errors
    /// Why the cells cannot be fitted.
    fn fit(&self, cells: &[Option<&str>]) -> Result<Self::Fitted, String>;

    /// The numbers of a cell: as many as the shape has, or those of a sequence step by step.
    ///
    /// # Errors
    /// Why the cell cannot be encoded.
    fn encode(&self, fitted: &Self::Fitted, cell: Option<&str>) -> Result<Vec<f32>, String>;
}

/// An [`InputKind`] with its fitted state as JSON.
pub trait AnyInputKind: Send + Sync {
    /// The shape before data is read.
    fn expected(&self) -> Shape;

    /// Fits on the cells of all training rows.
    fn learn(&self, cells: &[Option<&str>]) -> Result<Value, String>;

    /// An encoder with this fitted state.
    fn encoder<'a>(&'a self, fitted: &Value) -> Result<Encoder<'a>, String>;
}

/// Encodes cells with a fitted [`InputKind`].
pub struct Encoder<'a> {
    shape: Shape,
    encode: Box<EncoderFn<'a>>,
}

type EncoderFn<'a> = dyn Fn(Option<&str>) -> Result<Vec<f32>, String> + Send + Sync + 'a;

impl<K: InputKind> AnyInputKind for K {
    fn expected(&self) -> Shape {
        self.shape(None)
    }

    fn learn(&self, cells: &[Option<&str>]) -> Result<Value, String> {
        serde_json::to_value(self.fit(cells)?).map_err(|cause| cause.to_string())
    }

    fn encoder<'a>(&'a self, fitted: &Value) -> Result<Encoder<'a>, String> {
        let fitted = K::Fitted::deserialize(fitted).map_err(|cause| cause.to_string())?;
        let shape = self.shape(Some(&fitted));
        match size(shape) {
            Some(_) => Ok(Encoder { shape, encode: Box::new(move |cell| self.encode(&fitted, cell)) }),
            None => Err(format!("its shape {shape} is not a vector, a sequence or an image of numbers")),
        }
    }
}

/// Fits on training rows, and encodes every row with the fitted state as the card stores it.
pub(in crate::data) fn fit(
    kind: &Registered<dyn AnyInputKind>,
    name: &str,
    parts: &[FeaturePart<'_>],
) -> Result<Feature, DataError> {
    let whose = InputKindOrigin::new(name, kind.name(), kind.origin());
    let texts = parts.iter().map(|part| part.cells.texts()).collect::<Result<Vec<_>, DataError>>()?;
    let mut training_cells = Vec::new();
    for (part, texts) in parts.iter().zip(&texts) {
        training_cells.extend(part.train.iter().map(|&row| present(&texts[row as usize])));
    }
    let unfitted = |reason| RegisteredError::Unfitted { whose: whose.clone(), reason };
    let fitted = kind.view().learn(&training_cells).map_err(unfitted)?;
    let encoder = kind.view().encoder(&fitted).map_err(unfitted)?;
    let (mut encoded, mut samples) = (Vec::new(), Vec::new());
    for (part, texts) in parts.iter().zip(&texts) {
        let array = encode(&encoder, texts, part.frame, &whose)?;
        samples.push(pad_series(&array.gather(part.sample)));
        encoded.push(array);
    }
    let encoding = Encoding::Registered {
        name: kind.name().to_owned(),
        origin: kind.origin().to_owned(),
        settings: kind.config().clone(),
        shape: encoder.shape,
        fitted,
    };
    Ok(Feature { raw: ElementType::Float32, encoding, encoded, samples, notes: vec![] })
}

/// Encodes new cells with the fitted state of a model. Also returns the crate that registers the kind in this
/// program.
pub(in crate::data) fn encode_known<T: AsRef<str> + Sync>(
    input: &InputSignature,
    texts: &[T],
    frame: &Frame,
) -> Result<(Array, &'static str), DataError> {
    let Encoding::Registered { name, origin, settings, fitted, .. } = &input.encoding else {
        return Err(DataError::OtherEncoding { column: input.name.to_string() });
    };
    let whose = InputKindOrigin::new(input.name.as_str(), name, origin);
    let registered = FeatureConfig::registered().into_iter().find(|(registered, _)| registered == name);
    let Some((_, registered_by)) = registered else {
        return Err(RegisteredError::Unknown { whose }.into());
    };
    if registered_by.split_whitespace().next() != origin.split_whitespace().next() {
        return Err(RegisteredError::OtherCrate { whose, registered_by }.into());
    }
    let unread = |reason| RegisteredError::Unread { whose: whose.clone(), registered_by, reason };
    let kind = match FeatureConfig::read(name, settings.clone()) {
        Ok(FeatureConfig::Registered(kind)) => kind,
        Ok(_) => return Err(RegisteredError::Unknown { whose }.into()),
        Err(cause) => return Err(unread(cause.to_string()).into()),
    };
    let encoder = kind.view().encoder(fitted).map_err(unread)?;
    if encoder.shape != input.encoding.shape() {
        let reason = format!("its shape is now {}; it was {}", encoder.shape, input.encoding.shape());
        return Err(unread(reason).into());
    }
    Ok((encode(&encoder, texts, frame, &whose)?, registered_by))
}

/// The encoded cells of a column as 32-bit floats, each a fixed shape or a sequence.
fn encode<T: AsRef<str> + Sync>(
    encoder: &Encoder<'_>,
    texts: &[T],
    frame: &Frame,
    whose: &InputKindOrigin,
) -> Result<Array, DataError> {
    let rows: Vec<Result<Vec<f32>, String>> =
        texts.par_iter().map(|text| numbers(encoder, present(text.as_ref()))).collect();
    let count = rows.iter().filter(|row| row.is_err()).count();
    let (mut values, mut offsets) = (Vec::new(), vec![0]);
    let width = size(encoder.shape).unwrap_or(1);
    for (row, numbers) in rows.into_iter().enumerate() {
        let numbers = numbers.map_err(|reason| {
            let place = frame.cell_location(row, &whose.column);
            RegisteredError::Cell { whose: whose.clone(), count, place, reason }
        })?;
        values.extend(numbers);
        offsets.push(offset(values.len() / width)?);
    }
    let values = ArrayValues::F32(values);
    Ok(match encoder.shape {
        Shape::Sequence { width } => Array::ragged(&[width], values, offsets),
        Shape::Image { channels, height, width } => {
            Array::new(&[texts.len(), channels, height, width], values)
        }
        _ => Array::new(&[texts.len(), width], values),
    })
}

/// The numbers of a cell, which must be finite and fit the shape.
fn numbers(encoder: &Encoder<'_>, cell: Option<&str>) -> Result<Vec<f32>, String> {
    let numbers = (encoder.encode)(cell)?;
    let width = size(encoder.shape).unwrap_or(1);
    let fits = match encoder.shape {
        Shape::Sequence { .. } => !numbers.is_empty() && numbers.len().is_multiple_of(width),
        _ => numbers.len() == width,
    };
    if !fits {
        return Err(format!("it was encoded as {} numbers; expected {}", numbers.len(), encoder.shape));
    }
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(format!("it was encoded as {number}; numbers must be finite")),
        None => Ok(numbers),
    }
}

/// The number of values of a row, or of a step of a sequence; `None` for tokens and empty shapes.
fn size(shape: Shape) -> Option<usize> {
    let size = match shape {
        Shape::Vector { width } | Shape::Sequence { width } => width,
        Shape::Image { channels, height, width } => channels.checked_mul(height)?.checked_mul(width)?,
        Shape::Tokens { .. } => return None,
    };
    (size > 0).then_some(size)
}

/// The cell of a text: empty texts are missing.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
