//! Why a metric is undefined on some rows, for people.

use std::borrow::Cow;

use crate::domain::task::FittedTarget;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::pair::NumberPairs;

/// What is so of these rows that leaves a metric without a value.
pub fn why(answers: &TaskAnswers) -> String {
    let rows = answers.present();
    if rows == 0 {
        return "no row has a label".to_owned();
    }
    if answers.answers.iter().any(|answer| answer.is_nan()) {
        return "the network's answers are no numbers (NaN)".to_owned();
    }
    let pairs = match answers.target {
        FittedTarget::Ordinal { .. } => Vec::new(),
        _ => answers.pairs(),
    };
    match pairs.as_slice() {
        [] => one_class(answers).map_or_else(
            || format!("there is nothing to compare on the {rows} rows with a label"),
            |class| format!("every label is `{class}` on the {rows} rows with one"),
        ),
        all => {
            let constant = |side: fn(&(f64, f64)) -> f64| {
                all.iter().all(|pairs| pairs.rows.windows(2).all(|two| side(&two[0]) == side(&two[1])))
            };
            let first = |pairs: &NumberPairs| pairs.rows.first().copied().unwrap_or((f64::NAN, f64::NAN));
            match all {
                _ if rows == 1 => "one row alone has a label".to_owned(),
                [only] if constant(|row| row.0) => {
                    format!("the target is {} on all {rows} rows with a label", first(only).0)
                }
                _ if constant(|row| row.0) => {
                    format!("the targets are constant on the {rows} rows with a label")
                }
                [only] if constant(|row| row.1) => {
                    format!("the network answers {} on all {rows} rows with a label", first(only).1)
                }
                _ => format!("it has no finite value on the {rows} rows with a label"),
            }
        }
    }
}

/// The class, or what all labels are, where these rows have one alone.
fn one_class<'a>(answers: &TaskAnswers<'a>) -> Option<Cow<'a, str>> {
    let target = answers.target;
    let mut cells = answers.truth.iter().filter_map(|cell| answers.truth_of(*cell));
    let first = cells.next()?;
    if cells.any(|cell| cell != first) {
        return None;
    }
    let class = first as usize;
    let named = |classes: &'a [String]| {
        let unseen = || answers.unseen.get(class.checked_sub(classes.len())?).map(|unseen| &unseen.name);
        classes.get(class).or_else(unseen).map(|name| Cow::Borrowed(name.as_str()))
    };
    match target {
        FittedTarget::Binary { classes, .. } => named(classes),
        FittedTarget::Multiclass { classes, .. }
        | FittedTarget::Ordinal { classes, .. }
        | FittedTarget::Tagging { classes, .. }
        | FittedTarget::Segmentation { classes, .. } => named(classes),
        FittedTarget::Multilabel { .. } => Some(Cow::Owned(class.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluate::case::{of_binary, of_regression};
    use crate::evaluate::undefined::why;

    #[test]
    fn one_class_one_number_one_row_or_none() {
        let message = |rows: &[(f32, f32)]| why(&of_binary(rows).view());
        assert_eq!(
            message(&[(1.0, 0.2), (1.0, 0.7), (f32::NAN, 0.1)]),
            "every label is `yes` on the 2 rows with one"
        );
        assert_eq!(message(&[(f32::NAN, 0.1)]), "no row has a label");
        assert!(message(&[(1.0, f32::NAN), (0.0, 0.5)]).contains("NaN"));
        let message = |rows: &[(f32, f32)]| why(&of_regression(rows).view());
        assert_eq!(message(&[(2.0, 1.0), (2.0, 3.0)]), "the target is 2 on all 2 rows with a label");
        assert_eq!(message(&[(1.0, 3.0), (2.0, 3.0)]), "the network answers 3 on all 2 rows with a label");
        assert_eq!(message(&[(1.0, 3.0)]), "one row alone has a label");
    }
}
