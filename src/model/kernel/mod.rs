//! Fused CPU kernels as custom operations of candle, forward and backward.
//!
//! candle allocates memory and passes over it for each small operation; a kernel does the work of a layer
//! in one or two passes. Each kernel has a *composed form*, written with candle's own operations: other
//! devices use it, and a test compares the two. Results do not depend on the number of threads: the data
//! alone determines the order of every sum.

pub mod activation;
pub mod add;
pub mod affine;
pub mod attention;
pub mod choice;
pub mod closed_form;
pub mod convolution;
pub mod crf;
pub mod direct;
pub mod dot_products;
pub mod embedding;
pub mod gramian;
pub mod gru;
pub mod layer_norm;
pub mod lookup;
pub mod lstm;
pub mod masked;
pub mod normalize;
pub mod outer_product;
pub mod over_time;
pub mod packed;
pub mod plane;
pub mod pool;
pub mod product;
pub mod recurrence;
#[cfg(test)]
pub mod reference_check;
pub mod rms_norm;
pub mod rotary;
pub mod softmax;
pub mod softmax_row;
pub mod steps;
pub mod upsample;
pub mod vocabulary_loss;
pub mod wide;
pub mod window;
pub mod winograd;

use std::mem::MaybeUninit;

use candle_core::{CpuStorage, Layout, Result, Tensor};
use rayon::prelude::*;

/// Number of elements from which on a pass is divided among threads.
pub const PARALLEL_THRESHOLD: usize = 1 << 15;

/// Elements per task of an element-wise kernel.
pub const CHUNK: usize = 1 << 14;

/// Rows per task of a kernel over rows.
pub const BLOCK: usize = 128;

/// A vector of `count` zeros, filled by several threads if it is large: touching memory for the first time
/// costs as much as a pass over it.
pub fn zeros(count: usize) -> Vec<f32> {
    if count < PARALLEL_THRESHOLD {
        return vec![0.0; count];
    }
    let mut values: Vec<f32> = Vec::with_capacity(count);
    let spare = &mut values.spare_capacity_mut()[..count];
    spare.par_chunks_mut(PARALLEL_THRESHOLD).for_each(|spare| spare.fill(MaybeUninit::new(0.0)));
    // SAFETY: the capacity is at least `count`, and every element was written.
    unsafe { values.set_len(count) };
    values
}

/// Computes `count` numbers in chunks of `size`.
///
/// `work` receives the index of a chunk and the chunk itself, filled with zeros while it is in the cache. Its
/// return values come back in the order of the chunks.
pub fn computed<T: Send>(
    count: usize,
    size: usize,
    work: impl Fn(usize, &mut [f32]) -> T + Sync + Send,
) -> (Vec<f32>, Vec<T>) {
    let mut values: Vec<f32> = Vec::with_capacity(count);
    let spare = &mut values.spare_capacity_mut()[..count];
    let chunk = |(index, spare): (usize, &mut [MaybeUninit<f32>])| {
        spare.fill(MaybeUninit::new(0.0));
        // SAFETY: every element was just written.
        work(index, unsafe { &mut *(std::ptr::from_mut(spare) as *mut [f32]) })
    };
    let returned = match count < PARALLEL_THRESHOLD {
        true => spare.chunks_mut(size.max(1)).enumerate().map(chunk).collect(),
        false => spare.par_chunks_mut(size.max(1)).enumerate().map(chunk).collect(),
    };
    // SAFETY: the capacity is at least `count`, and every element was written.
    unsafe { values.set_len(count) };
    (values, returned)
}

/// The elements of a contiguous tensor of 32-bit floats.
///
/// # Errors
/// Another element type, or a layout that is not contiguous.
pub fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else { candle_core::bail!("a fused kernel needs 32-bit floats") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => candle_core::bail!("a fused kernel needs contiguous tensors"),
    }
}

/// Calls `work` with the elements of a tensor of 32-bit floats on the CPU, in row-major order.
pub fn with_floats<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => work(floats(storage, layout)?),
        _ => candle_core::bail!("a fused kernel runs on the CPU only"),
    }
}

/// Whether a fused kernel can compute with these tensors; otherwise its composed form does.
pub fn fits(tensors: &[&Tensor]) -> bool {
    !choice::composed() && tensors.iter().all(|t| t.device().is_cpu() && t.dtype() == candle_core::DType::F32)
}
