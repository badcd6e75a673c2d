//! Class weights of a loss.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::Positive;
use crate::domain::task::FittedTarget;

/// The weight of each class in a loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// All weights 1.
    #[default]
    None,
    /// rows / (classes x rows of the class), counted on training rows; on tokens or pixels for tagging and
    /// segmentation.
    Balanced,
    /// One weight per class, in class order.
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
        struct ClassWeightsForm;
        impl<'de> serde::de::Visitor<'de> for ClassWeightsForm {
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
        deserializer.deserialize_any(ClassWeightsForm)
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

impl ClassWeights {
    /// One weight per class of a classification target.
    ///
    /// # Errors
    ///
    /// If the target has no classes, or another number of classes than there are weights.
    pub fn per_class(&self, target: &FittedTarget) -> Result<Vec<f32>, String> {
        match target {
            FittedTarget::Binary { counts, .. } => self.class_weights(counts),
            FittedTarget::Multiclass { counts, .. }
            | FittedTarget::Ordinal { counts, .. }
            | FittedTarget::Tagging { counts, .. }
            | FittedTarget::Segmentation { counts, .. } => self.class_weights(counts),
            other => Err(format!("a {} task has no classes to weight", other.kind())),
        }
    }

    /// The weights of the negative and the positive class for each column of a binary or multilabel target.
    /// Given weights of a multilabel target apply to both classes of a label.
    ///
    /// # Errors
    ///
    /// As [`Self::per_class`].
    pub fn per_label(&self, target: &FittedTarget) -> Result<Vec<[f32; 2]>, String> {
        let FittedTarget::Multilabel { labels, positives, present, .. } = target else {
            let weights = self.per_class(target)?;
            return Ok(vec![[weights[0], weights[1]]]);
        };
        match self {
            Self::None => Ok(vec![[1.0; 2]; labels.len()]),
            Self::Balanced => Ok(positives
                .iter()
                .zip(present)
                .map(|(positives, present)| {
                    let weights = balanced(&[present - positives, *positives]);
                    [weights[0], weights[1]]
                })
                .collect()),
            Self::Given(_) => {
                Ok(self.class_weights(positives)?.into_iter().map(|weight| [weight; 2]).collect())
            }
        }
    }

    /// One weight per class with these counts.
    fn class_weights(&self, counts: &[u64]) -> Result<Vec<f32>, String> {
        match self {
            Self::None => Ok(vec![1.0; counts.len()]),
            Self::Balanced => Ok(balanced(counts)),
            Self::Given(weights) if weights.len() == counts.len() => {
                Ok(weights.iter().map(|weight| weight.get() as f32).collect())
            }
            Self::Given(weights) => {
                Err(format!("has {} class weights for {} classes", weights.len(), counts.len()))
            }
        }
    }
}

/// rows / (classes x rows of the class); an empty class counts as one row.
fn balanced(counts: &[u64]) -> Vec<f32> {
    let rows: u64 = counts.iter().sum();
    let mean = rows as f64 / counts.len() as f64;
    counts.iter().map(|count| (mean / (*count).max(1) as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::domain::task::FittedTarget;
    use crate::model::loss::ClassWeights;

    fn three_classes() -> FittedTarget {
        FittedTarget::Multiclass {
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            counts: vec![1, 2, 5],
        }
    }

    #[test]
    fn balanced_as_scikit_learn() {
        // compute_class_weight("balanced", classes=[0,1,2], y=[0,1,1,2,2,2,2,2])
        let weights = ClassWeights::Balanced.per_class(&three_classes()).unwrap();
        assert_eq!(weights, [2.666_666_7, 1.333_333_4, 0.533_333_36]);
    }

    #[test]
    fn the_number_of_weights_must_match_the_number_of_classes() {
        let two = ClassWeights::Given(vec![Positive::constant(1.0), Positive::constant(2.0)]);
        assert_eq!(two.per_class(&three_classes()).unwrap_err(), "has 2 class weights for 3 classes");
    }
}
