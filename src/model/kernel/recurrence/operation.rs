//! The recurrence as candle's custom operation.

use std::marker::PhantomData;
use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::recurrence::backward::{RecurrenceGradients, SavedForward, backward};
use crate::model::kernel::recurrence::composed::composed;
use crate::model::kernel::recurrence::forward::forward;
use crate::model::kernel::recurrence::row::RecurrenceSizes;
use crate::model::kernel::recurrence::{BIAS, RecurrentCell, Traversal};
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// The outputs `[batch, time, units]` and the last state `[batch, state]` of a recurrence over x `[batch,
/// time, width]`. The weight is `[width + units, gates]`, the bias `[4 units]`, the initial state `[batch,
/// state]` (zeros without it). Nothing is given for the last state unless `last`.
pub fn recur<C: RecurrentCell>(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: Traversal,
    last: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    let (batch, time, width) = x.dims3()?;
    let units = bias.dim(0)? / BIAS;
    let state = C::STATE * units;
    if weight.dims() != [width + units, C::GATES * units] || bias.dims() != [BIAS * units] {
        candle_core::bail!(
            "{}: x {:?}, weight {:?}, bias {:?}",
            C::NAME,
            x.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    if let Some(initial) = initial.filter(|initial| initial.dims() != [batch, state]) {
        candle_core::bail!("{}: a state is [{batch}, {state}], not {:?}", C::NAME, initial.dims());
    }
    let lengths: Vec<usize> = match traversal.lengths {
        Some(lengths) => lengths.iter().map(|length| *length as usize).collect(),
        None => vec![time; batch],
    };
    if lengths.len() != batch || lengths.iter().any(|length| !(1..=time).contains(length)) {
        candle_core::bail!("{}: {batch} rows of 1 to {time} steps, not of {lengths:?}", C::NAME);
    }
    if batch == 0 || !fits(&[x, weight, bias]) || initial.is_some_and(|initial| initial.dtype() != DType::F32)
    {
        let (y, state) = composed::<C>(x, weight, bias, initial, traversal)?;
        return Ok((y, last.then_some(state)));
    }
    let rest = match initial {
        Some(initial) => Tensor::cat(&[bias, &initial.flatten_all()?], 0)?,
        None => bias.contiguous()?,
    };
    let x = x.contiguous()?;
    let weight = weight.contiguous()?;
    let out = time + if last { C::STATE } else { 0 };
    let initial = initial.is_some();
    let operation: RecurrenceOp<C> = RecurrenceOp {
        sizes: RecurrenceSizes {
            batch,
            time,
            width,
            units,
            out,
            lengths,
            reversed: traversal.reversed,
            initial,
        },
        learns: x.track_op() || weight.track_op() || rest.track_op(),
        saved: Mutex::new(None),
        cell: PhantomData,
    };
    let y = apply3(&x, &weight, &rest, operation)?;
    if !last {
        return Ok((y, None));
    }
    let state = y.narrow(1, time, C::STATE)?.contiguous()?.reshape((batch, state))?;
    Ok((y.narrow(1, 0, time)?, Some(state)))
}

struct RecurrenceOp<C> {
    sizes: RecurrenceSizes,
    /// Will anyone ask for a gradient?
    learns: bool,
    /// What the way forward leaves for the way back, which uses it up; made again if asked for twice.
    saved: Mutex<Option<Vec<f32>>>,
    cell: PhantomData<C>,
}

impl<C: RecurrentCell> RecurrenceOp<C> {
    fn forward(&self, x: &[f32], weight: &[f32], rest: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let RecurrenceSizes { batch, time, units, out, .. } = self.sizes;
        let mut y = zeros(batch * out * units);
        let mut kept = zeros(batch * time * C::KEPT * units);
        forward::<C>(&self.sizes, x, weight, rest, &mut y, &mut kept);
        (y, kept)
    }

    fn set_kept(&self, kept: Option<Vec<f32>>) -> Option<Vec<f32>> {
        let mut index = self.saved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::replace(&mut *index, kept)
    }
}

impl<C: RecurrentCell> CustomOp3 for RecurrenceOp<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        rest: &CpuStorage,
        rest_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, kept) =
            self.forward(floats(x, x_layout)?, floats(weight, weight_layout)?, floats(rest, rest_layout)?);
        if self.learns {
            self.set_kept(Some(kept));
        }
        let shape = Shape::from((self.sizes.batch, self.sizes.out, self.sizes.units));
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        rest: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let wanted = x.track_op();
        let gradients: RecurrenceGradients = with_floats(x, |x| {
            with_floats(weight, |weight| {
                with_floats(rest, |rest| {
                    with_floats(y, |y_values| {
                        with_floats(gradient, |gradient| {
                            let known = SavedForward { x, weight, rest, y: y_values, gradient };
                            let mut kept = match self.set_kept(None) {
                                Some(kept) => kept,
                                None => self.forward(x, weight, rest).1,
                            };
                            Ok(backward::<C>(&self.sizes, known, &mut kept, wanted))
                        })
                    })
                })
            })
        })?;
        let tensor = |values: Vec<f32>, of: &Tensor| Tensor::from_vec(values, of.shape(), of.device());
        let of_x = match gradients.x {
            Some(values) => Some(tensor(values, x)?),
            None => None,
        };
        Ok((of_x, Some(tensor(gradients.weight, weight)?), Some(tensor(gradients.rest, rest)?)))
    }
}
