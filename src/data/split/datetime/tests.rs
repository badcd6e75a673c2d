//! Texts that are dates or times, and texts that are not.

use crate::data::split::datetime::{DateTimeFormat, DayMonthOrder, read, year_last};

fn at(text: &str) -> Option<i128> {
    read(text)?.at(DayMonthOrder::Day)
}

fn form(text: &str) -> DateTimeFormat {
    read(text).unwrap().form()
}

/// In Python: `int(datetime.datetime(2024, 3, 5, 9, 35, tzinfo=datetime.timezone.utc).timestamp())` is
/// 1709631300.
const MOMENT: i128 = 1_709_631_300_000_000_000;

#[test]
fn one_moment_in_many_formats() {
    for text in [
        "2024-03-05 09:35",
        "2024-03-05 9:35",
        "2024-3-5 9:35",
        "2024-03-05T09:35:00",
        "2024-03-05t09:35",
        "2024-03-05_09:35",
        "2024/03/05 09:35:00.000",
        "2024.3.5 9:35",
        "20240305 9:35",
        "20240305T0935",
        "20240305T093500Z",
        "2024-03-05T09:35:00+00:00",
        "2024-03-05 11:35+02",
        "2024-03-05T04:05:00-0530",
        "2024-03-05T10:35:00+01:00[Europe/Berlin]",
        "2024-03-05 09:35:00 UTC",
        "05.03.2024 9:35",
        "5.3.2024 09:35:00,000",
        "5 Mar 2024 9:35",
        "05-Mar-2024 09:35",
        "March 5, 2024 9:35 AM",
        "Mar 5 2024 09:35:00am",
        "Tue, 05 Mar 2024 10:35:00 +0100",
        "Tue Mar  5 09:35:00 2024",
        "Tue Mar 05 2024 10:35:00 GMT+0100 (Central European Standard Time)",
        "Tue Mar 05 09:35:00 +0000 2024",
        "2024年3月5日 9:35",
        "05/03/2024 9:35",
        "5-3-2024 09:35 a.m.",
    ] {
        assert_eq!(at(text), Some(MOMENT), "{text}");
    }
    assert_eq!(read("03/05/2024 9:35 AM").unwrap().at(DayMonthOrder::Month), Some(MOMENT));
    assert_eq!(at("2024-03-05T09:35:00.123456789"), Some(MOMENT + 123_456_789));
    assert_eq!(at("2024-03-05 9:35:00.5 PM"), Some(MOMENT + 12 * 3_600_000_000_000 + 500_000_000));
    assert_eq!(at("12:00 am"), Some(0));
    assert_eq!(at("24:00"), at("2024-03-06").map(|end| end - at("2024-03-05").unwrap()));
    assert_eq!((at("2024-03"), at("03/2024")), (at("2024-03-01"), at("1.3.2024")));
    // In Python: `(datetime.date(1899, 12, 31) - datetime.date(1970, 1, 1)).days`.
    assert_eq!(at("1899-12-31"), Some(-25568 * 86_400_000_000_000));
}

#[test]
fn other_texts_are_not_parsed() {
    for text in [
        "",
        "x",
        "2024",
        "12",
        "9.35",
        "25:00",
        "9:60",
        "125:30",
        "13:00 PM",
        "0:10 pm",
        "2023-02-29",
        "31.04.2024",
        "2024-13-01",
        "13/13/2024",
        "05/03/24",
        "24-03-05",
        "2024-065",
        "2024-W10-2",
        "2024-03-05 09:35 CET",
        "2024-03-05T",
        "2024-03-05 x",
        "5 Mrz 2024",
        "2024-03-05T09:35:00.1234567890",
        "Tue",
        "Mar 2024",
        "03-05",
        "2024-03-05T09:35:00+25:00",
        "2024-03-05 09:35 (x)",
        "1 2 2024",
    ] {
        assert_eq!(at(text), None, "{text}");
    }
}

#[test]
fn formats_that_cannot_be_compared_differ() {
    assert_eq!(form("2024-03-05 9:35"), form("2024/03/05T22:35:10.5"));
    assert_eq!(form("2024-03-05T09:35Z"), form("2024-03-05 09:35+02:00"));
    for (one, other) in [
        ("2024-03-05 9:35", "2024-03-05 9:35Z"),
        ("2024-03-05", "2024-03-05 9:35"),
        ("05.03.2024", "05/03/2024"),
        ("9:35", "2024-03-05 9:35"),
        ("9:35", "9:35 PM"),
    ] {
        assert_ne!(form(one), form(other));
        assert_ne!(form(one).to_string(), form(other).to_string());
    }
    assert_eq!(read("13/05/2024").unwrap().day_month_order(), Some(DayMonthOrder::Day));
    assert_eq!(read("05/13/2024").unwrap().day_month_order(), Some(DayMonthOrder::Month));
    assert_eq!(read("05/03/2024").unwrap().day_month_order(), None);
    assert_eq!(read("5-3-2024 9:35:10 PM").unwrap().format(DayMonthOrder::Month), "%m-%d-%Y %I:%M:%S %p");
    assert_eq!(year_last("05032024"), [DayMonthOrder::Day, DayMonthOrder::Month]);
    assert_eq!(year_last("25032024"), [DayMonthOrder::Day]);
    assert_eq!((year_last("20240305"), year_last("5032024")), (vec![], vec![]));
}
