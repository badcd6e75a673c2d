//! Properties of inputs that follow from their settings, without data.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::feature::{FeatureConfig, MissingNumber};
use crate::data::tokenizer::{TokenizerTraining, fit};
use crate::domain::name::ColumnName;
use crate::domain::shape::Shape;
use crate::domain::tokenizer::TokenizerConfig;

/// A placeholder for sizes that depend on the data.
pub const SOME_SIZE: usize = 16;

impl FeatureConfig {
    /// The shape of an encoded row, with [`SOME_SIZE`] for sizes that depend on the data.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Number(_)
            | Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Robust(_)
            | Self::Quantile(_)
            | Self::Piecewise(_)
            | Self::Category(_)
            | Self::OneHot(_) => Shape::vector(SOME_SIZE),
            Self::Text(_) | Self::Tokens(_) => Shape::Tokens { vocabulary: SOME_SIZE },
            Self::Series(_) => Shape::Sequence { width: SOME_SIZE },
            Self::Image(config) => config.shape(),
            Self::Registered(kind) => kind.view().expected(),
        }
    }

    /// Whether a table may be without the column; the value is then missing on all rows of that table.
    pub(in crate::data) fn allows_missing_column(&self) -> bool {
        match self {
            Self::Number(_)
            | Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Robust(_)
            | Self::Quantile(_)
            | Self::Piecewise(_)
            | Self::Category(_)
            | Self::OneHot(_) => true,
            Self::Text(_) | Self::Tokens(_) | Self::Series(_) | Self::Image(_) | Self::Registered(_) => false,
        }
    }

    /// Whether rows without a value are refused (`missing: error`).
    pub(in crate::data) fn refuses_missing(&self) -> bool {
        let missing = match self {
            Self::Number(config) => config.missing,
            Self::Standardize(config) => config.missing,
            Self::MinMax(config) => config.missing,
            Self::Robust(config) => config.missing,
            Self::Quantile(config) => config.missing,
            Self::Piecewise(config) => config.missing,
            _ => return false,
        };
        missing == MissingNumber::Error
    }

    /// The column that it reads beside the one of its name: that of the second text of pairs.
    pub fn second_column(&self) -> Option<&ColumnName> {
        match self {
            Self::Text(config) => config.pair.as_ref(),
            _ => None,
        }
    }

    /// The tokenizer of texts, or of tokens that are split into pieces.
    pub fn tokenizer(&self) -> Option<&TokenizerConfig> {
        match self {
            Self::Text(config) => Some(&config.tokenizer),
            Self::Tokens(config) => config.tokenizer.as_ref(),
            _ => None,
        }
    }

    /// The number of tokens of a tokenizer that is read from a file or a folder; `None` of others, which are
    /// fitted. Relative paths start at `base`.
    ///
    /// # Errors
    /// The file or folder cannot be used.
    pub fn vocabulary(tokenizer: &TokenizerConfig, base: &Path) -> Option<Result<usize, DataError>> {
        match tokenizer {
            TokenizerConfig::File(_) | TokenizerConfig::Pretrained(_) => {
                let tokenizer = fit(tokenizer, TokenizerTraining::texts(&[]), base);
                Some(tokenizer.map(|tokenizer| tokenizer.size))
            }
            _ => None,
        }
    }

    /// The files of its tokenizer, relative to the pipeline file; those of a folder need not exist.
    pub fn files(&self) -> Vec<String> {
        self.tokenizer().map(TokenizerConfig::files).unwrap_or_default()
    }
}
