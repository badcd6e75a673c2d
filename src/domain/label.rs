//! What stands in a cell of truth that nothing can be learned from: NaN. A plain one is a missing label;
//! another names, in the bits that a NaN has to spare, a class that stands on no training row (as R's `NA` is
//! one NaN among others). So whatever learns leaves both out without knowing of them, and who scores can tell
//! them apart.

use serde::{Deserialize, Serialize};

/// A class that stands on no training row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenClass {
    pub name: String,
    /// How many of the classes of training rows stand before it in the classes' order.
    pub before: usize,
}

/// The bits that a NaN of 32 bits has to spare.
const SPARE: u32 = (1 << 22) - 1;

/// The cell of the unseen class of this number, counting from 0.
pub fn unseen(number: usize) -> f32 {
    let named = u32::try_from(number + 1).unwrap_or(SPARE).min(SPARE);
    f32::from_bits(f32::NAN.to_bits() | named)
}

/// Which unseen class a cell names; `None` of a missing label, and of any other number.
pub fn unseen_number(cell: f32) -> Option<usize> {
    let named = cell.to_bits() & SPARE;
    (cell.is_nan() && named > 0).then(|| named as usize - 1)
}

/// Is the cell without any label?
pub fn is_missing(cell: f32) -> bool {
    cell.is_nan() && unseen_number(cell).is_none()
}

#[cfg(test)]
mod tests {
    use crate::domain::array::Array;
    use crate::domain::label::{is_missing, unseen, unseen_number};

    #[test]
    fn an_unseen_class_is_no_number_and_no_missing_label() {
        for number in [0, 1, 57, 100_000] {
            assert!(unseen(number).is_nan() && !is_missing(unseen(number)));
            assert_eq!(unseen_number(unseen(number)), Some(number));
        }
        assert!(is_missing(f32::NAN) && unseen_number(f32::NAN).is_none());
        for number in [0.0, -1.5, f32::INFINITY, f32::MAX] {
            assert!(!is_missing(number) && unseen_number(number).is_none());
        }
    }

    #[test]
    fn it_is_copied_whole() {
        let truth = Array::f32(&[3, 1], vec![1.0, f32::NAN, unseen(4)]).gather(&[2, 1, 2]);
        let result: Vec<Option<usize>> =
            truth.as_f32().expect("floats").iter().map(|cell| unseen_number(*cell)).collect();
        assert_eq!(result, [Some(4), None, Some(4)]);
    }
}
