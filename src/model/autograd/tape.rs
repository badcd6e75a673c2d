//! What was recorded, and the walk back over it.

use std::collections::{HashMap, HashSet};

use candle_core::{Result, Tensor, TensorId};

use crate::model::autograd::gradients::Gradients;
use crate::model::autograd::node::{Node, Operation, backward_from};

/// The kernels of one forward pass, in the order in which they ran.
#[derive(Default)]
pub struct Tape {
    nodes: Vec<Node>,
    /// Other shapes of an output: by the reshaped tensor, the output.
    views: HashMap<TensorId, Tensor>,
    segments: HashSet<TensorId>,
}

impl Tape {
    /// Appends a kernel. Inputs that candle computed become segments.
    pub(super) fn push(&mut self, operation: Operation, inputs: Vec<Tensor>, output: Tensor) {
        for input in &inputs {
            let is_known = input.is_variable() || self.views.contains_key(&input.id());
            if input.track_op() && !is_known && self.segments.insert(input.id()) {
                let output = input.clone();
                self.nodes.push(Node { operation: Operation::Segment, inputs: Vec::new(), output });
            }
        }
        self.nodes.push(Node { operation, inputs, output });
    }

    /// Remembers that `view` holds the elements of `of` in another shape.
    pub(super) fn push_view(&mut self, view: &Tensor, of: &Tensor) {
        let source = self.views.get(&of.id()).unwrap_or(of).clone();
        if source.is_variable() && view.id() != source.id() {
            self.views.insert(view.id(), source);
        }
    }

    /// The gradients of a scalar. The tape can be walked again.
    ///
    /// # Errors
    /// Those of the kernels' backward, such as too little memory.
    pub fn backward(&self, scalar: &Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&scalar.backward()?)?;
        self.walk(gradients)
    }

    /// The gradients of the sum of `output` x `gradient`, `output` being any tensor of the forward pass.
    ///
    /// # Errors
    /// As of [`Tape::backward`].
    pub fn backward_from(&self, output: &Tensor, gradient: Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&backward_from(output, gradient)?)?;
        self.walk(gradients)
    }

    /// The gradients of a scalar. Activations are freed on the way.
    ///
    /// # Errors
    /// As of [`Tape::backward`].
    pub fn into_gradients(mut self, scalar: Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(&scalar.backward()?)?;
        drop(scalar);
        while let Some(node) = self.nodes.pop() {
            self.step(&node, &mut gradients)?;
        }
        Ok(gradients)
    }

    fn walk(&self, mut gradients: Gradients) -> Result<Gradients> {
        for node in self.nodes.iter().rev() {
            self.step(node, &mut gradients)?;
        }
        Ok(gradients)
    }

    /// Passes the gradient of a node's output, if there is one, on to its inputs.
    fn step(&self, node: &Node, gradients: &mut Gradients) -> Result<()> {
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
