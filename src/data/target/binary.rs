//! One of two classes.

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::target::labels::Labels;
use crate::data::target::{FittedTarget, Found, LabelColumns};
use crate::domain::task::{BinarySpec, Target};

pub(in crate::data) fn fit(
    spec: &BinarySpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let found = Labels::of(labels, column)?;
    let values = found.texts();
    let name = || column.name().to_owned();
    let rows = || found.found.iter().map(|label| label.rows).collect();
    if values.len() > 2 {
        return Err(Error::NotBinary { column: name(), values, rows: rows() });
    }
    found.refuse_one_class(column.name())?;
    let [first, second] = values.as_slice() else {
        return Err(Error::NotBinary { column: name(), values, rows: rows() });
    };
    let positive = match &spec.positive {
        Some(positive) => {
            let exact = values.iter().position(|value| value == positive);
            let wanted =
                exact.or_else(|| values.iter().position(|value| value.eq_ignore_ascii_case(positive)));
            let (positive, values) = (positive.clone(), values.clone());
            wanted.ok_or_else(|| Error::UnknownPositive { column: name(), positive, values })?
        }
        None => usually_positive(first, second),
    };
    let classes = [values[1 - positive].clone(), values[positive].clone()];
    let counts = found.counts(&classes);
    let (truth, unseen) = found.truth(&classes, found.numeric);
    Ok(FittedTarget {
        texts: None,
        truth,
        labels: Found { unseen, remarks: found.remarks(labels.task, column.name()) },
        target: Target::Binary { counts: [counts[0], counts[1]], classes, threshold: spec.threshold.get() },
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
