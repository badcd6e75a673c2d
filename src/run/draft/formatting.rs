//! Formats texts and numbers for YAML and for people.

use crate::domain::name::TaskName;

/// A text as YAML: bare where that is unambiguous, otherwise in double quotes.
pub fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let letter = text.chars().next().is_some_and(char::is_alphabetic);
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"];
    match plain && letter && !special.contains(&text.to_lowercase().as_str()) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// A flow sequence of quoted texts.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> =
        texts.into_iter().map(|text| serde_json::Value::from(text).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// Turns a text into a valid name of a task, table or pipeline.
pub fn identifier(text: &str, instead: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let mut name = plain.trim_matches('_').to_owned();
    while name.len() > 40 {
        name.pop();
    }
    TaskName::new(&name)
        .map_or_else(|| format!("{instead}_{name}").trim_end_matches('_').to_owned(), |name| name.to_string())
}

/// A text for a comment: in one line and truncated.
pub fn comment_text(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
    if text.chars().count() > 40 { format!("`{plain}...`") } else { format!("`{plain}`") }
}

/// Formats with thousands separators: `1,234`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 row`, `1,234 rows`.
pub fn several(count: usize, noun: &str) -> String {
    let noun = match (count, noun) {
        (1, noun) => noun.to_owned(),
        (_, "class") => "classes".to_owned(),
        (_, noun) => format!("{noun}s"),
    };
    format!("{} {noun}", grouped(count))
}

/// A percentage: `34 %`, `0.4 %`.
pub fn percent(part: usize, whole: usize) -> String {
    let share = 100.0 * part as f64 / whole.max(1) as f64;
    match share {
        _ if part == 0 || share >= 9.95 => format!("{share:.0} %"),
        _ if share >= 0.05 => format!("{share:.1} %"),
        _ => format!("{share:.3} %"),
    }
}

/// Splits a name into words: `customerID`, `customer_id` and `Customer Id` are `customer`, `id`.
pub fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for letter in name.chars() {
        if letter.is_alphanumeric() {
            let begins = last.is_none_or(|last| {
                !last.is_alphanumeric()
                    || last.is_lowercase() && letter.is_uppercase()
                    || last.is_numeric() != letter.is_numeric()
            });
            match parts.last_mut() {
                Some(word) if !begins => word.extend(letter.to_lowercase()),
                _ => parts.push(letter.to_lowercase().collect()),
            }
        }
        last = Some(letter);
    }
    parts
}

#[cfg(test)]
mod tests {
    use crate::run::draft::formatting::{grouped, identifier, parts, percent, quoted};

    #[test]
    fn texts_are_quoted_where_yaml_would_read_another_type() {
        for (text, written) in [
            ("age", "age"),
            ("petal.width", "petal.width"),
            ("größe", "größe"),
            ("yes", "\"yes\""),
            ("No", "\"No\""),
            ("1e5", "\"1e5\""),
            ("a: b", "\"a: b\""),
            ("# x", "\"# x\""),
            ("say \"x\"", "\"say \\\"x\\\"\""),
            ("-", "\"-\""),
        ] {
            assert_eq!(quoted(text), written);
        }
    }

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(parts("customerID"), ["customer", "id"]);
        assert_eq!(parts("Unnamed: 0"), ["unnamed", "0"]);
        assert_eq!(parts("PassengerId2"), ["passenger", "id", "2"]);
        assert_eq!(identifier("a b.c", "task"), "a_b_c");
        assert_eq!(identifier("1st", "task"), "task_1st");
        assert_eq!(identifier("!?", "task"), "task");
        assert!(identifier(&"語".repeat(60), "task").len() <= 40);
        assert_eq!(
            (grouped(1_234_567), percent(1, 3), percent(1, 200)),
            ("1,234,567".into(), "33 %".into(), "0.5 %".into())
        );
    }
}
