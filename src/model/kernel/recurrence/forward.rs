//! The way forward.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::model::kernel::packed::{Onto, Packed};
use crate::model::kernel::product::Matrix;
use crate::model::kernel::recurrence::row::{STRETCH, Sizes};
use crate::model::kernel::recurrence::{BIAS, Cell};
use crate::model::kernel::wide::wide;

/// One row of the batch.
struct Row<'a> {
    length: usize,
    x: &'a [f32],
    initial: Option<&'a [f32]>,
    kept: &'a mut [f32],
    y: &'a mut [f32],
}

/// Fills `y` (`[batch, out, units]`, zeros) and `kept` (`[batch, time, blocks]`). `rest` is the bias and behind it the
/// initial state.
pub fn forward<C: Cell>(
    sizes: &Sizes,
    x: &[f32],
    weight: &[f32],
    rest: &[f32],
    y: &mut [f32],
    kept: &mut [f32],
) {
    let Sizes { time, width, units, .. } = *sizes;
    let (bias, initial) = rest.split_at(BIAS * units);
    let mut initial = initial.chunks_exact(C::STATE * units);
    let rows = sizes.lengths.iter().zip(x.chunks_exact(time * width));
    let rows =
        rows.zip(kept.chunks_exact_mut(time * C::KEPT * units)).zip(y.chunks_exact_mut(sizes.out * units));
    let rows =
        rows.map(|(((length, x), kept), y)| Row { length: *length, x, initial: initial.next(), kept, y });
    let groups = sizes.groups(rows, |row| row.length);
    let (of_x, of_h) = weight.split_at(width * C::GATES * units);
    let sweep: Sweep<C> = Sweep {
        sizes,
        input: Packed::new(Matrix::new(of_x, width, C::GATES * units)),
        state: Packed::new(Matrix::new(of_h, units, C::GATES * units)),
        bias,
        cell: PhantomData,
    };
    match groups.len() {
        1 => groups.into_iter().for_each(|rows| sweep.over(rows)),
        _ => groups.into_par_iter().for_each(|rows| sweep.over(rows)),
    }
}

struct Sweep<'a, C> {
    sizes: &'a Sizes,
    input: Packed,
    state: Packed,
    bias: &'a [f32],
    cell: PhantomData<C>,
}

impl<C: Cell> Sweep<'_, C> {
    fn over(&self, mut rows: Vec<Row>) {
        let Sizes { time, width, units, out, .. } = *self.sizes;
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
                let kept = &mut row.kept[first * blocks..];
                self.input.times(&row.x[first * width..], width, count, kept, blocks, Onto::Row(self.bias));
            }
            for s in start..end {
                let going = rows.partition_point(|row| row.length > s);
                self.state.times(&state, C::STATE * units, going, &mut side, gates, Onto::Nothing);
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
    fn step(&self, s: usize, rows: &mut [Row], side: &[f32], state: &mut [f32]) {
        let units = self.sizes.units;
        let (blocks, gates) = (C::KEPT * units, C::GATES * units);
        let bias = &self.bias[gates..];
        let parts = side.chunks_exact(gates).zip(state.chunks_exact_mut(C::STATE * units));
        for (row, (side, state)) in rows.iter_mut().zip(parts) {
            let place = self.sizes.place(row.length, s);
            let kept = &mut row.kept[place * blocks..][..blocks];
            let mut at = 0;
            while at + 16 <= units {
                C::step::<16>(at, units, kept, side, bias, state);
                at += 16;
            }
            while at < units {
                C::step::<1>(at, units, kept, side, bias, state);
                at += 1;
            }
            row.y[place * units..][..units].copy_from_slice(&state[..units]);
        }
    }
}
