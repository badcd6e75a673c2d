//! Parsing of dates and times in common formats.
//!
//! The format is detected per text. A column is accepted only if all rows have the same format, so that no
//! time with a zone is compared with one without, and no date with a time of day.

use jiff::civil::Date;

mod clock;
mod day;

use crate::data::split::datetime::clock::TimeOfDay;
use crate::data::split::datetime::day::Day;

pub(in crate::data::split) use crate::data::split::datetime::day::days_since_1970;

/// A parsed date, time of day, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) struct ParsedDateTime {
    day: Option<Day>,
    clock: Option<TimeOfDay>,
}

/// How a date or time is written. Texts of the same format can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) struct DateTimeFormat {
    day: Option<day::DayOrder>,
    clock: bool,
    is_half_day: bool,
    has_zone: bool,
}

/// Whether the day or the month comes first in dates with the year last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) enum DayMonthOrder {
    Day,
    Month,
}

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// Parses a text; `None` when its format is unknown.
pub(in crate::data::split) fn read(text: &str) -> Option<ParsedDateTime> {
    // 2024年3月5日
    let plain = text.replace(['年', '月'], "-").replace('日', " ");
    let (mut days, mut clock, mut after_clock) = (Vec::new(), None, Vec::new());
    for word in plain.split_whitespace() {
        if clock.is_some() {
            after_clock.push(word);
        } else if word.contains(':') && !word.contains(['T', 't', '_']) {
            clock = Some(clock::time(word)?);
        } else if let Some((day, time)) = split_day_and_time(word) {
            days.push(day);
            clock = Some(clock::time(time).or_else(|| clock::compact(time))?);
        } else {
            days.push(word);
        }
    }
    let clock = match clock {
        None => None,
        Some((time, rest)) => {
            // `Tue Mar  5 09:35:00 2024`: the year may follow the time.
            let is_year = |word: &mut &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(year) = after_clock.pop_if(is_year) {
                days.push(year);
            }
            Some(TimeOfDay::parse(time, rest, &after_clock)?)
        }
    };
    let day = if days.is_empty() { None } else { Some(day::read(&days)?) };
    (day.is_some() || clock.is_some()).then_some(ParsedDateTime { day, clock })
}

/// Splits `2024-03-05T09:35` into day and time of day.
fn split_day_and_time(word: &str) -> Option<(&str, &str)> {
    let bytes = word.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let at = (1..bytes.len())
        .find(|at| matches!(bytes[*at], b'T' | b't' | b'_') && is_digit(at - 1) && is_digit(at + 1))?;
    Some((&word[..at], &word[at + 1..]))
}

impl ParsedDateTime {
    /// The format of the text.
    pub fn form(&self) -> DateTimeFormat {
        DateTimeFormat {
            day: self.day.map(|day| day.order()),
            clock: self.clock.is_some(),
            is_half_day: self.clock.is_some_and(|clock| clock.is_half_day),
            has_zone: self.clock.is_some_and(|clock| clock.offset.is_some()),
        }
    }

    /// The order of day and month, if one of the two numbers can only be the day.
    pub fn day_month_order(&self) -> Option<DayMonthOrder> {
        self.day.and_then(|day| day.day_month_order())
    }

    /// Nanoseconds since 1970, or since midnight when there is no date; `None` when the calendar has no
    /// such day.
    pub fn at(&self, first: DayMonthOrder) -> Option<i128> {
        let day = match self.day {
            Some(day) => i128::from(days_since_1970(day.date(first)?)?) * NANOSECONDS_PER_DAY,
            None => 0,
        };
        let Some(clock) = self.clock else { return Some(day) };
        let offset = i128::from(clock.offset.unwrap_or(0)) * 1_000_000_000;
        Some(day + i128::from(clock.nanoseconds) - offset)
    }

    /// The setting `format` that reads this text with the day or the month first.
    pub fn format(&self, first: DayMonthOrder) -> String {
        let separator = match self.day.map(|day| day.order()) {
            Some(day::DayOrder::YearLast(separator)) => separator,
            _ => '/',
        };
        let day = match first {
            DayMonthOrder::Day => format!("%d{separator}%m{separator}%Y"),
            DayMonthOrder::Month => format!("%m{separator}%d{separator}%Y"),
        };
        match self.clock {
            Some(clock) => format!("{day} {}", clock.format()),
            None => day,
        }
    }
}

impl DateTimeFormat {
    /// Whether the order of day and month is ambiguous.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.day, Some(day::DayOrder::YearLast(_)))
    }
}

impl std::fmt::Display for DateTimeFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let date = match self.day {
            Some(day::DayOrder::YearFirst) => "a date",
            Some(day::DayOrder::DayFirst) => "a date with the day first",
            Some(day::DayOrder::YearLast(_)) => "a date with the year last",
            Some(day::DayOrder::Named) => "a date with the name of the month",
            Some(day::DayOrder::Month) => "a year and month",
            None => "",
        };
        let and = if self.day.is_some() && self.clock { " and " } else { "" };
        let time = match (self.clock, self.is_half_day) {
            (true, true) => "a 12-hour time",
            (true, false) => "a time",
            (false, _) => "",
        };
        let zone = match (self.clock, self.has_zone) {
            (true, true) => " with time zone",
            (true, false) => " without time zone",
            (false, _) => "",
        };
        write!(f, "{date}{and}{time}{zone}")
    }
}

/// The possible orders of day and month in eight digits that form a date only with the year last, such as
/// `05032024`.
pub(in crate::data::split) fn year_last(text: &str) -> Vec<DayMonthOrder> {
    let is_eight = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().unwrap_or(0);
    if !is_eight || !(1900..2100).contains(&number(4..8)) {
        return vec![];
    }
    let is_date = |day: i16, month: i16| Date::new(number(4..8), month as i8, day as i8).is_ok();
    let (a, b) = (number(0..2), number(2..4));
    [(DayMonthOrder::Day, is_date(a, b)), (DayMonthOrder::Month, is_date(b, a))]
        .into_iter()
        .filter_map(|(first, is_date)| is_date.then_some(first))
        .collect()
}

#[cfg(test)]
mod tests;
