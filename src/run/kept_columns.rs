//! Columns of the data that are written beside the predictions (`--keep`).

use crate::data::raw::{PredictionColumn, RawTable};
use crate::domain::answer::numbered_name;
use crate::domain::diagnostic::nearest;
use crate::domain::name::ColumnName;
use crate::run::error::RunError;

/// Keeps every column, unless a column has this name.
const ALL: &str = "all";

/// The columns asked for, each once. Prediction columns keep their names: a data column with the same name is
/// written as `label_given`.
pub fn selected_columns(
    rows: &RawTable,
    names: &[String],
    answers: &[String],
    notify: &dyn Fn(&str),
) -> Result<Vec<(String, PredictionColumn)>, RunError> {
    let (known, mut originals) = (rows.columns(), rows.originals());
    let kept = kept_names(names, &known, &originals, notify);
    let titles = titles(&kept, answers);
    let renamed: Vec<String> = kept
        .iter()
        .zip(&titles)
        .filter(|(column, title)| column != title)
        .map(|(column, title)| format!("`{column}` as `{title}`"))
        .collect();
    if !renamed.is_empty() {
        notify(&format!("kept {}, because predictions have the same names", renamed.join(", ")));
    }
    let mut take = |(column, title): (String, String)| match originals
        .iter()
        .position(|(original, _)| *original == column)
    {
        Some(position) => Ok((title, originals.swap_remove(position).1)),
        None if known.contains(&column) => Err(RunError::NestedColumnToKeep { column }),
        None => {
            let near = nearest(&column, known.iter().map(String::as_str)).map(str::to_owned);
            Err(RunError::NoColumnToKeep { column, near })
        }
    };
    kept.into_iter().zip(titles).map(&mut take).collect()
}

/// The names of the columns to keep; `all` expands to every column that can be written.
fn kept_names(
    names: &[String],
    known: &[String],
    originals: &[(String, PredictionColumn)],
    notify: &dyn Fn(&str),
) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.iter().flat_map(|name| split(name, known)) {
        let all = name == ALL && !known.contains(&name);
        let expanded = match all {
            true => originals.iter().map(|(name, _)| name.clone()).collect(),
            false => vec![name.clone()],
        };
        if all && originals.len() < known.len() {
            let nested = known.iter().filter(|name| !expanded.contains(name)).map(|name| format!("`{name}`"));
            let nested = nested.collect::<Vec<_>>().join(", ");
            notify(&format!(
                "not kept, because predictions files cannot hold nested lists, structs or bytes: {nested}"
            ));
        }
        for name in expanded {
            if !kept.contains(&name) {
                kept.push(name);
            }
        }
    }
    kept
}

/// Splits comma-separated names; a name that is a column is not split.
fn split(name: &str, known: &[String]) -> Vec<String> {
    if known.iter().any(|known| known == name) {
        return vec![name.to_owned()];
    }
    let names = name
        .split(',')
        .map(|part| if known.iter().any(|column| column == part) { part } else { part.trim() });
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The names of kept columns in the predictions file: unique, and distinct from the predictions' names.
fn titles(kept: &[String], answers: &[String]) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    for name in kept {
        let numbered = numbered_given(name);
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let taken = |title: &String| {
            answers.contains(title) || titles.contains(title) || title != name && kept.contains(title)
        };
        titles.extend(names.find(|title| !taken(title)));
    }
    titles
}

/// Yields `label_given`, `label_given_2`, ...
fn numbered_given(name: &str) -> impl Iterator<Item = String> {
    let given = format!("{name}_given");
    let first = ColumnName::new(given.clone()).map(|name| name.to_string());
    first.into_iter().chain((2..).map(move |number| numbered_name(&given, number)))
}

#[cfg(test)]
mod tests {
    use crate::run::kept_columns::{split, titles};

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn columns_named_like_predictions_are_kept_as_given() {
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
        for (kept, titled) in cases {
            assert_eq!(titles(&texts(&kept), &answers), titled, "{kept:?}");
        }
        let long = "x".repeat(255);
        let titled = titles(std::slice::from_ref(&long), std::slice::from_ref(&long));
        assert!(titled[0].len() <= 256 && titled[0].ends_with("_2"), "{titled:?}");
    }

    #[test]
    fn commas_separate_names_unless_a_name_has_one() {
        let known = texts(&["a, b", "a", "b", " c"]);
        assert_eq!(split("a, b", &known), ["a, b"]);
        assert_eq!(split("a,b, c", &known), ["a", "b", " c"]);
        assert_eq!(split("b , a,", &known), ["b", "a"]);
    }
}
