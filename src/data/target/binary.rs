//! One of two classes.

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::target::labels::LabelIndex;
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit};
use crate::domain::task::{BinaryConfig, FittedTarget};

pub(in crate::data) fn fit(
    config: &BinaryConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let fitted_labels = LabelIndex::from_column(labels, column)?;
    let values = fitted_labels.texts();
    let name = || column.name().to_owned();
    let rows = || fitted_labels.found.iter().map(|label| label.rows).collect();
    if values.len() > 2 {
        return Err(DataError::NotBinary { column: name(), values, rows: rows() });
    }
    fitted_labels.refuse_one_class(column.name())?;
    let [first, second] = values.as_slice() else {
        return Err(DataError::NotBinary { column: name(), values, rows: rows() });
    };
    let positive = match &config.positive {
        Some(positive) => {
            let exact = values.iter().position(|value| value == positive);
            let wanted =
                exact.or_else(|| values.iter().position(|value| value.eq_ignore_ascii_case(positive)));
            let (positive, values) = (positive.clone(), values.clone());
            wanted.ok_or_else(|| DataError::UnknownPositive { column: name(), positive, values })?
        }
        None => usually_positive(first, second),
    };
    let classes = [values[1 - positive].clone(), values[positive].clone()];
    let counts = fitted_labels.counts(&classes);
    let (truth, unseen) = fitted_labels.truth(&classes, fitted_labels.numeric);
    Ok(TargetFit {
        texts: None,
        truth,
        labels: LabelStatistics { unseen, remarks: fitted_labels.remarks(labels.task, column.name()) },
        target: FittedTarget::Binary {
            counts: [counts[0], counts[1]],
            classes,
            threshold: config.threshold.get(),
        },
        notes: vec![],
    })
}

/// 0 or 1: which of two sorted values says that something is so.
fn usually_positive(first: &str, second: &str) -> usize {
    let affirms = |value: &str| ["true", "1", "yes"].iter().any(|word| value.eq_ignore_ascii_case(word));
    usize::from(!affirms(first) || affirms(second))
}

#[cfg(test)]
mod tests {
    use crate::data::target::binary::usually_positive;

    #[test]
    fn the_affirming_value_is_positive_else_the_second() {
        assert_eq!(usually_positive("no", "yes"), 1);
        assert_eq!(usually_positive("1", "2"), 0);
        assert_eq!(usually_positive("False", "True"), 1);
        assert_eq!(usually_positive("Yes", "maybe"), 0);
        assert_eq!(usually_positive("cat", "dog"), 1);
    }
}
