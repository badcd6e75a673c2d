//! The steps of a decoder over tensors: each gives the logits of the next token.

use candle_core::{Device, Tensor};

use crate::decode::search::Stepper;
use crate::decode::search::beam_parents::BeamParents;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::Prepared;
use crate::model::head::text::{TextHead, last_two};
use crate::model::ops::Tensors;
use crate::model::weights::host;

/// A decoder in the middle of its texts, with the states of every hypothesis.
pub struct TextStepper<'a> {
    pub text: &'a TextHead,
    /// `[vocabulary and the beginning, width]`
    pub table: Tensor,
    pub lineage: BeamParents,
    /// What was read, by row; in `prepared`, by hypothesis.
    pub all: Vec<Tensor>,
    pub prepared: Prepared<Tensor>,
}

impl Stepper for TextStepper<'_> {
    type Error = ModelError;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> ModelResult<Vec<f32>> {
        let device = self.table.device().clone();
        if let Some(moved) = self.lineage.follow(parents) {
            self.prepared.states = taken(&self.prepared.states, &moved.parents, &device)?;
            if let Some(rows) = &moved.rows {
                self.prepared.fixed = taken(&self.all, rows, &device)?;
            }
        }
        let tokens = Tensor::from_slice(tokens, tokens.len(), &device)?;
        let mut ops = Tensors::evaluate();
        let (h, states) = self.text.step(&mut ops, &self.table, &tokens, &self.prepared)?;
        self.prepared.states = states;
        match &self.text.copy {
            Some(copy) => {
                let read = last_two(&self.prepared.fixed);
                copy.logits(&self.text.vocabulary, &h.unsqueeze(1)?, read)
            }
            None => host(&self.text.vocabulary.logits(&mut ops, &h)?),
        }
    }
}

/// These rows of each tensor.
fn taken(tensors: &[Tensor], rows: &[u32], device: &Device) -> ModelResult<Vec<Tensor>> {
    let rows = Tensor::from_slice(rows, rows.len(), device)?;
    tensors.iter().map(|tensor| Ok(tensor.contiguous()?.index_select(&rows, 0)?)).collect()
}
