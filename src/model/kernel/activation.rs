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
/// sqrt(2 / pi) and the factor of x^3 in `gelu_tanh`.
const GELU_TANH: (f32, f32) = (0.797_884_6, 0.044_715);
/// The factor of x in `quick_gelu`.
const QUICK_GELU: f32 = 1.702;
/// Above, tanh(softplus(x)) is 1 in 32 bits.
const MISH_IS_LINEAR: f32 = 20.0;

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
        Activation::Relu6 => relu6(x),
        Activation::LeakyRelu => relu(x)? - (relu(&x.neg()?)? * f64::from(LEAK))?,
        Activation::Elu => x.elu(1.0),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => {
            let cubic = ((x * x.sqr()?)? * f64::from(GELU_TANH.1))?;
            let tanh = ((x + cubic)? * f64::from(GELU_TANH.0))?.tanh()?;
            (x * (tanh + 1.0)?)? * 0.5
        }
        Activation::QuickGelu => x * sigmoid(&(x * f64::from(QUICK_GELU))?)?,
        Activation::Silu => candle_nn::ops::silu(x),
        Activation::HardSwish => x * composed(Activation::HardSigmoid, x)?,
        Activation::Mish => x * composed(Activation::Softplus, x)?.tanh()?,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid => relu6(&(x + 3.0)?)? / 6.0,
        Activation::Softplus => relu(x)? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        Activation::Identity => Ok(x.clone()),
    }
}

/// The derivative at 0 is 0, as in PyTorch; that of candle's own `relu` is 1.
fn relu(x: &Tensor) -> Result<Tensor> {
    x.gt(0.0)?.where_cond(x, &x.zeros_like()?)
}

fn relu6(x: &Tensor) -> Result<Tensor> {
    relu(x)? - relu(&(x - 6.0)?)?
}

/// 1 / (1 + exp(-x)), finite for every x. candle-nn's version has a backward pass.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(x)
}

/// Replaces every value by a function of it. A macro: of a large closure the compiler makes a function that
/// is compiled for the baseline and called for every value.
macro_rules! map_in_place {
    ($values:ident, |$x:ident| $y:expr) => {
        for value in $values {
            let $x = *value;
            *value = $y;
        }
    };
}

/// Replaces every gradient by a function of it and of a saved value; a macro for the same reason.
macro_rules! map_gradient {
    ($gradient:ident, $saved:ident, |$g:ident, $x:ident| $product:expr) => {
        for (gradient, saved) in $gradient.iter_mut().zip($saved) {
            let ($g, $x) = (*gradient, *saved);
            *gradient = $product;
        }
    };
}

/// Applies an activation function in place.
pub fn apply(activation: Activation, values: &mut [f32]) {
    wide!(match activation {
        Activation::Identity => {}
        Activation::Relu => map_in_place!(values, |x| x.max(0.0)),
        Activation::Relu6 => map_in_place!(values, |x| x.clamp(0.0, 6.0)),
        Activation::LeakyRelu => map_in_place!(values, |x| if x > 0.0 { x } else { LEAK * x }),
        Activation::Elu => map_in_place!(values, |x| if x > 0.0 { x } else { x.exp_m1() }),
        Activation::Gelu => map_in_place!(values, |x| 0.5 * x * (1.0 + erf(x * SQRT_HALF))),
        Activation::GeluTanh => map_in_place!(values, |x| 0.5 * x * (1.0 + gelu_tanh(x))),
        Activation::QuickGelu => map_in_place!(values, |x| x * logistic(QUICK_GELU * x)),
        Activation::Silu => map_in_place!(values, |x| x * logistic(x)),
        Activation::HardSwish => map_in_place!(values, |x| x * hard_sigmoid(x)),
        Activation::Mish => map_in_place!(values, |x| x * tanh_softplus(x)),
        Activation::Tanh => map_in_place!(values, |x| tanh(x)),
        Activation::Sigmoid => map_in_place!(values, |x| logistic(x)),
        Activation::HardSigmoid => map_in_place!(values, |x| hard_sigmoid(x)),
        Activation::Softplus => map_in_place!(values, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    });
}

/// 1 / (1 + exp(-x)) of a single number.
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    wide::sigmoid(x)
}

#[inline(always)]
fn hard_sigmoid(x: f32) -> f32 {
    (x + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0)
}

/// The tanh in the approximation of GELU.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    tanh(GELU_TANH.0 * (x + GELU_TANH.1 * x * x * x))
}

/// tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2).
#[inline(always)]
fn tanh_softplus(x: f32) -> f32 {
    let e = exp(if x > MISH_IS_LINEAR { MISH_IS_LINEAR } else { x });
    let n = e * (e + 2.0);
    n / (n + 2.0)
}

/// Whether the derivative can be computed from the output of the function; if not, it needs the
/// pre-activation.
pub fn has_derivative_from_output(activation: Activation) -> bool {
    !matches!(
        activation,
        Activation::Gelu
            | Activation::GeluTanh
            | Activation::QuickGelu
            | Activation::Silu
            | Activation::HardSwish
            | Activation::Mish
    )
}

/// Multiplies each gradient by the derivative, computed from the output `y`; not for functions that need
/// the pre-activation.
pub fn backward_from_output(activation: Activation, y: &[f32], gradient: &mut [f32]) {
    wide!(match activation {
        Activation::Relu => map_gradient!(gradient, y, |g, y| if y > 0.0 { g } else { 0.0 }),
        Activation::Relu6 => map_gradient!(gradient, y, |g, y| if y > 0.0 && y < 6.0 { g } else { 0.0 }),
        Activation::HardSigmoid => {
            map_gradient!(gradient, y, |g, y| if y > 0.0 && y < 1.0 { g * (1.0 / 6.0) } else { 0.0 });
        }
        Activation::LeakyRelu => map_gradient!(gradient, y, |g, y| if y > 0.0 { g } else { LEAK * g }),
        Activation::Elu => map_gradient!(gradient, y, |g, y| if y > 0.0 { g } else { g * (y + 1.0) }),
        Activation::Tanh => map_gradient!(gradient, y, |g, y| g * (1.0 - y * y)),
        Activation::Sigmoid => map_gradient!(gradient, y, |g, y| g * (y * (1.0 - y))),
        Activation::Softplus => map_gradient!(gradient, y, |g, y| g * -(-y).exp_m1()),
        Activation::Identity
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::QuickGelu
        | Activation::Silu
        | Activation::HardSwish
        | Activation::Mish => {}
    });
}

/// Multiplies each gradient by the derivative at the pre-activation `x`; only for functions that need it.
pub fn backward_from_input(activation: Activation, x: &[f32], gradient: &mut [f32]) {
    wide!(match activation {
        Activation::Gelu => map_gradient!(gradient, x, |g, x| {
            g * (0.5 * (1.0 + erf(x * SQRT_HALF)) + x * DENSITY * exp(-0.5 * x * x))
        }),
        Activation::Silu => map_gradient!(gradient, x, |g, x| {
            let s = logistic(x);
            g * (s * (1.0 + x * (1.0 - s)))
        }),
        Activation::GeluTanh => map_gradient!(gradient, x, |g, x| {
            let t = gelu_tanh(x);
            let inner = GELU_TANH.0 * (1.0 + 3.0 * GELU_TANH.1 * x * x);
            g * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)
        }),
        Activation::QuickGelu => map_gradient!(gradient, x, |g, x| {
            let s = logistic(QUICK_GELU * x);
            g * (s * (1.0 + QUICK_GELU * x * (1.0 - s)))
        }),
        Activation::HardSwish => map_gradient!(gradient, x, |g, x| {
            let inside = if x > -3.0 { x * (1.0 / 3.0) + 0.5 } else { 0.0 };
            g * if x < 3.0 { inside } else { 1.0 }
        }),
        Activation::Mish => map_gradient!(gradient, x, |g, x| {
            let t = tanh_softplus(x);
            g * (t + x * logistic(x) * (1.0 - t * t))
        }),
        _ => {}
    });
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
    use candle_core::{Device, Tensor, Var};

    use crate::model::activation::Activation;
    use crate::model::kernel::activation::{activation, apply, composed};
    use crate::model::kernel::reference_check::{check_against, near, variable};

    const ALL: [Activation; 15] = [
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Silu,
        Activation::HardSwish,
        Activation::Mish,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::HardSigmoid,
        Activation::Softplus,
        Activation::Identity,
    ];

    #[test]
    fn every_function_agrees_with_its_composed_form() {
        for function in ALL {
            for shape in [[3, 5], [257, 200]] {
                let x = variable(&shape, 3);
                // From -8 to 8, beyond the bounds of the hard functions.
                check_against(
                    &[x],
                    8e-6,
                    |x| activation(function, &(&x[0] * 4.0)?),
                    |x| composed(function, &(&x[0] * 4.0)?),
                );
            }
        }
    }

    #[test]
    fn values() {
        // x = torch.tensor(-1.5); F.relu(x), F.relu6(x), F.leaky_relu(x), F.elu(x), F.gelu(x),
        // F.gelu(x, approximate="tanh"), x * torch.sigmoid(1.702 * x), F.silu(x), F.hardswish(x), F.mish(x),
        // F.tanh(x), F.sigmoid(x), F.hardsigmoid(x), F.softplus(x), x
        let expected = [
            0.0,
            0.0,
            -0.015,
            -0.776_869_84,
            -0.100_210_8,
            -0.100_428_43,
            -0.108_337_8,
            -0.273_638_8,
            -0.375,
            -0.298_099_76,
            -0.905_148_27,
            0.182_425_52,
            0.25,
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
    fn values_and_derivatives_of_pytorch() {
        // x = torch.tensor([-4, -1.5, -0.5, 0.5, 2, 7], requires_grad=True)
        // for f in (F.relu6, F.hardsigmoid, F.hardswish, lambda x: F.gelu(x, approximate="tanh"),
        //           lambda x: x * torch.sigmoid(1.702 * x), F.mish):
        //     y = f(x); print(y, torch.autograd.grad(y.sum(), x))
        let cases: [(Activation, [f32; 6], [f32; 6]); 6] = [
            (Activation::Relu6, [0.0, 0.0, 0.0, 0.5, 2.0, 6.0], [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
            (
                Activation::HardSigmoid,
                [0.0, 0.25, 0.416_666_66, 0.583_333_3, 0.833_333_3, 1.0],
                [0.0, 0.166_666_67, 0.166_666_67, 0.166_666_67, 0.166_666_67, 0.0],
            ),
            (
                Activation::HardSwish,
                [0.0, -0.375, -0.208_333_33, 0.291_666_66, 1.666_666_6, 7.0],
                [0.0, 0.0, 0.333_333_3, 0.666_666_7, 1.166_666_7, 1.0],
            ),
            (
                Activation::GeluTanh,
                [-7.021_427e-5, -0.100_428_43, -0.154_286, 0.345_714, 1.954_597_7, 7.0],
                [-0.000_334_972_08, -0.127_710_82, 0.132_630_11, 0.867_369_9, 1.086_099_3, 1.0],
            ),
            (
                Activation::QuickGelu,
                [-0.004_414_723_7, -0.108_337_8, -0.149_611_56, 0.350_388_44, 1.935_658_6, 6.999_953_3],
                [-0.006_401_885_3, -0.098_848_07, 0.120_778_08, 0.879_221_9, 1.073_815_5, 1.000_072_8],
            ),
            (
                Activation::Mish,
                [-0.072_591_75, -0.298_099_76, -0.220_743_76, 0.375_245_24, 1.943_959, 6.999_988_6],
                [-0.053_773_206, -0.064_097_814, 0.289_510_64, 0.886_424_4, 1.069_318, 1.000_021_7],
            ),
        ];
        for (function, values, derivatives) in cases {
            let x = Var::new(&[-4f32, -1.5, -0.5, 0.5, 2.0, 7.0], &Device::Cpu).unwrap();
            let y = activation(function, &x).unwrap();
            near(&format!("{function:?}"), &y, &Tensor::new(&values, &Device::Cpu).unwrap(), 1e-6);
            let gradients = y.sum_all().unwrap().backward().unwrap();
            let expected = Tensor::new(&derivatives, &Device::Cpu).unwrap();
            near(&format!("{function:?}'"), gradients.get(&x).unwrap(), &expected, 2e-6);
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
