//! Formats numbers with significant digits, independent of their magnitude.

/// Formats with four significant digits: `0.9463`, `12.34`, `1234`, `1.234e-5`.
pub fn significant(value: f64) -> String {
    rounded(value, 4)
}

/// Like `significant`, in at most `letters` characters, with fewer digits if four do not fit.
pub fn significant_within(value: f64, letters: usize) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    let fits = |text: &String| text.chars().count() <= letters;
    (1..=4).rev().map(|digits| rounded(value, digits)).find(fits).unwrap_or_else(|| rounded(value, 1))
}

fn rounded(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "undefined".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Round first, so that 9.99996 becomes 10.00 and not 9.9999.
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.rsplit_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    match exponent {
        -4..=3 => format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize),
        4..=8 if digits == 4 => format!("{value:.0}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::digits::{significant, significant_within};

    #[test]
    fn four_significant_digits() {
        let cases = [
            (0.946_31, "0.9463"),
            (0.999_96, "1.000"),
            (1.0, "1.000"),
            (12.345, "12.35"),
            (-12.345, "-12.35"),
            (999.96, "1000"),
            (1234.4, "1234"),
            (123_456.7, "123457"),
            (0.000_123_44, "0.0001234"),
            (0.000_012_344, "1.234e-5"),
            (0.000_000_012, "1.200e-8"),
            (1.5e12, "1.500e12"),
            (1_700_000_000_000.0, "1.700e12"),
            (0.0, "0"),
            (f64::NAN, "undefined"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text, "{value}");
        }
    }

    #[test]
    fn fewer_digits_if_the_width_is_limited() {
        let cases = [
            (0.157_23, "0.1572"),
            (-0.157_23, "-0.1572"),
            (0.000_123_44, "0.00012"),
            (1.234e-5, "1.23e-5"),
            (-1.234e-5, "-1.2e-5"),
            (-1.5e12, "-1.5e12"),
            (123_456.7, "123457"),
            (123_456_789.0, "1.23e8"),
            (-123_456_789.0, "-1.23e8"),
            (-1.234e-100, "-1e-100"),
            (f64::NAN, "–"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(significant_within(value, 7), text, "{value}");
        }
    }
}
