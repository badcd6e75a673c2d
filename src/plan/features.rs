//! The features of a trial: what frozen layers compute of an input, once for every row.

use serde_json::{Value, json};

use crate::data::config::FeatureConfig;
use crate::domain::name::InputName;
use crate::domain::task::TargetConfig;
use crate::model::frozen_prefix::FrozenPrefixConfig;
use crate::plan::check::pretrained::pretrained_content;
use crate::plan::trial::Trial;
use crate::spec::pipeline::PipelineConfig;

impl Trial {
    /// For each input whose pretrained layer has `freeze`, the layers whose output is computed once, or why
    /// that is not possible, a clause.
    pub fn planned_features(&self) -> Vec<(InputName, Result<FrozenPrefixConfig, String>)> {
        let possible = |(input, prefix): (InputName, Result<FrozenPrefixConfig, String>)| {
            let prefix = prefix.and_then(|prefix| match obstacle(&self.pipeline, &input) {
                Some(reason) => Err(reason),
                None => Ok(prefix),
            });
            (input, prefix)
        };
        FrozenPrefixConfig::of_network(&self.network()).into_iter().map(possible).collect()
    }

    /// The layers whose output is computed once.
    pub fn frozen_prefixes(&self) -> Vec<FrozenPrefixConfig> {
        self.planned_features().into_iter().filter_map(|(_, prefix)| prefix.ok()).collect()
    }

    /// The settings that the features depend on, apart from the data; `None` if there are none. Trials with
    /// equal settings share the stage.
    pub(crate) fn features_config(&self) -> Option<Value> {
        let prefixes = self.frozen_prefixes();
        (!prefixes.is_empty()).then(|| {
            json!({
                "layers": prefixes,
                "pretrained": pretrained_content(&self.pipeline),
                "device": self.pipeline.train.device,
            })
        })
    }
}

/// What makes the output of frozen layers for an input change, or be needed with more than itself.
fn obstacle(pipeline: &PipelineConfig, input: &InputName) -> Option<String> {
    if pipeline.train.start_from.is_some() {
        return Some("`train.start_from` replaces the pretrained weights".to_owned());
    }
    let config = pipeline.inputs.get(input)?;
    if let FeatureConfig::Image(image) = &config.feature
        && !image.augment.is_empty()
    {
        return Some("`augment` transforms the images in every epoch".to_owned());
    }
    let has_pieces = match &config.feature {
        FeatureConfig::Tokens(tokens) => tokens.tokenizer.is_some(),
        _ => false,
    };
    pipeline.tasks.iter().find_map(|(name, task)| match &task.kind {
        TargetConfig::Tagging(_) if has_pieces => Some(format!("`{name}` reads where words begin")),
        TargetConfig::Text(text) if text.copy => Some(format!("`{name}` copies tokens of its input")),
        TargetConfig::LanguageModel(_) => Some(format!("`{name}` continues its input")),
        _ => None,
    })
}
