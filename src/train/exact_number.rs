//! Numbers that are stored exactly, to the last bit.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A float serialized as its bits, so that it is restored exactly, including NaN and infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactNumber(u64);

impl From<f64> for ExactNumber {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

impl ExactNumber {
    /// The value.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Serialize for ExactNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for ExactNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

/// A sum of 64-bit floats, added in the order of the steps, that is serialized exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExactSum(ExactNumber);

impl ExactSum {
    pub(crate) const ZERO: Self = Self(ExactNumber(0));

    pub(crate) fn add(&mut self, value: f64) {
        self.0 = ExactNumber::from(self.0.get() + value);
    }

    /// The sum divided by `count`; `None` if that is 0.
    pub(crate) fn mean(self, count: u64) -> Option<f64> {
        (count > 0).then(|| self.0.get() / count as f64)
    }
}
