//! Binary targets: one of two classes.

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
    let index = LabelIndex::from_column(labels, column)?;
    let values = index.texts();
    let name = || column.name().to_owned();
    let rows = || index.labels.iter().map(|label| label.rows).collect();
    if values.len() > 2 {
        return Err(DataError::NotBinary { column: name(), values, rows: rows() });
    }
    index.refuse_one_class(column.name())?;
    let [first, second] = values.as_slice() else {
        return Err(DataError::NotBinary { column: name(), values, rows: rows() });
    };
    let positive = match &config.positive {
        Some(positive) => {
            let exact = values.iter().position(|value| value == positive);
            let any_case = || values.iter().position(|value| value.eq_ignore_ascii_case(positive));
            let (positive, values) = (positive.clone(), values.clone());
            exact.or_else(any_case).ok_or_else(|| DataError::UnknownPositive {
                column: name(),
                positive,
                values,
            })?
        }
        None => default_positive(first, second),
    };
    let classes = [values[1 - positive].clone(), values[positive].clone()];
    let counts = index.counts(&classes);
    let (truth, unseen) = index.truth(&classes, index.numeric);
    Ok(TargetFit {
        texts: None,
        truth,
        labels: LabelStatistics { unseen, remarks: index.remarks(labels.task, column.name()) },
        target: FittedTarget::Binary {
            counts: [counts[0], counts[1]],
            classes,
            threshold: config.threshold.get(),
        },
        notes: vec![],
    })
}

/// The index of the positive class among two sorted values: an affirmative value such as `yes`, else the
/// second.
fn default_positive(first: &str, second: &str) -> usize {
    let is_affirmative =
        |value: &str| ["true", "1", "yes"].iter().any(|word| value.eq_ignore_ascii_case(word));
    usize::from(!is_affirmative(first) || is_affirmative(second))
}

#[cfg(test)]
mod tests {
    use crate::data::target::binary::default_positive;

    #[test]
    fn the_affirmative_value_is_positive_else_the_second() {
        assert_eq!(default_positive("no", "yes"), 1);
        assert_eq!(default_positive("1", "2"), 0);
        assert_eq!(default_positive("False", "True"), 1);
        assert_eq!(default_positive("Yes", "maybe"), 0);
        assert_eq!(default_positive("cat", "dog"), 1);
    }
}
