//! Selectors, of which each names one expert in binary by a function that has a gradient everywhere: the
//! equations stand with the sharing [`dselect_k`](crate::model::sharing::dselect_k).

use candle_core::{D, Device, Tensor};

use crate::model::error::ModelResult;
use crate::model::ops::{Arithmetic, Ops, Tensors};
use crate::model::weights::{Init, Parameter, Weights};

/// How a task's selectors are built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectorConfig {
    pub count: usize,
    /// Width of the range in which a bit is undecided.
    pub gamma: f64,
    /// Weight of their entropy in the joint loss.
    pub entropy: f64,
}

/// One task's k selectors.
pub struct ExpertSelection {
    name: String,
    gamma: f64,
    entropy: f64,
    experts: usize,
    /// t `[k x bits]`; none where there is one expert.
    bits: Option<Parameter>,
    /// v `[k]`
    mixture: Parameter,
}

impl ExpertSelection {
    pub fn build(
        name: &str,
        config: SelectorConfig,
        experts: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let SelectorConfig { count: k, gamma, entropy } = config;
        let count = experts.next_power_of_two().trailing_zeros() as usize;
        let bound = Init::Uniform((gamma / 100.0) as f32);
        let bits = match count {
            0 => None,
            // In one dimension: weights of two decay, and bits that do are never decided.
            count => Some(weights.parameter(&format!("{name}.bits"), &[k * count], bound)?),
        };
        let mixture = weights.parameter(&format!("{name}.mixture"), &[k], Init::Uniform(0.05))?;
        Ok(Self { name: name.to_owned(), gamma, entropy, experts, bits, mixture })
    }

    /// r(t) of the experts there are: `[k, experts]`.
    fn selectors(&self) -> ModelResult<Tensor> {
        let mixture = self.mixture.var();
        let (k, device) = (mixture.dim(0)?, mixture.device());
        let mut product = Tensor::ones((k, self.experts), candle_core::DType::F32, device)?;
        let Some(bits) = &self.bits else { return Ok(product) };
        let steps = smooth_step(&bits.tensor().reshape((k, ()))?, self.gamma)?;
        for bit in 0..steps.dim(1)? {
            let step = steps.narrow(1, bit, 1)?;
            let (sign, start) = self.digits(bit, device)?;
            product = (product * step.broadcast_mul(&sign)?.broadcast_add(&start)?)?;
        }
        Ok(product)
    }

    /// For S or 1 - S as a bit says, what S is multiplied with and what is added, for each expert.
    fn digits(&self, bit: usize, device: &Device) -> ModelResult<(Tensor, Tensor)> {
        let is_set = |expert: usize| f32::from(u8::from(expert >> bit & 1 == 1));
        let sign: Vec<f32> = (0..self.experts).map(|expert| 2.0 * is_set(expert) - 1.0).collect();
        let start: Vec<f32> = (0..self.experts).map(|expert| 1.0 - is_set(expert)).collect();
        Ok((Tensor::new(sign, device)?.unsqueeze(0)?, Tensor::new(start, device)?.unsqueeze(0)?))
    }

    /// q `[1, experts]`
    fn chosen(&self) -> ModelResult<Tensor> {
        let mixture = Tensors::answering().softmax(&self.mixture.tensor().unsqueeze(0)?)?;
        Ok(mixture.matmul(&self.selectors()?)?)
    }

    /// q for each of the rows of x.
    pub fn shares<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.folded_rows(&format!("{}.shares", self.name), &self.chosen()?, x)
    }

    /// What it adds to the joint loss.
    pub fn penalty(&self) -> ModelResult<Option<Tensor>> {
        if self.bits.is_none() {
            return Ok(None);
        }
        let selectors = self.selectors()?;
        // What is added to r keeps the logarithm of an expert that is out finite.
        let logarithm = selectors.affine(1.0, 1e-6)?.log()?;
        let entropy = (&selectors * logarithm)?.sum_all()?.affine(-self.entropy, 0.0)?;
        if self.experts.is_power_of_two() {
            return Ok(Some(entropy));
        }
        let missed = selectors.sum(D::Minus1)?.recip()?.sum_all()?;
        Ok(Some((entropy + missed)?))
    }
}

/// S(t). Its ends are flat, so that clamping t changes no gradient.
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
    fn the_smooth_step_is_that_of_the_paper() {
        let t = Tensor::new(&[-3.0_f32, -0.5, -0.25, 0.0, 0.25, 0.5, 9.0], &Device::Cpu).unwrap();
        let s = host(&smooth_step(&t, 1.0).unwrap()).unwrap();
        assert_eq!(s, [0.0, 0.0, 0.15625, 0.5, 0.84375, 1.0, 1.0]);
    }
}
