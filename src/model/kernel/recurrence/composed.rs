//! Composed form of the recurrence, for other devices and as the reference of tests.

use candle_core::{D, Result, Tensor};

use crate::model::kernel::recurrence::{BIAS, RecurrentCell, SequenceOptions};

/// Outputs `[batch, time, units]` and last state `[batch, state]`, as of `recur`.
pub fn composed<C: RecurrentCell>(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: SequenceOptions,
) -> Result<(Tensor, Tensor)> {
    let (batch, time, width) = x.dims3()?;
    let units = bias.dim(0)? / BIAS;
    let gates = C::GATES * units;
    let (weight_x, weight_h) = (weight.narrow(0, 0, width)?, weight.narrow(0, width, units)?);
    let bias_x = bias.narrow(0, 0, gates)?;
    let bias_h = if C::GATES < BIAS { Some(bias.narrow(0, gates, BIAS * units - gates)?) } else { None };
    let mut state: Vec<Tensor> = match initial {
        Some(initial) => initial.chunk(C::STATE, 1)?,
        None => vec![Tensor::zeros((batch, units), x.dtype(), x.device())?; C::STATE],
    };
    let input =
        x.reshape(((), width))?.matmul(&weight_x)?.broadcast_add(&bias_x)?.reshape((batch, time, gates))?;
    let mut outputs = Vec::with_capacity(time);
    for index in 0..time {
        let step = if traversal.reversed { time - 1 - index } else { index };
        let recurrent = state[0].contiguous()?.matmul(&weight_h)?;
        let mut next =
            C::composed_step(&input.narrow(1, step, 1)?.squeeze(1)?, &recurrent, bias_h.as_ref(), &state)?;
        // At padding steps the state stays and the output is 0; a reversed recurrence passes them first.
        let output = match traversal.lengths {
            Some(lengths) => {
                let real: Vec<f32> =
                    lengths.iter().map(|length| f32::from(u8::from((step as u32) < *length))).collect();
                let real = Tensor::from_vec(real, (batch, 1), x.device())?.to_dtype(x.dtype())?;
                let padding = real.affine(-1.0, 1.0)?;
                for (next, before) in next.iter_mut().zip(&state) {
                    *next = (next.broadcast_mul(&real)? + before.broadcast_mul(&padding)?)?;
                }
                next[0].broadcast_mul(&real)?
            }
            None => next[0].clone(),
        };
        outputs.push(output);
        state = next;
    }
    if traversal.reversed {
        outputs.reverse();
    }
    Ok((Tensor::stack(&outputs, 1)?, Tensor::cat(&state, D::Minus1)?))
}
