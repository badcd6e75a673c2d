//! Element-wise product with a constant mask, as in dropout. candle's own product would also compute the
//! gradient of the mask.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::wide::wide;
use crate::model::kernel::{CHUNK, PARALLEL_THRESHOLD, computed, fits, floats, with_floats};

/// Factors drawn at a time, from a position in the random stream that depends on their index alone.
const DRAWS: usize = 1 << 14;

/// A dropout mask of `count` factors: 0 with probability `rate`, else 1 / (1 - rate), with `rate` rounded to
/// a multiple of 1 / 65536. The draws begin at the current position of `random`.
pub fn keeps(random: &ChaCha8Rng, rate: f64, count: usize) -> Vec<f32> {
    // 32 random bits are two draws of 16 bits: an element is kept if its draw is at least `limit`.
    let limit = (rate * 65536.0).round().min(65535.0) as u32;
    let scale = 65536.0 / (65536 - limit) as f32;
    let mut factors = vec![0.0; count];
    let fill = |(index, factors): (usize, &mut [f32])| {
        let mut random = random.clone();
        random.set_word_pos(random.get_word_pos() + (index * DRAWS / 2) as u128);
        let mut bytes = vec![0; factors.len() * 2];
        random.fill_bytes(&mut bytes);
        for (factor, draw) in factors.iter_mut().zip(bytes.chunks_exact(2)) {
            let draw = u32::from(u16::from_le_bytes([draw[0], draw[1]]));
            *factor = if draw >= limit { scale } else { 0.0 };
        }
    };
    if count < PARALLEL_THRESHOLD {
        factors.chunks_mut(DRAWS).enumerate().for_each(fill);
    } else {
        factors.par_chunks_mut(DRAWS).enumerate().for_each(fill);
    }
    factors
}

/// x times `mask`, which has as many elements as x. The mask gets no gradient.
pub fn masked(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    if !fits(&[x]) || mask.len() != x.elem_count() {
        return composed(x, mask);
    }
    apply1(&x.contiguous()?, MaskOp(mask))
}

/// Composed form of `masked`.
pub fn composed(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)
}

struct MaskOp(Vec<f32>);

impl MaskOp {
    fn times(&self, values: &[f32]) -> Vec<f32> {
        let (product, _) = computed(values.len(), CHUNK, |index, product| {
            let range = index * CHUNK..index * CHUNK + product.len();
            let (values, mask) = (&values[range.clone()], &self.0[range]);
            wide!(product.iter_mut().zip(values).zip(mask).for_each(|((y, x), mask)| *y = x * mask));
        });
        product
    }
}

impl CustomOp1 for MaskOp {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.times(floats(x, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let x_gradient = with_floats(gradient, |gradient| Ok(self.times(gradient)))?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::masked::{DRAWS, composed, keeps, masked};
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::random::{RandomPurpose, stream};

    #[test]
    fn draws_do_not_depend_on_their_number() {
        let random = stream(1, RandomPurpose::Dropout, "a");
        let all = keeps(&random, 0.3, 4 * DRAWS + 5);
        assert_eq!(all[..DRAWS + 3], keeps(&random, 0.3, DRAWS + 3));
        let dropped = all.iter().filter(|factor| **factor == 0.0).count();
        // Binomial(65541, 0.3) has a standard deviation of 117.
        assert!((19_200..20_130).contains(&dropped), "{dropped}");
    }

    #[test]
    fn agrees_with_its_composed_form() {
        let mask: Vec<f32> = (0..12).map(|i| (i % 3) as f32).collect();
        check_against(
            &[variable(&[3, 4], 1)],
            0.0,
            |x| masked(&x[0], mask.clone()),
            |x| composed(&x[0], mask.clone()),
        );
    }
}
