//! Sample columns: arrays in JSON, with `null` for NaN.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::array::{Array, ArrayValues};

/// A named array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleColumn {
    /// Name of the input or output.
    pub name: String,
    /// Sizes of the dimensions, rows first.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: SampleValues,
}

/// The elements of a column, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleValues {
    /// 32-bit floating point.
    Float32(Vec<SampleCell<f32>>),
    /// 64-bit floating point.
    Float64(Vec<SampleCell<f64>>),
    /// 64-bit signed integers.
    Int64(Vec<i64>),
    /// Unsigned 32-bit integers.
    Uint32(Vec<u32>),
    /// Bytes.
    Uint8(Vec<u8>),
    /// Strings.
    Text(Vec<String>),
}

/// A float in JSON, which has neither NaN (here `null`) nor infinities (here `"inf"`, `"-inf"`).
#[derive(Clone, Copy, Debug)]
pub struct SampleCell<T>(pub T);

/// A float of 32 or 64 bits.
pub trait Float: Copy + PartialEq + Into<f64> {
    /// Converts a NaN or infinity, which have no digits to lose.
    fn special(number: f64) -> Self;
}

impl Float for f32 {
    fn special(number: f64) -> Self {
        number as Self
    }
}

impl Float for f64 {
    fn special(number: f64) -> Self {
        number
    }
}

impl<T: Float> PartialEq for SampleCell<T> {
    /// Unlike floats, NaN equals NaN.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.into().is_nan() && other.0.into().is_nan())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SerializedCell<T> {
    Number(T),
    Text(String),
    Missing,
}

impl<T: Float + Serialize> Serialize for SampleCell<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cell = match self.0.into() {
            number if number.is_nan() => SerializedCell::Missing,
            number if number.is_infinite() => SerializedCell::Text(number.to_string()),
            _ => SerializedCell::Number(self.0),
        };
        cell.serialize(serializer)
    }
}

impl<'de, T: Float + Deserialize<'de>> Deserialize<'de> for SampleCell<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match SerializedCell::deserialize(deserializer)? {
            SerializedCell::Number(number) => Ok(Self(number)),
            SerializedCell::Missing => Ok(Self(T::special(f64::NAN))),
            SerializedCell::Text(text) if text == "inf" => Ok(Self(T::special(f64::INFINITY))),
            SerializedCell::Text(text) if text == "-inf" => Ok(Self(T::special(f64::NEG_INFINITY))),
            SerializedCell::Text(text) => {
                Err(serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"a number"))
            }
        }
    }
}

impl SampleColumn {
    /// A column of an array's elements.
    pub fn new(name: &str, array: &Array) -> Self {
        let values = match &array.values {
            ArrayValues::F32(values) => {
                SampleValues::Float32(values.iter().map(|&value| SampleCell(value)).collect())
            }
            ArrayValues::F64(values) => {
                SampleValues::Float64(values.iter().map(|&value| SampleCell(value)).collect())
            }
            ArrayValues::I64(values) => SampleValues::Int64(values.clone()),
            ArrayValues::U32(values) => SampleValues::Uint32(values.clone()),
            ArrayValues::U8(values) => SampleValues::Uint8(values.clone()),
            ArrayValues::Text(values) => SampleValues::Text(values.clone()),
        };
        Self { name: name.to_owned(), shape: array.shape.clone(), values }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// The array; `None` if the values do not fill the shape.
    pub fn array(&self) -> Option<Array> {
        let values = match &self.values {
            SampleValues::Float32(values) => ArrayValues::F32(values.iter().map(|cell| cell.0).collect()),
            SampleValues::Float64(values) => ArrayValues::F64(values.iter().map(|cell| cell.0).collect()),
            SampleValues::Int64(values) => ArrayValues::I64(values.clone()),
            SampleValues::Uint32(values) => ArrayValues::U32(values.clone()),
            SampleValues::Uint8(values) => ArrayValues::U8(values.clone()),
            SampleValues::Text(values) => ArrayValues::Text(values.clone()),
        };
        let length = self.shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))?;
        // A shape with a 0 needs no values, but its product must not overflow.
        self.shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim.max(1)))?;
        let filled = !self.shape.is_empty() && length == values.len();
        filled.then(|| Array::new(&self.shape, values))
    }
}
