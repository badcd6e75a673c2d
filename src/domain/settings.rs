//! The settings of a choice, as every item of a shelf has them.

use serde::de::DeserializeOwned;

/// The settings of one choice: a struct of words.
pub trait Settings: DeserializeOwned {
    /// The field a bare value stands for: `dropout: 0.5` is `dropout: {rate: 0.5}`.
    const BARE: Option<&'static str> = None;
    /// The choice as a user writes it, as YAML; parsed by a test.
    const EXAMPLE: &'static str;
}
