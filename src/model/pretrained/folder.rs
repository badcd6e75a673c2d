//! A folder of a pretrained model: its configuration and the table of its weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde_json::Value;

use crate::domain::diagnostic::suggestion;
use crate::model::pretrained::error::PretrainedError;
use crate::model::pretrained::stored_tensor::{StoredTensor, TensorStorage};
use crate::model::pretrained::weight_source::WeightSource;
use crate::model::pretrained::{pickle_file, safetensors_file};

const CONFIG: &str = "config.json";
const SAFETENSORS: &str = "model.safetensors";
const SAFETENSORS_INDEX: &str = "model.safetensors.index.json";
const PICKLE: &str = "pytorch_model.bin";
const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";

/// A pretrained model on disk. Its weights are read when training begins.
#[derive(Clone, Debug, PartialEq)]
pub struct PretrainedFolder {
    /// Path of the folder.
    pub path: PathBuf,
    /// The content of `config.json`.
    pub config: Value,
    tensors: BTreeMap<String, StoredTensor>,
    /// The configuration and the files of weights: what the model depends on.
    pub files: Vec<PathBuf>,
}

impl PretrainedFolder {
    /// Reads the configuration and the headers of the weight files.
    ///
    /// # Errors
    /// The folder or a file in it is missing, or a file is not what its name says.
    pub fn read(path: &Path) -> Result<Self, PretrainedError> {
        if !path.is_dir() {
            return Err(PretrainedError::NoFolder(path.to_owned()));
        }
        let config = path.join(CONFIG);
        if !config.exists() {
            return Err(PretrainedError::MissingFile { folder: path.to_owned(), expected: "`config.json`" });
        }
        let content = json(&config)?;
        let files = weight_files(path)?;
        let mut tensors = BTreeMap::new();
        for file in &files {
            tensors.extend(match file.extension().is_some_and(|extension| extension == "safetensors") {
                true => safetensors_file::tensors(file)?,
                false => pickle_file::tensors(file)?,
            });
        }
        let files = std::iter::once(config).chain(files).collect();
        Ok(Self { path: path.to_owned(), config: content, tensors, files })
    }

    /// The file of the configuration, for messages.
    pub fn config_file(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// The shape that a source gives to our weight; `prefix` is what the names of the base model begin with
    /// in a model with a head (`bert`).
    ///
    /// # Errors
    /// A weight is missing, or is of a type or a rank that does not fit.
    pub fn shape(&self, source: &WeightSource, prefix: &str) -> Result<Vec<usize>, PretrainedError> {
        let mut joined: Vec<usize> = Vec::new();
        for name in &source.theirs {
            let (name, stored) = self.stored(name, prefix)?;
            let misfit = |expected: Vec<usize>| PretrainedError::WeightShape {
                folder: self.path.clone(),
                name: name.to_owned(),
                found: stored.shape.clone(),
                expected,
            };
            let mut shape = stored.shape.clone();
            if source.is_flattened {
                shape = vec![shape.iter().product()];
            }
            if let (Some(rows), Some(first)) = (&source.rows, shape.first_mut()) {
                *first = rows.end.min(*first).saturating_sub(rows.start);
            }
            if source.transposed {
                if shape.len() != 2 {
                    return Err(misfit(vec![0, 0]));
                }
                shape.reverse();
            }
            if source.is_convolution {
                let &[filters, width, kernel] = shape.as_slice() else { return Err(misfit(vec![0, 0, 0])) };
                shape = vec![kernel * width, filters];
            }
            if let (rows @ 1.., Some(first)) = (source.skipped_rows, shape.first_mut()) {
                *first = first.saturating_sub(rows);
            }
            match (joined.last_mut(), shape.last()) {
                (Some(total), Some(last)) => *total += last,
                _ => joined = shape,
            }
        }
        Ok(joined)
    }

    /// The values of our weight from this source, as f32.
    ///
    /// # Errors
    /// A weight is missing, cannot be read, is not of a floating point type, or holds NaN or infinity.
    pub fn values(&self, source: &WeightSource, prefix: &str) -> Result<Tensor, PretrainedError> {
        let mut parts = Vec::with_capacity(source.theirs.len());
        for name in &source.theirs {
            let (name, stored) = self.stored(name, prefix)?;
            let values = match &stored.storage {
                TensorStorage::Bytes { start, length } => safetensors_file::read(stored, *start, *length)?,
                TensorStorage::Entry(entry) => pickle_file::read(stored, entry)?,
            };
            let folder = self.path.clone();
            let Some(values) = values else {
                let found = stored.element_type.clone();
                return Err(PretrainedError::WeightType { folder, name: name.to_owned(), found });
            };
            let finite = |values: Tensor| {
                let total = values.abs()?.sum_all()?.to_scalar::<f32>()?;
                Ok((values, total.is_finite()))
            };
            let (values, is_finite) = values.and_then(finite).map_err(|error| self.tensor_error(error))?;
            if !is_finite {
                return Err(PretrainedError::NotFinite { folder, name: name.to_owned() });
            }
            parts.push(self.transformed(values, source).map_err(|error| self.tensor_error(error))?);
        }
        match parts.as_slice() {
            [one] => Ok(one.clone()),
            several => {
                let last = several.first().map_or(0, |part| part.rank().saturating_sub(1));
                Tensor::cat(several, last).map_err(|error| self.tensor_error(error))
            }
        }
    }

    fn transformed(&self, values: Tensor, source: &WeightSource) -> candle_core::Result<Tensor> {
        let values = if source.is_flattened { values.flatten_all()? } else { values };
        let values = match &source.rows {
            Some(rows) => values.narrow(0, rows.start, rows.len())?.contiguous()?,
            None => values,
        };
        let values = if source.transposed { values.t()?.contiguous()? } else { values };
        let values = match source.is_convolution {
            true => {
                let (filters, width, kernel) = values.dims3()?;
                values.permute((2, 1, 0))?.reshape((kernel * width, filters))?.contiguous()?
            }
            false => values,
        };
        match source.skipped_rows {
            0 => Ok(values),
            rows => values.narrow(0, rows, values.dim(0)?.saturating_sub(rows))?.contiguous(),
        }
    }

    fn tensor_error(&self, error: candle_core::Error) -> PretrainedError {
        PretrainedError::Safetensors { path: self.path.clone(), reason: error.to_string() }
    }

    /// The tensor of this name: as it is, with the model's prefix, or with the old names of layer norms.
    fn stored(&self, name: &str, prefix: &str) -> Result<(&str, &StoredTensor), PretrainedError> {
        let old = match name.strip_suffix("LayerNorm.weight").map(|start| format!("{start}LayerNorm.gamma")) {
            None => name.strip_suffix("LayerNorm.bias").map(|start| format!("{start}LayerNorm.beta")),
            gamma => gamma,
        };
        let spellings = std::iter::once(name.to_owned()).chain(old);
        for spelling in spellings {
            for full in [spelling.clone(), format!("{prefix}.{spelling}")] {
                if let Some((known, stored)) = self.tensors.get_key_value(&full) {
                    return Ok((known, stored));
                }
            }
        }
        let known: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
        let like = suggestion(name, &known).map_or(String::new(), |help| format!("; {help}"));
        Err(PretrainedError::MissingWeight { folder: self.path.clone(), name: name.to_owned(), like })
    }
}

/// The files of the weights: one, or the shards of an index.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, PretrainedError> {
    for (single, index) in [(SAFETENSORS, SAFETENSORS_INDEX), (PICKLE, PICKLE_INDEX)] {
        if folder.join(single).exists() {
            return Ok(vec![folder.join(single)]);
        }
        let index = folder.join(index);
        if index.exists() {
            return shards(folder, &index);
        }
    }
    let expected = "`model.safetensors`, `model.safetensors.index.json` or `pytorch_model.bin`";
    Err(PretrainedError::MissingFile { folder: folder.to_owned(), expected })
}

/// The shards that an index names in its `weight_map`.
fn shards(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, PretrainedError> {
    let content = json(index)?;
    let map = content.get("weight_map").and_then(Value::as_object).ok_or_else(|| {
        let reason = "has no `weight_map` of weight names to files".to_owned();
        PretrainedError::Json { path: index.to_owned(), reason }
    })?;
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let missing =
        |shard: &str| PretrainedError::MissingShard { index: index.to_owned(), shard: shard.into() };
    let shard = |name: &&str| {
        // A shard lies in the folder itself: its name is not a path.
        let is_name = Path::new(name).file_name().is_some_and(|file| file == *name);
        let path = folder.join(name);
        if is_name && path.is_file() { Ok(path) } else { Err(missing(name)) }
    };
    names.iter().map(shard).collect()
}

fn json(path: &Path) -> Result<Value, PretrainedError> {
    let bytes =
        std::fs::read(path).map_err(|source| PretrainedError::Io { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|error| PretrainedError::Json {
        path: path.to_owned(),
        reason: format!("not JSON: {error}"),
    })
}
