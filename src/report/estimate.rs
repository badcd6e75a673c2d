//! Formats a mean with the half-width of its confidence interval, in the digits that the interval supports:
//! `0.9463 ± 0.0012`, `0.91 ± 0.25`.

use crate::report::number;

/// The smallest power of ten of the last digit before scientific notation is used.
const SMALLEST: i32 = -7;

/// The half-width with two significant digits, and the mean with as many decimals; without a half-width as
/// [`number::significant`].
pub(crate) fn estimate(mean: f64, half: Option<f64>) -> String {
    let Some(half) = half.filter(|half| half.is_finite() && mean.is_finite()) else {
        return number::significant(mean);
    };
    if half == 0.0 {
        return format!("{} ± 0", number::significant(mean));
    }
    let last = last_digit(half);
    format!("{} ± {}", rounded(mean, last), rounded(half, last))
}

/// As [`estimate`], with a sign before positive means too.
pub(crate) fn signed(mean: f64, half: Option<f64>) -> String {
    if half.is_none() {
        return number::difference(mean);
    }
    let text = estimate(mean.abs(), half);
    match mean {
        mean if mean > 0.0 => format!("+{text}"),
        mean if mean < 0.0 => format!("−{text}"),
        _ => text,
    }
}

/// The power of ten of the second significant digit of the rounded number.
fn last_digit(half: f64) -> i32 {
    let scientific = format!("{half:.1e}");
    let exponent: i32 = scientific.rsplit_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    exponent - 1
}

fn rounded(value: f64, last: i32) -> String {
    match last {
        0.. => {
            let unit = 10_f64.powi(last);
            format!("{:.0}", (value / unit).round() * unit)
        }
        SMALLEST.. => format!("{value:.*}", last.unsigned_abs() as usize),
        _ => {
            let exponent = if value == 0.0 { last } else { value.abs().log10().floor() as i32 };
            format!("{value:.*e}", (exponent - last).max(0).unsigned_abs() as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::estimate::{estimate, signed};

    #[test]
    fn a_mean_has_the_digits_of_its_interval() {
        let cases = [
            (0.946_31, Some(0.001_234), "0.9463 ± 0.0012"),
            (0.91, Some(0.024_84), "0.910 ± 0.025"),
            (0.91, Some(0.0996), "0.91 ± 0.10"),
            (0.000_05, Some(0.003), "0.0001 ± 0.0030"),
            (123.456, Some(12.3), "123 ± 12"),
            (5_678.0, Some(1_234.0), "5700 ± 1200"),
            (-0.5, Some(0.25), "-0.50 ± 0.25"),
            (1.2344e-7, Some(3.21e-9), "1.234e-7 ± 3.2e-9"),
            (0.5, Some(0.0), "0.5000 ± 0"),
            (0.5, None, "0.5000"),
            (f64::NAN, Some(0.1), "undefined"),
        ];
        for (mean, half, text) in cases {
            assert_eq!(estimate(mean, half), text, "{mean} {half:?}");
        }
        assert_eq!(signed(0.012, Some(0.3)), "+0.01 ± 0.30");
        assert_eq!(signed(-1.25, Some(0.5)), "−1.25 ± 0.50");
        assert_eq!(signed(-1.25, None), "−1.2");
    }
}
