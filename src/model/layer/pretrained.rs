//! The layer `pretrained`: see [`PretrainedConfig`].

mod bert;
mod configuration;
mod conv_net;
mod embeddings;
mod encoder;
pub mod families;
pub mod family;
pub mod freeze;
mod gpt2;
mod inverted_residual;
pub mod lora;
pub mod model_cell;
mod resnet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::pretrained::family::FineTuning;
pub use crate::model::layer::pretrained::freeze::{CacheConfig, FreezeConfig};
pub use crate::model::layer::pretrained::lora::LoraConfig;
use crate::model::layer::pretrained::model_cell::{ModelCell, ModelFolders, PretrainedModel};
use crate::model::layer::{BuildLayer, Module};
use crate::model::pretrained::PretrainedError;
use crate::model::weights::Weights;

/// A pretrained encoder, from a folder as Hugging Face's `transformers` writes it: `config.json` and
/// `model.safetensors` (also in shards with an index; F32, F16 or BF16), or `pytorch_model.bin` of zip form,
/// which is read as data: no code in it is run.
///
/// Text encoders read tokens of `tokenizer: {pretrained: ...}` of the same folder and return one vector per
/// token. Families: bert, roberta, xlm-roberta, camembert, distilbert, electra, albert, gpt2.
///
/// Image encoders, from a folder as `timm` writes it, read images and return an image of features: add a
/// `global_pool`. Frozen blocks normalize by their running statistics. Architectures: efficientnet_lite0 to 4
/// and mobilenetv2 (also with `tf_`), resnet18, 34, 50, 101 and 152.
///
/// ```yaml
/// trunk: [{pretrained: {path: models/all-MiniLM-L6-v2, lora: {rank: 8}}}, {pool: mean}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PretrainedConfig {
    /// Folder of the model, relative to the pipeline file.
    pub path: String,
    /// How much is frozen: `all`, or the number of blocks next to the input that are frozen together with the
    /// embeddings; frozen blocks have no dropout. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<FreezeConfig>,
    /// How the output is kept if all weights are frozen, so that it is computed once for every row: f32, f16
    /// or none. Default f32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheConfig>,
    /// Dropout rate of hidden activations and of attention weights. Default: those of `config.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<Rate>,
    /// Low-rank adaptation: the pretrained weights are frozen, and updates of low rank are trained. Default
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// What the folder holds; set by [`PretrainedConfig::read`].
    #[serde(skip)]
    #[schemars(skip)]
    pub model: ModelCell,
}

impl Settings for PretrainedConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{pretrained: {path: models/all-MiniLM-L6-v2, freeze: 2}}";
}

impl PretrainedConfig {
    /// Reads the folder and checks that it holds every weight of its architecture.
    ///
    /// # Errors
    /// The folder, a file or a weight is missing or of another form; or the architecture is not known.
    pub fn read(&self, folders: &ModelFolders) -> Result<&PretrainedModel, PretrainedError> {
        self.model.get_or_read(&self.path, folders)
    }

    /// The names of the projections that `lora` can adapt.
    ///
    /// # Errors
    /// Those of building the model.
    pub fn lora_targets(&self) -> ModelResult<Vec<String>> {
        let Some(model) = self.model.get() else { return Ok(Vec::new()) };
        let low_rank = Some(LoraConfig { targets: Vec::new(), ..LoraConfig::default() }.options());
        let tuning = FineTuning { low_rank, ..FineTuning::default() };
        let mut weights = Weights::outline();
        model.family.build("model", model.family.input(), &tuning, &mut weights)?;
        Ok(weights.low_rank_targets().to_vec())
    }

    /// Why its output for a row is not computed once; `None` if it is frozen whole.
    pub fn change(&self) -> Option<String> {
        if self.cache == Some(CacheConfig::None) {
            return Some("has `cache: none`".to_owned());
        }
        let Some(freeze) = self.freeze else { return Some("is trained".to_owned()) };
        if self.lora.is_some() {
            return Some("has `lora`, which is trained".to_owned());
        }
        let blocks = self.model.get().map_or(0, |model| model.family.blocks());
        let (frozen, is_whole) = (freeze.blocks(blocks), freeze.is_whole(blocks));
        (!is_whole).then(|| format!("freezes {frozen} of {blocks} blocks; `freeze: all` would freeze all"))
    }

    fn tuning(&self, blocks: usize) -> FineTuning {
        FineTuning {
            frozen_blocks: self.freeze.map(|freeze| freeze.blocks(blocks)),
            dropout: self.dropout.map(Rate::get),
            low_rank: self.lora.as_ref().map(LoraConfig::options),
        }
    }
}

impl BuildLayer for PretrainedConfig {
    /// If the folder has not been read (its problem is already reported), the width is not known: 1; likewise
    /// the size of the image of features.
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match (self.model.get(), input) {
            (Some(model), input) => model.family.shape(input),
            (None, Shape::Tokens { .. }) => Ok(Shape::Sequence { width: 1 }),
            (None, Shape::Image { .. }) => Ok(Shape::Image { channels: 1, height: 1, width: 1 }),
            (None, other) => Err(format!("needs tokens or an image, not {other}")),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let model = self.model.get().ok_or_else(|| ModelError::Shape {
            part: name.to_owned(),
            reason: format!("has not read the folder `{}`", self.path),
        })?;
        weights.request_pretrained(name, &model.folder, model.family.sources(), model.family.prefix());
        let outside = weights.set_blocks_after(None);
        let layer = model.family.build(name, input, &self.tuning(model.family.blocks()), weights);
        weights.set_blocks_after(outside);
        weights.freeze_new(false);
        layer
    }

    fn is_causal(&self) -> bool {
        self.model.get().is_some_and(|model| model.family.is_causal())
    }
}

#[cfg(test)]
mod tests;
