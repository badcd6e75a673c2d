//! One of several classes that stand in an order.

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::target::labels::Labels;
use crate::data::target::{FittedTarget, Found, LabelColumns};
use crate::domain::remark::{Remark, names};
use crate::domain::task::{OrdinalSpec, Target};

pub(in crate::data) fn fit(
    spec: &OrdinalSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let found = Labels::of(labels, column)?;
    let name = column.name();
    let mut remarks = found.remarks(labels.task, name);
    let classes = match &spec.order {
        Some(order) => {
            follows(order, &found, labels, name)?;
            let absent = order.iter().filter(|class| !found.found.iter().any(|label| label.text == **class));
            let absent: Vec<&str> = absent.map(String::as_str).collect();
            if !absent.is_empty() {
                remarks.push(Remark {
                    cause: "classes of the order on no row",
                    task: labels.task.to_owned(),
                    said: format!(
                        "{} of {} classes on no row ({})",
                        absent.len(),
                        order.len(),
                        names(absent)
                    ),
                    advice: "look for other spellings, or leave them out of the order".to_owned(),
                });
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
    found.refuse_one_class(name)?;
    let (truth, unseen) = found.truth(&classes, found.are_numbers);
    Ok(FittedTarget {
        texts: None,
        truth,
        notes: vec![],
        labels: Found { unseen, remarks },
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
