//! What names rows or things rather than measuring them, told by a column's name and its numbers.

use crate::data::profile::{ColumnKind, ColumnProfile};
use crate::run::draft::words::parts;

/// Does the name say that it names a thing?
pub fn is_identifier_name(name: &str) -> bool {
    let words = parts(name);
    let always = [
        "id",
        "ids",
        "uid",
        "uuid",
        "guid",
        "oid",
        "pk",
        "sku",
        "isbn",
        "ssn",
        "iban",
        "identifier",
        "rownum",
        "rowid",
        "rownames",
        "unnamed",
    ];
    let alone = [
        "index",
        "idx",
        "key",
        "hash",
        "serial",
        "ticket",
        "phone",
        "telephone",
        "email",
        "url",
        "number",
        "nr",
        "no",
    ];
    // Where words grow together: `userid`.
    let owners = [
        "user",
        "item",
        "customer",
        "order",
        "product",
        "patient",
        "subject",
        "case",
        "client",
        "session",
        "device",
        "movie",
        "record",
        "passenger",
        "row",
        "transaction",
        "person",
        "employee",
        "student",
        "account",
        "member",
    ];
    let grown = |word: &String| owners.iter().any(|owner| *word == format!("{owner}id"));
    let is_alone =
        words.iter().all(|word| word == "row" || word == "record" || alone.contains(&word.as_str()));
    is_alone || words.iter().any(|word| always.contains(&word.as_str()) || grown(word))
}

/// Does the name say that it counts time?
pub fn is_of_time(name: &str) -> bool {
    let known = ["year", "years", "month", "week", "day", "days", "hour", "time", "age", "date"];
    parts(name).iter().any(|word| known.contains(&word.as_str()))
}

/// Does the name say that its numbers are codes, not amounts?
pub fn is_code(name: &str) -> bool {
    let known = [
        "code", "zip", "zipcode", "postcode", "postal", "type", "category", "class", "cluster", "region",
        "id",
    ];
    parts(name).iter().any(|word| known.contains(&word.as_str()))
}

/// Every number of a stretch once, in any order.
pub fn is_permutation(column: &ColumnProfile) -> bool {
    let Some([smallest, _, largest]) = column.range else { return false };
    let stretch = largest - smallest + 1.0;
    (smallest == 0.0 || smallest == 1.0)
        && column.distinct == column.present()
        && stretch == column.distinct as f64
}

/// Nine digits or more each, and no seconds or milliseconds since 1970.
pub fn has_long_numbers(column: &ColumnProfile) -> bool {
    let Some([smallest, _, largest]) = column.range else { return false };
    let moment = [1e9, 1e12, 1e15, 1e18].iter().any(|unit| smallest >= 0.2 * unit && largest <= 2.2 * unit);
    smallest >= 1e8 && largest < smallest * 100.0 && !moment
}

/// `20240229`
pub fn is_date_number(column: &ColumnProfile) -> bool {
    let day = |text: &str| {
        let number: u32 = text.parse().unwrap_or(0);
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        (1800..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    column.distinct > 10 && column.values.iter().all(|(text, _)| day(text))
}

/// Does it name things that each stand on several rows?
pub fn is_group(column: &ColumnProfile) -> bool {
    let several = column.distinct * 3 < column.present() * 2 && column.distinct > 20;
    let kinds = matches!(column.kind, ColumnKind::Text | ColumnKind::Whole);
    kinds && several && is_identifier_name(&column.name) && column.frequent[0] * 2 > column.distinct
}
