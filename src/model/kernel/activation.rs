//! Element-wise functions in one pass, and their slopes.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply1;
use crate::model::kernel::wide::{self, erf, exp, tanh, wide};
use crate::model::kernel::{WORTHWHILE, fits, floats, with_floats};

const LEAK: f32 = 0.01;
const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1 / sqrt(2 pi)
const DENSITY: f32 = 0.398_942_3;

/// `activation(x)`.
pub fn activation(activation: Activation, x: &Tensor) -> Result<Tensor> {
    if activation == Activation::Identity {
        return Ok(x.clone());
    }
    if !fits(&[x]) {
        return composed(activation, x);
    }
    apply1(&x.contiguous()?, ElementwiseOp(activation))
}

/// The same, composed of candle's operations.
pub fn composed(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Relu => relu(x),
        Activation::LeakyRelu => relu(x)? - (relu(&x.neg()?)? * f64::from(LEAK))?,
        Activation::Elu => x.elu(1.0),
        Activation::Gelu => x.gelu_erf(),
        Activation::Silu => candle_nn::ops::silu(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
        Activation::Softplus => relu(x)? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        Activation::Identity => Ok(x.clone()),
    }
}

/// candle's own gives a slope of 1 at 0; PyTorch's and ours is 0 there.
fn relu(x: &Tensor) -> Result<Tensor> {
    x.gt(0.0)?.where_cond(x, &x.zeros_like()?)
}

/// 1 / (1 + exp(-x)), finite for every x; candle-nn's has a backward.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(x)
}

/// Replaces each value by the function's.
pub fn apply(activation: Activation, values: &mut [f32]) {
    wide(|| match activation {
        Activation::Identity => {}
        Activation::Relu => each(values, |x| x.max(0.0)),
        Activation::LeakyRelu => each(values, |x| if x > 0.0 { x } else { LEAK * x }),
        Activation::Elu => each(values, |x| if x > 0.0 { x } else { x.exp_m1() }),
        Activation::Gelu => each(values, |x| 0.5 * x * (1.0 + erf(x * SQRT_HALF))),
        Activation::Silu => each(values, |x| x * logistic(x)),
        Activation::Tanh => each(values, tanh),
        Activation::Sigmoid => each(values, logistic),
        Activation::Softplus => each(values, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    });
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(|value| *value = function(*value));
}

/// 1 / (1 + exp(-x)) of one number.
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    wide::sigmoid(x)
}

/// Is the slope known from what the function gave?
pub fn slope_by_output(activation: Activation) -> bool {
    !matches!(activation, Activation::Gelu | Activation::Silu)
}

/// Multiplies each gradient by the slope, from the outputs `y` alone. Not for gelu and silu.
pub fn slope_from_output(activation: Activation, y: &[f32], gradient: &mut [f32]) {
    wide(|| match activation {
        Activation::Relu => both(gradient, y, |g, y| if y > 0.0 { g } else { 0.0 }),
        Activation::LeakyRelu => both(gradient, y, |g, y| if y > 0.0 { g } else { LEAK * g }),
        Activation::Elu => both(gradient, y, |g, y| if y > 0.0 { g } else { g * (y + 1.0) }),
        Activation::Tanh => both(gradient, y, |g, y| g * (1.0 - y * y)),
        Activation::Sigmoid => both(gradient, y, |g, y| g * (y * (1.0 - y))),
        Activation::Softplus => both(gradient, y, |g, y| g * -(-y).exp_m1()),
        Activation::Identity | Activation::Gelu | Activation::Silu => {}
    });
}

/// Multiplies each gradient by the slope at the inputs `x`: for gelu and silu.
pub fn slope_from_input(activation: Activation, x: &[f32], gradient: &mut [f32]) {
    wide(|| match activation {
        Activation::Gelu => {
            both(gradient, x, |g, x| g * (0.5 * (1.0 + erf(x * SQRT_HALF)) + x * DENSITY * exp(-0.5 * x * x)))
        }
        Activation::Silu => both(gradient, x, |g, x| {
            let s = logistic(x);
            g * (s * (1.0 + x * (1.0 - s)))
        }),
        _ => {}
    });
}

#[inline(always)]
fn both(gradient: &mut [f32], known: &[f32], slope: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(known).for_each(|(g, known)| *g = slope(*g, *known));
}

struct ElementwiseOp(Activation);

impl CustomOp1 for ElementwiseOp {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut values = floats(storage, layout)?.to_vec();
        if values.len() < WORTHWHILE {
            apply(self.0, &mut values);
        } else {
            values.par_chunks_mut(WORTHWHILE / 4).for_each(|chunk| apply(self.0, chunk));
        }
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut result = with_floats(gradient, |values| Ok(values.to_vec()))?;
        let by_output = slope_by_output(self.0);
        with_floats(if by_output { y } else { x }, |known| {
            let slope = if by_output { slope_from_output } else { slope_from_input };
            if known.len() < WORTHWHILE {
                slope(self.0, known, &mut result);
            } else {
                let size = WORTHWHILE / 4;
                let pairs = result.par_chunks_mut(size).zip(known.par_chunks(size));
                pairs.for_each(|(g, known)| slope(self.0, known, g));
            }
            Ok(())
        })?;
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::activation::Activation;
    use crate::model::kernel::activation::{activation, apply, composed};
    use crate::model::kernel::reference_check::{check_against, variable};

    const ALL: [Activation; 9] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Identity,
    ];

    #[test]
    fn every_function_agrees_with_its_twin() {
        for function in ALL {
            for shape in [[3, 5], [257, 200]] {
                let x = variable(&shape, 3);
                check_against(&[x], 2e-6, |x| activation(function, &x[0]), |x| composed(function, &x[0]));
            }
        }
    }

    #[test]
    fn values() {
        // torch.nn.functional.{relu,leaky_relu,elu,gelu,silu,tanh,sigmoid,softplus}(torch.tensor(-1.5))
        let expected = [
            0.0,
            -0.015,
            -0.776_869_84,
            -0.100_210_8,
            -0.273_638_8,
            -0.905_148_27,
            0.182_425_52,
            0.201_413_28,
            -1.5,
        ];
        for (function, expected) in ALL.into_iter().zip(expected) {
            let mut x = [-1.5];
            apply(function, &mut x);
            assert!((x[0] - expected).abs() < 1e-6, "{function:?}: {} and {expected}", x[0]);
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for function in ALL {
            let mut x = [-1e4, 1e4];
            apply(function, &mut x);
            assert!(x.iter().all(|x| x.is_finite()), "{function:?}: {x:?}");
        }
    }
}
