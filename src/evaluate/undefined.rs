//! Explains why a metric is undefined on some rows.

use std::borrow::Cow;

use crate::domain::task::FittedTarget;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::predictions::TaskPredictions;

/// The reason why a metric is undefined on these rows, as a phrase for a message.
pub fn undefined_reason(answers: &TaskPredictions) -> String {
    let rows = answers.present();
    if rows == 0 {
        return "no row has a label".to_owned();
    }
    if answers.predictions.iter().any(|answer| answer.is_nan()) {
        return "the network predicts NaN".to_owned();
    }
    let pairs = match answers.target {
        FittedTarget::Ordinal { .. } => Vec::new(),
        _ => answers.pairs(),
    };
    match pairs.as_slice() {
        [] => one_class(answers).map_or_else(
            || format!("there is nothing to compare on the {rows} labelled rows"),
            |class| format!("every label is `{class}` on the {rows} labelled rows"),
        ),
        columns => {
            let constant = |side: fn(&(f64, f64)) -> f64| {
                columns.iter().all(|pairs| pairs.rows.windows(2).all(|two| side(&two[0]) == side(&two[1])))
            };
            let first = |pairs: &NumberPairs| pairs.rows.first().copied().unwrap_or((f64::NAN, f64::NAN));
            match columns {
                _ if rows == 1 => "only one row has a label".to_owned(),
                [only] if constant(|row| row.0) => {
                    format!("the target is {} on all {rows} labelled rows", first(only).0)
                }
                _ if constant(|row| row.0) => {
                    format!("the targets are constant on the {rows} labelled rows")
                }
                [only] if constant(|row| row.1) => {
                    format!("the network predicts {} on all {rows} labelled rows", first(only).1)
                }
                _ => format!("it has no finite value on the {rows} labelled rows"),
            }
        }
    }
}

/// The name of the class if all labels are of one class.
fn one_class<'a>(answers: &TaskPredictions<'a>) -> Option<Cow<'a, str>> {
    let target = answers.target;
    let mut cells = answers.truth.iter().filter_map(|cell| answers.truth_of(*cell));
    let first = cells.next()?;
    if cells.any(|cell| cell != first) {
        return None;
    }
    let class = first as usize;
    let class_name = |classes: &'a [String]| {
        let unseen = || answers.unseen.get(class.checked_sub(classes.len())?).map(|unseen| &unseen.name);
        classes.get(class).or_else(unseen).map(|name| Cow::Borrowed(name.as_str()))
    };
    match target {
        FittedTarget::Binary { classes, .. } => class_name(classes),
        FittedTarget::Multiclass { classes, .. }
        | FittedTarget::Ordinal { classes, .. }
        | FittedTarget::Tagging { classes, .. }
        | FittedTarget::Segmentation { classes, .. } => class_name(classes),
        FittedTarget::Multilabel { .. } => Some(Cow::Owned(class.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluate::case::{of_binary, of_regression};
    use crate::evaluate::undefined::undefined_reason;

    #[test]
    fn one_class_one_number_one_row_or_none() {
        let reason = |rows: &[(f32, f32)]| undefined_reason(&of_binary(rows).view());
        assert_eq!(
            reason(&[(1.0, 0.2), (1.0, 0.7), (f32::NAN, 0.1)]),
            "every label is `yes` on the 2 labelled rows"
        );
        assert_eq!(reason(&[(f32::NAN, 0.1)]), "no row has a label");
        assert!(reason(&[(1.0, f32::NAN), (0.0, 0.5)]).contains("NaN"));
        let reason = |rows: &[(f32, f32)]| undefined_reason(&of_regression(rows).view());
        assert_eq!(reason(&[(2.0, 1.0), (2.0, 3.0)]), "the target is 2 on all 2 labelled rows");
        assert_eq!(reason(&[(1.0, 3.0), (2.0, 3.0)]), "the network predicts 3 on all 2 labelled rows");
        assert_eq!(reason(&[(1.0, 3.0)]), "only one row has a label");
    }
}
