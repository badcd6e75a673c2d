//! What is most likely behind a problem with a table: its separator, a missing heading, a title above it, the
//! decimals' sign, words that mean a missing value. Said once, however many columns or rows show it.

use crate::data::error::{DataError, LocatedError};
use crate::data::phrases::list;
use crate::domain::diagnostic::nearest;

/// The separators that files of tables have.
const SEPARATORS: [char; 4] = [';', '\t', '|', ','];

/// Words for "no value" that other programs write.
const NOTHING: [&str; 18] = [
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

/// Names that say the table was cut into columns otherwise than it was written; nothing where a single name
/// is simply not there.
pub(in crate::data) fn of_columns(asked: &str, known: &[String]) -> Option<String> {
    if let [one] = known
        && let Some(separator) = separator_in(one)
    {
        return Some(separate(separator));
    }
    // A number is no name that somebody could have meant.
    let names = known.iter().map(String::as_str).filter(|name| name.trim().parse::<f64>().is_err());
    if nearest(asked, names).is_some() {
        return None;
    }
    if are_numbers(known) || (is_position(asked) && !known.iter().any(|name| is_position(name))) {
        return Some(no_heading(known.first().map_or("", String::as_str)));
    }
    let unnamed = known.iter().filter(|name| is_position(name)).count();
    (unnamed > 0 && unnamed * 2 >= known.len() && !is_position(asked)).then(|| {
        "most columns have no name: where a title stands above the table, write `skip_rows: 1` in the csv source; where \
         no line names the columns, name them under `columns`"
            .to_owned()
    })
}

/// What to write where a name holds what should have stood between names.
fn separate(separator: char) -> String {
    let message =
        format!("write `separator: {}` in the csv source, which its first line holds", quoted(separator));
    match separator {
        ',' => message + "; where every line stands in quotes as a whole, take these off",
        _ => message,
    }
}

/// What to write where the first line is no heading.
pub(in crate::data) fn no_heading(first: &str) -> String {
    format!(
        "does the first line name the columns? It begins with `{first}`; if it is a row already, write `header: false` \
         in the csv source: the columns are then called `column_1`, `column_2` ..., or as `columns: [...]` says"
    )
}

/// Are most of these names numbers, as the cells of a row are?
pub(in crate::data) fn are_numbers(names: &[String]) -> bool {
    let numbers = names.iter().filter(|name| name.trim().parse::<f64>().is_ok()).count();
    numbers > 0 && numbers * 2 >= names.len()
}

fn is_position(name: &str) -> bool {
    name.strip_prefix("column_").is_some_and(|number| number.parse::<usize>().is_ok())
}

/// A separator inside a text that should be one name.
pub(in crate::data) fn separator_in(name: &str) -> Option<char> {
    let most = SEPARATORS.iter().max_by_key(|one| name.matches(**one).count())?;
    name.contains(*most).then_some(*most)
}

fn quoted(separator: char) -> String {
    if separator == '\t' { "\"\\t\"".to_owned() } else { format!("\"{separator}\"") }
}

/// Unknown columns that have one cause become one problem, where the first of them stood.
pub(in crate::data) fn gather(problems: Vec<LocatedError>) -> Vec<LocatedError> {
    let mut out: Vec<LocatedError> = Vec::new();
    for problem in problems {
        let DataError::UnknownColumn { table, column, known } = &problem.error else {
            out.push(problem);
            continue;
        };
        if of_columns(column, known).is_none() {
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
                out.push(LocatedError::new(
                    problem.path,
                    DataError::UnknownColumns { table, columns, known },
                ));
            }
        }
    }
    out
}

/// What the columns of a table are called, for a message.
pub(in crate::data) fn holds(known: &[String]) -> String {
    match known {
        [] => "it has none".to_owned(),
        [one] => format!("it has one, {}", list(std::slice::from_ref(one))),
        several => format!("its {} are called {}", several.len(), list(several)),
    }
}

/// What to write where texts stand among numbers; `samples` are some of the different texts.
pub(in crate::data) fn of_texts(samples: &[String]) -> String {
    let all = |is: &dyn Fn(&str) -> bool| !samples.is_empty() && samples.iter().all(|text| is(text.trim()));
    if all(&|text| NOTHING.contains(&text.to_lowercase().as_str())) {
        let words: Vec<String> = samples.iter().map(|text| format!("{text:?}")).collect();
        return format!(
            "where a text means a missing value, write `missing: [{}]` in the csv source",
            words.join(", ")
        );
    }
    let (thousands, comma) = (all(&has_thousands), all(&has_comma));
    let strip = "take thousands separators out in the `query`, such as `select * replace (cast(replace(price, ',', '') as double) as price) from self`";
    match (thousands, comma) {
        (true, true) => format!("for decimal commas write `decimal: \",\"` in the csv source; {strip}"),
        (false, true) => "for decimal commas write `decimal: \",\"` in the csv source".to_owned(),
        (true, false) => strip.to_owned(),
        (false, false) => {
            "list texts that mean a missing value under the csv source's `missing`, turn others into \
                           numbers in the `query`, or use `category`"
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

/// What rows with another number of fields than there are names tell. `widths`: how many rows have so many
/// fields, and the first line of them.
pub(in crate::data) fn of_widths(
    names: &[String],
    header: bool,
    widths: &[(usize, usize, usize)],
    rows: usize,
) -> Option<String> {
    let expected = names.len();
    let (common, count, line) = *widths.iter().max_by_key(|(_, count, _)| *count)?;
    if !header {
        return (count == rows)
            .then(|| format!("every row has {common} fields: `columns` names all of them"));
    }
    if let [one] = names
        && let Some(separator) = separator_in(one)
    {
        return Some(separate(separator));
    }
    if count * 2 <= rows {
        return None;
    }
    if common == expected + 1 && count == rows {
        return Some(
            "every row has a field more than there are names, as where R writes row names: write `header: false`, \
             `skip_rows: 1` and all the names under `columns`"
                .to_owned(),
        );
    }
    (common > expected && line > 1).then(|| {
        format!(
            "most rows have {common} fields, from line {line} on: if a title stands above the table, write `skip_rows: {}` \
             in the csv source",
            line - 1
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::data::error::suspicion::{has_comma, has_thousands, of_columns, of_texts, of_widths};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_tell_their_separator_and_a_missing_heading() {
        assert!(of_columns("x", &names(&["x;y;z"])).unwrap().contains("separator: \";\""));
        assert!(of_columns("x", &names(&["x\ty"])).unwrap().contains("separator: \"\\t\""));
        assert!(of_columns("column_2", &names(&["male", "12"])).unwrap().contains("header: false"));
        assert!(of_columns("age", &names(&["0", "12", "1.5"])).unwrap().contains("header: false"));
        assert_eq!(of_columns("age", &names(&["Age", "height", "1990"])), None);
        assert_eq!(of_columns("age", &names(&["text"])), None);
        assert!(
            of_columns("age", &names(&["Sales", "column_2", "column_3"])).unwrap().contains("skip_rows: 1")
        );
        assert!(of_columns("a", &names(&["a,b"])).unwrap().contains("in quotes as a whole"));
        assert_eq!(of_columns("lable", &names(&["label", "400.5", "401.0"])), None);
    }

    #[test]
    fn texts_among_numbers_tell_what_they_are() {
        assert!(of_texts(&names(&["NA", "?"])).contains("missing: [\"NA\", \"?\"]"));
        assert!(of_texts(&names(&["1,5", "-0,25"])).contains("decimal: \",\""));
        assert!(of_texts(&names(&["1,234.5", "12,000"])).contains("thousands"));
        assert!(of_texts(&names(&["forty", "NA"])).contains("`query`"));
        assert!(has_thousands("1.234.567,8") && has_thousands("12 345") && !has_thousands("12"));
        assert!(has_comma("1,234") && has_thousands("1,234") && !has_comma("1.234,5"));
    }

    #[test]
    fn widths_tell_titles_row_names_and_separators() {
        let title = of_widths(&names(&["Sales 2024"]), true, &[(5, 100, 4), (2, 1, 2)], 102).unwrap();
        assert!(title.contains("skip_rows: 3"), "{title}");
        assert!(of_widths(&names(&["a", "b"]), true, &[(3, 9, 2)], 9).unwrap().contains("row names"));
        assert!(
            of_widths(&names(&["a", "b"]), false, &[(3, 9, 2)], 9)
                .unwrap()
                .contains("every row has 3 fields")
        );
        assert!(of_widths(&names(&["a;b"]), true, &[(2, 9, 2)], 9).unwrap().contains("separator"));
        assert_eq!(of_widths(&names(&["a", "b"]), true, &[(3, 1, 7)], 90), None);
    }
}
