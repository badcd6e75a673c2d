//! Conversion of an input's encoded array to a tensor.

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ArrayValues, PaddingValue};
use crate::domain::piecewise::{PiecewiseFeatures, shares};
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, TokenPlane};
use crate::model::activations::{Activations, SequenceMask, WordSteps};
use crate::model::error::ModelResult;

/// Converts an encoded array to the network's input. The inner error says why the array does not fit the
/// encoding, a phrase whose subject is the input.
pub fn feed(
    encoding: &Encoding,
    array: &Array,
    device: &Device,
) -> ModelResult<ModelResult<Activations, String>> {
    let rows = array.rows();
    let tensor = match (encoding, &array.values) {
        (Encoding::Scale { .. } | Encoding::OneHot { .. }, ArrayValues::F32(values))
            if array.width() == encoding.shape().width() =>
        {
            Tensor::from_slice(values, (rows, array.width()), device)?
        }
        (Encoding::Piecewise { .. }, ArrayValues::F32(values))
            if array.width() == encoding.stored_width() =>
        {
            let (stored, width) = (encoding.stored_width(), encoding.shape().width());
            let mut features = vec![0.0; rows * width];
            let each = values.chunks_exact(stored).zip(features.chunks_exact_mut(width));
            each.for_each(|(stored, features)| features_of(encoding, stored, features));
            Tensor::from_vec(features, (rows, width), device)?
        }
        (Encoding::Code { keys, .. }, ArrayValues::U32(codes)) if array.width() == 1 => {
            if let Some(code) = codes.iter().find(|code| **code as usize > keys.len()) {
                return Ok(Err(format!("has code {code}; its table has {} rows", keys.len() + 1)));
            }
            Tensor::from_slice(codes, rows, device)?
        }
        (Encoding::Tokens { tokenizer, plane, .. }, ArrayValues::U32(tokens))
            if array.offsets.is_some() && array.width() == plane.as_ref().map_or(1, |_| 2) =>
        {
            let mut ids = tokens.iter().step_by(array.width());
            if let Some(token) = ids.find(|token| **token as usize >= tokenizer.size) {
                return Ok(Err(format!("has token {token}; its vocabulary has {} tokens", tokenizer.size)));
            }
            return match plane {
                None => token_sequence(array, tokenizer.pad, device).map(Ok),
                Some(plane) => with_plane(array, tokens, tokenizer.pad, plane, device).map(Ok),
            };
        }
        (Encoding::Series { center, .. }, ArrayValues::F32(_))
            if array.offsets.is_some() && array.width() == center.len() =>
        {
            return sequence(array, PaddingValue::Float(0.0), device).map(Ok);
        }
        (Encoding::Registered { shape: Shape::Sequence { width }, .. }, ArrayValues::F32(_))
            if array.offsets.is_some() && array.width() == *width =>
        {
            return sequence(array, PaddingValue::Float(0.0), device).map(Ok);
        }
        (Encoding::Registered { shape: Shape::Vector { width }, .. }, ArrayValues::F32(values))
            if array.offsets.is_none() && array.shape[1..] == [*width] =>
        {
            Tensor::from_slice(values, (rows, *width), device)?
        }
        (
            Encoding::Registered { shape: Shape::Image { channels, height, width }, .. },
            ArrayValues::F32(values),
        ) if array.shape[1..] == [*channels, *height, *width] => {
            Tensor::from_slice(values, (rows, *channels, *height, *width), device)?
        }
        (Encoding::Image { channels, height, width, mean, deviation, .. }, ArrayValues::U8(pixels))
            if array.shape[1..] == [*channels, *height, *width] =>
        {
            let area = height * width;
            let table: Vec<[f32; 256]> =
                mean.iter().zip(deviation).map(|(m, d)| normalized(*m, *d)).collect();
            let channel = |index: usize| &table[index % channels];
            let planes = pixels.chunks_exact(area.max(1)).enumerate();
            let values: Vec<f32> = planes
                .flat_map(|(plane, pixels)| {
                    let normalized = channel(plane);
                    pixels.iter().map(move |pixel| normalized[usize::from(*pixel)])
                })
                .collect();
            Tensor::from_vec(values, (rows, *channels, *height, *width), device)?
        }
        _ => {
            let shape = encoding.shape();
            return Ok(Err(format!("is {:?} {:?}; expected {shape}", array.element_type(), array.shape)));
        }
    };
    Ok(Ok(Activations::plain(tensor)))
}

/// The features that the network reads of a number as a table keeps it: the share of each bin, or the same.
pub fn features_of(encoding: &Encoding, stored: &[f32], features: &mut [f32]) {
    let Encoding::Piecewise { edges, features: PiecewiseFeatures::Bins, .. } = encoding else {
        return features.copy_from_slice(stored);
    };
    let (bins, missing) = features.split_at_mut(edges.len() - 1);
    shares(stored[0], bins);
    missing.copy_from_slice(&stored[1..]);
}

/// Normalized value of each byte of a channel.
fn normalized(mean: f32, deviation: f32) -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation)
}

/// Token ids `[batch, time]`, which their mask holds too.
fn token_sequence(array: &Array, pad: u32, device: &Device) -> ModelResult<Activations> {
    let mut tokens = sequence(array, PaddingValue::Code(pad), device)?;
    if let Some(mask) = &mut tokens.mask {
        mask.tokens = Some(tokens.x.clone());
    }
    Ok(tokens)
}

/// Token ids `[batch, time]` with what their second numbers say in the mask.
fn with_plane(
    array: &Array,
    values: &[u32],
    pad: u32,
    plane: &TokenPlane,
    device: &Device,
) -> ModelResult<Activations> {
    let number = |index: usize| {
        let numbers = values.iter().skip(index).step_by(2).copied().collect();
        Array::ragged(&[], ArrayValues::U32(numbers), array.offsets.clone().unwrap_or_default())
    };
    let mut tokens = token_sequence(&number(0), pad, device)?;
    if let Some(mask) = &mut tokens.mask {
        match plane {
            TokenPlane::Words { .. } => mask.words = Some(words(array, values, device)?),
            TokenPlane::Segments { .. } => {
                mask.segments = Some(sequence(&number(1), PaddingValue::Code(0), device)?.x);
            }
        }
    }
    Ok(tokens)
}

/// The words of rows of pieces `[steps, 2]`, whose second number is 1 where a word begins.
fn words(array: &Array, values: &[u32], device: &Device) -> ModelResult<WordSteps> {
    let first = |row: usize| {
        let steps = array.row(row);
        let starts = values[2 * steps.start..2 * steps.end].iter().skip(1).step_by(2);
        (0_u32..).zip(starts).filter(|(_, start)| **start == 1).map(|(step, _)| step).collect::<Vec<u32>>()
    };
    let rows: Vec<Vec<u32>> = (0..array.rows()).map(first).collect();
    let lengths: Vec<u32> = rows.iter().map(|row| row.len() as u32).collect();
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let padded =
        rows.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0, longest - row.len())));
    let first = Tensor::from_iter(padded, device)?.reshape((rows.len(), longest))?;
    let mask = SequenceMask::from_lengths(lengths, longest, device)?;
    Ok(WordSteps { first, steps: mask.steps, lengths: mask.lengths })
}

/// Pads rows of different lengths to `[batch, time, ...]`.
fn sequence(array: &Array, padding: PaddingValue, device: &Device) -> ModelResult<Activations> {
    let lengths: Vec<u32> = (0..array.rows()).map(|row| array.length(row) as u32).collect();
    let padded = array.padded(&padding);
    let x = match &padded.values {
        ArrayValues::F32(values) => Tensor::from_slice(values, padded.shape.as_slice(), device)?,
        ArrayValues::U32(values) => Tensor::from_slice(values, padded.shape.as_slice(), device)?,
        _ => {
            let found = padded.element_type();
            return Err(candle_core::Error::msg(format!("sequences of {found:?} are not supported")).into());
        }
    };
    let mask = SequenceMask::from_lengths(lengths, padded.shape[1], device)?;
    Ok(Activations { x, mask: Some(mask) })
}
