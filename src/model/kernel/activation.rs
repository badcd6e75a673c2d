//! Activation functions in one pass, and their derivatives.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply1;
use crate::model::kernel::wide::{self, erf, exp, tanh, wide};
use crate::model::kernel::{PARALLEL_THRESHOLD, fits, floats, with_floats};

/// Slope of leaky ReLU for negative inputs.
const LEAK: f32 = 0.01;
const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1 / sqrt(2 pi), the density of the normal distribution at 0.
const DENSITY: f32 = 0.398_942_3;

/// Applies an activation function element by element.
pub fn activation(activation: Activation, x: &Tensor) -> Result<Tensor> {
    if activation == Activation::Identity {
        return Ok(x.clone());
    }
    if !fits(&[x]) {
        return composed(activation, x);
    }
    apply1(&x.contiguous()?, ElementwiseOp(activation))
}

/// Composed form of `activation`.
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

/// The derivative at 0 is 0, as in PyTorch; that of candle's own `relu` is 1.
fn relu(x: &Tensor) -> Result<Tensor> {
    x.gt(0.0)?.where_cond(x, &x.zeros_like()?)
}

/// 1 / (1 + exp(-x)), finite for every x. candle-nn's version has a backward pass.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(x)
}

/// Applies an activation function in place.
pub fn apply(activation: Activation, values: &mut [f32]) {
    wide(|| match activation {
        Activation::Identity => {}
        Activation::Relu => map_in_place(values, |x| x.max(0.0)),
        Activation::LeakyRelu => map_in_place(values, |x| if x > 0.0 { x } else { LEAK * x }),
        Activation::Elu => map_in_place(values, |x| if x > 0.0 { x } else { x.exp_m1() }),
        Activation::Gelu => map_in_place(values, |x| 0.5 * x * (1.0 + erf(x * SQRT_HALF))),
        Activation::Silu => map_in_place(values, |x| x * logistic(x)),
        Activation::Tanh => map_in_place(values, tanh),
        Activation::Sigmoid => map_in_place(values, logistic),
        Activation::Softplus => map_in_place(values, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    });
}

#[inline(always)]
fn map_in_place(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(|value| *value = function(*value));
}

/// 1 / (1 + exp(-x)) of a single number.
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    wide::sigmoid(x)
}

/// Whether the derivative can be computed from the output of the function; if not, it needs the
/// pre-activation.
pub fn has_derivative_from_output(activation: Activation) -> bool {
    !matches!(activation, Activation::Gelu | Activation::Silu)
}

/// Multiplies each gradient by the derivative, computed from the output `y`; not for GELU and SiLU.
pub fn backward_from_output(activation: Activation, y: &[f32], gradient: &mut [f32]) {
    wide(|| match activation {
        Activation::Relu => map_gradient(gradient, y, |g, y| if y > 0.0 { g } else { 0.0 }),
        Activation::LeakyRelu => map_gradient(gradient, y, |g, y| if y > 0.0 { g } else { LEAK * g }),
        Activation::Elu => map_gradient(gradient, y, |g, y| if y > 0.0 { g } else { g * (y + 1.0) }),
        Activation::Tanh => map_gradient(gradient, y, |g, y| g * (1.0 - y * y)),
        Activation::Sigmoid => map_gradient(gradient, y, |g, y| g * (y * (1.0 - y))),
        Activation::Softplus => map_gradient(gradient, y, |g, y| g * -(-y).exp_m1()),
        Activation::Identity | Activation::Gelu | Activation::Silu => {}
    });
}

/// Multiplies each gradient by the derivative at the pre-activation `x`; only for GELU and SiLU.
pub fn backward_from_input(activation: Activation, x: &[f32], gradient: &mut [f32]) {
    wide(|| match activation {
        Activation::Gelu => map_gradient(gradient, x, |g, x| {
            g * (0.5 * (1.0 + erf(x * SQRT_HALF)) + x * DENSITY * exp(-0.5 * x * x))
        }),
        Activation::Silu => map_gradient(gradient, x, |g, x| {
            let s = logistic(x);
            g * (s * (1.0 + x * (1.0 - s)))
        }),
        _ => {}
    });
}

#[inline(always)]
fn map_gradient(gradient: &mut [f32], saved: &[f32], product: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(saved).for_each(|(g, saved)| *g = product(*g, *saved));
}

struct ElementwiseOp(Activation);

impl CustomOp1 for ElementwiseOp {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut values = floats(storage, layout)?.to_vec();
        if values.len() < PARALLEL_THRESHOLD {
            apply(self.0, &mut values);
        } else {
            values.par_chunks_mut(PARALLEL_THRESHOLD / 4).for_each(|chunk| apply(self.0, chunk));
        }
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut x_gradient = with_floats(gradient, |values| Ok(values.to_vec()))?;
        let from_output = has_derivative_from_output(self.0);
        with_floats(if from_output { y } else { x }, |saved| {
            let backward = if from_output { backward_from_output } else { backward_from_input };
            if saved.len() < PARALLEL_THRESHOLD {
                backward(self.0, saved, &mut x_gradient);
            } else {
                let size = PARALLEL_THRESHOLD / 4;
                let pairs = x_gradient.par_chunks_mut(size).zip(saved.par_chunks(size));
                pairs.for_each(|(g, saved)| backward(self.0, saved, g));
            }
            Ok(())
        })?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
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
    fn every_function_agrees_with_its_composed_form() {
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
