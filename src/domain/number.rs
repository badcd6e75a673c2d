//! Numbers with a rule, refused while reading, at their line and column.

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
            /// What it must be, in words.
            pub const EXPECTED: &'static str = $expected;

            pub fn new(value: f64) -> Option<Self> {
                let holds: fn(f64) -> bool = $rule;
                (value.is_finite() && holds(value)).then_some(Self(value))
            }

            /// For constants in code. Panics when the rule is broken.
            pub const fn constant(value: f64) -> Self {
                Self(value)
            }

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
    /// From 0 to 1, both allowed.
    Fraction, "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    {"type": "number", "minimum": 0, "maximum": 1});
real!(
    /// From 0 up to, but not, 1: a dropout rate, a momentum.
    Rate, "a number from 0 up to but not 1", |x| (0.0..1.0).contains(&x),
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1});
real!(
    /// Greater than 0.
    Positive, "a number greater than 0", |x| x > 0.0,
    {"type": "number", "exclusiveMinimum": 0});
real!(
    /// How far an exported model may be from the trained one. What is allowed to differ by more proves
    /// nothing.
    Tolerance, "a number greater than 0, at most 0.1", |x| x > 0.0 && x <= 0.1,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.1});
real!(
    /// 0 or greater.
    NonNegative, "a number of 0 or more", |x| x >= 0.0,
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
            /// What it must be, in words.
            pub const EXPECTED: &'static str = $expected;

            pub fn new(value: $inner) -> Option<Self> {
                let holds: fn($inner) -> bool = $rule;
                holds(value).then_some(Self(value))
            }

            /// For constants in code.
            pub const fn constant(value: $inner) -> Self {
                Self(value)
            }

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
    /// Tokens at most of a text that is written: the model runs once for each.
    TextLength, usize, "a whole number from 1 to 16384", |n| (1..=16_384).contains(&n),
    {"type": "integer", "minimum": 1, "maximum": 16384});
whole!(
    /// A whole number from 0 to 100,000,000.
    Whole, usize, "a whole number from 0 to 100000000", |n| n <= 100_000_000,
    {"type": "integer", "minimum": 0, "maximum": 100000000});
whole!(
    /// The seed of everything random in a trial. At most 2^53, so that JSON and SQL keep it whole.
    Seed, u64, "a whole number from 0 to 9007199254740992", |n| n <= 9_007_199_254_740_992,
    {"type": "integer", "minimum": 0, "maximum": 9007199254740992u64});

#[allow(clippy::derivable_impls)] // The macro that makes the type derives the same for all.
impl Default for Whole {
    fn default() -> Self {
        Self(0)
    }
}
