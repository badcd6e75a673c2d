//! The forward pass.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::model::kernel::packed::{Addend, PackedMatrix};
use crate::model::kernel::product::MatrixView;
use crate::model::kernel::recurrence::row::{RecurrenceSizes, STEP_BLOCK};
use crate::model::kernel::recurrence::{BIAS, RecurrentCell};
use crate::model::kernel::wide::wide;

/// Inputs and outputs of one row of the batch.
struct ForwardRow<'a> {
    length: usize,
    x: &'a [f32],
    initial: Option<&'a [f32]>,
    saved: &'a mut [f32],
    y: &'a mut [f32],
}

/// Fills `y` `[batch, out, units]`, which holds zeros, and `saved` `[batch, time, blocks]`. `parameters` is
/// the bias, followed by the initial state if there is one.
pub fn forward<C: RecurrentCell>(
    sizes: &RecurrenceSizes,
    x: &[f32],
    weight: &[f32],
    parameters: &[f32],
    y: &mut [f32],
    saved: &mut [f32],
) {
    let RecurrenceSizes { time, width, units, .. } = *sizes;
    let (bias, initial) = parameters.split_at(BIAS * units);
    let mut initial = initial.chunks_exact(C::STATE * units);
    let rows = sizes.lengths.iter().zip(x.chunks_exact(time * width));
    let rows =
        rows.zip(saved.chunks_exact_mut(time * C::SAVED * units)).zip(y.chunks_exact_mut(sizes.out * units));
    let rows = rows.map(|(((length, x), saved), y)| ForwardRow {
        length: *length,
        x,
        initial: initial.next(),
        saved,
        y,
    });
    let groups = sizes.groups(rows, |row| row.length);
    let (weight_x, weight_h) = weight.split_at(width * C::GATES * units);
    let pass: ForwardSweep<C> = ForwardSweep {
        sizes,
        input: PackedMatrix::new(MatrixView::new(weight_x, width, C::GATES * units)),
        state: PackedMatrix::new(MatrixView::new(weight_h, units, C::GATES * units)),
        bias,
        cell: PhantomData,
    };
    match groups.len() {
        1 => groups.into_iter().for_each(|rows| pass.over(rows)),
        _ => groups.into_par_iter().for_each(|rows| pass.over(rows)),
    }
}

struct ForwardSweep<'a, C> {
    sizes: &'a RecurrenceSizes,
    input: PackedMatrix,
    state: PackedMatrix,
    bias: &'a [f32],
    cell: PhantomData<C>,
}

impl<C: RecurrentCell> ForwardSweep<'_, C> {
    fn over(&self, mut rows: Vec<ForwardRow>) {
        let RecurrenceSizes { time, width, units, out, .. } = *self.sizes;
        let (blocks, gates) = (C::SAVED * units, C::GATES * units);
        let mut state = vec![0.0; rows.len() * C::STATE * units];
        for (row, state) in rows.iter().zip(state.chunks_exact_mut(C::STATE * units)) {
            row.initial.iter().for_each(|initial| state.copy_from_slice(initial));
        }
        let mut recurrent = vec![0.0; rows.len() * gates];
        let longest = rows.first().map_or(0, |row| row.length);
        for start in (0..longest).step_by(STEP_BLOCK) {
            let end = longest.min(start + STEP_BLOCK);
            for row in &mut rows {
                let (first, count) = self.sizes.step_block(row.length, start, end);
                let saved = &mut row.saved[first * blocks..];
                self.input.times(
                    &row.x[first * width..],
                    width,
                    count,
                    saved,
                    blocks,
                    Addend::Bias(self.bias),
                );
            }
            for s in start..end {
                let active = rows.partition_point(|row| row.length > s);
                self.state.times(&state, C::STATE * units, active, &mut recurrent, gates, Addend::Zero);
                let rows = &mut rows[..active];
                let (recurrent, state) = (&recurrent, &mut state);
                wide!(self.step(s, rows, recurrent, state));
            }
        }
        if out > time {
            for (row, state) in rows.iter_mut().zip(state.chunks_exact(C::STATE * units)) {
                row.y[time * units..].copy_from_slice(state);
            }
        }
    }

    /// Computes gates, state and output of step `s` of the rows, which are all longer than that.
    #[inline(always)]
    fn step(&self, s: usize, rows: &mut [ForwardRow], recurrent: &[f32], state: &mut [f32]) {
        let units = self.sizes.units;
        let (blocks, gates) = (C::SAVED * units, C::GATES * units);
        let bias = &self.bias[gates..];
        let parts = recurrent.chunks_exact(gates).zip(state.chunks_exact_mut(C::STATE * units));
        for (row, (recurrent, state)) in rows.iter_mut().zip(parts) {
            let position = self.sizes.position(row.length, s);
            let saved = &mut row.saved[position * blocks..][..blocks];
            let mut at = 0;
            while at + 16 <= units {
                C::step::<16>(at, units, saved, recurrent, bias, state);
                at += 16;
            }
            while at < units {
                C::step::<1>(at, units, saved, recurrent, bias, state);
                at += 1;
            }
            row.y[position * units..][..units].copy_from_slice(&state[..units]);
        }
    }
}
