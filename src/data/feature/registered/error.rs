//! Errors of input kinds of other crates.

use std::fmt;

use crate::data::location::DataLocation;

/// An input, its kind, and the crate that defines the kind.
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
        write!(f, "input `{}` (kind `{}` of crate {})", self.column, self.kind, self.origin)
    }
}

/// A problem of an input kind of another crate.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum RegisteredError {
    #[error("{whose}: this program does not have this input kind")]
    Unknown { whose: InputKindOrigin },
    #[error("{whose}: in this program, `{}` is registered by crate {registered_by}", .whose.kind)]
    OtherCrate { whose: InputKindOrigin, registered_by: &'static str },
    #[error("{whose}: {reason}")]
    Unfitted { whose: InputKindOrigin, reason: String },
    #[error("{whose}: crate {registered_by} cannot read the fitted state: {reason}")]
    Unread { whose: InputKindOrigin, registered_by: &'static str, reason: String },
    #[error("{whose}: {count} cell(s) cannot be encoded, first in {place}: {reason}")]
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

    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::OtherCrate { .. } => Some(
                "cells of this kind are encoded outside the model: use the program that registers the kind",
            ),
            Self::Unread { .. } => Some("use the version of the crate that fitted it, or train again"),
            Self::Unfitted { .. } | Self::Cell { .. } => None,
        }
    }
}
