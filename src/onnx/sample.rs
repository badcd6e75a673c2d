//! Arrays as JSON keeps them: columns of a sample, with `null` for NaN.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::array::{Array, Values};

/// A named array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Cells,
}

/// The elements of a column, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cells {
    Float32(Vec<Cell<f32>>),
    Float64(Vec<Cell<f64>>),
    Int64(Vec<i64>),
    Uint32(Vec<u32>),
    Uint8(Vec<u8>),
    Text(Vec<String>),
}

/// A float: JSON has neither NaN (`null`) nor infinities (`"inf"`, `"-inf"`).
#[derive(Clone, Copy, Debug)]
pub struct Cell<T>(pub T);

/// A float of either size.
pub trait Float: Copy + PartialEq + Into<f64> {
    /// One that has no digits to lose: NaN, an infinity.
    fn plain(number: f64) -> Self;
}

impl Float for f32 {
    fn plain(number: f64) -> Self {
        number as Self
    }
}

impl Float for f64 {
    fn plain(number: f64) -> Self {
        number
    }
}

impl<T: Float> PartialEq for Cell<T> {
    /// Unlike floats, a missing number equals a missing number.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.into().is_nan() && other.0.into().is_nan())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<T> {
    Number(T),
    Word(String),
    Missing,
}

impl<T: Float + Serialize> Serialize for Cell<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.0.into() {
            number if number.is_nan() => Form::Missing,
            number if number.is_infinite() => Form::Word(number.to_string()),
            _ => Form::Number(self.0),
        };
        form.serialize(serializer)
    }
}

impl<'de, T: Float + Deserialize<'de>> Deserialize<'de> for Cell<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Missing => Ok(Self(T::plain(f64::NAN))),
            Form::Word(word) if word == "inf" => Ok(Self(T::plain(f64::INFINITY))),
            Form::Word(word) if word == "-inf" => Ok(Self(T::plain(f64::NEG_INFINITY))),
            Form::Word(word) => {
                Err(serde::de::Error::invalid_value(serde::de::Unexpected::Str(&word), &"a number"))
            }
        }
    }
}

impl Column {
    pub fn new(name: &str, array: &Array) -> Self {
        let values = match &array.values {
            Values::F32(values) => Cells::Float32(values.iter().map(|&value| Cell(value)).collect()),
            Values::F64(values) => Cells::Float64(values.iter().map(|&value| Cell(value)).collect()),
            Values::I64(values) => Cells::Int64(values.clone()),
            Values::U32(values) => Cells::Uint32(values.clone()),
            Values::U8(values) => Cells::Uint8(values.clone()),
            Values::Text(values) => Cells::Text(values.clone()),
        };
        Self { name: name.to_owned(), shape: array.shape.clone(), values }
    }

    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// The array; `None` when the values do not fill the shape.
    pub fn array(&self) -> Option<Array> {
        let values = match &self.values {
            Cells::Float32(values) => Values::F32(values.iter().map(|cell| cell.0).collect()),
            Cells::Float64(values) => Values::F64(values.iter().map(|cell| cell.0).collect()),
            Cells::Int64(values) => Values::I64(values.clone()),
            Cells::Uint32(values) => Values::U32(values.clone()),
            Cells::Uint8(values) => Values::U8(values.clone()),
            Cells::Text(values) => Values::Text(values.clone()),
        };
        let length = self.shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))?;
        // Behind a 0 nothing need fit, but must be small enough to be counted.
        self.shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim.max(1)))?;
        let filled = !self.shape.is_empty() && length == values.len();
        filled.then(|| Array::new(&self.shape, values))
    }
}
