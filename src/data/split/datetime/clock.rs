//! Parsing of the time of day and the time zone.

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    /// Since midnight.
    pub nanoseconds: i64,
    /// UTC offset in seconds, positive to the east.
    pub offset: Option<i32>,
    /// Written with AM or PM.
    pub is_half_day: bool,
    has_seconds: bool,
    has_fraction: bool,
}

/// Hour, minute, second and nanoseconds, as far as they are given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time {
    hour: i64,
    minute: i64,
    second: Option<i64>,
    fraction: Option<i64>,
}

/// Parses `9:35` or `09:35:10.25`; also returns the rest of the text.
pub(super) fn time(text: &str) -> Option<(Time, &str)> {
    let (hour, rest) = number(text, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1, 2)?;
    let mut time = Time { hour, minute, ..Time::default() };
    let mut rest = rest;
    if let Some(seconds) = rest.strip_prefix(':') {
        let (second, after_seconds) = number(seconds, 1, 2)?;
        time.second = Some(second);
        (time.fraction, rest) = fraction_of_second(after_seconds)?;
    }
    Some((time, rest))
}

/// Parses `093510`, which only follows a `T`; also returns the rest of the text.
pub(super) fn compact(text: &str) -> Option<(Time, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let part = |from: usize| text.get(from..from + 2)?.parse().ok();
    let mut time = Time { hour: part(0)?, ..Time::default() };
    let mut rest = &text[length..];
    match length {
        2 => {}
        4 => time.minute = part(2)?,
        6 => {
            (time.minute, time.second) = (part(2)?, Some(part(4)?));
            (time.fraction, rest) = fraction_of_second(rest)?;
        }
        _ => return None,
    }
    Some((time, rest))
}

/// A leading number of `min_digits` to `max_digits` digits, and the rest of the text.
fn number(text: &str, min_digits: usize, max_digits: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(min_digits..=max_digits).contains(&length) {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// The nanoseconds of an optional fraction `.25` or `,25`, and the rest of the text. `None` with more than
/// nine digits, since the resolution is one nanosecond.
fn fraction_of_second(text: &str) -> Option<(Option<i64>, &str)> {
    let Some(fraction) = text.strip_prefix(['.', ',']) else { return Some((None, text)) };
    let (number, rest) = number(fraction, 1, 9)?;
    let digits = (fraction.len() - rest.len()) as u32;
    Some((Some(number * 10_i64.pow(9 - digits)), rest))
}

impl TimeOfDay {
    /// Adds AM or PM and the zone to a time. `suffix` follows the time in the same word, `words` come after
    /// it.
    pub fn parse(time: Time, suffix: &str, words: &[&str]) -> Option<Self> {
        let suffix = std::iter::once(suffix).chain(words.iter().copied()).collect::<Vec<_>>().join(" ");
        let (half, zone) = half_day(suffix.trim());
        let offset = if zone.is_empty() { None } else { Some(offset(zone)?) };
        let hour = match half {
            None => time.hour,
            Some(half) if (1..=12).contains(&time.hour) => time.hour % 12 + 12 * i64::from(half),
            Some(_) => return None,
        };
        let (second, fraction) = (time.second.unwrap_or(0), time.fraction.unwrap_or(0));
        // ISO 8601 allows 24:00 for the end of a day, and second 60 for leap seconds.
        let is_end = hour == 24 && (time.minute, second, fraction) == (0, 0, 0);
        if !(hour < 24 || is_end) || time.minute > 59 || second > 60 {
            return None;
        }
        Some(Self {
            nanoseconds: ((hour * 60 + time.minute) * 60 + second) * 1_000_000_000 + fraction,
            offset,
            is_half_day: half.is_some(),
            has_seconds: time.second.is_some(),
            has_fraction: time.fraction.is_some(),
        })
    }

    /// The part of the setting `format` that reads this time.
    pub fn format(&self) -> String {
        let hour = if self.is_half_day { "%I" } else { "%H" };
        let seconds = if self.has_seconds { ":%S" } else { "" };
        let fraction = if self.has_fraction { "%.f" } else { "" };
        let half = if self.is_half_day { " %p" } else { "" };
        let zone = if self.offset.is_some() { "%:z" } else { "" };
        format!("{hour}:%M{seconds}{fraction}{half}{zone}")
    }
}

/// Whether the text starts with PM (`true`) or AM (`false`), and the rest of the text.
fn half_day(text: &str) -> (Option<bool>, &str) {
    let lower = text.to_ascii_lowercase();
    let words = [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)];
    let known = words.into_iter().find(|(word, _)| lower.starts_with(word));
    known.map_or((None, text), |(word, is_pm)| (Some(is_pm), text[word.len()..].trim_start()))
}

/// The UTC offset in seconds of `Z`, `UTC`, `+02`, `-05:30`, `+0200`, `GMT+0200 (NAME)` or `+02:00[NAME]`.
fn offset(text: &str) -> Option<i32> {
    let text = text.split(['(', '[']).next().unwrap_or(text).trim();
    let lower = text.to_ascii_lowercase();
    let number = ["utc", "gmt", "z"].iter().find_map(|name| lower.strip_prefix(name)).unwrap_or(&lower);
    let number = number.trim_start();
    if number.is_empty() {
        return (!text.is_empty()).then_some(0);
    }
    let (sign, rest) = match number.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|letter| *letter != ':').collect();
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let colons = rest.len() - digits.len();
    let part = |from: usize| digits.get(from..from + 2).and_then(|part| part.parse::<i32>().ok());
    let seconds = match (digits.len(), colons) {
        (1, 0) => digits.parse::<i32>().ok()? * 3600,
        (2, 0) => part(0)? * 3600,
        (4, 0 | 1) => part(0)? * 3600 + part(2)? * 60,
        (6, 0 | 2) => part(0)? * 3600 + part(2)? * 60 + part(4)?,
        _ => return None,
    };
    (is_number && seconds < 86_400).then_some(sign * seconds)
}
