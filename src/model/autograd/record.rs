//! Recording: which tape the kernels of this thread are written on.

use std::cell::RefCell;

use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Result, Shape, Storage, Tensor};

use crate::model::autograd::node::Operation;
use crate::model::autograd::tape::Tape;

thread_local! {
    /// As PyTorch's grad mode, this belongs to the thread: layers and losses need not know whether they are recorded.
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

/// Runs a forward pass and records its kernels. Within another recording, that one pauses.
///
/// # Errors
/// Those of the forward pass.
pub fn record<T, E>(
    forward: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<(T, Tape), E> {
    let paused = Paused(TAPE.replace(Some(Tape::default())));
    let output = forward();
    let tape = TAPE.take().unwrap_or_default();
    drop(paused);
    Ok((output?, tape))
}

/// The recording to go on with, also after a panic.
struct Paused(Option<Tape>);

impl Drop for Paused {
    fn drop(&mut self) {
        TAPE.replace(self.0.take());
    }
}

/// Is there something to record of a kernel with these inputs?
fn records(inputs: &[&Tensor]) -> bool {
    let is_recording = TAPE.with_borrow(Option::is_some);
    is_recording && inputs.iter().all(|x| x.device().is_cpu()) && inputs.iter().any(|x| x.track_op())
}

fn push(operation: Operation, inputs: &[&Tensor], storage: CpuStorage, shape: Shape) -> Tensor {
    let output = Tensor::from_storage(Storage::Cpu(storage), shape, BackpropOp::none(), true);
    TAPE.with_borrow_mut(|tape| {
        if let Some(tape) = tape {
            tape.push(operation, inputs.iter().map(|x| (*x).clone()).collect(), output.clone());
        }
    });
    output
}

/// The elements of x in another shape, made by `reshape` without a copy.
///
/// # Errors
/// Those of `reshape`.
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

/// Applies a kernel of one input.
///
/// # Errors
/// The kernel's.
pub fn apply1(x: &Tensor, kernel: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
    if !records(&[x]) {
        return x.apply_op1(kernel);
    }
    let (storage, shape) = {
        let (x, at) = x.storage_and_layout();
        kernel.cpu_fwd(cpu(&x)?, at)?
    };
    Ok(push(Operation::Unary(Box::new(kernel)), &[x], storage, shape))
}

/// Applies a kernel of two inputs.
///
/// # Errors
/// The kernel's.
pub fn apply2(x: &Tensor, y: &Tensor, kernel: impl CustomOp2 + Send + Sync + 'static) -> Result<Tensor> {
    if !records(&[x, y]) {
        return x.apply_op2(y, kernel);
    }
    let (storage, shape) = {
        let ((x, x_at), (y, y_at)) = (x.storage_and_layout(), y.storage_and_layout());
        kernel.cpu_fwd(cpu(&x)?, x_at, cpu(&y)?, y_at)?
    };
    Ok(push(Operation::Binary(Box::new(kernel)), &[x, y], storage, shape))
}

/// Applies a kernel of three inputs.
///
/// # Errors
/// The kernel's.
pub fn apply3(
    x: &Tensor,
    y: &Tensor,
    z: &Tensor,
    kernel: impl CustomOp3 + Send + Sync + 'static,
) -> Result<Tensor> {
    if !records(&[x, y, z]) {
        return x.apply_op3(y, z, kernel);
    }
    let (storage, shape) = {
        let ((x, x_at), (y, y_at)) = (x.storage_and_layout(), y.storage_and_layout());
        let (z, z_at) = z.storage_and_layout();
        kernel.cpu_fwd(cpu(&x)?, x_at, cpu(&y)?, y_at, cpu(&z)?, z_at)?
    };
    Ok(push(Operation::Ternary(Box::new(kernel)), &[x, y, z], storage, shape))
}

fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => candle_core::bail!("a kernel works on the CPU"),
    }
}
