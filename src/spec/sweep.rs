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

use crate::domain::kinds::{Settings, kinds};
use crate::domain::number::{Count, Fraction, Seed};
use crate::spec::objective::ObjectiveSpec;
use crate::spec::pruning::PruningSpec;

/// Several trials of one pipeline: every combination of choices, or some drawn at random.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepSpec {
    /// What varies: the address of a setting, as `--set` has it, and the choices for it. Default nothing.
    #[serde(default)]
    pub space: IndexMap<String, ChoicesSpec>,
    /// Each combination is trained once with each of these seeds; the rows are divided by the pipeline's
    /// own. Default: the pipeline's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<Seed>,
    /// How choices are combined. Default grid.
    #[serde(default)]
    pub search: SweepSearchSpec,
    /// When a trial is given up before its last epoch, by what the others had by then on validation rows. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<PruningSpec>,
    /// What the trials are weighed by, two or more of them: the sweep then shows its Pareto front. Default: what
    /// `train.monitor` says, alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveSpec>,
    /// Vary the vector of `weighting: preference` too: so many vectors along each edge of the simplex, evenly (Das and Dennis
    /// 1998). N for two tasks, N (N + 1) / 2 for three. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Count>,
}

kinds! {
    /// How the choices of a sweep are combined.
    pub enum SweepSearchSpec: "sweep search" {
        Grid: "grid" => GridSpec,
        Random: "random" => RandomSpec,
        Tpe: "tpe" => TpeSpec,
    }
}

impl Default for SweepSearchSpec {
    fn default() -> Self {
        Self::Grid(GridSpec {})
    }
}

/// Every combination of the listed choices; the last address varies fastest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {}

impl Settings for GridSpec {
    const EXAMPLE: &'static str = "grid";
}

/// Combinations drawn by the pipeline's seed, no two alike: of lists each choice is as likely, of ranges
/// each value. More of them later begin with the same ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSpec {
    /// Combinations to draw; each is trained once per seed.
    pub trials: Count,
}

impl Settings for RandomSpec {
    const BARE: Option<&'static str> = Some("trials");
    const EXAMPLE: &'static str = "{random: {trials: 20}}";
}

/// Combinations that are likely to be good by what came of the earlier ones: tree-structured Parzen estimators (Bergstra et al.
/// 2011). `batch` are chosen at a time, by what came of all before them; no more than these can be at work side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TpeSpec {
    /// Combinations to try; each is trained once per seed.
    pub trials: Count,
    /// The first of them, which are drawn as `random` draws them. Default 10.
    #[serde(default = "ten")]
    pub startup: Count,
    /// Combinations chosen at a time. With fewer each knows more of the others, with more of them `-j` can train more side by side. Default 1.
    #[serde(default = "at_a_time")]
    pub batch: Count,
    /// Values drawn for every address, of which the likeliest to be good is tried. Default 24.
    #[serde(default = "candidates")]
    pub candidates: Count,
    /// The part of the trials that counts as good. Default 0.25.
    #[serde(default = "quarter")]
    pub gamma: Fraction,
    /// Default: the pipeline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
}

impl Settings for TpeSpec {
    const BARE: Option<&'static str> = Some("trials");
    const EXAMPLE: &'static str = "{tpe: {trials: 40, startup: 10}}";
}

fn ten() -> Count {
    Count::constant(10)
}

fn at_a_time() -> Count {
    Count::constant(1)
}

fn candidates() -> Count {
    Count::constant(24)
}

fn quarter() -> Fraction {
    Fraction::constant(0.25)
}

kinds! {
    /// Numbers between two, to be drawn from.
    pub enum RangeSpec: "range" {
        Log: "log" => LogSpec,
        Linear: "linear" => LinearSpec,
        Whole: "whole" => WholeSpec,
    }
}

/// Each order of magnitude is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSpec {
    /// The smallest, greater than 0, and the largest.
    pub between: Between,
}

impl Settings for LogSpec {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{log: [1.0e-5, 1.0e-3]}";
}

/// Each number is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearSpec {
    /// The smallest and the largest.
    pub between: Between,
}

impl Settings for LinearSpec {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{linear: [0.0, 0.5]}";
}

/// Each whole number is as likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeSpec {
    /// The smallest and the largest, both whole and both allowed.
    pub between: Between,
}

impl Settings for WholeSpec {
    const BARE: Option<&'static str> = Some("between");
    const EXAMPLE: &'static str = "{whole: [16, 128]}";
}

/// Two finite numbers, the smaller first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Between(pub f64, pub f64);

impl<'de> Deserialize<'de> for Between {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Between;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("two numbers, the smaller first")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Between, A::Error> {
                let mut ends = Vec::new();
                while let Some(end) = items.next_element::<f64>()? {
                    ends.push(end);
                }
                match ends.as_slice() {
                    [low, high] if low.is_finite() && high.is_finite() && low < high => {
                        Ok(Between(*low, *high))
                    }
                    [_, _] => Err(serde::de::Error::invalid_value(serde::de::Unexpected::Seq, &self)),
                    other => Err(serde::de::Error::invalid_length(other.len(), &self)),
                }
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl JsonSchema for Between {
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
pub enum ChoicesSpec {
    List(Vec<Value>),
    Range(RangeSpec),
}

impl Serialize for ChoicesSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(values) => values.serialize(serializer),
            Self::Range(range) => range.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ChoicesSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = ChoicesSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a list of choices, or a range such as {log: [1.0e-5, 1.0e-3]}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ChoicesSpec, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                if values.is_empty() {
                    return Err(serde::de::Error::invalid_length(0, &self));
                }
                Ok(ChoicesSpec::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ChoicesSpec, A::Error> {
                RangeSpec::deserialize(MapAccessDeserializer::new(map)).map(ChoicesSpec::Range)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl JsonSchema for ChoicesSpec {
    fn schema_name() -> Cow<'static, str> {
        "ChoicesSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<RangeSpec>();
        json_schema!({
            "description": "A list of choices, or a range of numbers.",
            "anyOf": [{"type": "array", "minItems": 1}, range]
        })
    }
}
