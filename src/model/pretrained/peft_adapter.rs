//! A LoRA adapter in a folder as Hugging Face's peft writes it: `adapter_config.json` with its settings, and
//! `adapter_model.safetensors` (or `adapter_model.bin` of zip form) with A and B of every adapted module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::Tensor;

use crate::domain::diagnostic::suggestion;
use crate::domain::fingerprint::Fingerprint;
use crate::model::pretrained::error::PretrainedError;
use crate::model::pretrained::peft_settings::PeftSettings;
use crate::model::pretrained::stored_tensor::{StoredTensor, TensorStorage};
use crate::model::pretrained::{pickle_file, safetensors_file};

/// The file of an adapter's settings.
pub const ADAPTER_CONFIG: &str = "adapter_config.json";
/// The file of an adapter's weights.
pub const ADAPTER_WEIGHTS: &str = "adapter_model.safetensors";
const ADAPTER_PICKLE: &str = "adapter_model.bin";
/// What the names of an adapter's weights start with.
pub const ADAPTER_PREFIX: &str = "base_model.model.";
/// The suffixes of A `[rank, in]`, B `[out, rank]` and the magnitudes `[out]` of a module.
pub const ADAPTER_SUFFIXES: [&str; 3] = [".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"];

/// One of our projections, and the columns of a pretrained model's module that it computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModulePart {
    /// The module in the pretrained model, such as `encoder.layer.0.attention.self.query`.
    pub module: String,
    /// The first of its output columns.
    pub first: usize,
    /// Number of its output columns.
    pub columns: usize,
    /// Output columns of the whole module.
    pub units: usize,
    /// Input columns of the module.
    pub width: usize,
    /// What the names of our update's weights start with, after the name of the layer.
    pub own: String,
}

/// The update of one of our projections in an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterUpdate {
    /// The projection.
    pub part: ModulePart,
    /// The rank.
    pub rank: usize,
    /// The factor of the update.
    pub scale: f64,
    /// The module's name in the file, with its prefix.
    stored: String,
}

/// An adapter on disk. Its weights are read when training begins.
#[derive(Debug)]
pub struct PeftAdapter {
    /// Path of the folder.
    pub path: PathBuf,
    /// Its settings.
    pub settings: PeftSettings,
    /// Its files: what the model depends on.
    pub files: Vec<PathBuf>,
    /// The hash of its files, set by the room that hashes files.
    pub content: OnceLock<Fingerprint>,
    tensors: BTreeMap<String, StoredTensor>,
}

impl PeftAdapter {
    /// Reads the settings and the headers of the weights.
    ///
    /// # Errors
    /// The folder or a file in it is missing, a file is not what its name says, or the adapter is not a LoRA
    /// of dense layers.
    pub fn read(path: &Path) -> Result<Self, PretrainedError> {
        if !path.is_dir() {
            return Err(PretrainedError::NoAdapter(path.to_owned()));
        }
        let config = path.join(ADAPTER_CONFIG);
        if !config.is_file() {
            let expected = "`adapter_config.json`: it is not an adapter as peft writes it";
            return Err(PretrainedError::MissingFile { folder: path.to_owned(), expected });
        }
        let settings = PeftSettings::read(&config)?;
        let weights = [ADAPTER_WEIGHTS, ADAPTER_PICKLE].map(|name| path.join(name));
        let weights = weights.into_iter().find(|file| file.is_file()).ok_or_else(|| {
            let expected = "`adapter_model.safetensors` or `adapter_model.bin`";
            PretrainedError::MissingFile { folder: path.to_owned(), expected }
        })?;
        let tensors = match weights.extension().is_some_and(|extension| extension == "safetensors") {
            true => safetensors_file::tensors(&weights)?,
            false => pickle_file::tensors(&weights)?,
        };
        let files = vec![config, weights];
        Ok(Self { path: path.to_owned(), settings, files, content: OnceLock::new(), tensors })
    }

    fn wrong(&self, reason: String) -> PretrainedError {
        PretrainedError::Adapter { folder: self.path.clone(), reason }
    }

    /// The updates of our projections `parts`, every one of the adapter's. `prefix` is what the names of the
    /// base model begin with in a model with a head (`bert`), and `weights` are the names of its weights.
    ///
    /// # Errors
    /// The adapter changes something that is none of `parts`, or has matrices of other shapes.
    pub fn updates(
        &self,
        parts: &[ModulePart],
        weights: &BTreeSet<String>,
        prefix: &str,
    ) -> Result<Vec<AdapterUpdate>, PretrainedError> {
        let mut updates = Vec::new();
        for stored in self.modules(weights, prefix)? {
            let module = without_prefix(&stored, prefix);
            let own: Vec<&ModulePart> = parts.iter().filter(|part| part.module == module).collect();
            let Some(first) = own.first() else {
                let mut known: Vec<&str> = parts.iter().map(|part| part.module.as_str()).collect();
                known.dedup();
                let like = suggestion(module, &known).map_or(String::new(), |help| format!("; {help}"));
                let reason =
                    format!("it adapts `{module}`, which is no projection of the model's blocks{like}");
                return Err(self.wrong(reason));
            };
            let rank = self.rank(&stored, first)?;
            let scale = self.settings.scale(module, rank);
            updates.extend(own.into_iter().map(|part| AdapterUpdate {
                part: part.clone(),
                rank,
                scale,
                stored: stored.clone(),
            }));
        }
        match updates.is_empty() {
            true => Err(self.wrong("it has no weights of LoRA".to_owned())),
            false => Ok(updates),
        }
    }

    /// The adapted modules, by their names in the file.
    fn modules(&self, weights: &BTreeSet<String>, prefix: &str) -> Result<BTreeSet<String>, PretrainedError> {
        let mut modules = BTreeSet::new();
        for name in self.tensors.keys() {
            let own = name.strip_prefix(ADAPTER_PREFIX).ok_or_else(|| {
                self.wrong(format!("weight `{name}`: expected a name that starts with `{ADAPTER_PREFIX}`"))
            })?;
            if let Some(module) = ADAPTER_SUFFIXES.iter().find_map(|suffix| own.strip_suffix(suffix)) {
                modules.insert(module.to_owned());
            } else if own.contains(".lora_") {
                return Err(self.wrong(format!("weight `{name}`: only A, B and magnitudes are supported")));
            } else if weights.contains(without_prefix(own, prefix)) {
                // Modules that peft saves whole are heads, which the layer leaves out, as those of the model.
                let reason = format!("it replaces the weight `{own}` (`modules_to_save` or `bias`)");
                return Err(self.wrong(reason));
            }
        }
        Ok(modules)
    }

    /// Checks the matrices of a module, and returns their rank.
    fn rank(&self, stored: &str, part: &ModulePart) -> Result<usize, PretrainedError> {
        let [a, b, magnitude] = ADAPTER_SUFFIXES.map(|suffix| format!("{ADAPTER_PREFIX}{stored}{suffix}"));
        let shape = |name: &str| match self.tensors.get(name) {
            Some(tensor) => Ok(tensor.shape.clone()),
            None => Err(self.wrong(format!("it has no weight `{name}`"))),
        };
        let misfit = |name: &str, found: Vec<usize>, expected: String| {
            self.wrong(format!("weight `{name}` has shape {found:?}; the model needs {expected}"))
        };
        let (down, up) = (shape(&a)?, shape(&b)?);
        let rank = match down.as_slice() {
            [rank, width] if *rank > 0 && *width == part.width => *rank,
            _ => return Err(misfit(&a, down.clone(), format!("[rank, {}]", part.width))),
        };
        if up != [part.units, rank] {
            return Err(misfit(&b, up, format!("[{}, {rank}]", part.units)));
        }
        match (self.settings.use_dora, self.tensors.contains_key(&magnitude)) {
            (true, _) => {
                let found = shape(&magnitude)?;
                if found != [part.units] {
                    return Err(misfit(&magnitude, found, format!("[{}]", part.units)));
                }
            }
            (false, true) => {
                return Err(self.wrong(format!("it has a weight `{magnitude}`, but `use_dora` is false")));
            }
            (false, false) => {}
        }
        Ok(rank)
    }

    /// A `[in, rank]`, B `[rank, columns]` and the magnitudes `[columns]` of an update.
    ///
    /// # Errors
    /// They cannot be read, or hold NaN or infinity.
    pub fn values(
        &self,
        update: &AdapterUpdate,
    ) -> Result<(Tensor, Tensor, Option<Tensor>), PretrainedError> {
        let [a, b, magnitude] =
            ADAPTER_SUFFIXES.map(|suffix| format!("{ADAPTER_PREFIX}{}{suffix}", update.stored));
        let (first, columns) = (update.part.first, update.part.columns);
        let candle = |error: candle_core::Error| self.wrong(error.to_string());
        let a = self.tensor(&a)?.t().and_then(|a| a.contiguous()).map_err(candle)?;
        let b = self.tensor(&b)?;
        let b = b.narrow(0, first, columns).and_then(|b| b.t()?.contiguous()).map_err(candle)?;
        let magnitude = match self.settings.use_dora {
            true => Some(self.tensor(&magnitude)?.narrow(0, first, columns).map_err(candle)?),
            false => None,
        };
        Ok((a, b, magnitude))
    }

    fn tensor(&self, name: &str) -> Result<Tensor, PretrainedError> {
        let stored =
            self.tensors.get(name).ok_or_else(|| self.wrong(format!("it has no weight `{name}`")))?;
        let values = match &stored.storage {
            TensorStorage::Bytes { start, length } => safetensors_file::read(stored, *start, *length)?,
            TensorStorage::Entry(entry) => pickle_file::read(stored, entry)?,
        };
        let (folder, name) = (self.path.clone(), name.to_owned());
        let Some(values) = values else {
            return Err(PretrainedError::WeightType { folder, name, found: stored.element_type.clone() });
        };
        let total = values.and_then(|values| Ok((values.abs()?.sum_all()?.to_scalar::<f32>()?, values)));
        match total.map_err(|error| self.wrong(error.to_string()))? {
            (total, values) if total.is_finite() => Ok(values),
            _ => Err(PretrainedError::NotFinite { folder, name }),
        }
    }
}

/// A name without the model's prefix, if it has it: `bert.encoder...`.
fn without_prefix<'a>(name: &'a str, prefix: &str) -> &'a str {
    let rest = name.strip_prefix(prefix).filter(|_| !prefix.is_empty());
    rest.and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}
