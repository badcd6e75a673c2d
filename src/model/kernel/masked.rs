//! x times a constant, element by element: what dropout does. candle's own product would also make the
//! gradient of the constant.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::wide::wide;
use crate::model::kernel::{CHUNK, WORTHWHILE, computed, fits, floats, with_floats};

/// Numbers drawn at a time; whoever draws them, they are the same.
const DRAWN: usize = 1 << 14;

/// Factors that set a share `rate` of numbers to 0 and scale the others, drawn from where `random` stands.
pub fn keeps(random: &ChaCha8Rng, rate: f64, count: usize) -> Vec<f32> {
    // 32 random bits are two draws of 16: a kept element is one whose draw reaches the limit.
    let limit = (rate * 65536.0).round().min(65535.0) as u32;
    let scale = 65536.0 / (65536 - limit) as f32;
    let mut factors = vec![0.0; count];
    let fill = |(index, factors): (usize, &mut [f32])| {
        let mut random = random.clone();
        random.set_word_pos(random.get_word_pos() + (index * DRAWN / 2) as u128);
        let mut bytes = vec![0; factors.len() * 2];
        random.fill_bytes(&mut bytes);
        for (factor, draw) in factors.iter_mut().zip(bytes.chunks_exact(2)) {
            let draw = u32::from(u16::from_le_bytes([draw[0], draw[1]]));
            *factor = if draw >= limit { scale } else { 0.0 };
        }
    };
    if count < WORTHWHILE {
        factors.chunks_mut(DRAWN).enumerate().for_each(fill);
    } else {
        factors.par_chunks_mut(DRAWN).enumerate().for_each(fill);
    }
    factors
}

/// x times `mask`, which has as many elements; no gradient goes to the mask.
pub fn masked(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    if !fits(&[x]) || mask.len() != x.elem_count() {
        return composed(x, mask);
    }
    apply1(&x.contiguous()?, MaskOp(mask))
}

/// The same, composed of candle's operations.
pub fn composed(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)
}

struct MaskOp(Vec<f32>);

impl MaskOp {
    fn times(&self, values: &[f32]) -> Vec<f32> {
        let (product, _) = computed(values.len(), CHUNK, |index, product| {
            let at = index * CHUNK..index * CHUNK + product.len();
            let (values, mask) = (&values[at.clone()], &self.0[at]);
            wide(|| product.iter_mut().zip(values).zip(mask).for_each(|((y, x), mask)| *y = x * mask));
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
        let result = with_floats(gradient, |gradient| Ok(self.times(gradient)))?;
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::masked::{DRAWN, composed, keeps, masked};
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::random::{RandomPurpose, stream};

    #[test]
    fn draws_do_not_depend_on_how_many_there_are() {
        let random = stream(1, RandomPurpose::Dropout, "a");
        let all = keeps(&random, 0.3, 4 * DRAWN + 5);
        assert_eq!(all[..DRAWN + 3], keeps(&random, 0.3, DRAWN + 3));
        let dropped = all.iter().filter(|factor| **factor == 0.0).count();
        // Binomial(65541, 0.3): deviation 117.
        assert!((19_200..20_130).contains(&dropped), "{dropped}");
    }

    #[test]
    fn agrees_with_its_twin() {
        let mask: Vec<f32> = (0..12).map(|i| (i % 3) as f32).collect();
        check_against(
            &[variable(&[3, 4], 1)],
            0.0,
            |x| masked(&x[0], mask.clone()),
            |x| composed(&x[0], mask.clone()),
        );
    }
}
