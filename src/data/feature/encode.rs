//! Encoding of raw values, with the same computation and rounding as the exported graph.

use polars::prelude::PlHashMap;

use crate::data::feature::series::scaled;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::piecewise::{PiecewiseFeatures, interpolated, position};
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, Keys};

/// Encodes raw values `[rows, 1]`, or padded sequences as a model input has them. `None` when the values do
/// not have the raw type of the encoding.
pub fn encode(encoding: &Encoding, raw: &Array) -> Option<Array> {
    match (encoding, &raw.values) {
        (Encoding::Scale { .. } | Encoding::Piecewise { .. }, ArrayValues::F32(values)) => {
            numbers(values, encoding)
        }
        (Encoding::Scale { .. } | Encoding::Piecewise { .. }, ArrayValues::F64(values)) => {
            numbers(values, encoding)
        }
        (Encoding::Code { keys, .. }, values) => Some(Array::codes(codes(keys, values)?)),
        (Encoding::OneHot { keys }, values) => Some(one_hot(&codes(keys, values)?, keys.len())),
        (Encoding::Tokens { tokenizer, plane, .. }, ArrayValues::I64(values)) => {
            let (pad, step): (_, &[usize]) = (i64::from(tokenizer.pad), plane.as_ref().map_or(&[], |_| &[2]));
            let width = step.iter().product();
            let (values, offsets) = unpadded(values, raw.rows(), width, |step| step[0] != pad);
            Some(Array::ragged(step, ArrayValues::U32(values.iter().map(|id| *id as u32).collect()), offsets))
        }
        (Encoding::Series { center, scale, .. }, ArrayValues::F32(values)) => {
            let width = center.len();
            let (values, offsets) = unpadded(values, raw.rows(), width, |step| !step[0].is_nan());
            Some(scaled(&Array::ragged(&[width], ArrayValues::F32(values), offsets), center, scale))
        }
        (Encoding::Series { center, scale, .. }, ArrayValues::F64(values)) => {
            let width = center.len();
            let (values, offsets) = unpadded(values, raw.rows(), width, |step| !step[0].is_nan());
            Some(scaled(&Array::ragged(&[width], ArrayValues::F64(values), offsets), center, scale))
        }
        (Encoding::Image { channels, height, width, .. }, ArrayValues::U8(_)) => {
            (raw.shape[1..] == [*channels, *height, *width]).then(|| raw.clone())
        }
        (Encoding::Registered { shape: Shape::Sequence { width }, .. }, ArrayValues::F32(values)) => {
            let (values, offsets) = unpadded(values, raw.rows(), *width, |step| !step[0].is_nan());
            Some(Array::ragged(&[*width], ArrayValues::F32(values), offsets))
        }
        (Encoding::Registered { .. }, ArrayValues::F32(_)) => Some(raw.clone()),
        _ => None,
    }
}

/// The real steps of padded rows, and the offsets of the rows.
fn unpadded<T: Copy>(
    values: &[T],
    rows: usize,
    width: usize,
    is_real: impl Fn(&[T]) -> bool,
) -> (Vec<T>, Vec<u32>) {
    let (mut kept, mut offsets) = (Vec::with_capacity(values.len()), vec![0]);
    for row in values.chunks((values.len() / rows.max(1)).max(1)) {
        row.chunks(width).filter(|step| is_real(step)).for_each(|step| kept.extend_from_slice(step));
        offsets.push((kept.len() / width) as u32);
    }
    (kept, offsets)
}

/// Encoded numbers `[rows, 1]`, or `[rows, 2]` with the indicator of missing values.
fn numbers<T: Copy + Into<f64>>(values: &[T], encoding: &Encoding) -> Option<Array> {
    match encoding {
        Encoding::Scale { center, scale, fill, indicator } => {
            Some(filled(values, *fill, *indicator, |x| (x - center) / scale))
        }
        Encoding::Piecewise { edges, features, fill, indicator } => Some(match features {
            PiecewiseFeatures::Bins => filled(values, *fill, *indicator, |x| position(x, edges)),
            PiecewiseFeatures::Values(at) => {
                filled(values, *fill, *indicator, |x| interpolated(position(x, edges), at))
            }
        }),
        _ => None,
    }
}

fn filled<T: Copy + Into<f64>>(
    values: &[T],
    fill: f64,
    indicator: bool,
    function: impl Fn(f64) -> f64,
) -> Array {
    let rows = values.len();
    let encoded = |value: f64| function(if value.is_nan() { fill } else { value }) as f32;
    let values = values.iter().map(|value| -> f64 { (*value).into() });
    if !indicator {
        return Array::f32(&[rows, 1], values.map(encoded).collect());
    }
    let both = values.flat_map(|value| [encoded(value), f32::from(u8::from(value.is_nan()))]);
    Array::f32(&[rows, 2], both.collect())
}

/// One-hot vectors `[rows, keys]` of codes. Code 0, an unseen value, gives a row of zeros.
pub(in crate::data) fn one_hot(codes: &[u32], keys: usize) -> Array {
    let mut values = vec![0.0; codes.len() * keys];
    for (row, &code) in codes.iter().enumerate() {
        if code > 0 {
            values[row * keys + code as usize - 1] = 1.0;
        }
    }
    Array::f32(&[codes.len(), keys], values)
}

/// The one-based index of each value among the keys, 0 for unseen values.
fn codes(keys: &Keys, values: &ArrayValues) -> Option<Vec<u32>> {
    match (keys, values) {
        (Keys::Text(keys), ArrayValues::Text(values)) => {
            let known: PlHashMap<&str, u32> =
                keys.iter().enumerate().map(|(position, key)| (key.as_str(), position as u32 + 1)).collect();
            Some(values.iter().map(|value| known.get(value.as_str()).copied().unwrap_or(0)).collect())
        }
        (Keys::Int(keys), ArrayValues::I64(values)) => {
            let known: PlHashMap<i64, u32> =
                keys.iter().enumerate().map(|(position, key)| (*key, position as u32 + 1)).collect();
            Some(values.iter().map(|value| known.get(value).copied().unwrap_or(0)).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::data::feature::encode;
    use crate::domain::array::{Array, ArrayValues};
    use crate::domain::signature::{Encoding, Keys};

    #[test]
    fn a_missing_number_is_filled_and_marked() {
        let encoding = Encoding::Scale { center: 1.0, scale: 2.0, fill: 5.0, indicator: true };
        let raw = Array::f32(&[2, 1], vec![4.0, f32::NAN]);
        assert_eq!(encode(&encoding, &raw), Some(Array::f32(&[2, 2], vec![1.5, 0.0, 2.0, 1.0])));
    }

    /// `((np.array([1700000000123.0, 1700000000001.0]) - 1.7e12) / 50).astype("f4")`
    #[test]
    fn numbers_are_centered_before_they_are_rounded() {
        let encoding = Encoding::Scale { center: 1.7e12, scale: 50.0, fill: 0.0, indicator: false };
        let raw = Array::new(&[2, 1], ArrayValues::F64(vec![1_700_000_000_123.0, 1_700_000_000_001.0]));
        assert_eq!(encode(&encoding, &raw), Some(Array::f32(&[2, 1], vec![2.46, 0.02])));
    }

    #[test]
    fn an_unseen_value_is_code_0_and_a_row_of_zeros() {
        let keys = Keys::Text(vec!["".to_owned(), "a".to_owned()]);
        let raw = Array::new(&[3, 1], ArrayValues::Text(vec!["a".into(), "z".into(), "".into()]));
        let code = Encoding::Code { keys: keys.clone(), width: 2 };
        assert_eq!(encode(&code, &raw), Some(Array::codes(vec![2, 0, 1])));
        let hot = encode(&Encoding::OneHot { keys }, &raw);
        assert_eq!(hot, Some(Array::f32(&[3, 2], vec![0., 1., 0., 0., 1., 0.])));
    }

    #[test]
    fn values_of_another_type_are_refused() {
        let code = Encoding::Code { keys: Keys::Int(vec![1]), width: 2 };
        assert_eq!(encode(&code, &Array::f32(&[1, 1], vec![1.0])), None);
    }
}
