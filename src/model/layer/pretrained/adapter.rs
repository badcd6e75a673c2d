//! The LoRA adapter of a `pretrained` layer: which of the model's projections the modules of its files are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::domain::fingerprint::Fingerprint;
use crate::model::layer::pretrained::family::FineTuning;
use crate::model::layer::pretrained::lora::LoraConfig;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::pretrained::{AdapterUpdate, ModulePart, PeftAdapter, PretrainedError};
use crate::model::weights::{LowRankOptions, LowRankSize, LowRankTargets, Weights, module_parts};

/// An adapter that fits a model.
#[derive(Debug)]
pub struct LoadedAdapter {
    /// Its folder.
    pub adapter: Arc<PeftAdapter>,
    updates: Vec<AdapterUpdate>,
}

impl LoadedAdapter {
    fn read(path: &Path, model: &PretrainedModel) -> Result<Self, PretrainedError> {
        let adapter = Arc::new(PeftAdapter::read(path)?);
        let unsupported =
            |reason| PretrainedError::Unsupported { config: model.folder.config_file(), reason };
        let parts = adapted_modules(model, &without_updates()).map_err(unsupported)?;
        let weights = model.family.sources().into_iter().flat_map(|source| source.theirs);
        let weights: BTreeSet<String> = weights.collect();
        let updates = adapter.updates(&parts, &weights, model.family.prefix())?;
        Ok(Self { adapter, updates })
    }

    /// The hash of its files, once it has been set.
    pub fn content(&self) -> &OnceLock<Fingerprint> {
        &self.adapter.content
    }

    /// The low-rank adaptation of the layer called `name`.
    pub fn options(&self, name: &str) -> LowRankOptions {
        let size = |update: &AdapterUpdate| LowRankSize { rank: update.rank, scale: update.scale };
        let sizes = self.updates.iter().map(|update| (format!("{name}.{}", update.part.own), size(update)));
        LowRankOptions {
            targets: LowRankTargets::Weights(sizes.collect::<BTreeMap<_, _>>()),
            dropout: self.adapter.settings.lora_dropout,
            magnitude: self.adapter.settings.use_dora,
            frozen: false,
        }
    }

    /// Requests its values for the layer called `name`.
    pub fn request(&self, name: &str, weights: &mut Weights) {
        weights.request_adapter(name, &self.adapter, self.updates.clone());
    }
}

/// The modules of a model, as the layer `model`, that are projections of its blocks.
///
/// # Errors
/// A projection with updates is no module of the checkpoint.
pub fn adapted_modules(model: &PretrainedModel, tuning: &FineTuning) -> Result<Vec<ModulePart>, String> {
    let mut weights = Weights::outline();
    let (family, name) = (&model.family, "model");
    family.build(name, family.input(), tuning, &mut weights).map_err(|error| error.to_string())?;
    module_parts(name, weights.adapted_layers(), &family.sources(), &model.folder, family.prefix())
}

/// A low-rank adaptation of nothing, with which a model tells its projections.
pub(super) fn without_updates() -> FineTuning {
    let low_rank = Some(LoraConfig { targets: Vec::new(), ..LoraConfig::default() }.options());
    FineTuning { low_rank, ..FineTuning::default() }
}

/// An adapter that is read at most once; copies of a configuration share it. It follows from the path, so
/// that all cells are equal.
#[derive(Clone, Debug, Default)]
pub struct AdapterCell(Arc<OnceLock<LoadedAdapter>>);

impl AdapterCell {
    /// The adapter, if it has been read.
    pub fn get(&self) -> Option<&LoadedAdapter> {
        self.0.get()
    }

    /// The adapter, read from this folder if it has not been read yet.
    ///
    /// # Errors
    /// The folder cannot be used; the next call reads it again.
    pub fn get_or_read(
        &self,
        path: &Path,
        model: &PretrainedModel,
    ) -> Result<&LoadedAdapter, PretrainedError> {
        if let Some(adapter) = self.0.get() {
            return Ok(adapter);
        }
        let adapter = LoadedAdapter::read(path, model)?;
        Ok(self.0.get_or_init(|| adapter))
    }
}

impl PartialEq for AdapterCell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
