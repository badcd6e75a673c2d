//! One of several classes, in no order.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::labels::LabelIndex;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::domain::task::FittedTarget;

pub(in crate::data) fn fit(labels: &LabelColumns<'_>, column: &Cells) -> Result<TargetFit, DataError> {
    let fitted_labels = LabelIndex::from_column(labels, column)?;
    fitted_labels.refuse_one_class(column.name())?;
    let classes: Vec<String> =
        fitted_labels.found.iter().filter(|label| label.count > 0).map(|label| label.text.clone()).collect();
    let (truth, unseen) = fitted_labels.truth(&classes, fitted_labels.numeric);
    Ok(TargetFit {
        texts: None,
        truth,
        notes: vec![],
        labels: LabelStatistics { unseen, remarks: fitted_labels.remarks(labels.task, column.name()) },
        target: FittedTarget::Multiclass { counts: fitted_labels.counts(&classes), classes },
    })
}
