//! The time of day of a moment, and the zone it is told in.

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    /// Since midnight.
    pub nanoseconds: i64,
    /// Seconds by which the zone's clocks are before UTC.
    pub offset: Option<i32>,
    /// Written with AM or PM.
    pub is_half_day: bool,
    has_seconds: bool,
    has_fraction: bool,
}

/// Hours, minutes, seconds and nanoseconds, as far as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time {
    hour: i64,
    minute: i64,
    second: Option<i64>,
    fraction: Option<i64>,
}

/// `9:35`, `09:35:10.25` and what stands behind.
pub(super) fn time(text: &str) -> Option<(Time, &str)> {
    let (hour, rest) = number(text, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1, 2)?;
    let mut time = Time { hour, minute, ..Time::default() };
    let mut rest = rest;
    if let Some(seconds) = rest.strip_prefix(':') {
        let (second, behind) = number(seconds, 1, 2)?;
        time.second = Some(second);
        rest = behind;
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let (nanoseconds, behind) = parts_of_a_second(fraction)?;
            time.fraction = Some(nanoseconds);
            rest = behind;
        }
    }
    Some((time, rest))
}

/// `093510` and what stands behind; only where a `T` stands before.
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
            if let Some(fraction) = rest.strip_prefix(['.', ',']) {
                let (nanoseconds, behind) = parts_of_a_second(fraction)?;
                time.fraction = Some(nanoseconds);
                rest = behind;
            }
        }
        _ => return None,
    }
    Some((time, rest))
}

fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(least..=most).contains(&length) {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// At most nine digits: finer than that nothing is told apart.
fn parts_of_a_second(text: &str) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = number(text, 1, 9)?;
    Some((number * 10_i64.pow(9 - length as u32), rest))
}

impl TimeOfDay {
    /// `rest` stands behind the time in its own word, `words` are those that follow.
    pub fn parse(time: Time, rest: &str, words: &[&str]) -> Option<Self> {
        let behind = std::iter::once(rest).chain(words.iter().copied()).collect::<Vec<_>>().join(" ");
        let behind = behind.trim();
        let (half, behind) = half_day(behind);
        let offset = if behind.is_empty() { None } else { Some(offset(behind)?) };
        let hour = match half {
            None => time.hour,
            Some(half) if (1..=12).contains(&time.hour) => time.hour % 12 + 12 * i64::from(half),
            Some(_) => return None,
        };
        let (second, fraction) = (time.second.unwrap_or(0), time.fraction.unwrap_or(0));
        // ISO 8601 has 24:00 for the end of a day, and a 60th second where one is put in.
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

    /// The setting `format` that would read it.
    pub fn format(&self) -> String {
        let hour = if self.is_half_day { "%I" } else { "%H" };
        let seconds = if self.has_seconds { ":%S" } else { "" };
        let fraction = if self.has_fraction { "%.f" } else { "" };
        let half = if self.is_half_day { " %p" } else { "" };
        let zone = if self.offset.is_some() { "%:z" } else { "" };
        format!("{hour}:%M{seconds}{fraction}{half}{zone}")
    }
}

/// Is it the second half of the day, and what follows.
fn half_day(text: &str) -> (Option<bool>, &str) {
    let lower = text.to_ascii_lowercase();
    let half_day = [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)];
    let half_day = half_day.into_iter().find(|(word, _)| lower.starts_with(word));
    half_day.map_or((None, text), |(word, half)| (Some(half), text[word.len()..].trim_start()))
}

/// `Z`, `UTC`, `+02`, `-05:30`, `+0200`, `GMT+0200 (a name)`, `+02:00[a name]`: seconds before UTC.
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
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let colons = rest.len() - digits.len();
    let part = |from: usize| digits.get(from..from + 2).and_then(|part| part.parse::<i32>().ok());
    let seconds = match (digits.len(), colons) {
        (1, 0) => digits.parse::<i32>().ok()? * 3600,
        (2, 0) => part(0)? * 3600,
        (4, 0 | 1) => part(0)? * 3600 + part(2)? * 60,
        (6, 0 | 2) => part(0)? * 3600 + part(2)? * 60 + part(4)?,
        _ => return None,
    };
    (is_whole && seconds < 86_400).then_some(sign * seconds)
}
