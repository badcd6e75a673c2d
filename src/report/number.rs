//! Numbers as people read them.

/// Four significant digits: `0.9463`, `12.34`, `1234`, `1.234e-5`.
pub fn significant(value: f64) -> String {
    if value.is_nan() {
        return "undefined".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounded first, so that 9.99996 counts as 10.00 and not as 9.9999.
    let scientific = format!("{value:.3e}");
    let exponent: i32 = scientific.rsplit_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    match exponent {
        -4..=3 => format!("{value:.*}", (3 - exponent) as usize),
        4..=8 => format!("{value:.0}"),
        _ => scientific,
    }
}

/// In full when that takes no more than four digits (`0.001`, `125`), else as `significant`.
pub fn short(value: f64) -> String {
    let full = value.to_string();
    let digits = full.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
    if value.is_finite() && digits <= 4 && full.len() <= 8 { full } else { significant(value) }
}

/// As `significant`; an undefined one is a dash.
pub fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), significant)
}

/// A difference with its sign and two significant digits: `+0.0012`, `−1.5`, `+9.1e-6`.
pub fn difference(value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "−" };
    let scientific = format!("{:.1e}", value.abs());
    let exponent: i32 = scientific.rsplit_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    match exponent {
        _ if value == 0.0 || value.is_nan() => significant(value),
        -4..=1 => format!("{sign}{:.*}", (1 - exponent) as usize, value.abs()),
        2..=8 => format!("{sign}{:.0}", value.abs()),
        _ => format!("{sign}{scientific}"),
    }
}

/// `199,523`
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.04 s`, `12.3 s`, `1 min 12 s`, `2 h 5 min`
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3599.5 => {
            let whole = s.round() as u64;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// `312 kB`, `1.2 MB`
pub fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if amount < 999.5 {
            let digits = usize::from(unit != "B" && amount < 9.95);
            return format!("{amount:.digits$} {unit}");
        }
        amount /= 1000.0;
    }
    format!("{amount:.1} TB")
}

/// `2026-01-31 12:00:07` of `2026-01-31T12:00:07.123Z`.
pub fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// `2026-01-31 12:00`
pub fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// `1`, `1 and 7`, `1, 7 and 64`
pub fn listed(items: &str) -> String {
    items.rsplit_once(", ").map_or_else(|| items.to_owned(), |(most, last)| format!("{most} and {last}"))
}

#[cfg(test)]
mod tests {
    use crate::report::number::{
        count, difference, duration, listed, minute, moment, short, significant, size,
    };

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
            (1.5e12, "1.500e12"),
            (0.0, "0"),
            (f64::NAN, "undefined"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text, "{value}");
        }
        let short = [0.001, 0.5, 125.0, -2.5, 0.0, 1e-5, 0.946_31, 1e-7].map(short);
        assert_eq!(short, ["0.001", "0.5", "125", "-2.5", "0", "0.00001", "0.9463", "1.000e-7"]);
        let differences = [0.012_34, -0.000_125, 9.09e-6, -1.52, 123.4, 0.0].map(difference);
        assert_eq!(differences, ["+0.012", "−0.00013", "+9.1e-6", "−1.5", "+123", "0"]);
    }

    #[test]
    fn counts_durations_sizes_moments() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let durations = [0.042, 12.34, 59.97, 72.4, 3600.0, 7505.0].map(duration);
        assert_eq!(durations, ["0.04 s", "12.3 s", "1 min 0 s", "1 min 12 s", "1 h 0 min", "2 h 5 min"]);
        let sizes = [0, 999, 1000, 312_400, 1_234_567, 999_600_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "312 kB", "1.2 MB", "1.0 GB"]);
        assert_eq!(moment("2026-01-31T12:00:07.123Z"), "2026-01-31 12:00:07");
        assert_eq!(minute("2026-01-31T12:00:07.123Z"), "2026-01-31 12:00");
        assert_eq!(["1", "1, 7", "1, 7, 64"].map(listed), ["1", "1 and 7", "1, 7 and 64"]);
    }
}
