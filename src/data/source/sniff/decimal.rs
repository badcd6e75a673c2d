//! Infers the decimal separator of numbers.

use crate::data::source::csv::Decimal;
use crate::data::source::kind::CellType;

/// The decimal separator that most columns of numbers use; a point in case of doubt.
pub(super) fn find(rows: &[Vec<String>]) -> Decimal {
    let columns = rows.first().map_or(0, Vec::len);
    let mut votes = [0usize; 2];
    for column in 0..columns {
        let cells = || rows.iter().filter_map(move |row| row.get(column)).filter(|cell| !cell.is_empty());
        if let Some(decimal) = column_decimal(cells()) {
            votes[usize::from(decimal == Decimal::Comma)] += 1;
        }
    }
    if votes[1] > votes[0] { Decimal::Comma } else { Decimal::Point }
}

/// `None` for a column without decimals, or not of numbers.
fn column_decimal<'a>(cells: impl Iterator<Item = &'a String>) -> Option<Decimal> {
    let (mut all, mut points, mut commas, mut whole, mut thousands) = (0, 0, 0, 0, 0);
    for cell in cells {
        all += 1;
        match CellType::parse(cell) {
            CellType::Int => whole += 1,
            CellType::Float if cell.contains('.') => points += 1,
            CellType::Float => {}
            _ if Decimal::Comma.kind(cell) == CellType::Float => {
                commas += 1;
                thousands += usize::from(may_have_thousands(cell));
            }
            _ => {}
        }
    }
    // Allow for words that mean a missing value.
    let numbers = points + commas + whole;
    if numbers * 10 < all * 7 || points > 0 && commas > 0 {
        return None;
    }
    match (points, commas) {
        (0, 0) => None,
        (0, _) if thousands == commas => None,
        (0, _) => Some(Decimal::Comma),
        _ => Some(Decimal::Point),
    }
}

/// May the comma be a thousands separator, as in `1,234`: one to three digits before it, no leading zero, and
/// three digits after it?
fn may_have_thousands(cell: &str) -> bool {
    let digits = cell.trim_start_matches(['-', '+']);
    digits.split_once(',').is_some_and(|(before, after)| {
        after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0')
    })
}
