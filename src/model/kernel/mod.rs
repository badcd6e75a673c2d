//! Fused CPU operations as candle custom operations, forward and backward.
//!
//! candle allocates and passes over memory for each small operation; a kernel does a layer's work in
//! one or two passes. Each has a plain composed twin in the same file: other devices use it, and a
//! test compares both. Results do not depend on the number of threads: every sum is made in an order
//! fixed by the data.

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

/// Elements from which a pass is worth dividing among threads.
pub const WORTHWHILE: usize = 1 << 15;

/// Numbers that one thread takes at a time where they have no rows.
pub const CHUNK: usize = 1 << 14;

/// Rows one thread takes at a time.
pub const BLOCK: usize = 128;

/// So many zeros. Memory that is touched for the first time costs as much as a pass over it: threads share
/// that.
pub fn zeros(count: usize) -> Vec<f32> {
    if count < WORTHWHILE {
        return vec![0.0; count];
    }
    let mut values: Vec<f32> = Vec::with_capacity(count);
    let spare = &mut values.spare_capacity_mut()[..count];
    spare.par_chunks_mut(WORTHWHILE).for_each(|spare| spare.fill(MaybeUninit::new(0.0)));
    // SAFETY: there is room for `count` numbers, and each was written.
    unsafe { values.set_len(count) };
    values
}

/// `count` numbers made in chunks of `size`: each chunk is zeros at first, and `work` computes it, by its number, while
/// it is in the cache. Also returns what `work` returned, in the order of the chunks.
pub fn computed<T: Send>(
    count: usize,
    size: usize,
    work: impl Fn(usize, &mut [f32]) -> T + Sync + Send,
) -> (Vec<f32>, Vec<T>) {
    let mut values: Vec<f32> = Vec::with_capacity(count);
    let spare = &mut values.spare_capacity_mut()[..count];
    let chunk = |(index, spare): (usize, &mut [MaybeUninit<f32>])| {
        spare.fill(MaybeUninit::new(0.0));
        // SAFETY: every number was just written.
        work(index, unsafe { &mut *(std::ptr::from_mut(spare) as *mut [f32]) })
    };
    let returned = match count < WORTHWHILE {
        true => spare.chunks_mut(size.max(1)).enumerate().map(chunk).collect(),
        false => spare.par_chunks_mut(size.max(1)).enumerate().map(chunk).collect(),
    };
    // SAFETY: there is room for `count` numbers, and each was written.
    unsafe { values.set_len(count) };
    (values, returned)
}

/// The elements of a contiguous float storage.
pub fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else { candle_core::bail!("a kernel takes 32-bit floats") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => candle_core::bail!("a kernel takes contiguous tensors"),
    }
}

/// Calls `work` with the elements of a float tensor on the CPU, in row-major order.
pub fn with_floats<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => work(floats(storage, layout)?),
        _ => candle_core::bail!("a kernel works on the CPU"),
    }
}

/// Does the kernel take these tensors? Otherwise the twin does.
pub fn fits(tensors: &[&Tensor]) -> bool {
    !choice::composed() && tensors.iter().all(|t| t.device().is_cpu() && t.dtype() == candle_core::DType::F32)
}
