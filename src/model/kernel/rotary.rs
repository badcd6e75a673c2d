//! Rotary position embedding (Su et al. 2021): at step t, each pair (x_i, x_(i + d/2)) of a head of width d
//! is rotated by the angle t theta^(-2i/d), so that the product of a query and a key depends on their
//! distance. The halves of a head make the pairs, as in transformers ("rotate half") and not as in the paper,
//! where neighbours do.

use std::f64::consts::PI;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::{fits, floats, with_floats};

/// How fast the pairs of a head rotate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotaryFrequencies {
    /// Pair i of a head of width d rotates by theta^(-2i/d) per step: 10000 in the paper.
    pub theta: f64,
    /// What changes the frequencies, for longer sequences than a model was first trained on.
    pub scaling: RotaryScaling,
}

/// A change of rotary frequencies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RotaryScaling {
    /// None.
    #[default]
    None,
    /// All are divided by a factor (position interpolation, Chen et al. 2023, arXiv 2306.15595).
    Linear(f64),
    /// Low frequencies are divided by a factor, high ones are unchanged, and those between interpolated
    /// (Llama 3.1, Grattafiori et al. 2024, arXiv 2407.21783).
    Llama3 {
        /// Divides the low frequencies.
        factor: f64,
        /// Low frequencies turn less often than this in the original number of steps.
        low: f64,
        /// High frequencies turn more often than this.
        high: f64,
        /// The original number of steps.
        steps: f64,
    },
}

impl Default for RotaryFrequencies {
    fn default() -> Self {
        Self { theta: 10_000.0, scaling: RotaryScaling::None }
    }
}

impl RotaryFrequencies {
    /// The angle per step of each pair of a head of `size` columns.
    pub fn of_head(&self, size: usize) -> Vec<f64> {
        (0..size / 2).map(|i| self.scaled(self.theta.powf(-2.0 * i as f64 / size as f64))).collect()
    }

    fn scaled(&self, frequency: f64) -> f64 {
        match self.scaling {
            RotaryScaling::None => frequency,
            RotaryScaling::Linear(factor) => frequency / factor,
            RotaryScaling::Llama3 { factor, low, high, steps } => {
                let turns = steps * frequency / (2.0 * PI);
                let share = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                (1.0 - share) * frequency / factor + share * frequency
            }
        }
    }
}

/// Rotates the first `rotated` columns of x `[batch, time, width]`, which are heads of `size` columns; the
/// other columns are unchanged.
///
/// # Errors
/// If `size` is odd, or `rotated` is not a multiple of it or exceeds the width.
pub fn rotary(x: &Tensor, rotated: usize, size: usize, frequencies: &RotaryFrequencies) -> Result<Tensor> {
    let (_, _, width) = x.dims3()?;
    if !size.is_multiple_of(2) || !rotated.is_multiple_of(size) || rotated > width {
        candle_core::bail!(
            "cannot rotate {rotated} of {width} columns in heads of {size} columns; \
             the head width must be even and divide the number of columns"
        );
    }
    if !fits(&[x]) {
        return composed(x, rotated, size, frequencies);
    }
    apply1(&x.contiguous()?, RotaryOp { rotated, size, frequencies: *frequencies })
}

/// Composed form of `rotary`.
pub fn composed(x: &Tensor, rotated: usize, size: usize, frequencies: &RotaryFrequencies) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    let (cosines, sines) = cosines_and_sines(time, size, frequencies);
    let half = |values| Tensor::from_vec(values, (1, time, 1, size / 2), x.device());
    let (cosines, sines) = (half(cosines)?, half(sines)?);
    let heads = x.narrow(2, 0, rotated)?.contiguous()?.reshape((batch, time, rotated / size, size))?;
    let (one, other) = (heads.narrow(3, 0, size / 2)?, heads.narrow(3, size / 2, size / 2)?);
    let first = (one.broadcast_mul(&cosines)? - other.broadcast_mul(&sines)?)?;
    let second = (other.broadcast_mul(&cosines)? + one.broadcast_mul(&sines)?)?;
    let heads = Tensor::cat(&[first, second], 3)?.reshape((batch, time, rotated))?;
    Tensor::cat(&[heads, x.narrow(2, rotated, width - rotated)?], 2)
}

/// Cosines and sines of the angles `[time, size / 2]`. The angles are computed in 32 bits, as in the ONNX
/// graph.
fn cosines_and_sines(time: usize, size: usize, frequencies: &RotaryFrequencies) -> (Vec<f32>, Vec<f32>) {
    let frequencies = frequencies.of_head(size);
    let angles = (0..time)
        .flat_map(|step| frequencies.iter().map(move |frequency| f64::from(step as f32 * *frequency as f32)));
    angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip()
}

struct RotaryOp {
    rotated: usize,
    size: usize,
    frequencies: RotaryFrequencies,
}

impl RotaryOp {
    /// Rotates by the angles (`sign` 1) or back (`sign` -1).
    fn rotate(&self, values: &mut [f32], time: usize, width: usize, sign: f32) {
        let (cosines, mut sines) = cosines_and_sines(time, self.size, &self.frequencies);
        sines.iter_mut().for_each(|sine| *sine *= sign);
        let half = self.size / 2;
        values.par_chunks_exact_mut((time * width).max(1)).for_each(|row| {
            let angles = cosines.chunks_exact(half).zip(sines.chunks_exact(half));
            for (step, (cosines, sines)) in row.chunks_exact_mut(width).zip(angles) {
                for head in step[..self.rotated].chunks_exact_mut(self.size) {
                    let (one, other) = head.split_at_mut(half);
                    let pairs = one.iter_mut().zip(other).zip(cosines.iter().zip(sines));
                    pairs.for_each(|((one, other), (cosine, sine))| {
                        (*one, *other) = (*one * cosine - *other * sine, *other * cosine + *one * sine);
                    });
                }
            }
        });
    }
}

impl CustomOp1 for RotaryOp {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, time, width) = layout.shape().dims3()?;
        let mut values = floats(x, layout)?.to_vec();
        self.rotate(&mut values, time, width, 1.0);
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, width) = x.dims3()?;
        let mut values = with_floats(gradient, |gradient| Ok(gradient.to_vec()))?;
        self.rotate(&mut values, time, width, -1.0);
        Tensor::from_vec(values, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::reference_check::{check_against, near, variable};
    use crate::model::kernel::rotary::{RotaryFrequencies, RotaryScaling, composed, rotary};

    #[test]
    fn agrees_with_its_composed_form() {
        let frequencies = RotaryFrequencies { theta: 500.0, ..RotaryFrequencies::default() };
        for (time, width, rotated, size) in [(1, 2, 2, 2), (9, 12, 8, 4), (40, 24, 16, 8)] {
            check_against(
                &[variable(&[2, time, width], 1)],
                1e-6,
                |x| rotary(&x[0], rotated, size, &frequencies),
                |x| composed(&x[0], rotated, size, &frequencies),
            );
        }
    }

    #[test]
    fn agrees_with_values_by_hand() {
        // d = 4: frequencies 1 and 0.01. Step 1 rotates (1, 0) by 1 and (0, 1) by 0.01.
        let x = Tensor::new(&[[[9f32, 9., 9., 9.], [1., 0., 0., 1.]]], &Device::Cpu).unwrap();
        let (one, small) = (1f32, 0.01f32);
        let expected = [[[9f32, 9., 9., 9.], [one.cos(), -small.sin(), one.sin(), small.cos()]]];
        let y = rotary(&x, 4, 4, &RotaryFrequencies::default()).unwrap();
        near("rotated", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
    }

    #[test]
    fn scaled_frequencies_equal_transformers() {
        // transformers 5.24.0
        // scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        //            "original_max_position_embeddings": 16, "rope_theta": 500.0}
        // c = LlamaConfig(hidden_size=16, num_attention_heads=1, head_dim=16, rope_parameters=scaling)
        // ROPE_INIT_FUNCTIONS["llama3"](c, "cpu")[0], and likewise for
        // {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}
        let llama3 = RotaryScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, steps: 16.0 };
        #[rustfmt::skip]
        let cases = [
            (llama3, [0.576_056_36, 0.080_422_91, 0.026_434_28, 0.012_156_156, 0.005_590_17, 0.002_570_714,
                      0.001_182_177, 0.000_543_64]),
            (RotaryScaling::Linear(4.0), [0.25, 0.114_965_82, 0.052_868_56, 0.024_312_312, 0.011_180_34,
                                          0.005_141_428, 0.002_364_354, 0.001_087_28]),
        ];
        for (scaling, expected) in cases {
            let frequencies = RotaryFrequencies { theta: 500.0, scaling }.of_head(16);
            for (frequency, expected) in frequencies.iter().zip(expected) {
                assert!((frequency - expected).abs() < 1e-8, "{scaling:?}: {frequency} and {expected}");
            }
        }
    }
}
