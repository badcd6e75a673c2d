//! Values that flow between layers: a tensor and, for sequences, a padding mask.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::model::error::ModelResult;
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator;

/// The value type of a backend of [`Ops`](crate::model::ops::Ops): a candle tensor or an ONNX graph value.
pub trait BackendValue: Clone {
    /// Number of real steps of each row, `[batch]`.
    type Lengths: Clone + std::fmt::Debug;
}

impl BackendValue for Tensor {
    type Lengths = Arc<[u32]>;
}

impl BackendValue for GraphValue {
    /// int64 `[batch]`
    type Lengths = GraphValue;
}

/// A layer's input or output for a batch.
#[derive(Clone, Debug)]
pub struct Activations<V: BackendValue = Tensor> {
    /// `[batch, ...]`; each row has the [`Shape`](crate::domain::shape::Shape) of the layer that made it.
    pub x: V,
    /// Present for sequences and tokens.
    pub mask: Option<SequenceMask<V>>,
}

/// Marks the real steps of each row. Rows are padded at the end, and none is empty.
#[derive(Clone, Debug)]
pub struct SequenceMask<V: BackendValue = Tensor> {
    /// `[batch, time]`: 1 for a real step, else 0.
    pub steps: V,
    /// Number of real steps of each row.
    pub lengths: V::Lengths,
    /// `[batch, time]`: the token of each step, if the steps are still those of a token input.
    pub tokens: Option<V>,
    /// `[batch, time]`: the segment of each token, 0 or 1, if the tokens are those of pairs of texts.
    pub segments: Option<V>,
    /// Where words begin, if the steps are the pieces of words.
    pub words: Option<WordSteps<V>>,
}

/// The words whose pieces are the steps of a sequence.
#[derive(Clone, Debug)]
pub struct WordSteps<V: BackendValue = Tensor> {
    /// `[batch, words]`: the step of each word's first piece, 0 after the last word of a row. Integers.
    pub first: V,
    /// `[batch, words]`: 1 for a word, else 0.
    pub steps: V,
    /// Number of words of each row.
    pub lengths: V::Lengths,
}

/// [`Activations`] in an ONNX graph.
pub type GraphActivations = Activations<GraphValue>;

/// A [`SequenceMask`] in an ONNX graph.
pub type GraphMask = SequenceMask<GraphValue>;

impl<V: BackendValue> Activations<V> {
    /// Activations without a mask: a vector or an image per row.
    pub fn plain(x: V) -> Self {
        Self { x, mask: None }
    }

    /// Replaces the tensor and keeps the mask.
    pub fn with(&self, x: V) -> Self {
        Self { x, mask: self.mask.clone() }
    }
}

impl<V: BackendValue> SequenceMask<V> {
    /// A mask of steps that are not the tokens of an input.
    pub fn new(steps: V, lengths: V::Lengths) -> Self {
        Self { steps, lengths, tokens: None, segments: None, words: None }
    }
}

impl SequenceMask {
    /// The mask `[batch, time]` of rows of these lengths.
    pub fn from_lengths(lengths: Vec<u32>, time: usize, device: &Device) -> ModelResult<Self> {
        let steps = lengths
            .iter()
            .flat_map(|&length| (0..time).map(move |t| f32::from(u8::from(t < length as usize))));
        let steps = Tensor::from_iter(steps, device)?.reshape((lengths.len(), time))?;
        Ok(Self::new(steps, lengths.into()))
    }

    /// Whether no row is padded.
    pub fn is_full(&self) -> bool {
        let time = self.steps.dims()[1] as u32;
        self.lengths.iter().all(|length| *length == time)
    }
}

impl Activations {
    /// Sets padded steps to 0; returns the tensor unchanged if there is no mask.
    pub fn mask_padding(&self) -> ModelResult<Tensor> {
        match &self.mask {
            Some(mask) if !mask.is_full() => {
                let mut shape = mask.steps.dims().to_vec();
                shape.resize(self.x.rank(), 1);
                Ok(self.x.broadcast_mul(&mask.steps.reshape(shape)?)?)
            }
            _ => Ok(self.x.clone()),
        }
    }
}

impl GraphActivations {
    /// Sets padded steps of `[batch, time, width]` to 0; returns the value unchanged if there is no mask.
    pub fn mask_padding(&self, graph: &mut Graph) -> GraphValue {
        match &self.mask {
            Some(mask) => {
                let steps = operator::unsqueeze(graph, &mask.steps, &[2]);
                operator::mul(graph, &self.x, &steps)
            }
            None => self.x.clone(),
        }
    }
}
