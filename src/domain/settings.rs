//! The trait of settings structs.

use serde::de::DeserializeOwned;

/// The settings of one choice.
pub trait Settings: DeserializeOwned {
    /// The field that a bare value sets: `dropout: 0.5` is `dropout: {rate: 0.5}`.
    const BARE: Option<&'static str> = None;
    /// An example of the choice in YAML, as a user writes it; a test parses it.
    const EXAMPLE: &'static str;
}
