//! One of several classes, in no order.

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::target::labels::Labels;
use crate::data::target::{FittedTarget, Found, LabelColumns};
use crate::domain::task::Target;

pub(in crate::data) fn fit(labels: &LabelColumns<'_>, column: &Cells) -> Result<FittedTarget, Error> {
    let found = Labels::of(labels, column)?;
    found.refuse_one_class(column.name())?;
    let classes: Vec<String> =
        found.found.iter().filter(|label| label.count > 0).map(|label| label.text.clone()).collect();
    let (truth, unseen) = found.truth(&classes, found.numeric);
    Ok(FittedTarget {
        texts: None,
        truth,
        notes: vec![],
        labels: Found { unseen, remarks: found.remarks(labels.task, column.name()) },
        target: Target::Multiclass { counts: found.counts(&classes), classes },
    })
}
