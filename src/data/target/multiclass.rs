//! Multiclass targets: one of several unordered classes.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::labels::LabelIndex;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::domain::task::FittedTarget;

pub(in crate::data) fn fit(labels: &LabelColumns<'_>, column: &Cells) -> Result<TargetFit, DataError> {
    let index = LabelIndex::from_column(labels, column)?;
    index.refuse_one_class(column.name())?;
    let classes: Vec<String> =
        index.labels.iter().filter(|label| label.count > 0).map(|label| label.text.clone()).collect();
    let (truth, unseen) = index.truth(&classes, index.numeric);
    Ok(TargetFit {
        texts: None,
        truth,
        notes: vec![],
        labels: LabelStatistics { unseen, remarks: index.remarks(labels.task, column.name()) },
        target: FittedTarget::Multiclass { counts: index.counts(&classes), classes },
    })
}
