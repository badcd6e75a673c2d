//! The recurrence as a custom operation of candle.

use std::marker::PhantomData;
use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::recurrence::backward::{SavedForward, backward};
use crate::model::kernel::recurrence::composed::composed;
use crate::model::kernel::recurrence::forward::forward;
use crate::model::kernel::recurrence::row::RecurrenceSizes;
use crate::model::kernel::recurrence::{BIAS, RecurrentCell, SequenceOptions};
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// The outputs `[batch, time, units]` and, if `last`, the last state `[batch, state]` of a recurrence over x
/// `[batch, time, width]`. The weight is `[width + units, gates]`, the bias `[4 units]`, the initial state
/// `[batch, state]` (zeros without it).
///
/// # Errors
/// Shapes that do not fit together, or lengths that are not 1 to `time`, one for each row.
pub fn recur<C: RecurrentCell>(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: SequenceOptions,
    last: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    let (batch, time, width) = x.dims3()?;
    let units = bias.dim(0)? / BIAS;
    let state = C::STATE * units;
    if weight.dims() != [width + units, C::GATES * units] || bias.dims() != [BIAS * units] {
        candle_core::bail!(
            "{}: the shapes of x {:?}, weight {:?} and bias {:?} do not fit together",
            C::NAME,
            x.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    if let Some(initial) = initial.filter(|initial| initial.dims() != [batch, state]) {
        candle_core::bail!(
            "{}: expected an initial state of shape [{batch}, {state}], found {:?}",
            C::NAME,
            initial.dims()
        );
    }
    let lengths: Vec<usize> = match traversal.lengths {
        Some(lengths) => lengths.iter().map(|length| *length as usize).collect(),
        None => vec![time; batch],
    };
    if lengths.len() != batch || lengths.iter().any(|length| !(1..=time).contains(length)) {
        candle_core::bail!("{}: expected {batch} lengths from 1 to {time}, found {lengths:?}", C::NAME);
    }
    if batch == 0 || !fits(&[x, weight, bias]) || initial.is_some_and(|initial| initial.dtype() != DType::F32)
    {
        let (y, state) = composed::<C>(x, weight, bias, initial, traversal)?;
        return Ok((y, last.then_some(state)));
    }
    let parameters = match initial {
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
        needs_gradient: x.track_op() || weight.track_op() || parameters.track_op(),
        saved: Mutex::new(None),
        cell: PhantomData,
    };
    let y = apply3(&x, &weight, &parameters, operation)?;
    if !last {
        return Ok((y, None));
    }
    let state = y.narrow(1, time, C::STATE)?.contiguous()?.reshape((batch, state))?;
    Ok((y.narrow(1, 0, time)?, Some(state)))
}

struct RecurrenceOp<C> {
    sizes: RecurrenceSizes,
    /// Whether any input needs a gradient.
    needs_gradient: bool,
    /// What the forward pass saves for the backward pass, which consumes it; a second backward pass computes
    /// it again.
    saved: Mutex<Option<Vec<f32>>>,
    cell: PhantomData<C>,
}

impl<C: RecurrentCell> RecurrenceOp<C> {
    fn forward(&self, x: &[f32], weight: &[f32], parameters: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let RecurrenceSizes { batch, time, units, out, .. } = self.sizes;
        let mut y = zeros(batch * out * units);
        let mut saved = zeros(batch * time * C::SAVED * units);
        forward::<C>(&self.sizes, x, weight, parameters, &mut y, &mut saved);
        (y, saved)
    }

    /// Replaces the saved values and returns the previous ones.
    fn replace_saved(&self, saved: Option<Vec<f32>>) -> Option<Vec<f32>> {
        let mut guard = self.saved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::replace(&mut *guard, saved)
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
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, saved) = self.forward(
            floats(x, x_layout)?,
            floats(weight, weight_layout)?,
            floats(parameters, parameters_layout)?,
        );
        if self.needs_gradient {
            self.replace_saved(Some(saved));
        }
        let shape = Shape::from((self.sizes.batch, self.sizes.out, self.sizes.units));
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        parameters: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let needs_x_gradient = x.track_op();
        let gradients = with_floats(x, |x| {
            with_floats(weight, |weight| {
                with_floats(parameters, |parameters| {
                    with_floats(y, |y| {
                        with_floats(gradient, |gradient| {
                            let inputs = SavedForward { x, weight, parameters, y, gradient };
                            let mut saved = match self.replace_saved(None) {
                                Some(saved) => saved,
                                None => self.forward(x, weight, parameters).1,
                            };
                            Ok(backward::<C>(&self.sizes, inputs, &mut saved, needs_x_gradient))
                        })
                    })
                })
            })
        })?;
        let tensor = |values: Vec<f32>, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        let x_gradient = gradients.x.map(|values| tensor(values, x)).transpose()?;
        Ok((
            x_gradient,
            Some(tensor(gradients.weight, weight)?),
            Some(tensor(gradients.parameters, parameters)?),
        ))
    }
}
