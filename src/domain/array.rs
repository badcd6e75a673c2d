//! Arrays on the host: exchanged between modules that must not depend on tensors.

use std::borrow::Cow;

/// The element type of an [`Array`], and of a model's raw input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// 32-bit floating point.
    Float32,
    /// For numbers that lose significant digits in 32 bits.
    Float64,
    /// 64-bit signed integers.
    Int64,
    /// Category codes, indices.
    Uint32,
    /// Pixels.
    Uint8,
    /// Strings.
    Text,
}

/// The elements of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// 64-bit floating point.
    F64(Vec<f64>),
    /// 64-bit signed integers.
    I64(Vec<i64>),
    /// Unsigned 32-bit integers: codes and token numbers.
    U32(Vec<u32>),
    /// Bytes: image channels.
    U8(Vec<u8>),
    /// Strings.
    Text(Vec<String>),
}

/// A row-major array; `shape[0]` is the number of rows.
///
/// With `offsets` the rows are sequences of different lengths: row `r` consists of the steps
/// `offsets[r]..offsets[r + 1]`, each with `shape[1..]` elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: ArrayValues,
    /// `rows + 1` ascending step offsets, starting at 0.
    pub offsets: Option<Vec<u32>>,
}

impl Array {
    /// Creates an array of 32-bit floats.
    ///
    /// # Panics
    ///
    /// If `values` does not fill `shape`.
    pub fn f32(shape: &[usize], values: Vec<f32>) -> Self {
        Self::new(shape, ArrayValues::F32(values))
    }

    /// Creates an array of codes `[rows]`.
    pub fn codes(values: Vec<u32>) -> Self {
        Self::new(&[values.len()], ArrayValues::U32(values))
    }

    /// Creates an array.
    ///
    /// # Panics
    ///
    /// If `values` does not fill `shape`.
    pub fn new(shape: &[usize], values: ArrayValues) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values fill the shape {shape:?}");
        Self { shape: shape.to_vec(), values, offsets: None }
    }

    /// Creates an array of rows with different lengths; each step has the shape `step`.
    ///
    /// # Panics
    ///
    /// If `values` does not fill the steps.
    pub fn ragged(step: &[usize], values: ArrayValues, offsets: Vec<u32>) -> Self {
        let steps = offsets.last().copied().unwrap_or(0) as usize;
        assert_eq!(steps * step.iter().product::<usize>(), values.len(), "values fill {steps} steps");
        let rows = offsets.len().saturating_sub(1);
        let shape = std::iter::once(rows).chain(step.iter().copied()).collect();
        Self { shape, values, offsets: Some(offsets) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Elements per row, or per step of a sequence.
    pub fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Range of the steps of a row; without offsets, the row itself.
    pub fn row(&self, row: usize) -> std::ops::Range<usize> {
        match &self.offsets {
            Some(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            None => row..row + 1,
        }
    }

    /// Number of steps of a row.
    pub fn length(&self, row: usize) -> usize {
        self.row(row).len()
    }

    /// Total number of steps of all rows.
    pub fn steps(&self) -> usize {
        self.offsets.as_ref().map_or(self.rows(), |offsets| offsets.last().copied().unwrap_or(0) as usize)
    }

    /// The type of the elements in a model's input or output.
    pub fn element_type(&self) -> ElementType {
        match self.values {
            ArrayValues::F32(_) => ElementType::Float32,
            ArrayValues::F64(_) => ElementType::Float64,
            ArrayValues::I64(_) => ElementType::Int64,
            ArrayValues::U32(_) => ElementType::Uint32,
            ArrayValues::U8(_) => ElementType::Uint8,
            ArrayValues::Text(_) => ElementType::Text,
        }
    }

    /// The elements as 32-bit floats; `None` for any other element type.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            ArrayValues::F32(values) => Some(values),
            _ => None,
        }
    }

    /// Floats of either width as 32-bit floats; `None` for any other element type.
    pub fn to_f32(&self) -> Option<Cow<'_, [f32]>> {
        match &self.values {
            ArrayValues::F32(values) => Some(Cow::Borrowed(values)),
            ArrayValues::F64(values) => Some(values.iter().map(|value| *value as f32).collect()),
            _ => None,
        }
    }

    /// Floats of either width as 64-bit floats; `None` for any other element type.
    pub fn to_f64(&self) -> Option<Cow<'_, [f64]>> {
        match &self.values {
            ArrayValues::F32(values) => Some(values.iter().map(|value| f64::from(*value)).collect()),
            ArrayValues::F64(values) => Some(Cow::Borrowed(values)),
            _ => None,
        }
    }

    /// Is the element NaN? Always false for types other than floats.
    pub fn is_nan_at(&self, index: usize) -> bool {
        match &self.values {
            ArrayValues::F32(values) => values[index].is_nan(),
            ArrayValues::F64(values) => values[index].is_nan(),
            _ => false,
        }
    }

    /// Converts floats to `element`; other types are returned unchanged.
    pub fn with_floats(self, element: ElementType) -> Self {
        let values = match (self.values, element) {
            (ArrayValues::F64(values), ElementType::Float32) => {
                ArrayValues::F32(values.into_iter().map(|value| value as f32).collect())
            }
            (ArrayValues::F32(values), ElementType::Float64) => {
                ArrayValues::F64(values.into_iter().map(f64::from).collect())
            }
            (values, _) => values,
        };
        Self { values, ..self }
    }

    /// Selects the rows at `indices`, in that order.
    pub fn gather(&self, indices: &[u32]) -> Self {
        let width = self.width();
        if self.offsets.is_some() {
            let steps: Vec<u32> =
                indices.iter().flat_map(|&row| self.row(row as usize)).map(|s| s as u32).collect();
            let mut end = 0;
            let ends = indices.iter().map(|&row| {
                end += self.length(row as usize) as u32;
                end
            });
            let offsets = std::iter::once(0).chain(ends).collect();
            return Self::ragged(&self.shape[1..], self.values.gather(width, &steps), offsets);
        }
        let mut shape = self.shape.clone();
        shape[0] = indices.len();
        Self { shape, values: self.values.gather(width, indices), offsets: None }
    }

    /// Pads the sequences at the end to the longest one, `[rows, longest, ...]`.
    ///
    /// # Panics
    ///
    /// If the type of `filler` does not match the element type.
    pub fn padded(&self, filler: &PaddingValue) -> Self {
        self.padded_to(filler, 0)
    }

    /// Pads the sequences at the end to the longest one, and to at least `steps` steps.
    ///
    /// # Panics
    ///
    /// If the type of `filler` does not match the element type.
    pub fn padded_to(&self, filler: &PaddingValue, steps: usize) -> Self {
        let Some(offsets) = &self.offsets else { return self.clone() };
        let longest = (0..self.rows()).map(|row| self.length(row)).max().unwrap_or(0).max(steps);
        let width = self.width();
        let values = match (&self.values, filler) {
            (ArrayValues::F32(v), PaddingValue::Float(fill)) => {
                ArrayValues::F32(pad(v, offsets, width, longest, *fill as f32))
            }
            (ArrayValues::F64(v), PaddingValue::Float(fill)) => {
                ArrayValues::F64(pad(v, offsets, width, longest, *fill))
            }
            (ArrayValues::I64(v), PaddingValue::Code(fill)) => {
                ArrayValues::I64(pad(v, offsets, width, longest, i64::from(*fill)))
            }
            (ArrayValues::U32(v), PaddingValue::Code(fill)) => {
                ArrayValues::U32(pad(v, offsets, width, longest, *fill))
            }
            (values, filler) => unreachable!("{filler:?} does not match the {} elements", values.len()),
        };
        let shape: Vec<usize> =
            [self.rows(), longest].into_iter().chain(self.shape[1..].iter().copied()).collect();
        Self::new(&shape, values)
    }
}

/// The value that fills the steps after the end of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaddingValue {
    /// For arrays of numbers.
    Float(f64),
    /// For arrays of codes.
    Code(u32),
}

fn pad<T: Copy>(values: &[T], offsets: &[u32], width: usize, longest: usize, fill: T) -> Vec<T> {
    let mut padded = vec![fill; (offsets.len() - 1) * longest * width];
    for (row, ends) in offsets.windows(2).enumerate() {
        let (from, to) = (ends[0] as usize * width, ends[1] as usize * width);
        padded[row * longest * width..][..to - from].copy_from_slice(&values[from..to]);
    }
    padded
}

impl ArrayValues {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            ArrayValues::F32(v) => v.len(),
            ArrayValues::F64(v) => v.len(),
            ArrayValues::I64(v) => v.len(),
            ArrayValues::U32(v) => v.len(),
            ArrayValues::U8(v) => v.len(),
            ArrayValues::Text(v) => v.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn gather(&self, width: usize, indices: &[u32]) -> Self {
        match self {
            Self::F32(v) => Self::F32(gather(v, width, indices)),
            Self::F64(v) => Self::F64(gather(v, width, indices)),
            Self::I64(v) => Self::I64(gather(v, width, indices)),
            Self::U32(v) => Self::U32(gather(v, width, indices)),
            Self::U8(v) => Self::U8(gather(v, width, indices)),
            Self::Text(v) => Self::Text(gather(v, width, indices)),
        }
    }
}

fn gather<T: Clone>(values: &[T], width: usize, indices: &[u32]) -> Vec<T> {
    if width == 1 {
        return indices.iter().map(|&row| values[row as usize].clone()).collect();
    }
    let mut rows = Vec::with_capacity(indices.len() * width);
    for &row in indices {
        let start = row as usize * width;
        rows.extend_from_slice(&values[start..start + width]);
    }
    rows
}
