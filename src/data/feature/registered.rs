//! Input kinds of other crates: a cell becomes numbers outside of the graph, and the model is fed these.

pub(in crate::data) mod error;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;

use crate::data::error::DataError;
use crate::data::feature::registered::error::InputKindOrigin;
use crate::data::feature::registered::error::RegisteredError;
use crate::data::feature::series::fed;
use crate::data::feature::token::offset;
use crate::data::feature::{Feature, FeatureConfig, FeaturePart};
use crate::data::frame::Frame;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::choice_config::Choice;
use crate::domain::registry::Registered;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, InputSignature};

/// How the cells of a column become numbers: another crate implements it for its settings, and registers them
/// by [`FeatureConfig::register`].
///
/// A cell is a text, spelled the same whatever file it stands in (see
/// [`CellKind`](crate::domain::reading::CellKind)); `None` is a missing one. A column of several the `query`
/// of a pipeline makes.
pub trait InputKind: Send + Sync {
    /// What is learned of the training rows. It is kept in the dataset and in the model's card, as JSON:
    /// numbers in it must be finite.
    type Fitted: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What a row gives: a vector, a sequence or an image. Without `fitted` no data has been read: a size
    /// that they alone tell is [`SOME_SIZE`](crate::data::feature::SOME_SIZE).
    fn shape(&self, fitted: Option<&Self::Fitted>) -> Shape;

    /// Learns of the cells of all training rows, or says why nothing can be learned of them.
    fn fit(&self, cells: &[Option<&str>]) -> Result<Self::Fitted, String>;

    /// The numbers of a cell, as many as the shape has, those of a sequence step by step; or why it has none.
    fn encode(&self, fitted: &Self::Fitted, cell: Option<&str>) -> Result<Vec<f32>, String>;
}

/// An [`InputKind`], whatever it learns.
pub trait AnyInputKind: Send + Sync {
    /// The shape before any data has been read.
    fn expected(&self) -> Shape;

    fn learn(&self, cells: &[Option<&str>]) -> Result<Value, String>;

    fn encoder<'a>(&'a self, fitted: &Value) -> Result<Encoder<'a>, String>;
}

/// What a fitted kind makes of a cell.
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
            None => Err(format!("{shape} is no vector, sequence or image of numbers")),
        }
    }
}

/// Fits on training rows, and encodes every row by what will be read of the card again.
pub(in crate::data) fn fit(
    kind: &Registered<dyn AnyInputKind>,
    name: &str,
    parts: &[FeaturePart<'_>],
) -> Result<Feature, DataError> {
    let whose = InputKindOrigin::new(name, kind.name(), kind.origin());
    let texts = parts.iter().map(|part| part.cells.texts()).collect::<Result<Vec<_>, DataError>>()?;
    let mut of_training = Vec::new();
    for (part, texts) in parts.iter().zip(&texts) {
        of_training.extend(part.train.iter().map(|&row| present(&texts[row as usize])));
    }
    let unfitted = |reason| RegisteredError::Unfitted { whose: whose.clone(), reason };
    let fitted = kind.view().learn(&of_training).map_err(unfitted)?;
    let encoder = kind.view().encoder(&fitted).map_err(unfitted)?;
    let (mut encoded, mut samples) = (Vec::new(), Vec::new());
    for (part, texts) in parts.iter().zip(&texts) {
        let array = encode(&encoder, texts, part.frame, &whose)?;
        samples.push(fed(&array.gather(part.sample)));
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

/// New cells as an earlier fit encodes them, and the crate that this program has for it.
pub(in crate::data) fn known<T: AsRef<str> + Sync>(
    input: &InputSignature,
    texts: &[T],
    frame: &Frame,
) -> Result<(Array, &'static str), DataError> {
    let Encoding::Registered { name, origin, settings, fitted, .. } = &input.encoding else {
        return Err(DataError::OtherEncoding { column: input.name.to_string() });
    };
    let whose = InputKindOrigin::new(input.name.as_str(), name, origin);
    let Some((_, own)) = FeatureConfig::registered().into_iter().find(|(known, _)| known == name) else {
        return Err(RegisteredError::Unknown { whose }.into());
    };
    if own.split_whitespace().next() != origin.split_whitespace().next() {
        return Err(RegisteredError::OtherCrate { whose, own }.into());
    }
    let unread = |reason| RegisteredError::Unread { whose: whose.clone(), own, reason };
    let kind = match FeatureConfig::read(name, settings.clone()) {
        Ok(FeatureConfig::Registered(kind)) => kind,
        Ok(_) => return Err(RegisteredError::Unknown { whose }.into()),
        Err(cause) => return Err(unread(cause.to_string()).into()),
    };
    let encoder = kind.view().encoder(fitted).map_err(unread)?;
    if encoder.shape != input.encoding.shape() {
        let reason = format!("it gives {}, and gave {}", encoder.shape, input.encoding.shape());
        return Err(unread(reason).into());
    }
    Ok((encode(&encoder, texts, frame, &whose)?, own))
}

/// A column's cells, encoded: 32-bit floats, a row or a sequence each.
fn encode<T: AsRef<str> + Sync>(
    encoder: &Encoder<'_>,
    texts: &[T],
    frame: &Frame,
    whose: &InputKindOrigin,
) -> Result<Array, DataError> {
    let rows: Vec<Result<Vec<f32>, String>> =
        texts.par_iter().map(|text| numbers(encoder, present(text.as_ref()))).collect();
    let count = rows.iter().filter(|row| row.is_err()).count();
    let (mut values, mut ends) = (Vec::new(), vec![0]);
    let width = size(encoder.shape).unwrap_or(1);
    for (row, numbers) in rows.into_iter().enumerate() {
        let numbers = numbers.map_err(|reason| {
            let location = frame.cell_location(row, &whose.column);
            RegisteredError::Cell { whose: whose.clone(), count, place: location, reason }
        })?;
        values.extend(numbers);
        ends.push(offset(values.len() / width)?);
    }
    let values = ArrayValues::F32(values);
    Ok(match encoder.shape {
        Shape::Sequence { width } => Array::ragged(&[width], values, ends),
        Shape::Image { channels, height, width } => {
            Array::new(&[texts.len(), channels, height, width], values)
        }
        _ => Array::new(&[texts.len(), width], values),
    })
}

/// The numbers of a cell, if the network can read them.
fn numbers(encoder: &Encoder<'_>, cell: Option<&str>) -> Result<Vec<f32>, String> {
    let numbers = (encoder.encode)(cell)?;
    let width = size(encoder.shape).unwrap_or(1);
    let fits = match encoder.shape {
        Shape::Sequence { .. } => !numbers.is_empty() && numbers.len().is_multiple_of(width),
        _ => numbers.len() == width,
    };
    if !fits {
        return Err(format!("it became {} numbers, which are no {}", numbers.len(), encoder.shape));
    }
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(format!("it became {number}, which no network can read")),
        None => Ok(numbers),
    }
}

/// The numbers of a row, or of a step of a sequence.
fn size(shape: Shape) -> Option<usize> {
    let size = match shape {
        Shape::Vector { width } | Shape::Sequence { width } => width,
        Shape::Image { channels, height, width } => channels.checked_mul(height)?.checked_mul(width)?,
        Shape::Tokens { .. } => return None,
    };
    (size > 0).then_some(size)
}

fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
