//! Where the weights of our layers are in a pretrained model.

use std::ops::Range;

/// The source of one of our weights: tensors of the pretrained model, each transposed if asked, then
/// concatenated along the last dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSource {
    /// Our name, after the name of the layer.
    pub ours: String,
    /// Names in the pretrained model, after its prefix (`bert.`).
    pub theirs: Vec<String>,
    /// Swaps the two dimensions of each: `nn.Linear` holds `[out, in]`, our layers `[in, out]`.
    pub transposed: bool,
    /// An `nn.Conv1d` holds `[filters, width, kernel]`, our layers `[kernel width, filters]`, with the rows
    /// of one step after the other.
    pub is_convolution: bool,
    /// Leading rows that are left out.
    pub skipped_rows: usize,
    /// The rows of the stored tensor that are read; `None`: all.
    pub rows: Option<Range<usize>>,
    /// Whether it is a vector that is stored with more dimensions.
    pub is_flattened: bool,
}

impl WeightSource {
    /// The same tensor.
    pub fn same(ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        Self {
            ours: ours.into(),
            theirs: vec![theirs.into()],
            transposed: false,
            is_convolution: false,
            skipped_rows: 0,
            rows: None,
            is_flattened: false,
        }
    }

    /// The same, of these rows of the stored tensor.
    pub fn of_rows(self, rows: Range<usize>) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// A matrix with its dimensions swapped.
    pub fn transposed(ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        Self { transposed: true, ..Self::same(ours, theirs) }
    }

    /// Without its first rows: RoBERTa's position table begins with rows that no position uses.
    pub fn without_rows(ours: impl Into<String>, theirs: impl Into<String>, rows: usize) -> Self {
        Self { skipped_rows: rows, ..Self::same(ours, theirs) }
    }

    /// Weight and bias of an `nn.Linear`.
    pub fn linear(ours: &str, theirs: &str) -> [Self; 2] {
        [
            Self::transposed(format!("{ours}.weight"), format!("{theirs}.weight")),
            Self::same(format!("{ours}.bias"), format!("{theirs}.bias")),
        ]
    }

    /// Weight and bias of several `nn.Linear` side by side, such as queries, keys and values.
    pub fn packed_linear(ours: &str, theirs: &[String]) -> [Self; 2] {
        let names = |part: &str| theirs.iter().map(|name| format!("{name}.{part}")).collect();
        let [weight, bias] = Self::linear(ours, "");
        [Self { theirs: names("weight"), ..weight }, Self { theirs: names("bias"), ..bias }]
    }

    /// Weight and bias of an `nn.Conv1d`.
    pub fn convolution(ours: &str, theirs: &str) -> [Self; 2] {
        let [weight, bias] = Self::layer_norm(ours, theirs);
        [Self { is_convolution: true, ..weight }, bias]
    }

    /// Weight and bias of an `nn.LayerNorm`.
    pub fn layer_norm(ours: &str, theirs: &str) -> [Self; 2] {
        [
            Self::same(format!("{ours}.weight"), format!("{theirs}.weight")),
            Self::same(format!("{ours}.bias"), format!("{theirs}.bias")),
        ]
    }
}
