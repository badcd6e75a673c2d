//! The most likely cause of a problem with a table: the separator, a missing header, a title above the table,
//! decimal commas, words for missing values. Reported once, however many columns or rows show it.

use crate::data::error::{DataError, LocatedError};
use crate::data::phrases::list;
use crate::domain::diagnostic::nearest;

/// Common separators of delimited files.
const SEPARATORS: [char; 4] = [';', '\t', '|', ','];

/// Words for a missing value that other programs write, in lower case.
const MISSING_WORDS: [&str; 18] = [
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nan",
    "null",
    "nil",
    "none",
    "missing",
    "unknown",
    "unk",
    "?",
    "-",
    "--",
    ".",
    "*",
    "nd",
    "not available",
];

/// Help for an unknown column when the column names suggest that the file was parsed with wrong settings;
/// `None` when a single name is simply missing.
pub(in crate::data) fn unknown_column_help(column: &str, known: &[String]) -> Option<String> {
    if let [single] = known
        && let Some(separator) = separator_in(single)
    {
        return Some(separator_help(separator));
    }
    // Nobody means a number when naming a column.
    let names = known.iter().map(String::as_str).filter(|name| name.trim().parse::<f64>().is_err());
    if nearest(column, names).is_some() {
        return None;
    }
    if are_numbers(known) || (is_position(column) && !known.iter().any(|name| is_position(name))) {
        return Some(no_header_help(known.first().map_or("", String::as_str)));
    }
    let unnamed = known.iter().filter(|name| is_position(name)).count();
    (unnamed > 0 && unnamed * 2 >= known.len() && !is_position(column)).then(|| {
        "most columns have no name: if there is a title above the table, write `skip_rows: 1` in the csv \
         source; if there is no header, list the names under `columns`"
            .to_owned()
    })
}

/// Help for a header that contains a separator inside its only name.
fn separator_help(separator: char) -> String {
    let help =
        format!("write `separator: {}` in the csv source; the first line contains it", quoted(separator));
    match separator {
        ',' => help + "; if whole lines are in quotes, remove these",
        _ => help,
    }
}

/// Help for a first line that looks like data.
pub(in crate::data) fn no_header_help(first: &str) -> String {
    format!(
        "the first line begins with `{first}`; if it is data and not a header, write `header: false` in the \
         csv source: the columns are then named `column_1`, `column_2` ..., or as listed in `columns: [...]`"
    )
}

/// Are at least half of the names numbers, like the cells of a row?
pub(in crate::data) fn are_numbers(names: &[String]) -> bool {
    let numbers = names.iter().filter(|name| name.trim().parse::<f64>().is_ok()).count();
    numbers > 0 && numbers * 2 >= names.len()
}

/// Is it a default name, `column_1`, `column_2` ...?
fn is_position(name: &str) -> bool {
    name.strip_prefix("column_").is_some_and(|number| number.parse::<usize>().is_ok())
}

/// The most frequent separator inside a text that should be a single name.
fn separator_in(name: &str) -> Option<char> {
    let most = SEPARATORS.into_iter().max_by_key(|separator| name.matches(*separator).count())?;
    name.contains(most).then_some(most)
}

fn quoted(separator: char) -> String {
    if separator == '\t' { "\"\\t\"".to_owned() } else { format!("\"{separator}\"") }
}

/// Merges unknown columns that share a cause into one problem, at the position of the first.
pub(in crate::data) fn merge_unknown_columns(problems: Vec<LocatedError>) -> Vec<LocatedError> {
    let mut out: Vec<LocatedError> = Vec::new();
    for problem in problems {
        let DataError::UnknownColumn { table, column, known } = &problem.error else {
            out.push(problem);
            continue;
        };
        if unknown_column_help(column, known).is_none() {
            out.push(problem);
            continue;
        }
        let same = out.iter_mut().find_map(|other| match &mut other.error {
            DataError::UnknownColumns { table: first, columns, .. } if first == table => Some(columns),
            _ => None,
        });
        match same {
            Some(columns) if columns.contains(column) => {}
            Some(columns) => columns.push(column.clone()),
            None => {
                let (table, known, columns) = (table.clone(), known.clone(), vec![column.clone()]);
                out.push(DataError::UnknownColumns { table, columns, known }.at(problem.path));
            }
        }
    }
    out
}

/// The columns of a table, for a message.
pub(in crate::data) fn column_list(known: &[String]) -> String {
    match known {
        [] => "it has no columns".to_owned(),
        [_] => format!("its only column is {}", list(known)),
        _ => format!("its {} columns are {}", known.len(), list(known)),
    }
}

/// Help for texts among numbers; `samples` are some of the distinct texts.
pub(in crate::data) fn non_number_help(samples: &[String]) -> String {
    let all =
        |test: &dyn Fn(&str) -> bool| !samples.is_empty() && samples.iter().all(|text| test(text.trim()));
    if all(&|text| MISSING_WORDS.contains(&text.to_lowercase().as_str())) {
        let words: Vec<String> = samples.iter().map(|text| format!("{text:?}")).collect();
        return format!(
            "if these texts mean a missing value, write `missing: [{}]` in the csv source",
            words.join(", ")
        );
    }
    let (thousands, comma) = (all(&has_thousands), all(&has_comma));
    let strip = "remove thousands separators in the `query`, for example \
                 `select * replace (cast(replace(price, ',', '') as double) as price) from self`";
    match (thousands, comma) {
        (true, true) => format!("for decimal commas write `decimal: \",\"` in the csv source; {strip}"),
        (false, true) => "for decimal commas write `decimal: \",\"` in the csv source".to_owned(),
        (true, false) => strip.to_owned(),
        (false, false) => {
            "list texts that mean a missing value under `missing` in the csv source, convert others \
                           to numbers in the `query`, or use `category`"
                .to_owned()
        }
    }
}

/// `1,5`
fn has_comma(text: &str) -> bool {
    text.matches(',').count() == 1 && !text.contains('.') && text.replace(',', ".").parse::<f64>().is_ok()
}

/// `1,234`, `1.234.567,8` or `12 345`
fn has_thousands(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    ['.', ',', ' ', '\''].iter().any(|separator| {
        let decimal = if *separator == '.' { ',' } else { '.' };
        let (whole, decimals) = digits.split_once(decimal).unwrap_or((digits, "0"));
        let mut groups = whole.split(*separator);
        let first = groups.next().unwrap_or_default();
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let mut count = 0;
        let even = groups.all(|group| {
            count += 1;
            group.len() == 3 && is_digits(group)
        });
        even && count > 0 && first.len() <= 3 && is_digits(first) && is_digits(decimals)
    })
}

/// Help for rows whose number of fields differs from the number of names. `widths`: number of fields, number
/// of such rows, and the line of the first.
pub(in crate::data) fn field_count_help(
    names: &[String],
    header: bool,
    widths: &[(usize, usize, usize)],
    rows: usize,
) -> Option<String> {
    let expected = names.len();
    let (common, count, line) = *widths.iter().max_by_key(|(_, count, _)| *count)?;
    if !header {
        return (count == rows)
            .then(|| format!("every row has {common} fields: list all their names under `columns`"));
    }
    if let [single] = names
        && let Some(separator) = separator_in(single)
    {
        return Some(separator_help(separator));
    }
    if count * 2 <= rows {
        return None;
    }
    if common == expected + 1 && count == rows {
        return Some(
            "every row has one field more than the header, as in files with row names from R: write \
             `header: false` and `skip_rows: 1`, and list all names under `columns`"
                .to_owned(),
        );
    }
    (common > expected && line > 1).then(|| {
        format!(
            "most rows have {common} fields, from line {line} on: if there is a title above the table, write \
             `skip_rows: {}` in the csv source",
            line - 1
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::data::error::suspicion::{
        field_count_help, has_comma, has_thousands, non_number_help, unknown_column_help,
    };

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn column_names_reveal_the_separator_and_a_missing_header() {
        assert!(unknown_column_help("x", &names(&["x;y;z"])).unwrap().contains("separator: \";\""));
        assert!(unknown_column_help("x", &names(&["x\ty"])).unwrap().contains("separator: \"\\t\""));
        assert!(unknown_column_help("column_2", &names(&["male", "12"])).unwrap().contains("header: false"));
        assert!(unknown_column_help("age", &names(&["0", "12", "1.5"])).unwrap().contains("header: false"));
        assert_eq!(unknown_column_help("age", &names(&["Age", "height", "1990"])), None);
        assert_eq!(unknown_column_help("age", &names(&["text"])), None);
        assert!(
            unknown_column_help("age", &names(&["Sales", "column_2", "column_3"]))
                .unwrap()
                .contains("skip_rows: 1")
        );
        assert!(unknown_column_help("a", &names(&["a,b"])).unwrap().contains("whole lines are in quotes"));
        assert_eq!(unknown_column_help("lable", &names(&["label", "400.5", "401.0"])), None);
    }

    #[test]
    fn texts_among_numbers_reveal_missing_values_and_number_formats() {
        assert!(non_number_help(&names(&["NA", "?"])).contains("missing: [\"NA\", \"?\"]"));
        assert!(non_number_help(&names(&["1,5", "-0,25"])).contains("decimal: \",\""));
        assert!(non_number_help(&names(&["1,234.5", "12,000"])).contains("thousands"));
        assert!(non_number_help(&names(&["forty", "NA"])).contains("`query`"));
        assert!(has_thousands("1.234.567,8") && has_thousands("12 345") && !has_thousands("12"));
        assert!(has_comma("1,234") && has_thousands("1,234") && !has_comma("1.234,5"));
    }

    #[test]
    fn widths_reveal_titles_row_names_and_separators() {
        let title = field_count_help(&names(&["Sales 2024"]), true, &[(5, 100, 4), (2, 1, 2)], 102).unwrap();
        assert!(title.contains("skip_rows: 3"), "{title}");
        assert!(field_count_help(&names(&["a", "b"]), true, &[(3, 9, 2)], 9).unwrap().contains("row names"));
        assert!(
            field_count_help(&names(&["a", "b"]), false, &[(3, 9, 2)], 9)
                .unwrap()
                .contains("every row has 3 fields")
        );
        assert!(field_count_help(&names(&["a;b"]), true, &[(2, 9, 2)], 9).unwrap().contains("separator"));
        assert_eq!(field_count_help(&names(&["a", "b"]), true, &[(3, 1, 7)], 90), None);
    }
}
