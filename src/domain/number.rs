//! Numbers with a range, checked during deserialization so that errors have a line and column.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

macro_rules! real {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $rule:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Description of the accepted values.
            pub const EXPECTED: &'static str = $expected;

            /// Returns the number if it is in the range.
            pub fn new(value: f64) -> Option<Self> {
                let holds: fn(f64) -> bool = $rule;
                (value.is_finite() && holds(value)).then_some(Self(value))
            }

            /// Creates a constant in code, without checking the range.
            pub const fn constant(value: f64) -> Self {
                Self(value)
            }

            /// The value.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Rule;
                impl de::Visitor<'_> for Rule {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_f64<E: de::Error>(self, value: f64) -> Result<$name, E> {
                        $name::new(value)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
                    }
                    fn visit_u64<E: de::Error>(self, value: u64) -> Result<$name, E> {
                        $name::new(value as f64)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
                    }
                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$name, E> {
                        $name::new(value as f64)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
                    }
                }
                deserializer.deserialize_any(Rule)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

real!(
    /// A number in [0, 1].
    Fraction, "a number in [0, 1]", |x| (0.0..=1.0).contains(&x),
    {"type": "number", "minimum": 0, "maximum": 1});
real!(
    /// A number in [0, 1), such as a dropout rate or a momentum.
    Rate, "a number in [0, 1)", |x| (0.0..1.0).contains(&x),
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1});
real!(
    /// A number greater than 0.
    Positive, "a number greater than 0", |x| x > 0.0,
    {"type": "number", "exclusiveMinimum": 0});
real!(
    /// Maximum difference between the exported and the trained model. Larger tolerances would prove nothing.
    Tolerance, "a number greater than 0, at most 0.1", |x| x > 0.0 && x <= 0.1,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.1});
real!(
    /// A factor that decays a learning rate.
    DecayFactor, "a number greater than 0, at most 1", |x| x > 0.0 && x <= 1.0,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1});
real!(
    /// A number greater than or equal to 0.
    NonNegative, "a number that is at least 0", |x| x >= 0.0,
    {"type": "number", "minimum": 0});
real!(
    /// Any finite number.
    Finite, "a finite number", |_| true,
    {"type": "number"});

macro_rules! whole {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $expected:literal, $rule:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Description of the accepted values.
            pub const EXPECTED: &'static str = $expected;

            /// Returns the number if it is in the range.
            pub fn new(value: $inner) -> Option<Self> {
                let holds: fn($inner) -> bool = $rule;
                holds(value).then_some(Self(value))
            }

            /// Creates a constant in code, without checking the range.
            pub const fn constant(value: $inner) -> Self {
                Self(value)
            }

            /// The value.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Rule;
                impl de::Visitor<'_> for Rule {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_u64<E: de::Error>(self, value: u64) -> Result<$name, E> {
                        <$inner>::try_from(value)
                            .ok()
                            .and_then($name::new)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
                    }
                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$name, E> {
                        <$inner>::try_from(value)
                            .ok()
                            .and_then($name::new)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
                    }
                }
                deserializer.deserialize_any(Rule)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

whole!(
    /// A whole number from 1 to 100,000,000.
    Count, usize, "a whole number from 1 to 100000000", |n| (1..=100_000_000).contains(&n),
    {"type": "integer", "minimum": 1, "maximum": 100000000});
whole!(
    /// Number of bins of a number.
    Bins, usize, "a whole number from 1 to 1024", |n| (1..=1024).contains(&n),
    {"type": "integer", "minimum": 1, "maximum": 1024});
whole!(
    /// Number of members of one network.
    Members, usize, "a whole number from 2 to 256", |n| (2..=256).contains(&n),
    {"type": "integer", "minimum": 2, "maximum": 256});
whole!(
    /// Number of quantiles of a column.
    Quantiles, usize, "a whole number from 2 to 10000", |n| (2..=10_000).contains(&n),
    {"type": "integer", "minimum": 2, "maximum": 10000});
whole!(
    /// Maximum number of generated tokens; the model runs once per token.
    TextLength, usize, "a whole number from 1 to 16384", |n| (1..=16_384).contains(&n),
    {"type": "integer", "minimum": 1, "maximum": 16384});
whole!(
    /// A whole number from 0 to 100,000,000.
    Whole, usize, "a whole number from 0 to 100000000", |n| n <= 100_000_000,
    {"type": "integer", "minimum": 0, "maximum": 100000000});
whole!(
    /// The seed of all randomness in a trial. At most 2^53, so that JSON and SQL represent it exactly.
    Seed, u64, "a whole number from 0 to 9007199254740992", |n| n <= 9_007_199_254_740_992,
    {"type": "integer", "minimum": 0, "maximum": 9007199254740992u64});

// The macro derives the same traits for all types, and only this one has a default.
#[allow(clippy::derivable_impls)]
impl Default for Whole {
    fn default() -> Self {
        Self(0)
    }
}
