//! The backward pass.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::model::kernel::packed::{Addend, PackedMatrix};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::recurrence::row::{RecurrenceSizes, STEP_BLOCK};
use crate::model::kernel::recurrence::{BIAS, BackwardStep, RecurrentCell};
use crate::model::kernel::wide::wide;
use crate::model::kernel::zeros;

/// Inputs and outputs of the forward pass, and the gradient of the outputs.
#[derive(Clone, Copy)]
pub struct SavedForward<'a> {
    pub x: &'a [f32],
    pub weight: &'a [f32],
    pub parameters: &'a [f32],
    pub y: &'a [f32],
    pub gradient: &'a [f32],
}

/// Gradients of the inputs of the forward pass.
pub struct RecurrenceGradients {
    pub x: Option<Vec<f32>>,
    pub weight: Vec<f32>,
    pub parameters: Vec<f32>,
}

/// Inputs and outputs of one row of the batch.
struct BackwardRow<'a> {
    length: usize,
    initial: &'a [f32],
    saved: &'a mut [f32],
    y: &'a [f32],
    gradient: &'a [f32],
    x_gradient: &'a mut [f32],
    /// This row's part of the gradient of the bias.
    bias: &'a mut [f32],
    /// The gradient of the row's initial state.
    state: &'a mut [f32],
}

/// Computes the gradients; that of x only if `needs_x_gradient`. Overwrites `saved`, which `forward` has
/// filled.
pub fn backward<C: RecurrentCell>(
    sizes: &RecurrenceSizes,
    forward: SavedForward,
    saved: &mut [f32],
    needs_x_gradient: bool,
) -> RecurrenceGradients {
    let RecurrenceSizes { batch, time, width, units, out, .. } = *sizes;
    let (blocks, state) = (C::SAVED * units, C::STATE * units);
    let none = vec![0.0; state];
    let mut initial = forward.parameters[BIAS * units..].chunks_exact(state);
    let mut x_gradient = zeros(if needs_x_gradient { batch * time * width } else { 0 });
    let mut x_rows = x_gradient.chunks_exact_mut(time * width);
    let mut bias_gradient = vec![0.0; batch * BIAS * units];
    let mut state_gradient = vec![0.0; batch * state];
    let rows = sizes.lengths.iter().zip(saved.chunks_exact_mut(time * blocks));
    let rows = rows.zip(forward.y.chunks_exact(out * units).zip(forward.gradient.chunks_exact(out * units)));
    let rows =
        rows.zip(bias_gradient.chunks_exact_mut(BIAS * units).zip(state_gradient.chunks_exact_mut(state)));
    let rows = rows.map(|(((length, saved), (y, gradient)), (bias, state))| BackwardRow {
        length: *length,
        initial: initial.next().unwrap_or(&none),
        saved,
        y,
        gradient,
        x_gradient: x_rows.next().unwrap_or_default(),
        bias,
        state,
    });
    let groups = sizes.groups(rows, |row| row.length);
    let (weight_x, weight_h) = forward.weight.split_at(width * C::GATES * units);
    let pass: BackwardSweep<C> = BackwardSweep {
        sizes,
        needs_x_gradient,
        input: PackedMatrix::new(MatrixView::new(weight_x, width, C::GATES * units).t()),
        state: PackedMatrix::new(MatrixView::new(weight_h, units, C::GATES * units).t()),
        cell: PhantomData,
    };
    match groups.len() {
        1 => groups.into_iter().for_each(|rows| pass.over(rows)),
        _ => groups.into_par_iter().for_each(|rows| pass.over(rows)),
    }
    let mut parameters = vec![0.0; BIAS * units];
    for row in bias_gradient.chunks_exact(BIAS * units) {
        parameters.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
    }
    if sizes.initial {
        parameters.extend(state_gradient);
    }
    RecurrenceGradients {
        x: needs_x_gradient.then_some(x_gradient),
        weight: weight_gradient::<C>(sizes, &forward, saved),
        parameters,
    }
}

struct BackwardSweep<'a, C> {
    sizes: &'a RecurrenceSizes,
    needs_x_gradient: bool,
    /// The transposed weights of the input part and of the recurrent part.
    input: PackedMatrix,
    state: PackedMatrix,
    cell: PhantomData<C>,
}

impl<C: RecurrentCell> BackwardSweep<'_, C> {
    fn over(&self, mut rows: Vec<BackwardRow>) {
        let RecurrenceSizes { time, width, units, out, .. } = *self.sizes;
        let (blocks, gates, state) = (C::SAVED * units, C::GATES * units, C::STATE * units);
        let mut state_gradients = vec![0.0; rows.len() * state];
        if out > time {
            for (row, state_gradients) in rows.iter().zip(state_gradients.chunks_exact_mut(state)) {
                state_gradients.copy_from_slice(&row.gradient[time * units..]);
            }
        }
        let mut recurrent = vec![0.0; rows.len() * gates];
        let longest = rows.first().map_or(0, |row| row.length);
        for start in (0..longest).step_by(STEP_BLOCK).rev() {
            let end = longest.min(start + STEP_BLOCK);
            for s in (start..end).rev() {
                let active = rows.partition_point(|row| row.length > s);
                {
                    let (rows, recurrent, state_gradients) =
                        (&mut rows[..active], &mut recurrent, &mut state_gradients);
                    wide!(self.step(s, rows, recurrent, state_gradients));
                }
                self.state.times(&recurrent, gates, active, &mut state_gradients, state, Addend::Output);
            }
            if !self.needs_x_gradient {
                continue;
            }
            for row in &mut rows {
                let (first, count) = self.sizes.step_block(row.length, start, end);
                let x_gradient = &mut row.x_gradient[first * width..];
                self.input.times(
                    &row.saved[first * blocks..],
                    blocks,
                    count,
                    x_gradient,
                    width,
                    Addend::Zero,
                );
            }
        }
        for (row, state_gradients) in rows.iter_mut().zip(state_gradients.chunks_exact(state)) {
            row.state.copy_from_slice(state_gradients);
        }
    }

    /// Computes the gradients of the gates of step `s` of the rows, which are all longer than that.
    #[inline(always)]
    fn step(&self, s: usize, rows: &mut [BackwardRow], recurrent: &mut [f32], state_gradients: &mut [f32]) {
        let units = self.sizes.units;
        let (blocks, gates, state) = (C::SAVED * units, C::GATES * units, C::STATE * units);
        let parts = recurrent.chunks_exact_mut(gates).zip(state_gradients.chunks_exact_mut(state));
        for (row, (recurrent, state_gradients)) in rows.iter_mut().zip(parts) {
            let position = self.sizes.position(row.length, s);
            // h before this step is the output of the step before; its memory is the last saved block.
            let (saved, h, memory) = if s == 0 {
                let (h, memory) = row.initial.split_at(units);
                (&mut row.saved[position * blocks..][..blocks], h, memory)
            } else {
                let before = self.sizes.position(row.length, s - 1);
                let h = &row.y[before * units..][..units];
                let (saved, before) = if self.sizes.reversed {
                    let (left, right) = row.saved.split_at_mut(before * blocks);
                    (&mut left[position * blocks..], &right[..blocks])
                } else {
                    let (left, right) = row.saved.split_at_mut(position * blocks);
                    (&mut right[..blocks], &left[before * blocks..])
                };
                (saved, h, &before[blocks - units..])
            };
            let gradient = &row.gradient[position * units..][..units];
            let mut step = BackwardStep {
                h,
                memory,
                y_gradient: gradient,
                state_gradient: state_gradients,
                recurrent_gradient: recurrent,
                bias_gradient: row.bias,
            };
            let mut at = 0;
            while at + 16 <= units {
                C::backward_step::<16>(at, units, saved, &mut step);
                at += 16;
            }
            while at < units {
                C::backward_step::<1>(at, units, saved, &mut step);
                at += 1;
            }
        }
    }
}

/// The gradient of the weights from that of the gates: one product for W, one or two for U.
fn weight_gradient<C: RecurrentCell>(
    sizes: &RecurrenceSizes,
    forward: &SavedForward,
    saved: &[f32],
) -> Vec<f32> {
    let RecurrenceSizes { time, width, units, .. } = *sizes;
    let (blocks, gates) = (C::SAVED * units, C::GATES * units);
    let steps = sizes.steps();
    let before = states_before::<C>(sizes, forward);
    // Values of padding steps are undefined, so they are left out.
    let (real_x, real_saved);
    let (x, saved, stride) = if sizes.is_full() {
        (forward.x, saved, blocks)
    } else {
        real_x = real_steps(sizes, forward.x, width, width);
        real_saved = real_steps(sizes, saved, blocks, BIAS * units);
        (&real_x[..], &real_saved[..], BIAS * units)
    };
    debug_assert!(x.len() == steps * width && time > 0);
    let mut gradient = vec![0.0; (width + units) * gates];
    let (weight_x, weight_h) = gradient.split_at_mut(width * gates);
    let x = MatrixView::new(x, steps, width).t();
    product(
        x,
        MatrixView::strided(saved, steps, gates, stride, 1),
        MatrixMut::new(weight_x, width, gates),
        false,
        ProductThreads::All,
    );
    let h = MatrixView::new(&before, steps, units).t();
    for (block, gate, count) in C::RECURRENT_GATES {
        let gate_gradients = MatrixView::strided(&saved[block * units..], steps, count * units, stride, 1);
        let to = MatrixMut::strided(&mut weight_h[gate * units..], units, count * units, gates, 1);
        product(h, gate_gradients, to, false, ProductThreads::All);
    }
    gradient
}

/// h before each real step `[steps, units]`.
fn states_before<C: RecurrentCell>(sizes: &RecurrenceSizes, forward: &SavedForward) -> Vec<f32> {
    let units = sizes.units;
    let mut states = zeros(sizes.steps() * units);
    let mut initial = forward.parameters[BIAS * units..].chunks_exact(C::STATE * units);
    let mut remaining = states.as_mut_slice();
    let mut jobs = Vec::with_capacity(sizes.batch);
    for (length, y) in sizes.lengths.iter().zip(forward.y.chunks_exact(sizes.out * units)) {
        let (own, others) = remaining.split_at_mut(length * units);
        remaining = others;
        jobs.push((*length, own, y, initial.next()));
    }
    jobs.into_par_iter().for_each(|(length, own, y, initial)| {
        let inner = (length - 1) * units;
        let (first, others) = if sizes.reversed {
            let (others, first) = own.split_at_mut(inner);
            others.copy_from_slice(&y[units..][..inner]);
            (first, others)
        } else {
            let (first, others) = own.split_at_mut(units);
            others.copy_from_slice(&y[..inner]);
            (first, others)
        };
        debug_assert_eq!(others.len(), inner);
        initial.iter().for_each(|initial| first.copy_from_slice(&initial[..units]));
    });
    states
}

/// The first `count` of the `stride` numbers of each real step.
fn real_steps(sizes: &RecurrenceSizes, values: &[f32], stride: usize, count: usize) -> Vec<f32> {
    let mut selected = Vec::with_capacity(sizes.steps() * count);
    for (length, row) in sizes.lengths.iter().zip(values.chunks_exact(sizes.time * stride)) {
        for step in row.chunks_exact(stride).take(*length) {
            selected.extend_from_slice(&step[..count]);
        }
    }
    selected
}
