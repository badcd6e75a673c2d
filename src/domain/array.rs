//! Arrays on the host: what travels between rooms where tensors may not.

/// The element type of an [`Array`], and of a model's raw input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    Float32,
    Int64,
    /// Category codes, indices.
    Uint32,
    Text,
}

/// The elements of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    Text(Vec<String>),
}

/// A row-major array; `shape[0]` is the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Values,
}

impl Array {
    /// An array of 32-bit floats. Panics when `values` does not fill `shape`: a bug of the caller.
    pub fn f32(shape: &[usize], values: Vec<f32>) -> Self {
        Self::new(shape, Values::F32(values))
    }

    /// An array of codes, one per row.
    pub fn codes(values: Vec<u32>) -> Self {
        Self::new(&[values.len()], Values::U32(values))
    }

    pub fn new(shape: &[usize], values: Values) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values fill the shape {shape:?}");
        Self { shape: shape.to_vec(), values }
    }

    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Elements per row.
    pub fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    pub fn element_type(&self) -> ElementType {
        match self.values {
            Values::F32(_) => ElementType::Float32,
            Values::I64(_) => ElementType::Int64,
            Values::U32(_) => ElementType::Uint32,
            Values::Text(_) => ElementType::Text,
        }
    }

    /// The float elements; `None` for any other element type.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            Values::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The rows at `indices`, in that order.
    pub fn gather(&self, indices: &[u32]) -> Self {
        let width = self.width();
        let values = match &self.values {
            Values::F32(v) => Values::F32(gather(v, width, indices)),
            Values::I64(v) => Values::I64(gather(v, width, indices)),
            Values::U32(v) => Values::U32(gather(v, width, indices)),
            Values::Text(v) => Values::Text(gather(v, width, indices)),
        };
        let mut shape = self.shape.clone();
        shape[0] = indices.len();
        Self { shape, values }
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::F32(v) => v.len(),
            Values::I64(v) => v.len(),
            Values::U32(v) => v.len(),
            Values::Text(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
