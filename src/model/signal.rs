//! What flows between layers: a tensor, and for sequences which of its steps are real.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::model::error::Result;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// What a back end of [`Ops`](crate::model::ops::Ops) computes with: a candle tensor, or a value of an ONNX graph.
pub trait Held: Clone {
    /// How many real steps each row has.
    type Lengths: Clone + std::fmt::Debug;
}

impl Held for Tensor {
    type Lengths = Arc<[u32]>;
}

impl Held for Value {
    /// Whole numbers `[batch]`, 64 bits.
    type Lengths = Value;
}

/// A batch between two layers.
#[derive(Clone, Debug)]
pub struct Signal<V: Held = Tensor> {
    /// As the [`Shape`](crate::domain::shape::Shape) of the layer before says.
    pub x: V,
    /// Of a sequence, or of tokens.
    pub mask: Option<Mask<V>>,
}

/// Which steps of each row are real. Rows are filled up behind their ends, and none is empty.
#[derive(Clone, Debug)]
pub struct Mask<V: Held = Tensor> {
    /// `[batch, time]`: 1 for a real step, else 0.
    pub steps: V,
    /// Steps of each row.
    pub lengths: V::Lengths,
    /// `[batch, time]`: the token each step was, where steps still are those of an input of tokens.
    pub tokens: Option<V>,
}

/// A [`Signal`] in an ONNX graph.
pub type Wire = Signal<Value>;

/// A [`Mask`] in an ONNX graph.
pub type WireMask = Mask<Value>;

impl<V: Held> Signal<V> {
    /// Without steps.
    pub fn plain(x: V) -> Self {
        Self { x, mask: None }
    }

    /// Another tensor of the same steps.
    pub fn with(&self, x: V) -> Self {
        Self { x, mask: self.mask.clone() }
    }
}

impl<V: Held> Mask<V> {
    /// The mask of steps that are no input's tokens.
    pub fn new(steps: V, lengths: V::Lengths) -> Self {
        Self { steps, lengths, tokens: None }
    }
}

impl Mask {
    /// The mask of rows of these lengths, `time` steps wide.
    pub fn of(lengths: Vec<u32>, time: usize, device: &Device) -> Result<Self> {
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

impl Signal {
    /// The tensor with zeros behind each row's end; as it is where there are no steps.
    pub fn cleared(&self) -> Result<Tensor> {
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

impl Wire {
    /// `[batch, time, width]` with zeros behind each row's end; as it is where there are no steps.
    pub fn cleared(&self, graph: &mut Graph) -> Value {
        match &self.mask {
            Some(mask) => {
                let steps = operator::unsqueeze(graph, &mask.steps, &[2]);
                operator::mul(graph, &self.x, &steps)
            }
            None => self.x.clone(),
        }
    }
}
