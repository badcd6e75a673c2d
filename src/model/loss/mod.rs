//! The shelf of losses: how far a task's raw output is from the truth.

pub mod binary_cross_entropy;
pub mod cross_entropy;
pub mod focal;
pub mod huber;
pub mod mae;
pub mod mse;
pub mod ordinal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::kinds;
use crate::domain::number::Positive;

kinds! {
    /// How far a task's raw output is from the truth.
    pub enum LossSpec: "loss" {
        BinaryCrossEntropy: "binary_cross_entropy" => binary_cross_entropy::BinaryCrossEntropySpec,
        CrossEntropy: "cross_entropy" => cross_entropy::CrossEntropySpec,
        Focal: "focal" => focal::FocalSpec,
        Mse: "mse" => mse::MseSpec,
        Mae: "mae" => mae::MaeSpec,
        Huber: "huber" => huber::HuberSpec,
        Ordinal: "ordinal" => ordinal::OrdinalLossSpec,
    }
}

/// How much each class counts in a loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// All alike.
    #[default]
    None,
    /// rows / (classes x rows of the class), of the training rows.
    Balanced,
    /// One weight per class, in the classes' order.
    Given(Vec<Positive>),
}

impl Serialize for ClassWeights {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::Given(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = ClassWeights;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("none, balanced, or a list of one weight per class")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    "none" => Ok(ClassWeights::None),
                    "balanced" => Ok(ClassWeights::Balanced),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, items: A) -> Result<ClassWeights, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(items)).map(ClassWeights::Given)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl JsonSchema for ClassWeights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeights".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "enum": ["none", "balanced"]},
            {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}}
        ]})
    }
}
