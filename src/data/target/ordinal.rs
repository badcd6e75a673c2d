//! Ordinal targets: one of several ordered classes.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::labels::LabelIndex;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::domain::task::{FittedTarget, OrdinalConfig};
use crate::domain::task_remark::{TaskRemark, list_names};

pub(in crate::data) fn fit(
    config: &OrdinalConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let index = LabelIndex::from_column(labels, column)?;
    let name = column.name();
    let mut remarks = index.remarks(labels.task, name);
    let classes = match &config.order {
        Some(order) => {
            check_order(order, &index, labels, name)?;
            let has_no_row = |class: &&String| !index.labels.iter().any(|label| label.text == **class);
            let absent: Vec<&str> = order.iter().filter(has_no_row).map(String::as_str).collect();
            if !absent.is_empty() {
                let (absent_count, count) = (absent.len(), order.len());
                remarks.push(TaskRemark {
                    cause: "classes of `order` on no row",
                    task: labels.task.to_owned(),
                    text: format!(
                        "{absent_count} of {count} classes occur on no row ({})",
                        list_names(absent)
                    ),
                    advice: "check their spelling, or remove them from `order`".to_owned(),
                });
            }
            order.clone()
        }
        None if index.are_numbers => {
            let seen = index.labels.iter().filter(|label| label.count > 0);
            let mut classes: Vec<(f64, String)> = seen
                .map(|label| (label.text.trim().parse().unwrap_or(f64::NAN), label.text.clone()))
                .collect();
            classes.sort_by(|a, b| a.0.total_cmp(&b.0));
            classes.into_iter().map(|(_, text)| text).collect()
        }
        None => return Err(DataError::NoOrder { column: name.to_owned(), values: index.texts() }),
    };
    index.refuse_one_class(name)?;
    let (truth, unseen) = index.truth(&classes, index.are_numbers);
    Ok(TargetFit {
        texts: None,
        truth,
        notes: vec![],
        labels: LabelStatistics { unseen, remarks },
        target: FittedTarget::Ordinal { counts: index.counts(&classes), classes },
    })
}

/// Refuses an invalid order, and labels that are not in it.
fn check_order(
    order: &[String],
    index: &LabelIndex,
    labels: &LabelColumns<'_>,
    column: &str,
) -> Result<(), DataError> {
    if order.len() < 2 {
        return Err(DataError::ShortOrder { found: order.len() });
    }
    if let Some((_, class)) = order.iter().enumerate().find(|(i, class)| order[..*i].contains(class)) {
        return Err(DataError::OrderTwice { value: class.clone() });
    }
    match index.labels.iter().find(|label| !order.contains(&label.text)) {
        None => Ok(()),
        Some(unknown) => Err(DataError::NotInOrder {
            column: column.to_owned(),
            value: unknown.text.clone(),
            place: labels.frame.cell_location(unknown.first, column),
            order: order.to_vec(),
        }),
    }
}
