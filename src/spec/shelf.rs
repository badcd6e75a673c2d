//! Every shelf a user chooses from: its noun, its names, its examples.

use schemars::{Schema, SchemaGenerator};

use crate::data::spec::{SamplingSpec, SourceSpec, SplitSpec};
use crate::domain::augmentation::Augmentation;
use crate::domain::decoder::DecoderSpec;
use crate::domain::kinds::Choice;
use crate::domain::scheduled_sampling::ScheduledSamplingSpec;
use crate::domain::search::SearchSpec;
use crate::domain::task::TargetSpec;
use crate::domain::tokenizer::TokenizerSpec;
use crate::domain::tree::reader::Reader;
use crate::evaluate::spec::{BaselinesSpec, MetricSpec};
use crate::model::spec::{LayerSpec, LossSpec, SharingSpec};
use crate::onnx::spec::ExportSpec;
use crate::spec::input::InputSpec;
use crate::spec::pruning::PruningSpec;
use crate::spec::sweep::{RangeSpec, SweepSearchSpec};
use crate::spec::yaml;
use crate::train::spec::{OptimizerSpec, RegularizationSpec, ScalarizationSpec, ScheduleSpec, WeightingSpec};

/// One shelf.
#[derive(Clone, Copy)]
pub struct Shelf {
    /// What is chosen: `layer`, `loss`.
    pub noun: &'static str,
    names: fn() -> &'static [&'static str],
    examples: fn() -> &'static [(&'static str, &'static str)],
    /// The field a bare value stands for.
    pub bare_field: fn(&str) -> Option<&'static str>,
    /// The JSON Schema of a name's settings.
    pub schema: fn(&str, &mut SchemaGenerator) -> Option<Schema>,
    /// The words of a choice written as YAML, as JSON with every default filled in.
    pub read: fn(&str) -> Result<serde_json::Value, String>,
}

impl Shelf {
    pub fn names(&self) -> &'static [&'static str] {
        (self.names)()
    }

    /// Every name with its example, as YAML.
    pub fn examples(&self) -> &'static [(&'static str, &'static str)] {
        (self.examples)()
    }
}

/// All shelves.
pub const SHELVES: [Shelf; 24] = [
    shelf::<SourceSpec>(),
    shelf::<SplitSpec>(),
    shelf::<InputSpec>(),
    shelf::<LayerSpec>(),
    shelf::<SharingSpec>(),
    shelf::<TargetSpec>(),
    shelf::<LossSpec>(),
    shelf::<MetricSpec>(),
    shelf::<WeightingSpec>(),
    shelf::<OptimizerSpec>(),
    shelf::<ScheduleSpec>(),
    shelf::<RegularizationSpec>(),
    shelf::<ExportSpec>(),
    shelf::<SamplingSpec>(),
    shelf::<TokenizerSpec>(),
    shelf::<DecoderSpec>(),
    shelf::<SearchSpec>(),
    shelf::<ScheduledSamplingSpec>(),
    shelf::<Augmentation>(),
    shelf::<SweepSearchSpec>(),
    shelf::<RangeSpec>(),
    shelf::<BaselinesSpec>(),
    shelf::<PruningSpec>(),
    shelf::<ScalarizationSpec>(),
];

const fn shelf<C: Choice + serde::de::DeserializeOwned + serde::Serialize>() -> Shelf {
    Shelf {
        noun: C::NOUN,
        names: C::names,
        examples: C::examples,
        bare_field: C::bare_field,
        schema: C::settings_schema,
        read: read::<C>,
    }
}

fn read<C: serde::de::DeserializeOwned + serde::Serialize>(text: &str) -> Result<serde_json::Value, String> {
    let (node, _) = yaml::parse(text).map_err(|diagnostic| diagnostic.message)?;
    let choice = C::deserialize(Reader(&node)).map_err(|problem| problem.to_string())?;
    serde_json::to_value(&choice).map_err(|error| error.to_string())
}

/// The shelf with exactly these names.
pub fn with_names(names: &[&str]) -> Option<&'static Shelf> {
    SHELVES.iter().find(|shelf| shelf.names() == names)
}

/// The example of the name whose settings have this key.
pub fn example(name: &str, key: &str) -> Option<&'static str> {
    SHELVES.iter().flat_map(|shelf| shelf.examples()).find_map(|(known, example)| {
        (*known == name && (example.contains(key) || *known == key)).then_some(*example)
    })
}

/// Words written as YAML, when they read.
pub fn read_words<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let (node, _) = yaml::parse(text).ok()?;
    T::deserialize(Reader(&node)).ok()
}
