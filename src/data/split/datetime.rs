//! A text as a moment: in one of the forms that people write dates and times in.
//!
//! Each text says its own form. A column is read when all of its rows have one form, so that no moment is
//! compared with one of another kind: not a time with a zone with one without, nor a day with an hour.

use jiff::civil::Date;

mod clock;
mod day;

use crate::data::split::datetime::clock::TimeOfDay;
use crate::data::split::datetime::day::Day;

pub(in crate::data::split) use crate::data::split::datetime::day::days_since_1970;

/// What a text says of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) struct ParsedDateTime {
    day: Option<Day>,
    clock: Option<TimeOfDay>,
}

/// How a moment is written. Texts of one form can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) struct DateTimeFormat {
    day: Option<day::DayOrder>,
    clock: bool,
    is_half_day: bool,
    has_zone: bool,
}

/// Which of two numbers is the day, where the year comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::split) enum DayMonthOrder {
    Day,
    Month,
}

const NANOSECONDS_A_DAY: i128 = 86_400_000_000_000;

/// Reads a text; `None` where it has none of the forms.
pub(in crate::data::split) fn read(text: &str) -> Option<ParsedDateTime> {
    // 2024年3月5日
    let plain = text.replace(['年', '月'], "-").replace('日', " ");
    let (mut days, mut clock, mut behind) = (Vec::new(), None, Vec::new());
    for word in plain.split_whitespace() {
        if clock.is_some() {
            behind.push(word);
        } else if word.contains(':') && !word.contains(['T', 't', '_']) {
            clock = Some(clock::time(word)?);
        } else if let Some((day, time)) = joined(word) {
            days.push(day);
            clock = Some(clock::time(time).or_else(|| clock::compact(time))?);
        } else {
            days.push(word);
        }
    }
    let clock = match clock {
        None => None,
        Some((time, rest)) => {
            // `Tue Mar  5 09:35:00 2024`: the year may stand behind the time.
            let is_year = |word: &&str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(year) = behind.pop_if(|word| is_year(&&**word)) {
                days.push(year);
            }
            Some(TimeOfDay::parse(time, rest, &behind)?)
        }
    };
    let day = if days.is_empty() { None } else { Some(day::read(&days)?) };
    (day.is_some() || clock.is_some()).then_some(ParsedDateTime { day, clock })
}

/// `2024-03-05T09:35` as the day and the time of day.
fn joined(word: &str) -> Option<(&str, &str)> {
    let bytes = word.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let at = (1..bytes.len())
        .find(|at| matches!(bytes[*at], b'T' | b't' | b'_') && is_digit(at - 1) && is_digit(at + 1))?;
    Some((&word[..at], &word[at + 1..]))
}

impl ParsedDateTime {
    pub fn form(&self) -> DateTimeFormat {
        DateTimeFormat {
            day: self.day.map(|day| day.order()),
            clock: self.clock.is_some(),
            is_half_day: self.clock.is_some_and(|clock| clock.is_half_day),
            has_zone: self.clock.is_some_and(|clock| clock.offset.is_some()),
        }
    }

    /// Which of its numbers can only be the day.
    pub fn day_month_order(&self) -> Option<DayMonthOrder> {
        self.day.and_then(|day| day.day_month_order())
    }

    /// Nanoseconds since the beginning of 1970, or of the day; `None` where there is no such day.
    pub fn at(&self, first: DayMonthOrder) -> Option<i128> {
        let day = match self.day {
            Some(day) => i128::from(days_since_1970(day.date(first)?)?) * NANOSECONDS_A_DAY,
            None => 0,
        };
        let Some(clock) = self.clock else { return Some(day) };
        let offset = i128::from(clock.offset.unwrap_or(0)) * 1_000_000_000;
        Some(day + i128::from(clock.nanoseconds) - offset)
    }

    /// The setting `format` that would read it with the day or the month first.
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
    /// May the first of its numbers be the day or the month?
    pub fn is_open(&self) -> bool {
        matches!(self.day, Some(day::DayOrder::YearLast(_)))
    }
}

impl std::fmt::Display for DateTimeFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match (self.day, self.clock) {
            (Some(_), true) => "a date and a time",
            (Some(_), false) => "a date",
            (None, _) => "a time of day",
        };
        let how = match self.day {
            Some(day::DayOrder::DayFirst) => ", the day first",
            Some(day::DayOrder::YearLast(_)) => ", the year last",
            Some(day::DayOrder::Named) => " with a month's name",
            Some(day::DayOrder::Month) => " without a day",
            Some(day::DayOrder::YearFirst) | None => "",
        };
        let half = if self.is_half_day { " of 12 hours" } else { "" };
        let zone = match (self.clock, self.has_zone) {
            (true, true) => " with a zone",
            (true, false) => " without a zone",
            (false, _) => "",
        };
        write!(f, "{what}{half}{how}{zone}")
    }
}

/// Eight digits that are a day only when the year comes last, such as `05032024`: which comes first there.
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
