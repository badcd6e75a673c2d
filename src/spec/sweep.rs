//! Settings of a sweep: which settings vary, over which seeds, and how choices are combined.
//!
//! The keys of `space` are setting paths as in `--set`. Each listed value is tried as if it were written
//! there.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Fraction, Seed};
use crate::spec::objective::ObjectiveConfig;
use crate::spec::pruning::PruningConfig;

/// Several trials of one pipeline: all combinations of choices, or some of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// What varies: setting paths as in `--set`, each with its choices. Default nothing.
    #[serde(default)]
    pub space: IndexMap<String, ChoicesConfig>,
    /// Train every combination once with each of these seeds; rows are split with the pipeline's own seed.
    /// Default: the pipeline's seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<Seed>,
    /// How choices are combined. Default grid.
    #[serde(default)]
    pub search: SweepSearchConfig,
    /// When a trial is stopped before its last epoch, by comparison with other trials on validation rows.
    /// Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<PruningConfig>,
    /// Two or more objectives; the sweep then reports their Pareto front. Default: the one objective of
    /// `train.monitor`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveConfig>,
    /// Also vary the vector of `weighting: preference`: this many evenly spaced vectors along each edge of
    /// the simplex (Das and Dennis 1998). N vectors for two tasks, N (N + 1) / 2 for three. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Count>,
}

kinds! {
    /// How the choices of a sweep are combined.
    pub enum SweepSearchConfig: "sweep search" {
        Grid: "grid" => GridConfig,
        Random: "random" => RandomSearchConfig,
        Tpe: "tpe" => TpeConfig,
    }
}

impl Default for SweepSearchConfig {
    fn default() -> Self {
        Self::Grid(GridConfig {})
    }
}

/// All combinations of the listed choices; the last setting varies fastest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridConfig {}

impl Settings for GridConfig {
    const EXAMPLE: &'static str = "grid";
}

/// Distinct combinations drawn at random with the pipeline's seed, uniformly from lists and ranges. A larger
/// number of trials starts with the same combinations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSearchConfig {
    /// Number of combinations; each is trained once per seed.
    pub trials: Count,
}

impl Settings for RandomSearchConfig {
    const BARE: Option<&'static str> = Some("trials");
    const EXAMPLE: &'static str = "{random: {trials: 20}}";
}

/// Tree-structured Parzen estimators (TPE; Bergstra et al. 2011): chooses promising combinations from the
/// results of earlier trials. `batch` combinations are chosen at a time, from the results of all earlier
/// ones; at most these can be trained in parallel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TpeConfig {
    /// Number of combinations; each is trained once per seed.
    pub trials: Count,
    /// Number of initial combinations, drawn as by `random`. Default 10.
    #[serde(default = "default_startup")]
    pub startup: Count,
    /// Number of combinations chosen at a time. Smaller batches use more results for each choice; larger ones
    /// allow more parallel trials (`-j`). Default 1.
    #[serde(default = "default_batch")]
    pub batch: Count,
    /// Number of candidate values drawn per setting, of which the most promising one is tried. Default 24.
    #[serde(default = "default_candidates")]
    pub candidates: Count,
    /// Fraction of the trials that count as good. Default 0.25.
    #[serde(default = "default_gamma")]
    pub gamma: Fraction,
    /// Seed of the search. Default: the pipeline's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
}

impl Settings for TpeConfig {
    const BARE: Option<&'static str> = Some("trials");
    const EXAMPLE: &'static str = "{tpe: {trials: 40, startup: 10}}";
}

fn default_startup() -> Count {
    Count::constant(10)
}

fn default_batch() -> Count {
    Count::constant(1)
}

fn default_candidates() -> Count {
    Count::constant(24)
}

fn default_gamma() -> Fraction {
    Fraction::constant(0.25)
}

kinds! {
    /// A range of numbers to draw from.
    pub enum RangeConfig: "range" {
        Log: "log" => LogConfig,
        Linear: "linear" => LinearRangeConfig,
        Whole: "whole" => WholeConfig,
    }
}

/// Uniform on a logarithmic scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The bounds, [low, high], both greater than 0.
    pub between: FiniteRange,
}

impl Settings for LogConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{log: [1.0e-5, 1.0e-3]}";
}

/// Uniform on a linear scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearRangeConfig {
    /// The bounds, [low, high].
    pub between: FiniteRange,
}

impl Settings for LinearRangeConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{linear: [0.0, 0.5]}";
}

/// Uniform over whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeConfig {
    /// The bounds, [low, high], whole numbers and inclusive.
    pub between: FiniteRange,
}

impl Settings for WholeConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{whole: [16, 128]}";
}

/// Two finite numbers, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FiniteRange(pub f64, pub f64);

impl<'de> Deserialize<'de> for FiniteRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RangeVisitor;
        impl<'de> Visitor<'de> for RangeVisitor {
            type Value = FiniteRange;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("[low, high] with low < high")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<FiniteRange, A::Error> {
                let mut bounds = Vec::new();
                while let Some(bound) = items.next_element::<f64>()? {
                    bounds.push(bound);
                }
                match bounds.as_slice() {
                    [low, high] if low.is_finite() && high.is_finite() && low < high => {
                        Ok(FiniteRange(*low, *high))
                    }
                    [_, _] => Err(serde::de::Error::invalid_value(serde::de::Unexpected::Seq, &self)),
                    other => Err(serde::de::Error::invalid_length(other.len(), &self)),
                }
            }
        }
        deserializer.deserialize_any(RangeVisitor)
    }
}

impl JsonSchema for FiniteRange {
    fn schema_name() -> Cow<'static, str> {
        "Between".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2,
            "description": "Two finite numbers, [low, high] with low < high."
        })
    }
}

/// The choices for one setting: a list of its values, or a range of numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum ChoicesConfig {
    /// Each of these values.
    List(Vec<Value>),
    /// Numbers of a range.
    Range(RangeConfig),
}

impl Serialize for ChoicesConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(values) => values.serialize(serializer),
            Self::Range(range) => range.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ChoicesConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoicesVisitor;
        impl<'de> Visitor<'de> for ChoicesVisitor {
            type Value = ChoicesConfig;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a list of choices, or a range such as {log: [1.0e-5, 1.0e-3]}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ChoicesConfig, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                if values.is_empty() {
                    return Err(serde::de::Error::invalid_length(0, &self));
                }
                Ok(ChoicesConfig::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ChoicesConfig, A::Error> {
                RangeConfig::deserialize(MapAccessDeserializer::new(map)).map(ChoicesConfig::Range)
            }
        }
        deserializer.deserialize_any(ChoicesVisitor)
    }
}

impl JsonSchema for ChoicesConfig {
    fn schema_name() -> Cow<'static, str> {
        "ChoicesConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<RangeConfig>();
        json_schema!({
            "description": "A list of choices, or a range of numbers.",
            "anyOf": [{"type": "array", "minItems": 1}, range]
        })
    }
}
