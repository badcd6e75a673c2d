//! Step-by-step decoding over tensors.

use candle_core::{Device, Tensor};

use crate::decode::search::Stepper;
use crate::decode::search::beam_parents::BeamParents;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::Prepared;
use crate::model::head::text::{TextHead, copy_memory};
use crate::model::ops::Tensors;
use crate::model::weights::host;

/// Decoding over tensors, with the states of every hypothesis. Each step returns the logits of the next
/// token.
pub struct TextStepper<'a> {
    pub text: &'a TextHead,
    /// All embeddings and, last, the start embedding, `[vocabulary + 1, width]`.
    pub table: Tensor,
    pub parents: BeamParents,
    /// The prepared memory, one row per input row; in `prepared`, one per hypothesis.
    pub memory: Vec<Tensor>,
    pub prepared: Prepared<Tensor>,
}

impl Stepper for TextStepper<'_> {
    type Error = ModelError;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> ModelResult<Vec<f32>> {
        let device = self.table.device().clone();
        if let Some(reorder) = self.parents.follow(parents) {
            self.prepared.states = select_rows(&self.prepared.states, &reorder.parents, &device)?;
            if let Some(rows) = &reorder.rows {
                self.prepared.fixed = select_rows(&self.memory, rows, &device)?;
            }
        }
        let tokens = Tensor::from_slice(tokens, tokens.len(), &device)?;
        let mut ops = Tensors::evaluate();
        let (h, states) = self.text.step(&mut ops, &self.table, &tokens, &self.prepared)?;
        self.prepared.states = states;
        match &self.text.copy {
            Some(copy) => {
                let memory = copy_memory(&self.prepared.fixed);
                copy.logits(&self.text.vocabulary, &h.unsqueeze(1)?, memory)
            }
            None => host(&self.text.vocabulary.logits(&mut ops, &h)?),
        }
    }
}

/// Selects rows of each tensor.
fn select_rows(tensors: &[Tensor], rows: &[u32], device: &Device) -> ModelResult<Vec<Tensor>> {
    let rows = Tensor::from_slice(rows, rows.len(), device)?;
    tensors.iter().map(|tensor| Ok(tensor.contiguous()?.index_select(&rows, 0)?)).collect()
}
