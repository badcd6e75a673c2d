//! A format of dates and times that a person writes, in the words of `strftime`.

use std::borrow::Cow;

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::data::split::datetime::days_since_1970;

/// How a column's dates and times are written: `%d/%m/%Y %H:%M`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeFormat(String);

impl TryFrom<String> for TimeFormat {
    type Error = String;

    fn try_from(format: String) -> Result<Self, String> {
        // A moment that has all there is to write.
        let known = DateTime::constant(2024, 3, 5, 9, 35, 10, 0);
        let known = Offset::UTC.to_timestamp(known).map_err(|cause| cause.to_string())?;
        let mut written = BrokenDownTime::from(&known.to_zoned(jiff::tz::TimeZone::UTC));
        written.set_offset(Some(Offset::UTC));
        let read = |text: String| strtime::parse(&format, &text).map(|_| text);
        match written.to_string(&format).and_then(read) {
            Err(cause) => {
                Err(format!("`{format}` is no format of dates and times such as `%d/%m/%Y %H:%M`: {cause}"))
            }
            Ok(text) if text == format => {
                Err(format!("`{format}` names no part of a date or time; `%d/%m/%Y %H:%M` does"))
            }
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
    /// Nanoseconds since the beginning of 1970, or of the day where the format has no date; or why there are
    /// none.
    pub(in crate::data::split) fn read(&self, text: &str) -> Result<i128, String> {
        let message = |cause: jiff::Error| cause.to_string();
        let mut result = strtime::parse(&self.0, text).map_err(message)?;
        if result.offset().is_some() || result.timestamp().is_some() {
            return result.to_timestamp().map(|moment| moment.as_nanosecond()).map_err(message);
        }
        if result.month().is_some() && result.day().is_none() {
            result.set_day(Some(1)).map_err(message)?;
        }
        let time = match (result.hour(), result.minute()) {
            (None, None) => None,
            _ => Some(result.to_time().map_err(message)?),
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
            result.year().is_some() || result.iso_week_year().is_some() || result.month().is_some();
        if !has_date && time.is_some() {
            return Ok(time_of_day);
        }
        let day = result.to_date().map_err(message).map(days_since_1970)?;
        let day = day.ok_or_else(|| "its day is beyond the calendar".to_owned())?;
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
    fn a_format_reads_what_it_says() {
        // In Python: `datetime.datetime.strptime(text,
        // format).replace(tzinfo=datetime.timezone.utc).timestamp()`.
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
    fn what_is_no_format_is_refused() {
        let refused = |format: &str| TimeFormat::try_from(format.to_owned()).unwrap_err();
        assert!(refused("%d/%q").starts_with("`%d/%q` is no format"), "what can be written alone");
        assert!(refused("%d/%m/%J").starts_with("`%d/%m/%J` is no format of dates and times"));
        assert!(refused("dd/mm/yyyy").starts_with("`dd/mm/yyyy` names no part of a date or time"));
    }
}
