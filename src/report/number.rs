//! Formats numbers for people.

pub use crate::domain::digits::{significant, significant_within};

/// In full if that takes at most four digits (`0.001`, `125`), else as [`significant`].
pub fn short(value: f64) -> String {
    let full = value.to_string();
    let digits = full.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
    if value.is_finite() && digits <= 4 && full.len() <= 8 { full } else { significant(value) }
}

/// As [`significant`]; a dash for `None`.
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
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A difference that should be 0: `3.8e-6`, `0`.
pub fn tiny(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        0.0 => "0".to_owned(),
        v => format!("{v:.1e}"),
    }
}

/// A rate such as rows per second: `418,517`, `12`, `0.45`.
pub fn rate(value: f64) -> String {
    match value {
        v if v >= 9.95 && v.is_finite() => count(v.round() as usize),
        v if v >= 0.001 => significant_within(v, 4),
        v => significant(v),
    }
}

/// `3 ms`, `0.04 s`, `12.3 s`, `1 min 12 s`, `2 h 05 min`, `3 d 4 h`
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.0005 => "0 ms".to_owned(),
        s if s < 0.0095 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s => units(s.round() as u64),
    }
}

/// An estimated duration, rounded coarsely: `7 s`, `40 s`, `12 min`, `1 h 05 min`.
pub fn guess(seconds: f64) -> String {
    match seconds {
        s if s < 9.5 => format!("{} s", s.ceil().max(1.0)),
        s if s < 55.0 => format!("{:.0} s", (s / 10.0).ceil() * 10.0),
        s if s < 3570.0 => format!("{:.0} min", (s / 60.0).round().max(1.0)),
        s => units((s / 60.0).round() as u64 * 60),
    }
}

/// A duration in two units: `1 min 12 s`, `2 h 05 min`, `3 d 4 h`.
fn units(seconds: u64) -> String {
    let minutes = (seconds + 30) / 60;
    match seconds {
        s if s < 3600 => format!("{} min {:02} s", s / 60, s % 60),
        s if s < 48 * 3600 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        s => format!("{} d {} h", (s + 1800) / 86_400, (s + 1800) % 86_400 / 3600),
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

/// `2026-01-31 12:00:07` for `2026-01-31T12:00:07.123Z`.
pub fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// `2026-01-31 12:00`
pub fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// `1 step`, `6 steps`
pub fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", self::count(count), if count == 1 { "" } else { "s" })
}

/// `1`, `1 and 7`, `1, 7 and 64`
pub fn listed(items: &str) -> String {
    items.rsplit_once(", ").map_or_else(|| items.to_owned(), |(most, last)| format!("{most} and {last}"))
}

#[cfg(test)]
mod tests {
    use crate::report::number::{
        count, difference, duration, guess, listed, minute, moment, rate, short, size, tiny,
    };

    #[test]
    fn differences_and_short_ones() {
        let short = [0.001, 0.5, 125.0, -2.5, 0.0, 1e-5, 0.946_31, 1e-7].map(short);
        assert_eq!(short, ["0.001", "0.5", "125", "-2.5", "0", "0.00001", "0.9463", "1.000e-7"]);
        let differences = [0.012_34, -0.000_125, 9.09e-6, -1.52, 123.4, 0.0].map(difference);
        assert_eq!(differences, ["+0.012", "−0.00013", "+9.1e-6", "−1.5", "+123", "0"]);
    }

    #[test]
    fn counts_durations_sizes_moments() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let durations =
            [0.0, 0.0032, 0.042, 12.34, 59.97, 72.4, 3599.7, 3600.0, 7505.0, 180_000.0].map(duration);
        let text = [
            "0 ms",
            "3 ms",
            "0.04 s",
            "12.3 s",
            "1 min 00 s",
            "1 min 12 s",
            "1 h 00 min",
            "1 h 00 min",
            "2 h 05 min",
            "2 d 2 h",
        ];
        assert_eq!(durations, text);
        let guesses = [0.2, 3.1, 31.0, 58.0, 724.0, 3900.0, 400_000.0].map(guess);
        assert_eq!(guesses, ["1 s", "4 s", "40 s", "1 min", "12 min", "1 h 05 min", "4 d 15 h"]);
        let rates = [418_517.3, 12.4, 0.45, 0.000_01, 3.24159].map(rate);
        assert_eq!(rates, ["418,517", "12", "0.45", "1.000e-5", "3.24"]);
        assert_eq!([3.84e-6, 0.0, f64::NAN].map(tiny), ["3.8e-6", "0", "NaN"]);
        let sizes = [0, 999, 1000, 312_400, 1_234_567, 999_600_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "312 kB", "1.2 MB", "1.0 GB"]);
        assert_eq!(moment("2026-01-31T12:00:07.123Z"), "2026-01-31 12:00:07");
        assert_eq!(minute("2026-01-31T12:00:07.123Z"), "2026-01-31 12:00");
        assert_eq!(["1", "1, 7", "1, 7, 64"].map(listed), ["1", "1 and 7", "1, 7 and 64"]);
    }
}
