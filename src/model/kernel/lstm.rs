//! The long short-term memory over whole sequences (Hochreiter & Schmidhuber 1997), with PyTorch's gates in
//! its order, i f g o:
//! i, f, o = sigmoid(x W + h U + b), g = tanh(x W + h U + b), c = f c + i g, h = o tanh(c).

// Arrays of lanes, one loop per operation: this is what becomes wide instructions.
#![allow(clippy::needless_range_loop)]

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid as sigmoid_of;

use crate::model::kernel::recurrence::{
    BackwardStep, RecurrentCell, Traversal, add, recur, store_lanes, take,
};
use crate::model::kernel::wide::{sigmoid, tanh};

/// The outputs `[batch, time, units]` for x `[batch, time, width]`, the weight `[width + units, 4 units]` (W
/// above U) and the bias `[4 units]`; behind each row's end they are 0. The initial state is `[batch, 2
/// units]`: h, then c.
pub fn lstm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: Traversal,
) -> Result<Tensor> {
    Ok(recur::<LstmCell>(x, weight, bias, initial, traversal, false)?.0)
}

/// The same with the last state `[batch, 2 units]`: h, then c.
pub fn lstm_with_state(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    initial: Option<&Tensor>,
    traversal: Traversal,
) -> Result<(Tensor, Tensor)> {
    match recur::<LstmCell>(x, weight, bias, initial, traversal, true)? {
        (y, Some(state)) => Ok((y, state)),
        (_, None) => candle_core::bail!("a state was asked for"),
    }
}

/// Kept: the gates, and c. The way back puts the gradients of the gates' inputs in the gates' place.
pub struct LstmCell;

impl RecurrentCell for LstmCell {
    const NAME: &'static str = "lstm";
    const GATES: usize = 4;
    const KEPT: usize = 5;
    const STATE: usize = 2;
    const SIDES: &'static [(usize, usize, usize)] = &[(0, 0, 4)];

    #[inline(always)]
    fn step<const N: usize>(
        at: usize,
        units: usize,
        kept: &mut [f32],
        side: &[f32],
        _: &[f32],
        state: &mut [f32],
    ) {
        let index = |block: usize| block * units + at;
        let mut gates = [[0.0; N]; 4];
        for (block, gate) in gates.iter_mut().enumerate() {
            let (input, side) = (take::<N>(kept, index(block)), take::<N>(side, index(block)));
            for n in 0..N {
                gate[n] = input[n] + side[n];
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
        let mut c = take::<N>(state, index(1));
        let mut h = [0.0; N];
        for n in 0..N {
            c[n] = f[n] * c[n] + i[n] * g[n];
        }
        for n in 0..N {
            h[n] = o[n] * tanh(c[n]);
        }
        for (block, values) in [i, f, g, o, c].into_iter().enumerate() {
            store_lanes(kept, index(block), values);
        }
        store_lanes(state, index(0), h);
        store_lanes(state, index(1), c);
    }

    #[inline(always)]
    fn back<const N: usize>(at: usize, units: usize, kept: &mut [f32], step: &mut BackwardStep) {
        let index = |block: usize| block * units + at;
        let [i, f, g, o, c] = [0, 1, 2, 3, 4].map(|block| take::<N>(kept, index(block)));
        let before = take::<N>(step.memory, at);
        let (of_h, mut of_c) = (take::<N>(step.previous, index(0)), take::<N>(step.previous, index(1)));
        let of_y = take::<N>(step.gradient, at);
        let (mut of_i, mut of_f, mut of_g, mut of_o) = ([0.0; N], [0.0; N], [0.0; N], [0.0; N]);
        let mut t = [0.0; N];
        for n in 0..N {
            t[n] = tanh(c[n]);
        }
        for n in 0..N {
            let of_h = of_h[n] + of_y[n];
            of_o[n] = of_h * t[n] * o[n] * (1.0 - o[n]);
            let all = of_c[n] + of_h * o[n] * (1.0 - t[n] * t[n]);
            of_i[n] = all * g[n] * i[n] * (1.0 - i[n]);
            of_f[n] = all * before[n] * f[n] * (1.0 - f[n]);
            of_g[n] = all * i[n] * (1.0 - g[n] * g[n]);
            of_c[n] = all * f[n];
        }
        for (block, values) in [of_i, of_f, of_g, of_o].into_iter().enumerate() {
            store_lanes(kept, index(block), values);
            store_lanes(step.side, index(block), values);
            add(step.bias, index(block), values);
        }
        // All of h's gradient comes through the gates.
        store_lanes(step.previous, index(0), [0.0; N]);
        store_lanes(step.previous, index(1), of_c);
    }

    fn plain(input: &Tensor, side: &Tensor, _: Option<&Tensor>, state: &[Tensor]) -> Result<Vec<Tensor>> {
        let gates = (input + side)?.chunk(4, 1)?;
        let (i, f, o) = (sigmoid_of(&gates[0])?, sigmoid_of(&gates[1])?, sigmoid_of(&gates[3])?);
        let c = ((f * &state[1])? + (i * gates[2].tanh()?)?)?;
        Ok(vec![(o * c.tanh()?)?, c])
    }
}
