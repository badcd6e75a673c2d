//! The way back.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::model::kernel::packed::{PackedMatrix, ProductTarget};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::recurrence::row::{RecurrenceSizes, STRETCH};
use crate::model::kernel::recurrence::{BIAS, BackwardStep, RecurrentCell};
use crate::model::kernel::wide::wide;
use crate::model::kernel::zeros;

/// What went in and came out on the way forward, and the gradient of what came out.
#[derive(Clone, Copy)]
pub struct SavedForward<'a> {
    pub x: &'a [f32],
    pub weight: &'a [f32],
    pub rest: &'a [f32],
    pub y: &'a [f32],
    pub gradient: &'a [f32],
}

/// Gradients of what went in.
pub struct RecurrenceGradients {
    pub x: Option<Vec<f32>>,
    pub weight: Vec<f32>,
    pub rest: Vec<f32>,
}

/// One row of the batch.
struct BackwardRow<'a> {
    length: usize,
    initial: &'a [f32],
    saved: &'a mut [f32],
    y: &'a [f32],
    gradient: &'a [f32],
    x_gradient: &'a mut [f32],
    /// Gradients of the bias and of the initial state from this row.
    bias: &'a mut [f32],
    state: &'a mut [f32],
}

/// The gradients; `kept` as `forward` left it is used up. That of x only if `wanted`.
pub fn backward<C: RecurrentCell>(
    sizes: &RecurrenceSizes,
    known: SavedForward,
    kept: &mut [f32],
    wanted: bool,
) -> RecurrenceGradients {
    let RecurrenceSizes { batch, time, width, units, out, .. } = *sizes;
    let (blocks, state) = (C::KEPT * units, C::STATE * units);
    let none = vec![0.0; state];
    let mut initial = known.rest[BIAS * units..].chunks_exact(state);
    let mut of_x = zeros(if wanted { batch * time * width } else { 0 });
    let mut x_rows = of_x.chunks_exact_mut(time * width);
    let mut of_bias = vec![0.0; batch * BIAS * units];
    let mut of_state = vec![0.0; batch * state];
    let rows = sizes.lengths.iter().zip(kept.chunks_exact_mut(time * blocks));
    let rows = rows.zip(known.y.chunks_exact(out * units).zip(known.gradient.chunks_exact(out * units)));
    let rows = rows.zip(of_bias.chunks_exact_mut(BIAS * units).zip(of_state.chunks_exact_mut(state)));
    let rows = rows.map(|(((length, kept), (y, gradient)), (bias, state))| BackwardRow {
        length: *length,
        initial: initial.next().unwrap_or(&none),
        saved: kept,
        y,
        gradient,
        x_gradient: x_rows.next().unwrap_or_default(),
        bias,
        state,
    });
    let groups = sizes.groups(rows, |row| row.length);
    let (weight_x, weight_h) = known.weight.split_at(width * C::GATES * units);
    let sweep: BackwardSweep<C> = BackwardSweep {
        sizes,
        wanted,
        input: PackedMatrix::new(MatrixView::new(weight_x, width, C::GATES * units).t()),
        state: PackedMatrix::new(MatrixView::new(weight_h, units, C::GATES * units).t()),
        cell: PhantomData,
    };
    match groups.len() {
        1 => groups.into_iter().for_each(|rows| sweep.over(rows)),
        _ => groups.into_par_iter().for_each(|rows| sweep.over(rows)),
    }
    let mut rest = vec![0.0; BIAS * units];
    for row in of_bias.chunks_exact(BIAS * units) {
        rest.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
    }
    if sizes.initial {
        rest.extend(of_state);
    }
    RecurrenceGradients { x: wanted.then_some(of_x), weight: of_weight::<C>(sizes, &known, kept), rest }
}

struct BackwardSweep<'a, C> {
    sizes: &'a RecurrenceSizes,
    wanted: bool,
    /// Both transposed.
    input: PackedMatrix,
    state: PackedMatrix,
    cell: PhantomData<C>,
}

impl<C: RecurrentCell> BackwardSweep<'_, C> {
    fn over(&self, mut rows: Vec<BackwardRow>) {
        let RecurrenceSizes { time, width, units, out, .. } = *self.sizes;
        let (blocks, gates, state) = (C::KEPT * units, C::GATES * units, C::STATE * units);
        let mut carry = vec![0.0; rows.len() * state];
        if out > time {
            for (row, carry) in rows.iter().zip(carry.chunks_exact_mut(state)) {
                carry.copy_from_slice(&row.gradient[time * units..]);
            }
        }
        let mut side = vec![0.0; rows.len() * gates];
        let longest = rows.first().map_or(0, |row| row.length);
        for start in (0..longest).step_by(STRETCH).rev() {
            let end = longest.min(start + STRETCH);
            for s in (start..end).rev() {
                let going = rows.partition_point(|row| row.length > s);
                {
                    let (rows, side, carry) = (&mut rows[..going], &mut side, &mut carry);
                    wide(
                        #[inline(always)]
                        || self.step(s, rows, side, carry),
                    );
                }
                self.state.times(&side, gates, going, &mut carry, state, ProductTarget::Itself);
            }
            if !self.wanted {
                continue;
            }
            for row in &mut rows {
                let (first, count) = self.sizes.stretch(row.length, start, end);
                let result = &mut row.x_gradient[first * width..];
                self.input.times(
                    &row.saved[first * blocks..],
                    blocks,
                    count,
                    result,
                    width,
                    ProductTarget::Nothing,
                );
            }
        }
        for (row, carry) in rows.iter_mut().zip(carry.chunks_exact(state)) {
            row.state.copy_from_slice(carry);
        }
    }

    /// Gradients of the gates of one step of all rows that go on.
    #[inline(always)]
    fn step(&self, s: usize, rows: &mut [BackwardRow], side: &mut [f32], carry: &mut [f32]) {
        let units = self.sizes.units;
        let (blocks, gates, state) = (C::KEPT * units, C::GATES * units, C::STATE * units);
        let parts = side.chunks_exact_mut(gates).zip(carry.chunks_exact_mut(state));
        for (row, (side, carry)) in rows.iter_mut().zip(parts) {
            let index = self.sizes.position(row.length, s);
            // The step before it, whose h is its output and whose memory was kept last.
            let (kept, h, memory) = if s == 0 {
                let (h, memory) = row.initial.split_at(units);
                (&mut row.saved[index * blocks..][..blocks], h, memory)
            } else {
                let before = self.sizes.position(row.length, s - 1);
                let h = &row.y[before * units..][..units];
                let (kept, before) = if self.sizes.reversed {
                    let (left, right) = row.saved.split_at_mut(before * blocks);
                    (&mut left[index * blocks..], &right[..blocks])
                } else {
                    let (left, right) = row.saved.split_at_mut(index * blocks);
                    (&mut right[..blocks], &left[before * blocks..])
                };
                (kept, h, &before[blocks - units..])
            };
            let gradient = &row.gradient[index * units..][..units];
            let mut step = BackwardStep { h, memory, gradient, previous: carry, side, bias: row.bias };
            let mut at = 0;
            while at + 16 <= units {
                C::back::<16>(at, units, kept, &mut step);
                at += 16;
            }
            while at < units {
                C::back::<1>(at, units, kept, &mut step);
                at += 1;
            }
        }
    }
}

/// The weights' gradients from those of the gates: one product for x, one or a few for h.
fn of_weight<C: RecurrentCell>(sizes: &RecurrenceSizes, known: &SavedForward, kept: &[f32]) -> Vec<f32> {
    let RecurrenceSizes { time, width, units, .. } = *sizes;
    let (blocks, gates) = (C::KEPT * units, C::GATES * units);
    let steps = sizes.steps();
    let before = states_before::<C>(sizes, known);
    // Behind a row's end may stand anything: left out.
    let (xs, ks);
    let (x, kept, stride) = if sizes.is_full() {
        (known.x, kept, blocks)
    } else {
        xs = real(sizes, known.x, width, width);
        ks = real(sizes, kept, blocks, BIAS * units);
        (&xs[..], &ks[..], BIAS * units)
    };
    debug_assert!(x.len() == steps * width && time > 0);
    let mut result = vec![0.0; (width + units) * gates];
    let (of_x, of_h) = result.split_at_mut(width * gates);
    let x = MatrixView::new(x, steps, width).t();
    product(
        x,
        MatrixView::strided(kept, steps, gates, stride, 1),
        MatrixMut::new(of_x, width, gates),
        false,
        ProductThreads::All,
    );
    let h = MatrixView::new(&before, steps, units).t();
    for (block, gate, count) in C::SIDES {
        let some = MatrixView::strided(&kept[block * units..], steps, count * units, stride, 1);
        let to = MatrixMut::strided(&mut of_h[gate * units..], units, count * units, gates, 1);
        product(h, some, to, false, ProductThreads::All);
    }
    result
}

/// h before each real step.
fn states_before<C: RecurrentCell>(sizes: &RecurrenceSizes, known: &SavedForward) -> Vec<f32> {
    let units = sizes.units;
    let mut result = zeros(sizes.steps() * units);
    let mut initial = known.rest[BIAS * units..].chunks_exact(C::STATE * units);
    let mut left = result.as_mut_slice();
    let mut jobs = Vec::with_capacity(sizes.batch);
    for (length, y) in sizes.lengths.iter().zip(known.y.chunks_exact(sizes.out * units)) {
        let (own, others) = left.split_at_mut(length * units);
        left = others;
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
    result
}

/// The first `count` of `stride` numbers of each real step.
fn real(sizes: &RecurrenceSizes, values: &[f32], stride: usize, count: usize) -> Vec<f32> {
    let mut result = Vec::with_capacity(sizes.steps() * count);
    for (length, row) in sizes.lengths.iter().zip(values.chunks_exact(sizes.time * stride)) {
        for step in row.chunks_exact(stride).take(*length) {
            result.extend_from_slice(&step[..count]);
        }
    }
    result
}
