//! Detection of digits that are lost when the numbers of a column are rounded to floats.

use crate::data::cells::Cells;
use crate::data::feature::Statistics;
use crate::domain::array::ElementType;

/// Raw numbers may be rounded by up to this share of the scale.
const MAX_RAW_ERROR: f64 = 1e-5;
/// Rounding by more than this share of the spread causes a warning.
const MAX_ERROR: f64 = 1e-4;
/// The share of distinct numbers that must stay distinct.
const MIN_DISTINCT: f64 = 0.9;
/// Numbers that are checked.
const SAMPLE: usize = 4096;
/// Numbers of this size or more are written as powers of ten.
const MAX_WRITTEN_OUT: f64 = 1e20;
/// All integers up to here are exact in 64-bit floats.
const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// The type of model inputs for numbers that the graph centers and scales: 32-bit floats, unless rounding
/// would move one of them noticeably relative to the others.
pub(in crate::data) fn raw_type<'a>(
    numbers: impl IntoIterator<Item = &'a f64>,
    center: f64,
    scale: f64,
) -> ElementType {
    let is_inexact =
        |x: &f64| (x - f64::from(*x as f32)).abs() > MAX_RAW_ERROR * scale.max((x - center).abs());
    match numbers.into_iter().any(is_inexact) {
        true => ElementType::Float64,
        false => ElementType::Float32,
    }
}

/// The effect of rounding on a column.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct PrecisionLoss {
    bits: u32,
    /// The number of decimal digits that are lost.
    digits: u32,
    /// The number that changes most, and its rounded value.
    example: (String, String),
    /// Distinct numbers before rounding.
    distinct: usize,
    /// Distinct numbers after rounding.
    remaining: usize,
}

/// What is lost when numbers are read as 32-bit floats (x - center) / scale; `None` when they stay distinct.
pub(in crate::data) fn precision_loss(
    numbers: &[f64],
    statistics: &Statistics,
    center: f64,
    scale: f64,
) -> Option<PrecisionLoss> {
    let mut sample: Vec<f64> =
        numbers.iter().step_by(numbers.len().div_ceil(SAMPLE).max(1)).copied().collect();
    sample.sort_unstable_by(f64::total_cmp);
    let encoded = |x: f64| ((x - center) / scale) as f32;
    let decoded = |x: f64| f64::from(encoded(x)) * scale + center;
    let distinct = 1 + sample.windows(2).filter(|two| two[0] != two[1]).count();
    let remaining = 1 + sample.windows(2).filter(|two| encoded(two[0]) != encoded(two[1])).count();
    if distinct == 1 {
        return None;
    }
    let error = |x: f64| (x - decoded(x)).abs();
    let relative = |x: f64| error(x) / statistics.spread.max((x - statistics.median).abs());
    let is_inexact = |x: &f64| relative(*x) > MAX_ERROR;
    if !sample.iter().any(is_inexact) && remaining as f64 >= MIN_DISTINCT * distinct as f64 {
        return None;
    }
    // Outliers lose more or fewer digits than the other numbers.
    let inliers =
        || sample.iter().copied().filter(|x| (x - statistics.median).abs() <= 10.0 * statistics.spread);
    let worst = inliers().max_by(|a, b| error(*a).total_cmp(&error(*b)))?;
    let written_digits = display_number(worst).chars().filter(char::is_ascii_digit).count() as u32;
    let digits = inliers().map(|x| lost_digits(x, error(x))).max()?.min(written_digits);
    let example = (display_number(worst), display_number(decoded(worst)));
    (digits > 0).then_some(PrecisionLoss { bits: 32, digits, example, distinct, remaining })
}

/// What is lost when integers beyond 2^53 are read as 64-bit floats.
pub(in crate::data) fn integer_precision_loss(
    cells: &Cells,
    rows: &[u32],
    statistics: &Statistics,
) -> Option<PrecisionLoss> {
    let Cells::Int(values) = cells else { return None };
    if statistics.minimum.abs().max(statistics.maximum.abs()) <= MAX_EXACT_INTEGER as f64 {
        return None;
    }
    let picked = rows.iter().step_by(rows.len().div_ceil(SAMPLE).max(1));
    let mut sample: Vec<i64> = picked.filter_map(|row| values.get(*row as usize)).collect();
    sample.sort_unstable();
    let error = |x: i64| (i128::from(x) - (x as f64) as i128).unsigned_abs() as f64;
    let distinct = 1 + sample.windows(2).filter(|two| two[0] != two[1]).count();
    let remaining = 1 + sample.windows(2).filter(|two| two[0] as f64 != two[1] as f64).count();
    let is_inexact =
        |x: &i64| error(*x) > MAX_ERROR * statistics.spread.max((*x as f64 - statistics.median).abs());
    if !sample.iter().any(is_inexact) && remaining as f64 >= MIN_DISTINCT * distinct as f64 {
        return None;
    }
    let worst = sample.iter().copied().max_by(|a, b| error(*a).total_cmp(&error(*b)))?;
    let digits = uncertain_digits(error(worst));
    let example = (worst.to_string(), ((worst as f64) as i128).to_string());
    (digits > 0).then_some(PrecisionLoss { bits: 64, digits, example, distinct, remaining })
}

impl PrecisionLoss {
    /// The warning. `what` names the column; `remedy` says what to do.
    pub fn message(&self, what: &str, remedy: &str) -> String {
        let Self { bits, digits, example: (from, to), distinct, remaining } = self;
        let last =
            if *digits == 1 { "last digit is".to_owned() } else { format!("last {digits} digits are") };
        let fewer = match remaining < distinct {
            true => format!(", {distinct} distinct numbers become {remaining}"),
            false => String::new(),
        };
        format!("{what}: the {last} lost in {bits}-bit floats ({from} becomes {to}{fewer}); {remedy}")
    }

    /// What to do; `scale` is the advice for unscaled columns.
    pub fn remedy<'a>(&self, unscaled: bool, scale: &'a str) -> &'a str {
        match (self.bits, unscaled) {
            (64, _) => "subtract an offset in the `query`",
            (_, true) => scale,
            (_, false) => "outliers dominate the scale: drop those rows, or take logarithms, in the `query`",
        }
    }
}

/// The number of digits of the decimal form of `x` that are lost by an absolute error.
fn lost_digits(x: f64, error: f64) -> u32 {
    let text = if f64::from(x as f32) == x { format!("{:e}", x as f32) } else { format!("{x:e}") };
    let Some((digits, exponent)) = text.split_once('e') else { return 0 };
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    let last = exponent.parse::<i32>().unwrap_or(0) - decimals;
    // Trailing zeros of an integer are digits too, unless it is written as a power of ten.
    let last = if x.abs() < MAX_WRITTEN_OUT { last.min(0) } else { last };
    uncertain_digits(error / 10f64.powi(last))
}

/// The number of digits of an integer that are uncertain with this error.
fn uncertain_digits(error: f64) -> u32 {
    if error < 0.5 { 0 } else { error.log10().floor().clamp(0.0, 400.0) as u32 + 1 }
}

/// The shortest decimal form of a number: with the digits of a 32-bit float if it is one, and as a power of
/// ten if it is very large or small.
pub(in crate::data) fn display_number(number: f64) -> String {
    let (single, size) = (number as f32, number.abs());
    // The shortest form of an integer as a 32-bit float may be another number: 1700000300 for 1700000256.
    let is_single = number.fract() != 0.0 && f64::from(single) == number;
    match (is_single, size == 0.0 || (1e-5..MAX_WRITTEN_OUT).contains(&size)) {
        (true, true) => single.to_string(),
        (false, true) => number.to_string(),
        (true, false) => format!("{single:e}"),
        (false, false) => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{display_number, lost_digits, precision_loss, raw_type};
    use crate::data::feature::Statistics;
    use crate::domain::array::ElementType;

    fn warning_of(numbers: &[f64], center: f64, scale: f64) -> Option<String> {
        let statistics = Statistics::from_values(&mut numbers.to_vec()).unwrap();
        precision_loss(numbers, &statistics, center, scale).map(|lost| lost.message("x", "y"))
    }

    #[test]
    fn seconds_since_1970_lose_digits_unless_they_are_scaled() {
        let seconds: Vec<f64> = (0..400).map(|i| 1_700_000_000.0 + f64::from(i)).collect();
        // numpy: len(set(np.float32(1.7e9 + np.arange(400)))) is 4; np.float32(1700000320) is 1700000256.
        assert_eq!(
            warning_of(&seconds, 0.0, 1.0).unwrap(),
            "x: the last 2 digits are lost in 32-bit floats (1700000320 becomes 1700000256, 400 distinct \
             numbers become 4); y"
        );
        assert_eq!(warning_of(&seconds, 1_700_000_199.5, 115.0), None);
        assert_eq!(raw_type(&seconds, 1_700_000_199.5, 115.0), ElementType::Float64);
    }

    #[test]
    fn an_outlier_costs_the_digits_of_all_numbers() {
        let mut numbers: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(warning_of(&numbers, 199.5, 115.0), None);
        numbers.push(1e18);
        let warning = warning_of(&numbers, 2.5e15, 5e16).unwrap();
        assert!(warning.starts_with("x: the last 3 digits"), "{warning}");
        assert!(warning.contains("401 distinct numbers become 2"), "{warning}");
    }

    #[test]
    fn ordinary_numbers_lose_nothing() {
        // Few digits, many digits, heavy tails, integers, a constant: unscaled and scaled.
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761)) / 4294967296.0;
        let columns: [Vec<f64>; 5] = [
            (0..3000).map(|i| f64::from(i % 700) / 100.0).collect(),
            (0..3000).map(noise).collect(),
            (0..3000).map(|i| (noise(i) * 12.0).exp()).collect(),
            (0..3000).map(|i| f64::from(i) * 1000.0).collect(),
            vec![0.1; 3000],
        ];
        for numbers in columns {
            let statistics = Statistics::from_values(&mut numbers.clone()).unwrap();
            let scale = statistics.valid_scale(statistics.deviation).unwrap_or(1.0);
            assert_eq!(precision_loss(&numbers, &statistics, statistics.mean, scale), None);
            assert_eq!(precision_loss(&numbers, &statistics, 0.0, 1.0), None);
            assert_eq!(raw_type(&numbers, statistics.mean, scale), ElementType::Float32);
        }
    }

    #[test]
    fn digits_are_counted_in_the_decimal_form() {
        for (x, error, digits) in [
            (1_700_000_261.0, 61.0, 2),
            (1_700_000_000_123.0, 60_000.0, 5),
            (0.1, 1.5e-9, 0),
            (1_234.56, 0.4, 2),
            (1e300, 1e292, 0),
            (7.0, 0.6, 1),
        ] {
            assert_eq!(lost_digits(x, error), digits, "{x}");
        }
        let shown = [0.1, f64::from(0.1_f32), 1_700_000_256.0, -1e300, 1e-40].map(display_number);
        assert_eq!(shown, ["0.1", "0.1", "1700000256", "-1e300", "1e-40"]);
    }
}
