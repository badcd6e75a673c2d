//! Formats of dates and times, with the fields of `strftime`.

use std::borrow::Cow;

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::data::split::datetime::days_since_1970;

/// The format of the dates and times of a column, such as `%d/%m/%Y %H:%M`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeFormat(String);

impl TryFrom<String> for TimeFormat {
    type Error = String;

    fn try_from(format: String) -> Result<Self, String> {
        // An example with every field: the format must be able to write and read it.
        let example = DateTime::constant(2024, 3, 5, 9, 35, 10, 0);
        let example = Offset::UTC.to_timestamp(example).map_err(|cause| cause.to_string())?;
        let mut example = BrokenDownTime::from(&example.to_zoned(jiff::tz::TimeZone::UTC));
        example.set_offset(Some(Offset::UTC));
        let read = |text: String| strtime::parse(&format, &text).map(|_| text);
        match example.to_string(&format).and_then(read) {
            Err(cause) => Err(format!(
                "`{format}` is not a format of dates and times such as `%d/%m/%Y %H:%M`: {cause}"
            )),
            Ok(text) if text == format => Err(format!(
                "`{format}` has no field of a date or time; write a format such as `%d/%m/%Y %H:%M`"
            )),
            Ok(_) => Ok(Self(format)),
        }
    }
}

impl From<TimeFormat> for String {
    fn from(format: TimeFormat) -> Self {
        format.0
    }
}

impl std::fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for TimeFormat {
    fn schema_name() -> Cow<'static, str> {
        "TimeFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

impl TimeFormat {
    /// Nanoseconds since 1970, or since midnight when the format has no date; the error says why the text
    /// does not match.
    pub(in crate::data::split) fn read(&self, text: &str) -> Result<i128, String> {
        let message = |cause: jiff::Error| cause.to_string();
        let mut parsed = strtime::parse(&self.0, text).map_err(message)?;
        if parsed.offset().is_some() || parsed.timestamp().is_some() {
            return parsed.to_timestamp().map(|moment| moment.as_nanosecond()).map_err(message);
        }
        if parsed.month().is_some() && parsed.day().is_none() {
            parsed.set_day(Some(1)).map_err(message)?;
        }
        let time = match (parsed.hour(), parsed.minute()) {
            (None, None) => None,
            _ => Some(parsed.to_time().map_err(message)?),
        };
        let since_midnight = |time: Time| {
            i128::from(
                Time::midnight()
                    .until(time)
                    .map_or(0, |span| span.total(jiff::Unit::Nanosecond).unwrap_or(0.0) as i64),
            )
        };
        let time_of_day = time.map_or(0, since_midnight);
        let has_date =
            parsed.year().is_some() || parsed.iso_week_year().is_some() || parsed.month().is_some();
        if !has_date && time.is_some() {
            return Ok(time_of_day);
        }
        let day = parsed.to_date().map_err(message).map(days_since_1970)?;
        let day = day.ok_or_else(|| "its date is out of range".to_owned())?;
        Ok(i128::from(day) * 86_400_000_000_000 + time_of_day)
    }
}

#[cfg(test)]
mod tests {
    use crate::data::split::format::TimeFormat;

    fn read(format: &str, text: &str) -> Result<i128, String> {
        TimeFormat::try_from(format.to_owned()).unwrap().read(text)
    }

    #[test]
    fn texts_are_read_by_their_format() {
        // In Python:
        // `datetime.datetime.strptime(text, format).replace(tzinfo=datetime.timezone.utc).timestamp()`.
        let moment = 1_709_631_300_000_000_000;
        for (format, text) in [
            ("%d/%m/%Y %H:%M", "05/03/2024 9:35"),
            ("%m/%d/%y %I:%M %p", "3/5/24 9:35 AM"),
            ("%d%m%Y%H%M", "050320240935"),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-03-05T10:35:00+0100"),
            ("%s", "1709631300"),
            ("%d %B %Y, %H.%M", "5 March 2024, 09.35"),
        ] {
            assert_eq!(read(format, text), Ok(moment), "{format}");
        }
        assert_eq!(read("%m/%y", "03/24"), read("%d.%m.%Y", "1.3.2024"));
        assert_eq!(read("%H.%M", "9.35"), Ok((9 * 60 + 35) * 60_000_000_000));
        assert!(read("%d/%m/%Y", "03/14/2024").is_err());
        assert!(read("%d/%m/%Y", "03/04/2024 9:35").is_err());
        assert!(read("%H:%M", "25:00").is_err());
    }

    #[test]
    fn invalid_formats_are_refused() {
        let refused = |format: &str| TimeFormat::try_from(format.to_owned()).unwrap_err();
        assert!(refused("%d/%q").starts_with("`%d/%q` is not a format"), "can be written, but not read");
        assert!(refused("%d/%m/%J").starts_with("`%d/%m/%J` is not a format of dates and times"));
        assert!(refused("dd/mm/yyyy").starts_with("`dd/mm/yyyy` has no field of a date or time"));
    }
}
