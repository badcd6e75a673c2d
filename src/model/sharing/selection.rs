//! Expert selection of DSelect-k: selectors that choose one expert each by a differentiable binary code; see
//! the equations of [`dselect_k`](crate::model::sharing::dselect_k).

use candle_core::{D, Device, Tensor};

use crate::model::error::ModelResult;
use crate::model::ops::{Arithmetic, Ops, Tensors};
use crate::model::weights::{Init, Parameter, Weights};

/// The settings of a task's selectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectorConfig {
    /// Number of selectors, k.
    pub count: usize,
    /// Width of the interval in which a bit is between 0 and 1.
    pub gamma: f64,
    /// Weight of the selectors' entropy in the joint loss.
    pub entropy: f64,
}

/// One task's k selectors.
pub struct ExpertSelection {
    name: String,
    gamma: f64,
    entropy: f64,
    experts: usize,
    /// t `[k x bits]`; `None` if there is only one expert.
    bits: Option<Parameter>,
    /// v `[k]`
    mixture: Parameter,
}

impl ExpertSelection {
    /// Creates the weights of the selectors over `experts` experts.
    pub fn build(
        name: &str,
        config: SelectorConfig,
        experts: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let SelectorConfig { count: k, gamma, entropy } = config;
        let bit_count = experts.next_power_of_two().trailing_zeros() as usize;
        let bound = Init::Uniform((gamma / 100.0) as f32);
        let bits = match bit_count {
            0 => None,
            // One-dimensional, because weight decay applies to matrices and would keep bits undecided.
            _ => Some(weights.parameter(&format!("{name}.bits"), &[k * bit_count], bound)?),
        };
        let mixture = weights.parameter(&format!("{name}.mixture"), &[k], Init::Uniform(0.05))?;
        Ok(Self { name: name.to_owned(), gamma, entropy, experts, bits, mixture })
    }

    /// r(t) for the existing experts: `[k, experts]`.
    fn selectors(&self) -> ModelResult<Tensor> {
        let mixture = self.mixture.var();
        let (k, device) = (mixture.dim(0)?, mixture.device());
        let mut product = Tensor::ones((k, self.experts), candle_core::DType::F32, device)?;
        let Some(bits) = &self.bits else { return Ok(product) };
        let steps = smooth_step(&bits.tensor().reshape((k, ()))?, self.gamma)?;
        for bit in 0..steps.dim(1)? {
            let step = steps.narrow(1, bit, 1)?;
            let (factor, offset) = self.digits(bit, device)?;
            product = (product * step.broadcast_mul(&factor)?.broadcast_add(&offset)?)?;
        }
        Ok(product)
    }

    /// The factor and the offset of S per expert that give S where the expert's bit is 1 and 1 - S where it
    /// is 0.
    fn digits(&self, bit: usize, device: &Device) -> ModelResult<(Tensor, Tensor)> {
        let is_set = |expert: usize| f32::from(u8::from(expert >> bit & 1 == 1));
        let factor: Vec<f32> = (0..self.experts).map(|expert| 2.0 * is_set(expert) - 1.0).collect();
        let offset: Vec<f32> = (0..self.experts).map(|expert| 1.0 - is_set(expert)).collect();
        Ok((Tensor::new(factor, device)?.unsqueeze(0)?, Tensor::new(offset, device)?.unsqueeze(0)?))
    }

    /// q `[1, experts]`
    fn expert_shares(&self) -> ModelResult<Tensor> {
        let mixture = Tensors::evaluate().softmax(&self.mixture.tensor().unsqueeze(0)?)?;
        Ok(mixture.matmul(&self.selectors()?)?)
    }

    /// q for each row of x.
    pub fn shares<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.expand_rows(&format!("{}.shares", self.name), &self.expert_shares()?, x)
    }

    /// Its term of the joint loss: the entropy, and the penalty on codes without an expert.
    pub fn penalty(&self) -> ModelResult<Option<Tensor>> {
        if self.bits.is_none() {
            return Ok(None);
        }
        let selectors = self.selectors()?;
        // The offset keeps the logarithm finite for experts with r = 0.
        let logarithm = selectors.affine(1.0, 1e-6)?.log()?;
        let entropy = (&selectors * logarithm)?.sum_all()?.affine(-self.entropy, 0.0)?;
        if self.experts.is_power_of_two() {
            return Ok(Some(entropy));
        }
        let unused_codes = selectors.sum(D::Minus1)?.recip()?.sum_all()?;
        Ok(Some((entropy + unused_codes)?))
    }
}

/// S(t). It is flat at the ends of the interval, so clamping t changes no gradient.
fn smooth_step(t: &Tensor, gamma: f64) -> ModelResult<Tensor> {
    let t = t.clamp(-gamma / 2.0, gamma / 2.0)?;
    let cubic = (t.sqr()? * &t)?.affine(-2.0 / gamma.powi(3), 0.5)?;
    Ok((cubic + t.affine(1.5 / gamma, 0.0)?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::sharing::selection::smooth_step;
    use crate::model::weights::host;

    #[test]
    fn smooth_step_matches_the_paper() {
        let t = Tensor::new(&[-3.0_f32, -0.5, -0.25, 0.0, 0.25, 0.5, 9.0], &Device::Cpu).unwrap();
        let s = host(&smooth_step(&t, 1.0).unwrap()).unwrap();
        assert_eq!(s, [0.0, 0.0, 0.15625, 0.5, 0.84375, 1.0, 1.0]);
    }
}
