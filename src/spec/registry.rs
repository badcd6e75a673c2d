//! All kinds of choices in a pipeline, with their names and examples.

use schemars::{Schema, SchemaGenerator};

use crate::data::config::{SamplingConfig, SourceConfig, SplitConfig};
use crate::domain::augmentation::Augmentation;
use crate::domain::choice_config::Choice;
use crate::domain::decoder::DecoderConfig;
use crate::domain::scheduled_sampling::ScheduledSamplingConfig;
use crate::domain::search::SearchConfig;
use crate::domain::task::TargetConfig;
use crate::domain::tokenizer::TokenizerConfig;
use crate::domain::tree::reader::NodeReader;
use crate::evaluate::config::{BaselinesConfig, MetricConfig};
use crate::model::config::{LayerConfig, LossConfig, SharingConfig};
use crate::onnx::config::ExportConfig;
use crate::spec::input::InputConfig;
use crate::spec::pruning::PruningConfig;
use crate::spec::sweep::{RangeConfig, SweepSearchConfig};
use crate::spec::yaml;
use crate::train::config::{
    OptimizerConfig, RegularizationConfig, ScalarizationConfig, ScheduleConfig, WeightingConfig,
};

/// All choices of one kind, such as all layers.
#[derive(Clone, Copy)]
pub struct ChoiceRegistry {
    /// What is chosen: `layer`, `loss`.
    pub choice_kind: &'static str,
    names: fn() -> &'static [&'static str],
    examples: fn() -> &'static [(&'static str, &'static str)],
    /// The field that a bare value sets.
    pub bare_field: fn(&str) -> Option<&'static str>,
    /// The JSON Schema of the settings of a name.
    pub schema: fn(&str, &mut SchemaGenerator) -> Option<Schema>,
    /// Parses a choice in YAML and returns it as JSON with all defaults filled in.
    pub read: fn(&str) -> Result<serde_json::Value, String>,
}

impl ChoiceRegistry {
    /// The names of all choices.
    pub fn names(&self) -> &'static [&'static str] {
        (self.names)()
    }

    /// Every name with an example in YAML.
    pub fn examples(&self) -> &'static [(&'static str, &'static str)] {
        (self.examples)()
    }
}

/// All kinds of choices.
pub const REGISTRIES: [ChoiceRegistry; 24] = [
    registry_of::<SourceConfig>(),
    registry_of::<SplitConfig>(),
    registry_of::<InputConfig>(),
    registry_of::<LayerConfig>(),
    registry_of::<SharingConfig>(),
    registry_of::<TargetConfig>(),
    registry_of::<LossConfig>(),
    registry_of::<MetricConfig>(),
    registry_of::<WeightingConfig>(),
    registry_of::<OptimizerConfig>(),
    registry_of::<ScheduleConfig>(),
    registry_of::<RegularizationConfig>(),
    registry_of::<ExportConfig>(),
    registry_of::<SamplingConfig>(),
    registry_of::<TokenizerConfig>(),
    registry_of::<DecoderConfig>(),
    registry_of::<SearchConfig>(),
    registry_of::<ScheduledSamplingConfig>(),
    registry_of::<Augmentation>(),
    registry_of::<SweepSearchConfig>(),
    registry_of::<RangeConfig>(),
    registry_of::<BaselinesConfig>(),
    registry_of::<PruningConfig>(),
    registry_of::<ScalarizationConfig>(),
];

const fn registry_of<C: Choice + serde::de::DeserializeOwned + serde::Serialize>() -> ChoiceRegistry {
    ChoiceRegistry {
        choice_kind: C::NOUN,
        names: C::names,
        examples: C::examples,
        bare_field: C::bare_field,
        schema: C::settings_schema,
        read: read::<C>,
    }
}

fn read<C: serde::de::DeserializeOwned + serde::Serialize>(text: &str) -> Result<serde_json::Value, String> {
    let (node, _) = yaml::parse(text).map_err(|diagnostic| diagnostic.message)?;
    let choice = C::deserialize(NodeReader(&node)).map_err(|problem| problem.to_string())?;
    serde_json::to_value(&choice).map_err(|error| error.to_string())
}

/// The registry with exactly these names.
pub fn with_names(names: &[&str]) -> Option<&'static ChoiceRegistry> {
    REGISTRIES.iter().find(|registry| registry.names() == names)
}

/// An example of `name` that shows the setting `key`.
pub fn example(name: &str, key: &str) -> Option<&'static str> {
    REGISTRIES.iter().flat_map(|registry| registry.examples()).find_map(|(known, example)| {
        (*known == name && (example.contains(key) || *known == key)).then_some(*example)
    })
}

/// Parses YAML into settings; `None` if it is invalid.
pub fn parse_settings<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let (node, _) = yaml::parse(text).ok()?;
    T::deserialize(NodeReader(&node)).ok()
}
