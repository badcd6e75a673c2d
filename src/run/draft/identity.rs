//! Recognizes columns that identify rows or things instead of measuring them, by their names and values.

use crate::data::profile::{ColumnKind, ColumnProfile};
use crate::run::draft::formatting::parts;

/// Words that make a column name an identifier.
const IDENTIFIERS: &str =
    "id ids uid uuid guid oid pk sku isbn ssn iban identifier rownum rowid rownames unnamed";
/// Words that do so only if the name consists of them.
const ALONE: &str = "row record index idx key hash serial ticket phone telephone email url number nr no";
/// Words that precede `id` in compounds such as `userid`.
const OWNERS: &str = "user item customer order product patient subject case client session device movie \
                      record passenger row transaction person employee student account member";

/// Whether the name is that of an identifier.
pub fn is_identifier_name(name: &str) -> bool {
    let words = parts(name);
    let is_one_of = |list: &str, word: &str| list.split(' ').any(|known| known == word);
    let is_compound = |word: &str| word.strip_suffix("id").is_some_and(|owner| is_one_of(OWNERS, owner));
    words.iter().all(|word| is_one_of(ALONE, word))
        || words.iter().any(|word| is_one_of(IDENTIFIERS, word) || is_compound(word))
}

/// Whether the name is that of a time or an age.
pub fn is_of_time(name: &str) -> bool {
    let known = ["year", "years", "month", "week", "day", "days", "hour", "time", "age", "date"];
    parts(name).iter().any(|word| known.contains(&word.as_str()))
}

/// Whether the name suggests codes rather than amounts.
pub fn is_code(name: &str) -> bool {
    let known = [
        "code", "zip", "zipcode", "postcode", "postal", "type", "category", "class", "cluster", "region",
        "id",
    ];
    parts(name).iter().any(|word| known.contains(&word.as_str()))
}

/// Whether the values are the integers from 0 or 1 on, each once, in any order.
pub fn is_permutation(column: &ColumnProfile) -> bool {
    let Some([smallest, _, largest]) = column.range else { return false };
    let span = largest - smallest + 1.0;
    (smallest == 0.0 || smallest == 1.0)
        && column.distinct == column.present()
        && span == column.distinct as f64
}

/// Whether all values have nine digits or more and are not Unix times.
pub fn has_long_numbers(column: &ColumnProfile) -> bool {
    let Some([smallest, _, largest]) = column.range else { return false };
    let moment = [1e9, 1e12, 1e15, 1e18].iter().any(|unit| smallest >= 0.2 * unit && largest <= 2.2 * unit);
    smallest >= 1e8 && largest < smallest * 100.0 && !moment
}

/// Whether the values are dates such as `20240229`.
pub fn is_date_number(column: &ColumnProfile) -> bool {
    let day = |text: &str| {
        let number: u32 = text.parse().unwrap_or(0);
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        (1800..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    column.distinct > 10 && column.values.iter().all(|(text, _)| day(text))
}

/// Whether the column identifies things that occur on several rows.
pub fn is_group(column: &ColumnProfile) -> bool {
    let several = column.distinct * 3 < column.present() * 2 && column.distinct > 20;
    let kinds = matches!(column.kind, ColumnKind::Text | ColumnKind::Whole);
    kinds && several && is_identifier_name(&column.name) && column.frequent_counts[0] * 2 > column.distinct
}
