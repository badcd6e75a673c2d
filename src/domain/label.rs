//! Labels that cannot be trained on are NaN. A plain NaN is a missing label; the payload bits of other NaNs
//! hold the number of a class that occurs on no training row (as R encodes `NA` as one particular NaN).
//! Training ignores both without having to know the difference, and scoring can tell them apart.

use serde::{Deserialize, Serialize};

/// A class that occurs on no training row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenClass {
    /// Name of the class.
    pub name: String,
    /// How many classes of the training rows precede it in the order of classes.
    pub before: usize,
}

/// Payload bits of a 32-bit NaN.
const PAYLOAD: u32 = (1 << 22) - 1;

/// Encodes the unseen class with this zero-based number.
pub fn encode_unseen(number: usize) -> f32 {
    let payload = u32::try_from(number + 1).unwrap_or(PAYLOAD).min(PAYLOAD);
    f32::from_bits(f32::NAN.to_bits() | payload)
}

/// Decodes the number of the unseen class; `None` for a missing label and for any number.
pub fn decode_unseen(cell: f32) -> Option<usize> {
    let payload = cell.to_bits() & PAYLOAD;
    (cell.is_nan() && payload > 0).then(|| payload as usize - 1)
}

/// Is the label missing?
pub fn is_missing(cell: f32) -> bool {
    cell.is_nan() && decode_unseen(cell).is_none()
}

#[cfg(test)]
mod tests {
    use crate::domain::array::Array;
    use crate::domain::label::{decode_unseen, encode_unseen, is_missing};

    #[test]
    fn an_unseen_class_is_neither_a_number_nor_a_missing_label() {
        for number in [0, 1, 57, 100_000] {
            assert!(encode_unseen(number).is_nan() && !is_missing(encode_unseen(number)));
            assert_eq!(decode_unseen(encode_unseen(number)), Some(number));
        }
        assert!(is_missing(f32::NAN) && decode_unseen(f32::NAN).is_none());
        for number in [0.0, -1.5, f32::INFINITY, f32::MAX] {
            assert!(!is_missing(number) && decode_unseen(number).is_none());
        }
    }

    #[test]
    fn gathering_keeps_the_payload() {
        let truth = Array::f32(&[3, 1], vec![1.0, f32::NAN, encode_unseen(4)]).gather(&[2, 1, 2]);
        let numbers: Vec<Option<usize>> =
            truth.as_f32().expect("floats").iter().map(|cell| decode_unseen(*cell)).collect();
        assert_eq!(numbers, [Some(4), None, Some(4)]);
    }
}
