//! Parsing of the day.

use jiff::civil::Date;

use crate::data::split::datetime::DayMonthOrder;

/// How a day is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayOrder {
    /// `2024-03-05`, `2024/3/5`, `20240305`
    YearFirst,
    /// `05.03.2024`
    DayFirst,
    /// `03/05/2024`, `3-5-2024`: the day or the month comes first. Holds the separator.
    YearLast(char),
    /// `5 Mar 2024`, `March 5, 2024`
    Named,
    /// `2024-03`, `03/2024`: the first day of the month.
    Month,
}

/// A parsed day. With [`DayOrder::YearLast`], `day` is the first number and `month` the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    order: DayOrder,
    year: i16,
    month: i8,
    day: i8,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Parses the words before the time of day.
pub(super) fn read(words: &[&str]) -> Option<Day> {
    let mut words: Vec<&str> =
        words.iter().map(|word| word.trim_end_matches(',')).filter(|word| !word.is_empty()).collect();
    if words.first().is_some_and(|word| named(&WEEKDAYS, word.trim_end_matches('.')).is_some()) {
        words.remove(0);
    }
    let parts: Vec<&str> = match words[..] {
        [one] => return numbers(one).or_else(|| with_name(&one.split(['-', '/', ' ']).collect::<Vec<_>>())),
        _ => words,
    };
    with_name(&parts)
}

/// Parses `5 Mar 2024` or `Mar 5 2024`.
fn with_name(parts: &[&str]) -> Option<Day> {
    let month = |text: &str| named(&MONTHS, text.trim_end_matches('.'));
    let &[a, b, year] = parts else { return None };
    let (month, day) = match (month(a), month(b)) {
        (None, Some(month)) => (month, a),
        (Some(month), None) => (month, b),
        _ => return None,
    };
    let day = day.trim_end_matches(['.', 's', 't', 'n', 'd', 'r', 'h']);
    let day = Day {
        order: DayOrder::Named,
        year: digits(year, 4, 4)?,
        month: month as i8 + 1,
        day: digits(day, 1, 2)? as i8,
    };
    day.date(DayMonthOrder::Day).map(|_| day)
}

/// The index of a name, or of the name that starts with an abbreviation of three or four letters.
fn named(names: &[&str], text: &str) -> Option<usize> {
    let text = text.to_lowercase();
    let is_short = (3..=4).contains(&text.len());
    names.iter().position(|name| *name == text || is_short && name.starts_with(&text))
}

/// Parses a day of digits and separators.
fn numbers(word: &str) -> Option<Day> {
    if word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return dated(DayOrder::YearFirst, &word[..4], &word[4..6], &word[6..]);
    }
    let separator = word.chars().find(|letter| matches!(letter, '-' | '/' | '.'))?;
    let parts: Vec<&str> = word.trim_end_matches('.').split(separator).collect();
    match (&parts[..], separator) {
        (&[year, month, day], _) if year.len() == 4 => dated(DayOrder::YearFirst, year, month, day),
        (&[day, month, year], '.') => dated(DayOrder::DayFirst, year, month, day),
        (&[first, second, year], separator) => dated(DayOrder::YearLast(separator), year, second, first),
        (&[year, month], '-' | '/') if year.len() == 4 => dated(DayOrder::Month, year, month, "1"),
        (&[month, year], _) => dated(DayOrder::Month, year, month, "1"),
        _ => None,
    }
}

fn dated(order: DayOrder, year: &str, month: &str, day: &str) -> Option<Day> {
    let (year, month, day) = (digits(year, 4, 4)?, digits(month, 1, 2)? as i8, digits(day, 1, 2)? as i8);
    let parsed = Day { order, year, month, day };
    let orders = [DayMonthOrder::Day, DayMonthOrder::Month];
    orders.into_iter().any(|first| parsed.date(first).is_some()).then_some(parsed)
}

/// A number of `min_digits` to `max_digits` digits.
fn digits(text: &str, min_digits: usize, max_digits: usize) -> Option<i16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && (min_digits..=max_digits).contains(&text.len()) { text.parse().ok() } else { None }
}

impl Day {
    pub fn order(&self) -> DayOrder {
        self.order
    }

    /// The order of day and month, if one of the two numbers is greater than 12.
    pub fn day_month_order(&self) -> Option<DayMonthOrder> {
        match self.order {
            DayOrder::YearLast(_) if self.day > 12 => Some(DayMonthOrder::Day),
            DayOrder::YearLast(_) if self.month > 12 => Some(DayMonthOrder::Month),
            _ => None,
        }
    }

    /// The date; `None` when the calendar has no such day.
    pub fn date(&self, first: DayMonthOrder) -> Option<Date> {
        let (month, day) = match (self.order, first) {
            (DayOrder::YearLast(_), DayMonthOrder::Month) => (self.day, self.month),
            _ => (self.month, self.day),
        };
        Date::new(self.year, month, day).ok()
    }
}

pub(in crate::data::split) fn days_since_1970(date: Date) -> Option<i64> {
    let epoch = Date::new(1970, 1, 1).ok()?;
    Some(i64::from(epoch.until(date).ok()?.get_days()))
}
