//! One of several classes that stand in an order.

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::target::labels::Labels;
use crate::data::target::{FittedTarget, LabelColumns, warning};
use crate::domain::task::{OrdinalSpec, Target};

pub(in crate::data) fn fit(
    spec: &OrdinalSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let found = Labels::of(labels, column)?;
    let name = column.name();
    let mut notes = vec![];
    let classes = match &spec.order {
        Some(order) => {
            follows(order, &found, labels, name)?;
            for class in order.iter().filter(|class| !found.found.iter().any(|label| label.text == **class)) {
                notes.push(warning(format!("task `{}`: class `{class}` stands on no row", labels.task)));
            }
            order.clone()
        }
        None if found.are_numbers => {
            let seen = found.found.iter().filter(|label| label.count > 0);
            let mut classes: Vec<(f64, String)> = seen
                .map(|label| (label.text.trim().parse().unwrap_or(f64::NAN), label.text.clone()))
                .collect();
            classes.sort_by(|a, b| a.0.total_cmp(&b.0));
            classes.into_iter().map(|(_, text)| text).collect()
        }
        None => return Err(Error::NoOrder { column: name.to_owned(), values: found.texts() }),
    };
    found.refuse_lonely(labels, name)?;
    notes.extend(found.unseen(labels.task).into_iter().filter(|_| spec.order.is_none()));
    Ok(FittedTarget {
        texts: None,
        truth: found.truth(&classes),
        notes,
        target: Target::Ordinal { counts: found.counts(&classes), classes },
    })
}

/// Refuses an order that is none, and labels that are not in it.
fn follows(order: &[String], found: &Labels, labels: &LabelColumns<'_>, column: &str) -> Result<(), Error> {
    if order.len() < 2 {
        return Err(Error::ShortOrder { found: order.len() });
    }
    if let Some(twice) = order.iter().enumerate().find(|(i, class)| order[..*i].contains(class)) {
        return Err(Error::OrderTwice { value: twice.1.clone() });
    }
    match found.found.iter().find(|label| !order.contains(&label.text)) {
        None => Ok(()),
        Some(strange) => Err(Error::NotInOrder {
            column: column.to_owned(),
            value: strange.text.clone(),
            place: labels.frame.place_of(strange.first, column),
            order: order.to_vec(),
        }),
    }
}
