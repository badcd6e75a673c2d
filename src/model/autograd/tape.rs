//! The tape of a forward pass, and the backward pass over it.

use std::collections::{HashMap, HashSet};

use candle_core::{Result, Tensor, TensorId};

use crate::model::autograd::gradients::Gradients;
use crate::model::autograd::node::{Operation, TapeNode, backward_from};

/// The kernels of one forward pass, in the order in which they ran.
#[derive(Default)]
pub struct Tape {
    nodes: Vec<TapeNode>,
    /// Reshaped variables: the id of the view, and the variable.
    views: HashMap<TensorId, Tensor>,
    /// The ids of the outputs of segments.
    segments: HashSet<TensorId>,
}

impl Tape {
    /// Appends a kernel. An input that candle computed becomes a segment.
    pub(super) fn push(&mut self, operation: Operation, inputs: Vec<Tensor>, output: Tensor) {
        for input in &inputs {
            let is_leaf = input.is_variable() || self.views.contains_key(&input.id());
            if input.track_op() && !is_leaf && self.segments.insert(input.id()) {
                let output = input.clone();
                self.nodes.push(TapeNode { operation: Operation::Segment, inputs: Vec::new(), output });
            }
        }
        self.nodes.push(TapeNode { operation, inputs, output });
    }

    /// Records that `view` is a reshaped `x`, if `x` is a variable or a view of one.
    pub(super) fn push_view(&mut self, view: &Tensor, x: &Tensor) {
        let source = self.views.get(&x.id()).unwrap_or(x).clone();
        if source.is_variable() && view.id() != source.id() {
            self.views.insert(view.id(), source);
        }
    }

    /// The gradients of a scalar. Keeps the tape for further backward passes.
    ///
    /// # Errors
    /// Errors of a kernel's or candle's backward.
    pub fn backward(&self, scalar: &Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&scalar.backward()?)?;
        self.walk(gradients)
    }

    /// The gradients of sum(output * gradient) for any tensor `output` of the forward pass.
    ///
    /// # Errors
    /// Those of [`Tape::backward`].
    pub fn backward_from(&self, output: &Tensor, gradient: Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&backward_from(output, gradient)?)?;
        self.walk(gradients)
    }

    /// The gradients of a scalar. Frees each activation as soon as its gradient is known.
    ///
    /// # Errors
    /// Those of [`Tape::backward`].
    pub fn into_gradients(mut self, scalar: Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&scalar.backward()?)?;
        drop(scalar);
        while let Some(node) = self.nodes.pop() {
            self.step(&node, &mut gradients)?;
        }
        Ok(gradients)
    }

    /// Runs the backward pass from `gradients` of the last outputs.
    fn walk(&self, mut gradients: Gradients) -> Result<Gradients> {
        for node in self.nodes.iter().rev() {
            self.step(node, &mut gradients)?;
        }
        Ok(gradients)
    }

    /// Propagates the gradient of a node's output, if there is one, to its inputs.
    fn step(&self, node: &TapeNode, gradients: &mut Gradients) -> Result<()> {
        let Some(gradient) = gradients.remove(&node.output) else { return Ok(()) };
        if let Operation::Segment = node.operation {
            return gradients.extend(&backward_from(&node.output, gradient)?);
        }
        for (input, gradient) in node.inputs.iter().zip(node.backward(&gradient)?) {
            let Some(gradient) = gradient.filter(|_| input.track_op()) else { continue };
            match self.views.get(&input.id()) {
                Some(source) => gradients.add(source.id(), gradient.reshape(source.shape())?)?,
                None => gradients.add(input.id(), gradient)?,
            }
        }
        Ok(())
    }
}
