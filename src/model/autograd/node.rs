//! One entry of a tape: a kernel with its inputs and output, or a segment of candle's graph.

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use crate::model::autograd::gradients::Gradients;

/// The operation that computed an output.
pub enum Operation {
    Unary(Box<dyn CustomOp1 + Send + Sync>),
    Binary(Box<dyn CustomOp2 + Send + Sync>),
    Ternary(Box<dyn CustomOp3 + Send + Sync>),
    /// A part of the forward pass that backward computes again.
    Checkpoint(Box<dyn Fn(&Tensor, Tensor) -> Result<Recomputation>>),
    /// Computed by candle: the output is a tensor of candle's graph that a kernel reads.
    Segment,
}

/// What computing a part again gives.
pub struct Recomputation {
    /// The gradient with respect to the input of the part, if it needs one.
    pub input: Option<Tensor>,
    /// Those with respect to variables and to outputs of earlier kernels.
    pub variables: Gradients,
}

/// An entry of a tape.
pub struct TapeNode {
    pub operation: Operation,
    pub inputs: Vec<Tensor>,
    /// A leaf of candle's graph, except for a segment.
    pub output: Tensor,
}

impl TapeNode {
    /// The gradients with respect to the inputs of a kernel, `None` for inputs that it does not
    /// differentiate; empty for a segment and a checkpoint, whose gradients are those of many variables.
    pub fn backward(&self, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let output = &self.output;
        match (&self.operation, self.inputs.as_slice()) {
            (Operation::Unary(kernel), [x]) => Ok(vec![kernel.bwd(x, output, gradient)?]),
            (Operation::Binary(kernel), [x, y]) => {
                let (x, y) = kernel.bwd(x, y, output, gradient)?;
                Ok(vec![x, y])
            }
            (Operation::Ternary(kernel), [x, y, z]) => {
                let (x, y, z) = kernel.bwd(x, y, z, output, gradient)?;
                Ok(vec![x, y, z])
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Runs candle's backward from `output` with the upstream gradient `gradient`: the gradients of
/// sum(output * gradient) with respect to the variables that `output` depends on.
///
/// # Errors
/// Errors of candle's backward; `gradient` and `output` differ in shape.
pub fn backward_from(output: &Tensor, gradient: Tensor) -> Result<GradStore> {
    match output.device().is_cpu() {
        true => output.apply_op1(UpstreamGradient(gradient))?.backward(),
        false => (output * gradient)?.sum_all()?.backward(),
    }
}

/// Maps a tensor to a scalar (0) whose gradient with respect to the tensor is the given one.
struct UpstreamGradient(Tensor);

impl CustomOp1 for UpstreamGradient {
    fn name(&self) -> &'static str {
        "upstream_gradient"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(())))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
    }
}
