//! What flows between layers: a tensor, and for sequences which of its steps are real.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::model::error::ModelResult;
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator;

/// What a back end of [`Ops`](crate::model::ops::Ops) computes with: a candle tensor, or a value of an ONNX
/// graph.
pub trait BackendValue: Clone {
    /// How many real steps each row has.
    type Lengths: Clone + std::fmt::Debug;
}

impl BackendValue for Tensor {
    type Lengths = Arc<[u32]>;
}

impl BackendValue for GraphValue {
    /// Whole numbers `[batch]`, 64 bits.
    type Lengths = GraphValue;
}

/// A batch between two layers.
#[derive(Clone, Debug)]
pub struct Activations<V: BackendValue = Tensor> {
    /// As the [`Shape`](crate::domain::shape::Shape) of the layer before says.
    pub x: V,
    /// Of a sequence, or of tokens.
    pub mask: Option<SequenceMask<V>>,
}

/// Which steps of each row are real. Rows are filled up behind their ends, and none is empty.
#[derive(Clone, Debug)]
pub struct SequenceMask<V: BackendValue = Tensor> {
    /// `[batch, time]`: 1 for a real step, else 0.
    pub steps: V,
    /// Steps of each row.
    pub lengths: V::Lengths,
    /// `[batch, time]`: the token each step was, where steps still are those of an input of tokens.
    pub tokens: Option<V>,
}

/// A [`Activations`] in an ONNX graph.
pub type GraphActivations = Activations<GraphValue>;

/// A [`SequenceMask`] in an ONNX graph.
pub type GraphMask = SequenceMask<GraphValue>;

impl<V: BackendValue> Activations<V> {
    /// Without steps.
    pub fn plain(x: V) -> Self {
        Self { x, mask: None }
    }

    /// Another tensor of the same steps.
    pub fn with(&self, x: V) -> Self {
        Self { x, mask: self.mask.clone() }
    }
}

impl<V: BackendValue> SequenceMask<V> {
    /// The mask of steps that are no input's tokens.
    pub fn new(steps: V, lengths: V::Lengths) -> Self {
        Self { steps, lengths, tokens: None }
    }
}

impl SequenceMask {
    /// The mask of rows of these lengths, `time` steps wide.
    pub fn from_lengths(lengths: Vec<u32>, time: usize, device: &Device) -> ModelResult<Self> {
        let steps = lengths
            .iter()
            .flat_map(|&length| (0..time).map(move |t| f32::from(u8::from(t < length as usize))));
        let steps = Tensor::from_iter(steps, device)?.reshape((lengths.len(), time))?;
        Ok(Self::new(steps, lengths.into()))
    }

    /// Is every step of every row real?
    pub fn is_full(&self) -> bool {
        let time = self.steps.dims()[1] as u32;
        self.lengths.iter().all(|length| *length == time)
    }
}

impl Activations {
    /// The tensor with zeros behind each row's end; as it is where there are no steps.
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
    /// `[batch, time, width]` with zeros behind each row's end; as it is where there are no steps.
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
