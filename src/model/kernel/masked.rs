//! x times a constant, element by element: what dropout does. candle's own product would also make the
//! gradient of the constant.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::model::kernel::{fits, floats, with_floats};

/// x times `mask`, which has as many elements; no gradient goes to the mask.
pub fn masked(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    if !fits(&[x]) || mask.len() != x.elem_count() {
        return twin(x, mask);
    }
    x.contiguous()?.apply_op1(Masked(mask))
}

/// The same, composed of candle's operations.
pub fn twin(x: &Tensor, mask: Vec<f32>) -> Result<Tensor> {
    x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)
}

struct Masked(Vec<f32>);

impl Masked {
    fn times(&self, values: &[f32]) -> Vec<f32> {
        values.iter().zip(&self.0).map(|(value, mask)| value * mask).collect()
    }
}

impl CustomOp1 for Masked {
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
    use crate::model::kernel::agreement::{agree, variable};
    use crate::model::kernel::masked::{masked, twin};

    #[test]
    fn agrees_with_its_twin() {
        let mask: Vec<f32> = (0..12).map(|i| (i % 3) as f32).collect();
        agree(&[variable(&[3, 4], 1)], 0.0, |x| masked(&x[0], mask.clone()), |x| twin(&x[0], mask.clone()));
    }
}
