//! One row of logits turned into the gradient of its cross entropy, where it stands.

use crate::model::kernel::wide::{exp, wide};

/// Numbers added side by side: as many as the widest instructions hold. Fixed, so that sums are the same
/// on every machine.
const LANES: usize = 16;

/// What the row's loss is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftmaxTarget {
    /// The logarithm of the sum of exp(z + b).
    pub log_sum: f32,
    /// The sum of z + b.
    pub sum: f64,
}

/// Turns z into scale softmax(z + b) - spread.
pub fn softmax_row(z: &mut [f32], bias: &[f32], scale: f32, spread: f32) -> SoftmaxTarget {
    wide(|| row(z, bias, scale, spread))
}

#[inline(always)]
fn row(z: &mut [f32], bias: &[f32], scale: f32, spread: f32) -> SoftmaxTarget {
    let whole = z.len() / LANES * LANES;
    let (head, tail) = z.split_at_mut(whole);
    let (bias_head, bias_tail) = bias.split_at(whole);
    let mut most = [f32::NEG_INFINITY; LANES];
    let mut sums = [0.0_f32; LANES];
    for (z, b) in head.chunks_exact_mut(LANES).zip(bias_head.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let value = z[lane] + b[lane];
            z[lane] = value;
            most[lane] = if value > most[lane] { value } else { most[lane] };
            sums[lane] += value;
        }
    }
    for (lane, (z, b)) in tail.iter_mut().zip(bias_tail).enumerate() {
        *z += b;
        most[lane] = if *z > most[lane] { *z } else { most[lane] };
        sums[lane] += *z;
    }
    let largest = most.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = sums.into_iter().map(f64::from).sum();
    let mut shares = [0.0_f32; LANES];
    for z in head.chunks_exact_mut(LANES) {
        for lane in 0..LANES {
            let share = exp(z[lane] - largest);
            z[lane] = share;
            shares[lane] += share;
        }
    }
    for (lane, z) in tail.iter_mut().enumerate() {
        *z = exp(*z - largest);
        shares[lane] += *z;
    }
    let total: f64 = shares.into_iter().map(f64::from).sum();
    let factor = (f64::from(scale) / total) as f32;
    z.iter_mut().for_each(|z| *z = *z * factor - spread);
    SoftmaxTarget { log_sum: largest + total.ln() as f32, sum }
}

/// The logarithm of the sum of exp(z).
pub fn log_sum(z: &[f32]) -> f32 {
    wide(|| log_sum_of(z))
}

#[inline(always)]
fn log_sum_of(z: &[f32]) -> f32 {
    let (head, tail) = z.split_at(z.len() / LANES * LANES);
    let mut most = [f32::NEG_INFINITY; LANES];
    for z in head.chunks_exact(LANES) {
        for lane in 0..LANES {
            most[lane] = if z[lane] > most[lane] { z[lane] } else { most[lane] };
        }
    }
    let largest = most.iter().chain(tail).copied().fold(f32::NEG_INFINITY, f32::max);
    let mut shares = [0.0_f32; LANES];
    for z in head.chunks_exact(LANES) {
        for lane in 0..LANES {
            shares[lane] += exp(z[lane] - largest);
        }
    }
    let rest: f64 = tail.iter().map(|z| f64::from(exp(*z - largest))).sum();
    let total = shares.into_iter().map(f64::from).sum::<f64>() + rest;
    largest + total.ln() as f32
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::softmax_row::{log_sum, softmax_row};

    #[test]
    fn values() {
        for width in [1, 5, 16, 37] {
            let z: Vec<f32> = (0..width).map(|i| ((i * 7 % 5) as f32) - 80.0 * (i % 2) as f32).collect();
            let bias: Vec<f32> = (0..width).map(|i| i as f32 / 8.0).collect();
            let exact: Vec<f64> = z.iter().zip(&bias).map(|(z, b)| f64::from(z + b).exp()).collect();
            let total: f64 = exact.iter().sum();
            let biased: Vec<f32> = z.iter().zip(&bias).map(|(z, b)| z + b).collect();
            assert!((f64::from(log_sum(&biased)) - total.ln()).abs() < 1e-5);
            let mut result = z.clone();
            let row = softmax_row(&mut result, &bias, 2.0, 0.25);
            assert!((f64::from(row.log_sum) - total.ln()).abs() < 1e-5);
            let sum: f64 = z.iter().zip(&bias).map(|(z, b)| f64::from(z + b)).sum();
            assert!((row.sum - sum).abs() < 1e-3);
            for (result, exact) in result.iter().zip(exact) {
                assert!((f64::from(*result) - (2.0 * exact / total - 0.25)).abs() < 1e-6);
            }
        }
    }
}
