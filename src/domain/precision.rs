//! The precision of an exported model's weights and arithmetic.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The precision of an exported model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats, as in training.
    #[default]
    F32,
    /// 16-bit floats between the first and the last product; sums, softmax and normalization in 32 bits.
    F16,
    /// Matrix products and embedding tables of 8-bit integers; everything else in 32 bits.
    Int8,
}

impl Precision {
    /// The name in YAML, cards and databases.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// The precision of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::F32, Self::F16, Self::Int8].into_iter().find(|precision| precision.name() == name)
    }

    /// Whether weights are rounded, so that the exported model differs from the trained one.
    pub fn is_reduced(self) -> bool {
        self != Self::F32
    }

    /// Whether weights are as in training; for serialization.
    pub fn is_full(&self) -> bool {
        !self.is_reduced()
    }

    /// The default of the largest difference |a - b| / max(1, |b|) from the trained network.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::F32 => 1e-4,
            Self::F16 => 1e-2,
            Self::Int8 => 1e-1,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Precision;

    #[test]
    fn names_are_those_of_the_settings() {
        for precision in [Precision::F32, Precision::F16, Precision::Int8] {
            assert_eq!(serde_json::to_value(precision).unwrap(), precision.name());
            assert_eq!(Precision::from_name(precision.name()), Some(precision));
        }
        assert_eq!(Precision::from_name("f64"), None);
    }
}
