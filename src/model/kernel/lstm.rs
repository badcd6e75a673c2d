//! The long short-term memory (Hochreiter & Schmidhuber 1997) over whole sequences, with PyTorch's gates
//! i, f, g, o: i, f, o = sigmoid(x W + h U + b), g = tanh(x W + h U + b), c = f c + i g, h = o tanh(c).

// Loops over arrays of lanes, one per operation: the compiler turns them into SIMD instructions.
#![allow(clippy::needless_range_loop)]

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid as tensor_sigmoid;

use crate::model::kernel::recurrence::{
    BackwardStep, RecurrentCell, SequenceOptions, add_lanes, load_lanes, recur, store_lanes,
};
use crate::model::kernel::wide::{sigmoid, tanh};

/// The outputs `[batch, time, units]` and the last state `[batch, 2 units]` (h, then c) for x `[batch, time,
/// width]`. The weight is `[width + units, 4 units]` (W above U), the bias `[4 units]`, the initial state
/// `[batch, 2 units]` (zeros without it). Outputs of padding steps are 0.
///
/// # Errors
/// Shapes or lengths that do not fit together.
pub fn lstm_with_state(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: SequenceOptions,
) -> Result<(Tensor, Tensor)> {
    match recur::<LstmCell>(x, weight, bias, initial, traversal, true)? {
        (y, Some(state)) => Ok((y, state)),
        (_, None) => candle_core::bail!("the recurrence returned no state"),
    }
}

/// Saved blocks: i, f, g, o, and c. The backward pass overwrites the gates with the gradients of their
/// pre-activations.
pub struct LstmCell;

impl RecurrentCell for LstmCell {
    const NAME: &'static str = "lstm";
    const GATES: usize = 4;
    const SAVED: usize = 5;
    const STATE: usize = 2;
    const RECURRENT_GATES: &'static [(usize, usize, usize)] = &[(0, 0, 4)];

    #[inline(always)]
    fn step<const N: usize>(
        at: usize,
        units: usize,
        saved: &mut [f32],
        recurrent: &[f32],
        _: &[f32],
        state: &mut [f32],
    ) {
        let offset = |block: usize| block * units + at;
        let mut gates = [[0.0; N]; 4];
        for (block, gate) in gates.iter_mut().enumerate() {
            let (input, recurrent) =
                (load_lanes::<N>(saved, offset(block)), load_lanes::<N>(recurrent, offset(block)));
            for n in 0..N {
                gate[n] = input[n] + recurrent[n];
            }
        }
        let [mut i, mut f, mut g, mut o] = gates;
        for n in 0..N {
            i[n] = sigmoid(i[n]);
        }
        for n in 0..N {
            f[n] = sigmoid(f[n]);
        }
        for n in 0..N {
            g[n] = tanh(g[n]);
        }
        for n in 0..N {
            o[n] = sigmoid(o[n]);
        }
        let mut c = load_lanes::<N>(state, offset(1));
        let mut h = [0.0; N];
        for n in 0..N {
            c[n] = f[n] * c[n] + i[n] * g[n];
        }
        for n in 0..N {
            h[n] = o[n] * tanh(c[n]);
        }
        for (block, values) in [i, f, g, o, c].into_iter().enumerate() {
            store_lanes(saved, offset(block), values);
        }
        store_lanes(state, offset(0), h);
        store_lanes(state, offset(1), c);
    }

    #[inline(always)]
    fn backward_step<const N: usize>(at: usize, units: usize, saved: &mut [f32], step: &mut BackwardStep) {
        let offset = |block: usize| block * units + at;
        let [i, f, g, o, c] = [0, 1, 2, 3, 4].map(|block| load_lanes::<N>(saved, offset(block)));
        let previous_c = load_lanes::<N>(step.memory, at);
        let (h_gradient, mut c_gradient) = (
            load_lanes::<N>(step.state_gradient, offset(0)),
            load_lanes::<N>(step.state_gradient, offset(1)),
        );
        let y_gradient = load_lanes::<N>(step.y_gradient, at);
        let (mut i_gradient, mut f_gradient, mut g_gradient, mut o_gradient) =
            ([0.0; N], [0.0; N], [0.0; N], [0.0; N]);
        let mut tanh_c = [0.0; N];
        for n in 0..N {
            tanh_c[n] = tanh(c[n]);
        }
        for n in 0..N {
            let h_total = h_gradient[n] + y_gradient[n];
            o_gradient[n] = h_total * tanh_c[n] * o[n] * (1.0 - o[n]);
            let total = c_gradient[n] + h_total * o[n] * (1.0 - tanh_c[n] * tanh_c[n]);
            i_gradient[n] = total * g[n] * i[n] * (1.0 - i[n]);
            f_gradient[n] = total * previous_c[n] * f[n] * (1.0 - f[n]);
            g_gradient[n] = total * i[n] * (1.0 - g[n] * g[n]);
            c_gradient[n] = total * f[n];
        }
        for (block, values) in [i_gradient, f_gradient, g_gradient, o_gradient].into_iter().enumerate() {
            store_lanes(saved, offset(block), values);
            store_lanes(step.recurrent_gradient, offset(block), values);
            add_lanes(step.bias_gradient, offset(block), values);
        }
        // The whole gradient of the previous h comes through the recurrent part.
        store_lanes(step.state_gradient, offset(0), [0.0; N]);
        store_lanes(step.state_gradient, offset(1), c_gradient);
    }

    fn composed_step(
        input: &Tensor,
        recurrent: &Tensor,
        _: Option<&Tensor>,
        state: &[Tensor],
    ) -> Result<Vec<Tensor>> {
        let gates = (input + recurrent)?.chunk(4, 1)?;
        let (i, f, o) = (tensor_sigmoid(&gates[0])?, tensor_sigmoid(&gates[1])?, tensor_sigmoid(&gates[3])?);
        let c = ((f * &state[1])? + (i * gates[2].tanh()?)?)?;
        Ok(vec![(o * c.tanh()?)?, c])
    }
}
