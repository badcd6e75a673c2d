//! One of several classes that stand in an order.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::labels::LabelIndex;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::domain::task::{FittedTarget, OrdinalConfig};
use crate::domain::task_remark::{TaskRemark, names};

pub(in crate::data) fn fit(
    config: &OrdinalConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let fitted_labels = LabelIndex::from_column(labels, column)?;
    let name = column.name();
    let mut remarks = fitted_labels.remarks(labels.task, name);
    let classes = match &config.order {
        Some(order) => {
            follows(order, &fitted_labels, labels, name)?;
            let absent =
                order.iter().filter(|class| !fitted_labels.found.iter().any(|label| label.text == **class));
            let absent: Vec<&str> = absent.map(String::as_str).collect();
            if !absent.is_empty() {
                remarks.push(TaskRemark {
                    cause: "classes of the order on no row",
                    task: labels.task.to_owned(),
                    text: format!(
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
        None if fitted_labels.are_numbers => {
            let seen = fitted_labels.found.iter().filter(|label| label.count > 0);
            let mut classes: Vec<(f64, String)> = seen
                .map(|label| (label.text.trim().parse().unwrap_or(f64::NAN), label.text.clone()))
                .collect();
            classes.sort_by(|a, b| a.0.total_cmp(&b.0));
            classes.into_iter().map(|(_, text)| text).collect()
        }
        None => return Err(DataError::NoOrder { column: name.to_owned(), values: fitted_labels.texts() }),
    };
    fitted_labels.refuse_one_class(name)?;
    let (truth, unseen) = fitted_labels.truth(&classes, fitted_labels.are_numbers);
    Ok(TargetFit {
        texts: None,
        truth,
        notes: vec![],
        labels: LabelStatistics { unseen, remarks },
        target: FittedTarget::Ordinal { counts: fitted_labels.counts(&classes), classes },
    })
}

/// Refuses an order that is none, and labels that are not in it.
fn follows(
    order: &[String],
    fitted_labels: &LabelIndex,
    labels: &LabelColumns<'_>,
    column: &str,
) -> Result<(), DataError> {
    if order.len() < 2 {
        return Err(DataError::ShortOrder { found: order.len() });
    }
    if let Some(twice) = order.iter().enumerate().find(|(i, class)| order[..*i].contains(class)) {
        return Err(DataError::OrderTwice { value: twice.1.clone() });
    }
    match fitted_labels.found.iter().find(|label| !order.contains(&label.text)) {
        None => Ok(()),
        Some(unknown) => Err(DataError::NotInOrder {
            column: column.to_owned(),
            value: unknown.text.clone(),
            place: labels.frame.cell_location(unknown.first, column),
            order: order.to_vec(),
        }),
    }
}
