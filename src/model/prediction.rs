//! Predictions for many rows, gathered from batches.

use candle_core::Tensor;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::task::LabelLevel;
use crate::model::activations::SequenceMask;
use crate::model::error::ModelResult;
use crate::model::weights::host;

/// Logits and predictions of a task for some rows, or for each of their steps or pixels, see
/// [`LabelLevel`](crate::domain::task::LabelLevel).
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[rows, logits]`
    pub logits: Array,
    /// Predictions `[rows, predictions]`; float64 if the target needs that precision.
    pub answers: Array,
}

/// Concatenated outputs of batches; of sequences only the real steps.
#[derive(Clone, Debug, Default)]
pub struct GatheredPredictions {
    values: Vec<f32>,
    /// Number of steps of each row.
    lengths: Vec<u32>,
}

impl GatheredPredictions {
    /// Appends a batch's output: `[batch, ...]`; with a mask `[batch, time, ...]`.
    pub fn append(&mut self, output: &Tensor, mask: Option<&SequenceMask>) -> ModelResult<()> {
        let values = host(output)?;
        let Some(mask) = mask else {
            self.values.extend(values);
            return Ok(());
        };
        let row: usize = output.dims()[1..].iter().product();
        let step: usize = output.dims()[2..].iter().product();
        for (values, length) in values.chunks(row.max(1)).zip(mask.lengths.iter()) {
            self.values.extend_from_slice(&values[..*length as usize * step]);
            self.lengths.push(*length);
        }
        Ok(())
    }

    /// The gathered outputs, `width` numbers for each row, step or pixel.
    pub fn array(self, level: LabelLevel, width: usize, rows: usize) -> Array {
        match level {
            LabelLevel::Row => Array::f32(&[rows, width], self.values),
            LabelLevel::Pixel { height, width: columns } => {
                Array::f32(&[rows, height, columns, width], self.values)
            }
            LabelLevel::Step => {
                let mut end = 0;
                let ends = self.lengths.iter().map(|length| {
                    end += length;
                    end
                });
                let offsets = std::iter::once(0).chain(ends).collect();
                Array::ragged(&[width], ArrayValues::F32(self.values), offsets)
            }
        }
    }
}
