//! The gated recurrent unit (Cho et al. 2014) over whole sequences, with PyTorch's gates r, z, n:
//! r, z = sigmoid(x W + h U + b), n = tanh(x W + b + r (h U + b')), h = (1 - z) n + z h.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid as tensor_sigmoid;

use crate::model::kernel::recurrence::{
    BackwardStep, RecurrentCell, SequenceOptions, add_lanes, load_lanes, recur, store_lanes,
};
use crate::model::kernel::wide::{sigmoid, tanh};

/// The outputs `[batch, time, units]` and the last state `[batch, units]` for x `[batch, time, width]`. The
/// weight is `[width + units, 3 units]` (W above U), the bias `[4 units]` (b, then b'), the initial state
/// `[batch, units]` (zeros without it). Outputs of padding steps are 0.
///
/// # Errors
/// Shapes or lengths that do not fit together.
pub fn gru_with_state(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: SequenceOptions,
) -> Result<(Tensor, Tensor)> {
    match recur::<GruCell>(x, weight, bias, initial, traversal, true)? {
        (y, Some(state)) => Ok((y, state)),
        (_, None) => candle_core::bail!("the recurrence returned no state"),
    }
}

/// Saved blocks: r, z, n, and the recurrent part of n, h U + b'. The backward pass overwrites them with the
/// gradients of the pre-activations of r, z and n, and of the recurrent part of n.
pub struct GruCell;

impl RecurrentCell for GruCell {
    const NAME: &'static str = "gru";
    const GATES: usize = 3;
    const SAVED: usize = 4;
    const STATE: usize = 1;
    const RECURRENT_GATES: &'static [(usize, usize, usize)] = &[(0, 0, 2), (3, 2, 1)];

    #[inline(always)]
    fn step<const N: usize>(
        at: usize,
        units: usize,
        saved: &mut [f32],
        recurrent: &[f32],
        bias: &[f32],
        state: &mut [f32],
    ) {
        let offset = |block: usize| block * units + at;
        let [mut r, mut z, mut n] = [0, 1, 2].map(|block| load_lanes::<N>(saved, offset(block)));
        let [recurrent_r, recurrent_z, mut q] =
            [0, 1, 2].map(|block| load_lanes::<N>(recurrent, offset(block)));
        let bias = load_lanes::<N>(bias, at);
        let mut h = load_lanes::<N>(state, at);
        for j in 0..N {
            r[j] = sigmoid(r[j] + recurrent_r[j]);
        }
        for j in 0..N {
            z[j] = sigmoid(z[j] + recurrent_z[j]);
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
            store_lanes(saved, offset(block), values);
        }
        store_lanes(state, at, h);
    }

    #[inline(always)]
    fn backward_step<const N: usize>(at: usize, units: usize, saved: &mut [f32], step: &mut BackwardStep) {
        let offset = |block: usize| block * units + at;
        let [r, z, n, q] = [0, 1, 2, 3].map(|block| load_lanes::<N>(saved, offset(block)));
        let previous_h = load_lanes::<N>(step.h, at);
        let mut h_gradient = load_lanes::<N>(step.state_gradient, at);
        let y_gradient = load_lanes::<N>(step.y_gradient, at);
        let (mut r_gradient, mut z_gradient, mut n_gradient, mut q_gradient) =
            ([0.0; N], [0.0; N], [0.0; N], [0.0; N]);
        for j in 0..N {
            let total = h_gradient[j] + y_gradient[j];
            z_gradient[j] = total * (previous_h[j] - n[j]) * z[j] * (1.0 - z[j]);
            n_gradient[j] = total * (1.0 - z[j]) * (1.0 - n[j] * n[j]);
            q_gradient[j] = n_gradient[j] * r[j];
            r_gradient[j] = n_gradient[j] * q[j] * r[j] * (1.0 - r[j]);
            h_gradient[j] = total * z[j];
        }
        for (block, values) in [r_gradient, z_gradient, n_gradient, q_gradient].into_iter().enumerate() {
            store_lanes(saved, offset(block), values);
            add_lanes(step.bias_gradient, offset(block), values);
        }
        for (block, values) in [r_gradient, z_gradient, q_gradient].into_iter().enumerate() {
            store_lanes(step.recurrent_gradient, offset(block), values);
        }
        store_lanes(step.state_gradient, at, h_gradient);
    }

    fn composed_step(
        input: &Tensor,
        recurrent: &Tensor,
        bias: Option<&Tensor>,
        state: &[Tensor],
    ) -> Result<Vec<Tensor>> {
        let (input, recurrent) = (input.chunk(3, 1)?, recurrent.chunk(3, 1)?);
        let r = tensor_sigmoid(&(&input[0] + &recurrent[0])?)?;
        let z = tensor_sigmoid(&(&input[1] + &recurrent[1])?)?;
        let q = match bias {
            Some(bias) => recurrent[2].broadcast_add(bias)?,
            None => recurrent[2].clone(),
        };
        let n = (&input[2] + (r * q)?)?.tanh()?;
        Ok(vec![(&n + (z * (&state[0] - &n)?)?)?])
    }
}
