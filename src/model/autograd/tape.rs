//! The tape of a forward pass, and the backward pass over it.

use std::collections::{HashMap, HashSet};

use candle_core::backprop::GradStore;
use candle_core::{Result, Shape, Tensor, TensorId};

use crate::model::autograd::gradients::Gradients;
use crate::model::autograd::node::{Operation, TapeNode, backward_from};

/// The kernels of one forward pass, in the order in which they ran.
#[derive(Default)]
pub struct Tape {
    nodes: Vec<TapeNode>,
    /// By the id of a view, the id and shape of its variable; the variable itself would keep its memory.
    views: HashMap<TensorId, (TensorId, Shape)>,
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
        let source = match self.views.get(&x.id()) {
            Some(source) => Some(source.clone()),
            None => x.is_variable().then(|| (x.id(), x.shape().clone())),
        };
        if let Some(source) = source.filter(|_| view.id() != x.id()) {
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
    pub fn into_gradients(self, scalar: Tensor) -> Result<Gradients> {
        let first = scalar.backward()?;
        drop(scalar);
        self.into_gradients_from(&first)
    }

    /// The gradients of a forward pass whose last segment has the gradients `first`. Frees each activation as
    /// soon as its gradient is known.
    pub(super) fn into_gradients_from(mut self, first: &GradStore) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        gradients.extend(first)?;
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
        if let (Operation::Checkpoint(part), [x]) = (&node.operation, node.inputs.as_slice()) {
            let found = part(x, gradient)?;
            gradients.merge(found.variables)?;
            return self.add(x, found.input, gradients);
        }
        for (input, gradient) in node.inputs.iter().zip(node.backward(&gradient)?) {
            self.add(input, gradient, gradients)?;
        }
        Ok(())
    }

    /// Adds the gradient of an input, if it needs one; that of a view to its variable's.
    fn add(&self, input: &Tensor, gradient: Option<Tensor>, gradients: &mut Gradients) -> Result<()> {
        let Some(gradient) = gradient.filter(|_| input.track_op()) else { return Ok(()) };
        match self.views.get(&input.id()) {
            Some((id, shape)) => gradients.add(*id, gradient.reshape(shape)?),
            None => gradients.add(input.id(), gradient),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use crate::model::activation::Activation;
    use crate::model::autograd::{record, view};
    use crate::model::kernel::add::add;
    use crate::model::kernel::affine::affine;
    use crate::model::kernel::reference_check::{near, variable};

    /// Kernels with three consumers of one output, a view of a view, and candle's operations between them.
    fn scalar(v: &[Tensor]) -> Result<Tensor> {
        let h = affine(&v[0], &v[1], &v[2], Activation::Tanh)?;
        let flat = view(&view(&h, |h| h.reshape((2, 2, 4)))?, |h| h.reshape((2, 8)))?;
        let folded = affine(&flat, &v[3], &v[4], Activation::Relu)?.reshape((4, 4))?;
        let sum = add(&add(&h, &folded)?, &h.sqr()?)?;
        affine(&(sum * 0.5)?, &v[1], &v[2], Activation::Gelu)?.sum_all()
    }

    #[test]
    fn agrees_with_candle_on_a_graph_with_views_and_segments() {
        let variables = [
            variable(&[4, 4], 1),
            variable(&[4, 4], 2),
            variable(&[4], 3),
            variable(&[8, 8], 4),
            variable(&[8], 5),
        ];
        let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
        let candle = scalar(&inputs).unwrap().backward().unwrap();
        let (loss, tape) = record(|| scalar(&inputs)).unwrap();
        let (first, second) = (tape.backward(&loss).unwrap(), tape.backward(&loss).unwrap());
        for mut gradients in [first, second, tape.into_gradients(loss).unwrap()] {
            for variable in &variables {
                let gradient = gradients.remove(variable).expect("the tape gives a gradient");
                near("gradient", &gradient, candle.get(variable).expect("candle gives a gradient"), 1e-5);
            }
        }
    }
}
