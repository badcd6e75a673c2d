//! What can be wrong with an input whose kind is of another crate.

use std::fmt;

use crate::data::location::DataLocation;

/// An input, its kind, and the crate that the kind comes from.
#[derive(Clone, Debug)]
pub struct InputKindOrigin {
    pub column: String,
    kind: String,
    origin: String,
}

impl InputKindOrigin {
    pub fn new(column: &str, kind: &str, origin: &str) -> Self {
        let [column, kind, origin] = [column, kind, origin].map(str::to_owned);
        Self { column, kind, origin }
    }
}

impl fmt::Display for InputKindOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input `{}`, of the kind `{}` of the crate {}", self.column, self.kind, self.origin)
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RegisteredError {
    #[error("{whose}: this program has no such kind")]
    Unknown { whose: InputKindOrigin },
    #[error("{whose}: the `{}` of this program is of the crate {own}", .whose.kind)]
    OtherCrate { whose: InputKindOrigin, own: &'static str },
    #[error("{whose}: {reason}")]
    Unfitted { whose: InputKindOrigin, reason: String },
    #[error("{whose}: {own} cannot read what was fitted: {reason}")]
    Unread { whose: InputKindOrigin, own: &'static str, reason: String },
    #[error("{whose}: {count} cell(s) cannot be encoded, the first in {place}: {reason}")]
    Cell { whose: InputKindOrigin, count: usize, place: DataLocation, reason: String },
}

impl RegisteredError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::OtherCrate { .. } | Self::Unread { .. } => "input-kind",
            Self::Unfitted { .. } => "unfitted",
            Self::Cell { .. } => "cell",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::OtherCrate { .. } => {
                Some("its cells become numbers outside of the model: use the program that registers the kind")
            }
            Self::Unread { .. } => Some("use the crate's version that fitted it, or train again"),
            Self::Unfitted { .. } | Self::Cell { .. } => None,
        }
    }
}
