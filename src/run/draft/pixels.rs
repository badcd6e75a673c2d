//! Detects columns of pixels, which are better read as one image.

use std::collections::BTreeMap;

use crate::data::profile::ColumnProfile;
use crate::run::draft::formatting::grouped;

/// The least side length that is taken for an image.
const SMALLEST: usize = 6;

/// How to read columns that look like the pixels of an image as one input.
pub fn advice(columns: &[ColumnProfile]) -> Option<String> {
    let mut groups: BTreeMap<&str, Vec<&ColumnProfile>> = BTreeMap::new();
    for column in columns.iter().filter(|column| is_pixel(column)) {
        let name =
            column.name.trim_end_matches(|letter: char| letter.is_ascii_digit() || "_x.-".contains(letter));
        if name.len() < column.name.len() && !name.is_empty() {
            groups.entry(name).or_default().push(column);
        }
    }
    let (_, group) = groups.into_iter().max_by_key(|(_, group)| group.len())?;
    let side = (group.len() as f64).sqrt() as usize;
    if side < SMALLEST || side * side != group.len() {
        return None;
    }
    let (first, more) = (&group.first()?.name, grouped(group.len() - 1));
    let names: Vec<String> = group.iter().map(|column| sql_name(&column.name)).collect();
    let names = names.join(", ");
    Some(format!(
        "{first} and {more} more look like the pixels of a {side} x {side} image. \
         To read them as one input, write\n  \
         #   query: \"select *, concat_ws(' ', {names}) as picture from self\"\n  \
         # below `source`, and here\n  \
         #   picture: {{image: {{height: {side}, width: {side}, \
         encoder: [{{conv2d: {{filters: 16, kernel: 3, activation: relu}}}}, flatten]}}}}"
    ))
}

/// A column's name in SQL within a double-quoted YAML string.
fn sql_name(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if plain { name.to_owned() } else { format!("\\\"{name}\\\"") }
}

/// Whether all values are integers from 0 to 255.
fn is_pixel(column: &ColumnProfile) -> bool {
    let within = column.range.is_some_and(|[smallest, _, largest]| smallest >= 0.0 && largest <= 255.0);
    column.is_whole && within && column.missing == 0
}
