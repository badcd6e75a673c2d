//! Gradients by tensor.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, TensorId};
use rayon::prelude::*;

use crate::model::kernel::wide::wide;
use crate::model::kernel::{WORTHWHILE, fits};

/// The gradients of a scalar, or of some output, with respect to variables.
#[derive(Debug, Default)]
pub struct Gradients(HashMap<TensorId, Gradient>);

#[derive(Debug)]
struct Gradient {
    tensor: Tensor,
    /// A sum made here: nobody else holds it, so more can be added in place.
    is_own: bool,
}

impl Gradients {
    /// The gradient with respect to a tensor, which is no longer kept.
    pub fn remove(&mut self, tensor: &Tensor) -> Option<Tensor> {
        Some(self.0.remove(&tensor.id())?.tensor)
    }

    /// Adds to the gradient of the tensor with this id.
    ///
    /// # Errors
    /// Another shape than the gradient has so far.
    pub(super) fn add(&mut self, id: TensorId, gradient: Tensor) -> Result<()> {
        let sum = match self.0.remove(&id) {
            None => Gradient { tensor: gradient, is_own: false },
            Some(Gradient { tensor, is_own: true }) if fits(&[&tensor, &gradient]) => {
                tensor.inplace_op2(&gradient.contiguous()?, &AddInPlace)?;
                Gradient { tensor, is_own: true }
            }
            Some(Gradient { tensor, .. }) => Gradient { tensor: (tensor + gradient)?, is_own: true },
        };
        self.0.insert(id, sum);
        Ok(())
    }

    /// Adds candle's gradients.
    pub(super) fn extend(&mut self, store: &GradStore) -> Result<()> {
        for id in store.get_ids() {
            if let Some(gradient) = store.get_id(*id) {
                self.add(*id, gradient.clone())?;
            }
        }
        Ok(())
    }
}

/// x += y
struct AddInPlace;

impl InplaceOp2 for AddInPlace {
    fn name(&self) -> &'static str {
        "add_in_place"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, at: &Layout, y: &CpuStorage, from: &Layout) -> Result<()> {
        let (CpuStorage::F32(x), CpuStorage::F32(y)) = (x, y) else {
            candle_core::bail!("gradients are 32-bit floats")
        };
        let (Some((start, end)), Some((from, to))) = (at.contiguous_offsets(), from.contiguous_offsets())
        else {
            candle_core::bail!("gradients are contiguous")
        };
        if end - start != to - from {
            candle_core::bail!("a gradient of {} numbers is added to one of {}", to - from, end - start);
        }
        let add = |(x, y): (&mut [f32], &[f32])| wide(|| x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
        x[start..end].par_chunks_mut(WORTHWHILE).zip(y[from..to].par_chunks(WORTHWHILE)).for_each(add);
        Ok(())
    }
}
