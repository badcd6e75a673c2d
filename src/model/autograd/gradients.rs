//! Gradients by tensor.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, TensorId};
use rayon::prelude::*;

use crate::model::kernel::wide::wide;
use crate::model::kernel::{PARALLEL_THRESHOLD, fits};

/// Gradients with respect to variables, by tensor id.
#[derive(Debug, Default)]
pub struct Gradients(HashMap<TensorId, Gradient>);

#[derive(Debug)]
struct Gradient {
    tensor: Tensor,
    /// Was the tensor created by [`Gradients::add`]? Then nothing else refers to it, and it can be changed in
    /// place.
    is_own: bool,
}

impl Gradients {
    /// Removes and returns the gradient with respect to a tensor.
    pub fn remove(&mut self, tensor: &Tensor) -> Option<Tensor> {
        Some(self.0.remove(&tensor.id())?.tensor)
    }

    /// Adds to the gradient with respect to the tensor with this id.
    ///
    /// # Errors
    /// `gradient` has another shape than what has been added before.
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

    /// Adds all gradients of another backward pass.
    pub(super) fn merge(&mut self, other: Self) -> Result<()> {
        other.0.into_iter().try_for_each(|(id, gradient)| self.add(id, gradient.tensor))
    }

    /// Adds all gradients of a candle store.
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

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(x), CpuStorage::F32(y)) = (x, y) else {
            candle_core::bail!("expected gradients of 32-bit floats")
        };
        let (Some((x_start, x_end)), Some((y_start, y_end))) =
            (x_layout.contiguous_offsets(), y_layout.contiguous_offsets())
        else {
            candle_core::bail!("expected contiguous gradients")
        };
        let (x, y) = (&mut x[x_start..x_end], &y[y_start..y_end]);
        if x.len() != y.len() {
            candle_core::bail!("cannot add a gradient of {} values to one of {}", y.len(), x.len());
        }
        let add = |(x, y): (&mut [f32], &[f32])| wide!(x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
        x.par_chunks_mut(PARALLEL_THRESHOLD).zip(y.par_chunks(PARALLEL_THRESHOLD)).for_each(add);
        Ok(())
    }
}
