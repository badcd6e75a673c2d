//! The gated recurrent unit over whole sequences (Cho et al. 2014), with PyTorch's gates in its order, r z n:
//! r, z = sigmoid(x W + h U + b), n = tanh(x W + b + r (h U + b')), h = (1 - z) n + z h.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid as sigmoid_of;

use crate::model::kernel::recurrence::{
    BackwardStep, RecurrentCell, Traversal, add, recur, store_lanes, take,
};
use crate::model::kernel::wide::{sigmoid, tanh};

/// The outputs `[batch, time, units]` for x `[batch, time, width]`, the weight `[width + units, 3 units]` (W
/// above U) and the bias `[4 units]` (b, then b'); behind each row's end they are 0. The initial state is
/// `[batch, units]`.
pub fn gru(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: Traversal,
) -> Result<Tensor> {
    Ok(recur::<GruCell>(x, weight, bias, initial, traversal, false)?.0)
}

/// The same with the last state `[batch, units]`.
pub fn gru_with_state(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: Traversal,
) -> Result<(Tensor, Tensor)> {
    match recur::<GruCell>(x, weight, bias, initial, traversal, true)? {
        (y, Some(state)) => Ok((y, state)),
        (_, None) => candle_core::bail!("a state was asked for"),
    }
}

/// Kept: the gates, and the state's part of n's input. The way back puts the gradients of r, z and n's
/// inputs in the gates' place, and that of the state's part of n's behind them.
pub struct GruCell;

impl RecurrentCell for GruCell {
    const NAME: &'static str = "gru";
    const GATES: usize = 3;
    const KEPT: usize = 4;
    const STATE: usize = 1;
    const SIDES: &'static [(usize, usize, usize)] = &[(0, 0, 2), (3, 2, 1)];

    #[inline(always)]
    fn step<const N: usize>(
        at: usize,
        units: usize,
        kept: &mut [f32],
        side: &[f32],
        bias: &[f32],
        state: &mut [f32],
    ) {
        let index = |block: usize| block * units + at;
        let [mut r, mut z, mut n] = [0, 1, 2].map(|block| take::<N>(kept, index(block)));
        let [side_r, side_z, mut q] = [0, 1, 2].map(|block| take::<N>(side, index(block)));
        let bias = take::<N>(bias, at);
        let mut h = take::<N>(state, at);
        for j in 0..N {
            r[j] = sigmoid(r[j] + side_r[j]);
        }
        for j in 0..N {
            z[j] = sigmoid(z[j] + side_z[j]);
        }
        for j in 0..N {
            q[j] += bias[j];
        }
        for j in 0..N {
            n[j] = tanh(n[j] + r[j] * q[j]);
        }
        for j in 0..N {
            h[j] = n[j] + z[j] * (h[j] - n[j]);
        }
        for (block, values) in [r, z, n, q].into_iter().enumerate() {
            store_lanes(kept, index(block), values);
        }
        store_lanes(state, at, h);
    }

    #[inline(always)]
    fn back<const N: usize>(at: usize, units: usize, kept: &mut [f32], step: &mut BackwardStep) {
        let index = |block: usize| block * units + at;
        let [r, z, n, q] = [0, 1, 2, 3].map(|block| take::<N>(kept, index(block)));
        let before = take::<N>(step.h, at);
        let mut of_h = take::<N>(step.previous, at);
        let of_y = take::<N>(step.gradient, at);
        let (mut of_r, mut of_z, mut of_n, mut of_q) = ([0.0; N], [0.0; N], [0.0; N], [0.0; N]);
        for j in 0..N {
            let all = of_h[j] + of_y[j];
            of_z[j] = all * (before[j] - n[j]) * z[j] * (1.0 - z[j]);
            of_n[j] = all * (1.0 - z[j]) * (1.0 - n[j] * n[j]);
            of_q[j] = of_n[j] * r[j];
            of_r[j] = of_n[j] * q[j] * r[j] * (1.0 - r[j]);
            of_h[j] = all * z[j];
        }
        for (block, values) in [of_r, of_z, of_n, of_q].into_iter().enumerate() {
            store_lanes(kept, index(block), values);
            add(step.bias, index(block), values);
        }
        for (block, values) in [of_r, of_z, of_q].into_iter().enumerate() {
            store_lanes(step.side, index(block), values);
        }
        store_lanes(step.previous, at, of_h);
    }

    fn plain(input: &Tensor, side: &Tensor, bias: Option<&Tensor>, state: &[Tensor]) -> Result<Vec<Tensor>> {
        let (input, side) = (input.chunk(3, 1)?, side.chunk(3, 1)?);
        let r = sigmoid_of(&(&input[0] + &side[0])?)?;
        let z = sigmoid_of(&(&input[1] + &side[1])?)?;
        let q = match bias {
            Some(bias) => side[2].broadcast_add(bias)?,
            None => side[2].clone(),
        };
        let n = (&input[2] + (r * q)?)?.tanh()?;
        Ok(vec![(&n + (z * (&state[0] - &n)?)?)?])
    }
}
