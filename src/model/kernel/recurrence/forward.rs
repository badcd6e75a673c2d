//! The way forward.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::model::kernel::packed::{PackedMatrix, ProductTarget};
use crate::model::kernel::product::MatrixView;
use crate::model::kernel::recurrence::row::{RecurrenceSizes, STRETCH};
use crate::model::kernel::recurrence::{BIAS, RecurrentCell};
use crate::model::kernel::wide::wide;

/// One row of the batch.
struct ForwardRow<'a> {
    length: usize,
    x: &'a [f32],
    initial: Option<&'a [f32]>,
    saved: &'a mut [f32],
    y: &'a mut [f32],
}

/// Fills `y` (`[batch, out, units]`, zeros) and `kept` (`[batch, time, blocks]`). `rest` is the bias and
/// behind it the initial state.
pub fn forward<C: RecurrentCell>(
    sizes: &RecurrenceSizes,
    x: &[f32],
    weight: &[f32],
    rest: &[f32],
    y: &mut [f32],
    kept: &mut [f32],
) {
    let RecurrenceSizes { time, width, units, .. } = *sizes;
    let (bias, initial) = rest.split_at(BIAS * units);
    let mut initial = initial.chunks_exact(C::STATE * units);
    let rows = sizes.lengths.iter().zip(x.chunks_exact(time * width));
    let rows =
        rows.zip(kept.chunks_exact_mut(time * C::KEPT * units)).zip(y.chunks_exact_mut(sizes.out * units));
    let rows = rows.map(|(((length, x), kept), y)| ForwardRow {
        length: *length,
        x,
        initial: initial.next(),
        saved: kept,
        y,
    });
    let groups = sizes.groups(rows, |row| row.length);
    let (of_x, of_h) = weight.split_at(width * C::GATES * units);
    let sweep: ForwardSweep<C> = ForwardSweep {
        sizes,
        input: PackedMatrix::new(MatrixView::new(of_x, width, C::GATES * units)),
        state: PackedMatrix::new(MatrixView::new(of_h, units, C::GATES * units)),
        bias,
        cell: PhantomData,
    };
    match groups.len() {
        1 => groups.into_iter().for_each(|rows| sweep.over(rows)),
        _ => groups.into_par_iter().for_each(|rows| sweep.over(rows)),
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
        let (blocks, gates) = (C::KEPT * units, C::GATES * units);
        let mut state = vec![0.0; rows.len() * C::STATE * units];
        for (row, state) in rows.iter().zip(state.chunks_exact_mut(C::STATE * units)) {
            row.initial.iter().for_each(|initial| state.copy_from_slice(initial));
        }
        let mut side = vec![0.0; rows.len() * gates];
        let longest = rows.first().map_or(0, |row| row.length);
        for start in (0..longest).step_by(STRETCH) {
            let end = longest.min(start + STRETCH);
            for row in &mut rows {
                let (first, count) = self.sizes.stretch(row.length, start, end);
                let kept = &mut row.saved[first * blocks..];
                self.input.times(
                    &row.x[first * width..],
                    width,
                    count,
                    kept,
                    blocks,
                    ProductTarget::Row(self.bias),
                );
            }
            for s in start..end {
                let going = rows.partition_point(|row| row.length > s);
                self.state.times(&state, C::STATE * units, going, &mut side, gates, ProductTarget::Nothing);
                let rows = &mut rows[..going];
                let (side, state) = (&side, &mut state);
                wide(
                    #[inline(always)]
                    || self.step(s, rows, side, state),
                );
            }
        }
        if out > time {
            for (row, state) in rows.iter_mut().zip(state.chunks_exact(C::STATE * units)) {
                row.y[time * units..].copy_from_slice(state);
            }
        }
    }

    /// Gates, state and output of one step of all rows that go on.
    #[inline(always)]
    fn step(&self, s: usize, rows: &mut [ForwardRow], side: &[f32], state: &mut [f32]) {
        let units = self.sizes.units;
        let (blocks, gates) = (C::KEPT * units, C::GATES * units);
        let bias = &self.bias[gates..];
        let parts = side.chunks_exact(gates).zip(state.chunks_exact_mut(C::STATE * units));
        for (row, (side, state)) in rows.iter_mut().zip(parts) {
            let index = self.sizes.position(row.length, s);
            let kept = &mut row.saved[index * blocks..][..blocks];
            let mut at = 0;
            while at + 16 <= units {
                C::step::<16>(at, units, kept, side, bias, state);
                at += 16;
            }
            while at < units {
                C::step::<1>(at, units, kept, side, bias, state);
                at += 1;
            }
            row.y[index * units..][..units].copy_from_slice(&state[..units]);
        }
    }
}
