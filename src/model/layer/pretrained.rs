//! The layer `pretrained`: see [`PretrainedConfig`].

pub mod adapter;
mod bart;
mod bert;
mod block_convolution;
mod configuration;
mod conv_net;
mod convnext;
mod deberta;
pub mod decoder;
pub mod embeddings;
mod encoder;
pub mod families;
pub mod family;
pub mod freeze;
mod gpt2;
mod inverted_residual;
mod layer_mix;
mod llama;
pub mod lora;
mod mobilenet_v3;
pub mod model_cell;
mod modernbert;
mod resnet;
mod rotary_settings;
mod scaled_block;
mod squeeze;
mod t5;
mod timm_vit;
mod vision_transformer;
mod vit;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::pretrained::adapter::{AdapterCell, LoadedAdapter, adapted_modules};
use crate::model::layer::pretrained::family::{FineTuning, ModelPart};
pub use crate::model::layer::pretrained::freeze::{CacheConfig, FreezeConfig};
pub use crate::model::layer::pretrained::layer_mix::OutputLayers;
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
/// token. Families: bert, roberta, xlm-roberta, camembert, distilbert, electra, albert, mpnet, deberta-v2
/// (also version 3), modernbert; causal ones gpt2, llama, mistral, qwen2; the encoders of t5, mt5, bart,
/// mbart and marian, whose decoders are those of text tasks with `decoder: pretrained`.
///
/// Image encoders, from a folder as `timm` writes it, read images and return an image of features: add a
/// `global_pool`. Frozen blocks normalize by their running statistics. Architectures: efficientnet_b0 to 7,
/// efficientnet_lite0 to 4, mobilenetv2 and mobilenetv3 (also with `tf_`), resnet18, 34, 50, 101 and 152,
/// convnext_tiny, small, base, large and xlarge (also convnext of transformers).
///
/// Vision transformers (vit, deit, dinov2 of transformers or `timm`) read images and return one vector for
/// each learned token, of which `{pool: first}` selects the first, the class token, and for each patch. The
/// positions of images of another size are interpolated bicubically.
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
    /// `mix`: in place of the last block's output, the mean of the embeddings and all blocks with trained
    /// weights, gamma sum_i softmax(s)_i h_i (Peters et al. 2018); not of convolutional networks. Default
    /// last.
    #[serde(default, skip_serializing_if = "is_last")]
    pub layers: OutputLayers,
    /// Dropout rate of hidden activations and of attention weights. Default: those of `config.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<Rate>,
    /// Low-rank adaptation: the pretrained weights are frozen, and updates of low rank are trained. Default
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// Folder of a LoRA or DoRA adapter as Hugging Face's peft writes it, relative to the pipeline file; in
    /// place of `lora`, with the adapter's own rank, alpha, dropout and modules. Its updates are trained on,
    /// but those of frozen blocks. Heads in it (`modules_to_save`) are not used. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Which blocks are built: all, but where a sharing divides the model.
    #[serde(skip)]
    #[schemars(skip)]
    pub part: ModelPart,
    /// What the adapter's folder holds; set by [`PretrainedConfig::read_adapter`].
    #[serde(skip)]
    #[schemars(skip)]
    pub adapter_files: AdapterCell,
    /// What the folder holds; set by [`PretrainedConfig::read`].
    #[serde(skip)]
    #[schemars(skip)]
    pub model: ModelCell,
}

fn is_last(layers: &OutputLayers) -> bool {
    *layers == OutputLayers::Last
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

    /// Reads the adapter, if there is one, and checks that it fits the model, which has been read.
    ///
    /// # Errors
    /// The folder or a file is missing or of another form; or the adapter is of another model.
    pub fn read_adapter(&self, folders: &ModelFolders) -> Result<Option<&LoadedAdapter>, PretrainedError> {
        let (Some(path), Some(model)) = (&self.adapter, self.model.get()) else { return Ok(None) };
        self.adapter_files.get_or_read(&folders.base.join(path), model).map(Some)
    }

    /// Whether its output is a mean over all blocks.
    pub fn mixes_layers(&self) -> bool {
        self.layers == OutputLayers::Mix
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
        if self.adapter.is_some() {
            return Some("has `adapter`".to_owned());
        }
        if self.mixes_layers() {
            return Some("has `layers: mix`, whose weights are trained".to_owned());
        }
        let blocks = self.model.get().map_or(0, |model| model.family.blocks());
        let (frozen, is_whole) = (freeze.blocks(blocks), freeze.is_whole(blocks));
        (!is_whole).then(|| format!("freezes {frozen} of {blocks} blocks; `freeze: all` would freeze all"))
    }

    /// The number of blocks before the first that has updates, which are the same for all tasks that have
    /// updates of their own. An error if no block has updates: a phrase whose subject is the layer.
    pub fn blocks_before_updates(&self) -> Result<usize, String> {
        let blocks = self.model.get().map_or(1, |model| model.family.blocks());
        match self.freeze.map_or(0, |freeze| freeze.blocks(blocks)) {
            frozen if frozen >= blocks => Err("freezes all blocks, so that `lora` adapts none".to_owned()),
            frozen => Ok(frozen),
        }
    }

    /// Both parts of the model: up to so many blocks, and after them; `None` if it is not divisible.
    pub fn divided(&self, blocks: usize) -> Option<(Self, Self)> {
        let is_divisible = |model: &&PretrainedModel| model.family.is_divisible() && is_last(&self.layers);
        self.model.get().filter(is_divisible)?;
        let part = |part: ModelPart| Self { part, ..self.clone() };
        Some((part(ModelPart::Before(blocks)), part(ModelPart::After(blocks))))
    }

    /// One part for each block, the first with the embeddings and the last with what comes after the blocks;
    /// `None` if it is not divisible, or has one block.
    pub fn by_block(&self) -> Option<Vec<Self>> {
        let last = self.model.get()?.family.blocks().checked_sub(1).filter(|last| *last > 0)?;
        let (first, rest) = self.divided(1)?;
        let part = |index: usize| match index == last {
            true => ModelPart::After(index),
            false => ModelPart::Only(index),
        };
        let others = (1..=last).map(|index| Self { part: part(index), ..rest.clone() });
        Some(std::iter::once(first).chain(others).collect())
    }

    /// Why its updates cannot be written as an adapter of peft; `None` if they can.
    pub fn adapter_problem(&self) -> Option<String> {
        let model = self.model.get()?;
        match (&self.lora, &self.adapter) {
            (None, None) => Some("it has no `lora`".to_owned()),
            _ => adapted_modules(model, &self.tuning("model", model.family.blocks())).err(),
        }
    }

    /// How the model is changed as the layer called `name`.
    fn tuning(&self, name: &str, blocks: usize) -> FineTuning {
        let adapter = self.adapter.as_ref().and_then(|_| self.adapter_files.get());
        FineTuning {
            part: self.part,
            mix: self.mixes_layers(),
            frozen_blocks: self.freeze.map(|freeze| freeze.blocks(blocks)),
            dropout: self.dropout.map(Rate::get),
            low_rank: match adapter {
                Some(adapter) => Some(adapter.options(name)),
                None => self.lora.as_ref().map(LoraConfig::options),
            },
        }
    }
}

impl BuildLayer for PretrainedConfig {
    /// If the folder has not been read (its problem is already reported), the width is not known: 1; likewise
    /// the size of the image of features.
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match (self.model.get(), input) {
            (Some(model), _) if !self.part.has_start() => model.family.shape(model.family.input()),
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
        if let (Some(path), None) = (&self.adapter, self.adapter_files.get()) {
            let reason = format!("has not read the adapter `{path}`");
            return Err(ModelError::Shape { part: name.to_owned(), reason });
        }
        if let Some(adapter) = self.adapter_files.get() {
            adapter.request(name, weights);
        }
        let outside = weights.set_blocks_after(None);
        let layer = model.family.build(name, input, &self.tuning(name, model.family.blocks()), weights);
        weights.set_blocks_after(outside);
        weights.freeze_new(false);
        layer
    }

    fn is_causal(&self) -> bool {
        self.model.get().is_some_and(|model| model.family.is_causal())
    }
}

#[cfg(test)]
mod image_check;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod tests;
