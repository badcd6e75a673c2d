//! Softmax cross entropy of one row of logits, whose gradient overwrites the logits.

use crate::model::kernel::wide::{exp, wide};

/// Number of partial sums: the floats of one AVX-512 register, so that sums are the same on every CPU.
const LANES: usize = 16;

/// Sums of a row from which its loss is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitSums {
    /// The logarithm of the sum of exp(z + b).
    pub log_sum: f32,
    /// The sum of z + b.
    pub sum: f64,
}

/// Replaces z by scale softmax(z + b) - spread.
pub fn softmax_row(z: &mut [f32], bias: &[f32], scale: f32, spread: f32) -> LogitSums {
    wide!(row(z, bias, scale, spread))
}

#[inline(always)]
fn row(z: &mut [f32], bias: &[f32], scale: f32, spread: f32) -> LogitSums {
    let full = z.len() / LANES * LANES;
    let (head, tail) = z.split_at_mut(full);
    let (bias_head, bias_tail) = bias.split_at(full);
    let mut maxima = [f32::NEG_INFINITY; LANES];
    let mut sums = [0.0_f32; LANES];
    for (z, b) in head.chunks_exact_mut(LANES).zip(bias_head.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let value = z[lane] + b[lane];
            z[lane] = value;
            maxima[lane] = if value > maxima[lane] { value } else { maxima[lane] };
            sums[lane] += value;
        }
    }
    for (lane, (z, b)) in tail.iter_mut().zip(bias_tail).enumerate() {
        *z += b;
        maxima[lane] = if *z > maxima[lane] { *z } else { maxima[lane] };
        sums[lane] += *z;
    }
    let largest = maxima.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = sums.into_iter().map(f64::from).sum();
    let mut sums_of_exp = [0.0_f32; LANES];
    for z in head.chunks_exact_mut(LANES) {
        for lane in 0..LANES {
            let exponential = exp(z[lane] - largest);
            z[lane] = exponential;
            sums_of_exp[lane] += exponential;
        }
    }
    for (lane, z) in tail.iter_mut().enumerate() {
        *z = exp(*z - largest);
        sums_of_exp[lane] += *z;
    }
    let total: f64 = sums_of_exp.into_iter().map(f64::from).sum();
    let factor = (f64::from(scale) / total) as f32;
    z.iter_mut().for_each(|z| *z = *z * factor - spread);
    LogitSums { log_sum: largest + total.ln() as f32, sum }
}

/// The logarithm of the sum of exp(z).
pub fn log_sum(z: &[f32]) -> f32 {
    wide!(log_sum_of(z))
}

#[inline(always)]
fn log_sum_of(z: &[f32]) -> f32 {
    let (head, tail) = z.split_at(z.len() / LANES * LANES);
    let mut maxima = [f32::NEG_INFINITY; LANES];
    for z in head.chunks_exact(LANES) {
        for lane in 0..LANES {
            maxima[lane] = if z[lane] > maxima[lane] { z[lane] } else { maxima[lane] };
        }
    }
    let largest = maxima.iter().chain(tail).copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums_of_exp = [0.0_f32; LANES];
    for z in head.chunks_exact(LANES) {
        for lane in 0..LANES {
            sums_of_exp[lane] += exp(z[lane] - largest);
        }
    }
    let remainder: f64 = tail.iter().map(|z| f64::from(exp(*z - largest))).sum();
    let total = sums_of_exp.into_iter().map(f64::from).sum::<f64>() + remainder;
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
