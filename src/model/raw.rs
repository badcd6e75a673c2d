//! One input: encoded arrays as signals.

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ArrayValues, PaddingValue};
use crate::domain::shape::Shape;
use crate::domain::signature::Encoding;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;

/// An encoded array as the network takes it; inside, what is wrong with it for this encoding.
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
        (Encoding::Code { keys, .. }, ArrayValues::U32(codes)) if array.width() == 1 => {
            if let Some(code) = codes.iter().find(|code| **code as usize > keys.len()) {
                return Ok(Err(format!("has code {code}, its table {} rows", keys.len() + 1)));
            }
            Tensor::from_slice(codes, rows, device)?
        }
        (Encoding::Tokens { tokenizer, .. }, ArrayValues::U32(tokens)) if array.offsets.is_some() => {
            if let Some(token) = tokens.iter().find(|token| **token as usize >= tokenizer.size) {
                return Ok(Err(format!("has token {token} of a vocabulary of {}", tokenizer.size)));
            }
            let mut read = sequence(array, PaddingValue::Code(tokenizer.pad), device)?;
            if let Some(mask) = &mut read.mask {
                mask.tokens = Some(read.x.clone());
            }
            return Ok(Ok(read));
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
                    let of = channel(plane);
                    pixels.iter().map(move |pixel| of[usize::from(*pixel)])
                })
                .collect();
            Tensor::from_vec(values, (rows, *channels, *height, *width), device)?
        }
        _ => {
            let shape = encoding.shape();
            return Ok(Err(format!("is {:?} {:?}, not {shape}", array.element_type(), array.shape)));
        }
    };
    Ok(Ok(Activations::plain(tensor)))
}

/// What each byte of a channel stands for.
fn normalized(mean: f32, deviation: f32) -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation)
}

/// Rows of different lengths, filled up behind their ends.
fn sequence(array: &Array, filler: PaddingValue, device: &Device) -> ModelResult<Activations> {
    let lengths: Vec<u32> = (0..array.rows()).map(|row| array.length(row) as u32).collect();
    let padded = array.padded(&filler);
    let x = match &padded.values {
        ArrayValues::F32(values) => Tensor::from_slice(values, padded.shape.as_slice(), device)?,
        ArrayValues::U32(values) => Tensor::from_slice(values, padded.shape.as_slice(), device)?,
        other => return Err(candle_core::Error::msg(format!("no sequence of {} values", other.len())).into()),
    };
    let mask = SequenceMask::from_lengths(lengths, padded.shape[1], device)?;
    Ok(Activations { x, mask: Some(mask) })
}
