//! Loops compiled for the widest instruction set of the CPU (AVX-512, AVX2, or the baseline), which is chosen
//! at run time; and exp, log, tanh, sigmoid and erf without branches, calls and tables, so that the compiler
//! vectorizes them.
//!
//! The functions return the same bits on every CPU, because they consist of single additions, products,
//! divisions and comparisons. Their coefficients are our own fits that minimize the largest relative error
//! (least squares in numpy with float64, reweighted until the error is level). The tests bound the errors.

use crate::model::kernel::choice::arch;

/// Runs `work` where the widest instruction set is enabled: for [`wide!`], without which the compiler may
/// leave the closure outside, compiled for the baseline.
#[inline(always)]
pub fn with_widest<T>(work: impl FnOnce() -> T) -> T {
    arch().dispatch(work)
}

/// Evaluates an expression, compiled for the widest instruction set. Functions that it calls must be
/// `#[inline(always)]`.
macro_rules! wide {
    ($work:expr) => {
        $crate::model::kernel::wide::with_widest(
            #[inline(always)]
            || $work,
        )
    };
}
pub(crate) use wide;

/// Adding and then subtracting this number rounds to an integer: the last bit of its mantissa has the value
/// 1.
const ROUND: f32 = 12_582_912.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts: the first has few bits, so that its products with integers are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// e^x, with an error of at most 2 units in the last place (ULP). 0 below -104, infinite above 88.73.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // In this form, the comparisons preserve NaN.
    let x = if x < -104.5 { -104.5 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let p = 0.001_381_459_8 * r + 0.008_368_717;
    let p = p * r + 0.041_668_39;
    let p = p * r + 0.166_665_21;
    let p = p * r + 0.499_999_94;
    let y = (p * (r * r) + r) + 1.0;
    // Multiplies by 2^whole in two steps, so that neither factor overflows.
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = power >> 1;
    let two_to = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    y * two_to(half) * two_to(power.wrapping_sub(half))
}

/// The natural logarithm, with an error of at most 2 ULP. Minus infinity at 0, NaN for negative numbers.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    // Subnormal numbers are scaled by 2^23 first.
    let small = x < f32::MIN_POSITIVE;
    let scaled = if small { x * 8_388_608.0 } else { x };
    // x = m 2^power, with m between sqrt(1/2) and sqrt(2).
    let bits = (scaled.to_bits() as i32).wrapping_sub(0x3f35_04f3);
    let power = (bits >> 23) as f32 - if small { 23.0 } else { 0.0 };
    let m = f32::from_bits(((bits & 0x007f_ffff) + 0x3f35_04f3) as u32);
    let f = m - 1.0;
    let p = -0.078_595_98 * f + 0.128_816_38;
    let p = p * f - 0.131_287_54;
    let p = p * f + 0.141_811_94;
    let p = p * f - 0.166_245_54;
    let p = p * f + 0.200_022_86;
    let p = p * f - 0.250_008_1;
    let p = p * f + 0.333_333_16;
    let square = f * f;
    let tail = (p * square * f + power * LN_2_LOW) - 0.5 * square;
    let y = (tail + f) + power * LN_2_HIGH;
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x < 0.0 || x.is_nan() { f32::NAN } else { y }
}

/// The hyperbolic tangent, with an error of at most 2 ULP.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let square = x * x;
    let p = -0.005_660_786_3 * square + 0.020_602_005;
    let p = p * square - 0.053_729_23;
    let p = p * square + 0.133_313_28;
    let p = p * square - 0.333_332_78;
    let near = p * (square * x) + x;
    let magnitude = x.abs();
    let far = 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
    if magnitude < 0.625 { near } else { far.copysign(x) }
}

/// 1 / (1 + e^-x), with an error of at most 3 ULP.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function, with an error of at most 3 ULP.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let square = x * x;
    let p = 7.889_121_5e-5 * square - 8.020_842e-4;
    let p = p * square + 0.005_189_535;
    let p = p * square - 0.026_854_444;
    let p = p * square + 0.112_836;
    let p = p * square - 0.376_126_26;
    let near = x * (p * square + std::f32::consts::FRAC_2_SQRT_PI);
    // 1 - e^(-x^2) q(t)
    let magnitude = x.abs();
    let t = 1.0 / (1.0 + 0.5 * magnitude);
    let q = -0.230_801_63 * t + 0.636_679_9;
    let q = q * t - 0.064_460_464;
    let q = q * t + 0.396_801_98;
    let q = q * t + 0.259_700_66;
    let q = q * t + 0.001_822_478_5;
    let far = 1.0 - exp(-square) * q;
    if magnitude < 1.0 { near } else { far.copysign(x) }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::wide::{erf, exp, log, sigmoid, tanh};

    /// The largest error in ULP of numbers from `low` to `high`, and the number where it occurs.
    fn worst(
        low: f32,
        high: f32,
        approximate: impl Fn(f32) -> f32,
        exact: impl Fn(f64) -> f64,
    ) -> (f64, f32) {
        let count = 400_000;
        let mut worst = (0.0, 0.0);
        let xs: Vec<f32> = (0..=count).map(|i| low + (high - low) * (i as f32 / count as f32)).collect();
        let mut ys = xs.clone();
        wide!(ys.iter_mut().for_each(|y| *y = approximate(*y)));
        for (x, y) in xs.into_iter().zip(ys) {
            assert_eq!(approximate(x).to_bits(), y.to_bits(), "vectorized and not, the same bits at {x}");
            let exact = exact(f64::from(x));
            let unit = f64::from((exact as f32).abs().next_up() - (exact as f32).abs());
            let error = (f64::from(y) - exact).abs() / unit;
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    #[test]
    fn errors_are_small() {
        let erf_exact = |x: f64| {
            // The power series, summed in 64 bits: enough up to 4.
            let mut term = x;
            let mut sum = x;
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        };
        let cases = [
            ("exp", worst(-103.0, 88.72, exp, f64::exp), 1.5),
            ("exp near 0", worst(-1.0, 1.0, exp, f64::exp), 1.5),
            ("log", worst(1e-6, 20.0, log, f64::ln), 1.5),
            ("log near 1", worst(0.7, 1.42, log, f64::ln), 1.5),
            ("log of small", worst(1e-42, 1e-37, log, f64::ln), 1.5),
            ("tanh", worst(-10.0, 10.0, tanh, f64::tanh), 2.0),
            ("tanh near 0", worst(-0.7, 0.7, tanh, f64::tanh), 2.0),
            ("sigmoid", worst(-80.0, 30.0, sigmoid, |x| 1.0 / (1.0 + (-x).exp())), 3.0),
            ("erf", worst(-4.0, 4.0, erf, erf_exact), 3.0),
        ];
        for (name, (error, at), bound) in cases {
            assert!(error < bound, "{name}: {error} ULP at {at}");
        }
    }

    #[test]
    fn special_values() {
        assert_eq!([exp(-200.0), exp(f32::NEG_INFINITY), exp(0.0)], [0.0, 0.0, 1.0]);
        assert_eq!([exp(88.8), exp(f32::INFINITY)], [f32::INFINITY; 2]);
        assert_eq!([log(0.0), log(1.0), log(f32::INFINITY)], [f32::NEG_INFINITY, 0.0, f32::INFINITY]);
        assert_eq!([tanh(-1e30), tanh(0.0), tanh(f32::INFINITY)], [-1.0, 0.0, 1.0]);
        assert_eq!([sigmoid(-1e30), sigmoid(0.0), sigmoid(1e30)], [0.0, 0.5, 1.0]);
        assert_eq!([erf(-1e30), erf(0.0), erf(f32::INFINITY)], [-1.0, 0.0, 1.0]);
        let nan = f32::NAN;
        assert!(
            [exp(nan), log(nan), log(-1.0), tanh(nan), sigmoid(nan), erf(nan)].iter().all(|y| y.is_nan())
        );
    }
}
