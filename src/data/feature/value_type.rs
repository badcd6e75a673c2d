//! What the words of an input say of it without any data.

use crate::data::feature::{FeatureConfig, MissingNumber};
use crate::domain::shape::Shape;

/// Stands for a size that only the data can tell.
pub const SOME_SIZE: usize = 16;

impl FeatureConfig {
    /// What it gives for one row, as far as words can tell: sizes that only the data know are
    /// [`SOME_SIZE`].
    pub fn shape(&self) -> Shape {
        match self {
            Self::Number(_)
            | Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Category(_)
            | Self::OneHot(_) => Shape::vector(SOME_SIZE),
            Self::Text(_) | Self::Tokens(_) => Shape::Tokens { vocabulary: SOME_SIZE },
            Self::Series(_) => Shape::Sequence { width: SOME_SIZE },
            Self::Image(config) => config.shape(),
            Self::Registered(kind) => kind.view().expected(),
        }
    }

    /// May a table lack its column? Then it is missing on every row of that table.
    pub(in crate::data) fn allows_missing_column(&self) -> bool {
        match self {
            Self::Number(_)
            | Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Category(_)
            | Self::OneHot(_) => true,
            Self::Text(_) | Self::Tokens(_) | Self::Series(_) | Self::Image(_) | Self::Registered(_) => false,
        }
    }

    /// `missing: error`: is a row without a value refused?
    pub(in crate::data) fn refuses_missing(&self) -> bool {
        let missing = match self {
            Self::Number(config) => config.missing,
            Self::Standardize(config) => config.missing,
            Self::MinMax(config) => config.missing,
            _ => return false,
        };
        missing == MissingNumber::Error
    }

    /// The file that it is fitted by, as the user wrote it.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Text(config) => config.tokenizer.file(),
            _ => None,
        }
    }
}
