//! The size of features on disk.

use crate::domain::bytes::Bytes;
use crate::domain::shape::Shape;
use crate::domain::table::{Dataset, EncodedTable};
use crate::model::frozen_prefix::FrozenPrefixConfig;

/// The size of the features of all tables; `None` if it depends on the layers.
pub fn feature_bytes(dataset: &Dataset, prefix: &FrozenPrefixConfig, shape: Shape) -> Option<Bytes> {
    let row = |numbers: usize| Bytes(prefix.bytes_per_number() as u64).times(numbers);
    let of_table = |table: &EncodedTable| {
        let (_, array) = table.inputs.iter().find(|(name, _)| *name == prefix.input)?;
        match shape {
            Shape::Image { channels, height, width } => {
                Some(row(channels.saturating_mul(height).saturating_mul(width)).times(array.rows()))
            }
            Shape::Vector { width } => Some(row(width).times(array.rows())),
            Shape::Sequence { width } if array.offsets.is_some() => Some(row(width).times(array.steps())),
            Shape::Sequence { .. } | Shape::Tokens { .. } => None,
        }
    };
    dataset.tables.iter().map(of_table).sum()
}
