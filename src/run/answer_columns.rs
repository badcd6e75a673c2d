//! The data's own columns that stand beside the answers.

use crate::data::raw::{AnswerColumn, RawTable};
use crate::domain::answer::numbered_name;
use crate::domain::diagnostic::nearest;
use crate::domain::name::ColumnName;
use crate::run::error::RunError;

/// Keeps every column, unless one is called so.
const ALL: &str = "all";

/// The columns that are asked for, each once. An answer is called by its model alone, whatever is kept: a
/// column of the data that bears an answer's name stands beside it as `label_given`.
pub fn selected_columns(
    rows: &RawTable,
    names: &[String],
    answers: &[String],
    say: &dyn Fn(&str),
) -> Result<Vec<(String, AnswerColumn)>, RunError> {
    let (known, mut originals) = (rows.columns(), rows.originals());
    let wanted = wanted(names, &known, &originals, say);
    let titles = titles(&wanted, answers);
    let renamed: Vec<String> = wanted
        .iter()
        .zip(&titles)
        .filter(|(column, title)| column != title)
        .map(|(column, title)| format!("`{column}` as `{title}`"))
        .collect();
    if !renamed.is_empty() {
        say(&format!("kept {}, since answers have the data's own names", renamed.join(", ")));
    }
    let mut take =
        |(column, title): (String, String)| match originals.iter().position(|(own, _)| *own == column) {
            Some(place) => Ok((title, originals.swap_remove(place).1)),
            None if known.contains(&column) => Err(RunError::NestedColumnToKeep { column }),
            None => {
                let near = nearest(&column, known.iter().map(String::as_str)).map(str::to_owned);
                Err(RunError::NoColumnToKeep { column, near })
            }
        };
    wanted.into_iter().zip(titles).map(&mut take).collect()
}

/// The names of the columns, `all` being each that can be written.
fn wanted(
    names: &[String],
    known: &[String],
    originals: &[(String, AnswerColumn)],
    say: &dyn Fn(&str),
) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for name in names.iter().flat_map(|name| split(name, known)) {
        let all = name == ALL && !known.contains(&name);
        let result = match all {
            true => originals.iter().map(|(name, _)| name.clone()).collect(),
            false => vec![name.clone()],
        };
        if all && originals.len() < known.len() {
            let nested = known.iter().filter(|name| !result.contains(name)).map(|name| format!("`{name}`"));
            let nested = nested.collect::<Vec<_>>().join(", ");
            say(&format!(
                "not kept, since no form of answers has lists of lists, records or bytes: {nested}"
            ));
        }
        for name in result {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
    }
    wanted
}

/// One name, or several with commas between; a column may have a comma in its own.
fn split(name: &str, known: &[String]) -> Vec<String> {
    if known.iter().any(|known| known == name) {
        return vec![name.to_owned()];
    }
    let names =
        name.split(',').map(|part| if known.iter().any(|own| own == part) { part } else { part.trim() });
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What kept columns are called, so that no two columns of the file have one name.
fn titles(wanted: &[String], answers: &[String]) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    for name in wanted {
        let given = numbered_given(name);
        let mut names = std::iter::once(name.clone()).chain(given);
        let taken = |title: &String| {
            answers.contains(title) || titles.contains(title) || title != name && wanted.contains(title)
        };
        titles.extend(names.find(|title| !taken(title)));
    }
    titles
}

/// `label_given`, `label_given_2` ...
fn numbered_given(name: &str) -> impl Iterator<Item = String> {
    let given = format!("{name}_given");
    let first = ColumnName::new(given.clone()).map(|name| name.to_string());
    first.into_iter().chain((2..).map(move |number| numbered_name(&given, number)))
}

#[cfg(test)]
mod tests {
    use crate::run::answer_columns::{split, titles};

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_an_answer_is_called_is_kept_as_given() {
        let answers = texts(&["label", "label_probability", "y"]);
        let cases = [
            (vec!["x1", "label", "y"], vec!["x1", "label_given", "y_given"]),
            (vec!["label", "label_given"], vec!["label_given_2", "label_given"]),
            (
                vec!["label_given", "label", "label_given_2"],
                vec!["label_given", "label_given_3", "label_given_2"],
            ),
            (vec!["Label"], vec!["Label"]),
        ];
        for (wanted, called) in cases {
            assert_eq!(titles(&texts(&wanted), &answers), called, "{wanted:?}");
        }
        let long = "x".repeat(255);
        let called = titles(std::slice::from_ref(&long), std::slice::from_ref(&long));
        assert!(called[0].len() <= 256 && called[0].ends_with("_2"), "{called:?}");
    }

    #[test]
    fn commas_part_names_unless_they_are_in_one() {
        let known = texts(&["a, b", "a", "b", " c"]);
        assert_eq!(split("a, b", &known), ["a, b"]);
        assert_eq!(split("a,b, c", &known), ["a", "b", " c"]);
        assert_eq!(split("b , a,", &known), ["b", "a"]);
    }
}
