//! Reads PyTorch checkpoints of zip form (`torch.save` since version 1.6). The pickle in it is interpreted as
//! data: names, shapes and offsets. No code in it is ever run.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::pickle::PthTensors;
use candle_core::{DType, Tensor};

use crate::model::pretrained::error::PretrainedError;
use crate::model::pretrained::stored_tensor::{StoredTensor, TensorStorage};

/// The tensors of a checkpoint.
///
/// # Errors
/// The file is not a zip archive, or its pickle holds more than a state dict of tensors.
pub fn tensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>, PretrainedError> {
    let entries = open(path)?;
    let stored = entries.tensor_infos().iter().map(|(name, info)| {
        let tensor = StoredTensor {
            file: path.to_owned(),
            shape: info.layout.shape().dims().to_vec(),
            element_type: format!("{:?}", info.dtype),
            storage: TensorStorage::Entry(name.clone()),
        };
        (name.clone(), tensor)
    });
    let tensors: BTreeMap<String, StoredTensor> = stored.collect();
    match tensors.is_empty() {
        true => Err(wrong(path, "it holds no tensors; expected a state dict".to_owned())),
        false => Ok(tensors),
    }
}

/// The values of an entry, converted to f32.
///
/// # Errors
/// The file cannot be read.
pub fn read(
    tensor: &StoredTensor,
    name: &str,
) -> Result<Option<candle_core::Result<Tensor>>, PretrainedError> {
    let entries = open(&tensor.file)?;
    let values = entries.get(name).map_err(|error| wrong(&tensor.file, error.to_string()))?;
    Ok(values.filter(|values| values.dtype().is_float()).map(|values| values.to_dtype(DType::F32)))
}

fn open(path: &Path) -> Result<PthTensors, PretrainedError> {
    PthTensors::new(path, None).map_err(|error| {
        let advice = "save the model again as safetensors, or with torch.save of PyTorch 1.6 or later";
        wrong(path, format!("{error}; {advice}"))
    })
}

fn wrong(path: &Path, reason: String) -> PretrainedError {
    PretrainedError::Pickle { path: path.to_owned(), reason }
}
