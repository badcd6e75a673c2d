//! The words of a sweep: which settings vary, over which seeds, and how choices are combined.
//!
//! `space` holds addresses as `--set` has them. What is listed under one is tried as if it stood there.

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

/// Several trials of one pipeline: every combination of choices, or some drawn at random.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// What varies: the address of a setting, as `--set` has it, and the choices for it. Default nothing.
    #[serde(default)]
    pub space: IndexMap<String, ChoicesConfig>,
    /// Each combination is trained once with each of these seeds; the rows are divided by the pipeline's
    /// own. Default: the pipeline's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<Seed>,
    /// How choices are combined. Default grid.
    #[serde(default)]
    pub search: SweepSearchConfig,
    /// When a trial is given up before its last epoch, by what the others had by then on validation rows.
    /// Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<PruningConfig>,
    /// What the trials are weighed by, two or more of them: the sweep then shows its Pareto front. Default:
    /// what `train.monitor` says, alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveConfig>,
    /// Vary the vector of `weighting: preference` too: so many vectors along each edge of the simplex, evenly
    /// (Das and Dennis 1998). N for two tasks, N (N + 1) / 2 for three. Default none.
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

/// Every combination of the listed choices; the last address varies fastest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridConfig {}

impl Settings for GridConfig {
    const EXAMPLE: &'static str = "grid";
}

/// Combinations drawn by the pipeline's seed, no two alike: of lists each choice is as likely, of ranges
/// each value. More of them later begin with the same ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSearchConfig {
    /// Combinations to draw; each is trained once per seed.
    pub trials: Count,
}

impl Settings for RandomSearchConfig {
    const BARE: Option<&'static str> = Some("trials");
    const EXAMPLE: &'static str = "{random: {trials: 20}}";
}

/// Combinations that are likely to be good by what came of the earlier ones: tree-structured Parzen
/// estimators (Bergstra et al. 2011). `batch` are chosen at a time, by what came of all before them; no more
/// than these can be at work side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TpeConfig {
    /// Combinations to try; each is trained once per seed.
    pub trials: Count,
    /// The first of them, which are drawn as `random` draws them. Default 10.
    #[serde(default = "default_startup")]
    pub startup: Count,
    /// Combinations chosen at a time. With fewer each knows more of the others, with more of them `-j` can
    /// train more side by side. Default 1.
    #[serde(default = "default_batch")]
    pub batch: Count,
    /// Values drawn for every address, of which the likeliest to be good is tried. Default 24.
    #[serde(default = "default_candidates")]
    pub candidates: Count,
    /// The part of the trials that counts as good. Default 0.25.
    #[serde(default = "default_gamma")]
    pub gamma: Fraction,
    /// Default: the pipeline's.
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
    /// Numbers between two, to be drawn from.
    pub enum RangeConfig: "range" {
        Log: "log" => LogConfig,
        Linear: "linear" => LinearRangeConfig,
        Whole: "whole" => WholeConfig,
    }
}

/// Each order of magnitude is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The smallest, greater than 0, and the largest.
    pub between: FiniteRange,
}

impl Settings for LogConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{log: [1.0e-5, 1.0e-3]}";
}

/// Each number is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearRangeConfig {
    /// The smallest and the largest.
    pub between: FiniteRange,
}

impl Settings for LinearRangeConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{linear: [0.0, 0.5]}";
}

/// Each whole number is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeConfig {
    /// The smallest and the largest, both whole and both allowed.
    pub between: FiniteRange,
}

impl Settings for WholeConfig {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{whole: [16, 128]}";
}

/// Two finite numbers, the smaller first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FiniteRange(pub f64, pub f64);

impl<'de> Deserialize<'de> for FiniteRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BetweenForm;
        impl<'de> Visitor<'de> for BetweenForm {
            type Value = FiniteRange;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("two numbers, the smaller first")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<FiniteRange, A::Error> {
                let mut ends = Vec::new();
                while let Some(end) = items.next_element::<f64>()? {
                    ends.push(end);
                }
                match ends.as_slice() {
                    [low, high] if low.is_finite() && high.is_finite() && low < high => {
                        Ok(FiniteRange(*low, *high))
                    }
                    [_, _] => Err(serde::de::Error::invalid_value(serde::de::Unexpected::Seq, &self)),
                    other => Err(serde::de::Error::invalid_length(other.len(), &self)),
                }
            }
        }
        deserializer.deserialize_any(BetweenForm)
    }
}

impl JsonSchema for FiniteRange {
    fn schema_name() -> Cow<'static, str> {
        "Between".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2,
            "description": "Two finite numbers, the smaller first."
        })
    }
}

/// The choices for one setting: a list of values as the setting takes them, or a range of numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum ChoicesConfig {
    List(Vec<Value>),
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
        struct ChoicesForm;
        impl<'de> Visitor<'de> for ChoicesForm {
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
        deserializer.deserialize_any(ChoicesForm)
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
