//! Recording kernels on the tape of the current thread.

use std::cell::RefCell;

use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Result, Shape, Storage, Tensor};

use crate::model::autograd::node::Operation;
use crate::model::autograd::tape::Tape;

thread_local! {
    /// Thread-local like PyTorch's grad mode, so layers and losses need not know whether they are recorded.
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

/// Runs a forward pass and records its kernels. An outer recording is paused meanwhile.
///
/// # Errors
/// Errors of the forward pass.
pub fn record<T, E>(
    forward: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<(T, Tape), E> {
    let paused = Paused(TAPE.replace(Some(Tape::default())));
    let output = forward();
    let tape = TAPE.take().unwrap_or_default();
    drop(paused);
    Ok((output?, tape))
}

/// Resumes the outer recording when dropped, also after a panic.
struct Paused(Option<Tape>);

impl Drop for Paused {
    fn drop(&mut self) {
        TAPE.replace(self.0.take());
    }
}

/// Does a tape of this thread record?
pub(super) fn is_recording() -> bool {
    TAPE.with_borrow(Option::is_some)
}

/// Records an operation on x with an output that is a leaf of candle's graph.
pub(super) fn push_output(operation: Operation, x: &Tensor, output: &Tensor) {
    TAPE.with_borrow_mut(|tape| {
        if let Some(tape) = tape {
            tape.push(operation, vec![x.clone()], output.clone());
        }
    });
}

/// Must a kernel with these inputs be recorded?
fn must_record(inputs: &[&Tensor]) -> bool {
    is_recording() && inputs.iter().all(|x| x.device().is_cpu()) && inputs.iter().any(|x| x.track_op())
}

/// Creates the output of a kernel and records the kernel.
fn push(operation: Operation, inputs: &[&Tensor], storage: CpuStorage, shape: Shape) -> Tensor {
    let output = Tensor::from_storage(Storage::Cpu(storage), shape, BackpropOp::none(), true);
    TAPE.with_borrow_mut(|tape| {
        if let Some(tape) = tape {
            tape.push(operation, inputs.iter().map(|x| (*x).clone()).collect(), output.clone());
        }
    });
    output
}

/// Reshapes x with `reshape`, which must keep the order of the elements. Gradients pass through a view of a
/// variable without candle.
///
/// # Errors
/// Errors of `reshape`.
pub fn view(x: &Tensor, reshape: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let view = reshape(x)?;
    if x.track_op() && x.is_contiguous() {
        TAPE.with_borrow_mut(|tape| {
            if let Some(tape) = tape {
                tape.push_view(&view, x);
            }
        });
    }
    Ok(view)
}

/// Applies a kernel with one input.
///
/// # Errors
/// Errors of the kernel.
pub fn apply1(x: &Tensor, kernel: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
    if !must_record(&[x]) {
        return x.apply_op1(kernel);
    }
    let (storage, shape) = {
        let (x, layout) = x.storage_and_layout();
        kernel.cpu_fwd(cpu(&x)?, layout)?
    };
    Ok(push(Operation::Unary(Box::new(kernel)), &[x], storage, shape))
}

/// Applies a kernel with two inputs.
///
/// # Errors
/// Errors of the kernel.
pub fn apply2(x: &Tensor, y: &Tensor, kernel: impl CustomOp2 + Send + Sync + 'static) -> Result<Tensor> {
    if !must_record(&[x, y]) {
        return x.apply_op2(y, kernel);
    }
    let (storage, shape) = {
        let ((x, x_layout), (y, y_layout)) = (x.storage_and_layout(), y.storage_and_layout());
        kernel.cpu_fwd(cpu(&x)?, x_layout, cpu(&y)?, y_layout)?
    };
    Ok(push(Operation::Binary(Box::new(kernel)), &[x, y], storage, shape))
}

/// Applies a kernel with three inputs.
///
/// # Errors
/// Errors of the kernel.
pub fn apply3(
    x: &Tensor,
    y: &Tensor,
    z: &Tensor,
    kernel: impl CustomOp3 + Send + Sync + 'static,
) -> Result<Tensor> {
    if !must_record(&[x, y, z]) {
        return x.apply_op3(y, z, kernel);
    }
    let (storage, shape) = {
        let ((x, x_layout), (y, y_layout)) = (x.storage_and_layout(), y.storage_and_layout());
        let (z, z_layout) = z.storage_and_layout();
        kernel.cpu_fwd(cpu(&x)?, x_layout, cpu(&y)?, y_layout, cpu(&z)?, z_layout)?
    };
    Ok(push(Operation::Ternary(Box::new(kernel)), &[x, y, z], storage, shape))
}

fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => candle_core::bail!("kernels run on the CPU only"),
    }
}
