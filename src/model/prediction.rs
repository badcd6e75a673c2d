//! What a network says of many rows, gathered batch by batch.

use candle_core::Tensor;

use crate::domain::array::{Array, ArrayValues};
use crate::domain::task::LabelLevel;
use crate::model::activations::SequenceMask;
use crate::model::error::ModelResult;
use crate::model::weights::host;

/// What a task says of some rows; of each step or pixel where it has such, see
/// [`LabelLevel`](crate::domain::task::LabelLevel).
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[rows, logits]`
    pub logits: Array,
    /// `[rows, answers]`; numbers in 64 bits where the target needs them.
    pub answers: Array,
}

/// The outputs of batches, one after the other; of steps, only those that are real.
#[derive(Clone, Debug, Default)]
pub struct GatheredPredictions {
    values: Vec<f32>,
    /// Steps of each row.
    lengths: Vec<u32>,
}

impl GatheredPredictions {
    /// Takes a batch's output: `[rows, ...]`; with a mask `[rows, time, ...]`.
    pub fn take(&mut self, output: &Tensor, mask: Option<&SequenceMask>) -> ModelResult<()> {
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

    /// All of it, `width` numbers for each row, step or pixel.
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
