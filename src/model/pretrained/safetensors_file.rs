//! Reads the header of a safetensors file and single tensors, without loading the whole file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::TensorInfo;

use crate::disk::regular_file;
use crate::model::pretrained::error::PretrainedError;
use crate::model::pretrained::stored_tensor::{StoredTensor, TensorStorage};

/// The longest header that is read; that of `safetensors` itself.
const MAX_HEADER: u64 = 100_000_000;

/// The tensors of a file, from its header.
///
/// # Errors
/// The file cannot be read; the header is not JSON, or does not fit the file's length.
pub fn tensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>, PretrainedError> {
    let io = |source| PretrainedError::Io { path: path.to_owned(), source };
    let wrong = |reason: String| PretrainedError::Safetensors { path: path.to_owned(), reason };
    let mut file = regular_file::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut size = [0; 8];
    if length < 8 {
        return Err(wrong(format!("it has {length} bytes; a header needs at least 8")));
    }
    file.read_exact(&mut size).map_err(io)?;
    let header_length = u64::from_le_bytes(size);
    if header_length > MAX_HEADER || header_length > length - 8 {
        return Err(wrong(format!("the header claims {header_length} bytes; the file has {length}")));
    }
    let mut header = vec![0; header_length as usize];
    file.read_exact(&mut header).map_err(io)?;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|error| wrong(format!("the header is not JSON: {error}")))?;
    let (data_start, data_length) = (8 + header_length, length - 8 - header_length);
    let mut tensors = BTreeMap::new();
    for (name, value) in header.into_iter().filter(|(name, _)| name != "__metadata__") {
        let info: TensorInfo = serde_json::from_value(value)
            .map_err(|error| wrong(format!("the header's entry of `{name}` is invalid: {error}")))?;
        let (start, end) = info.data_offsets;
        if start > end || end as u64 > data_length {
            let reason = format!(
                "`{name}` ends at byte {end} of the data, which has {data_length}: the file is truncated"
            );
            return Err(wrong(reason));
        }
        let count = info.shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side));
        let bits = count.and_then(|count| count.checked_mul(info.dtype.bitsize()));
        if bits != (end - start).checked_mul(8) {
            let reason = format!(
                "`{name}` of shape {:?} and type {:?} claims {} bytes",
                info.shape,
                info.dtype,
                end - start
            );
            return Err(wrong(reason));
        }
        let storage = TensorStorage::Bytes { start: data_start + start as u64, length: end - start };
        let element_type = format!("{:?}", info.dtype);
        tensors
            .insert(name, StoredTensor { file: path.to_owned(), shape: info.shape, element_type, storage });
    }
    Ok(tensors)
}

/// The values of a tensor at these bytes of a file, converted to f32; `None` if its type is not a floating
/// point type.
///
/// # Errors
/// The file cannot be read.
pub fn read(
    tensor: &StoredTensor,
    start: u64,
    length: usize,
) -> Result<Option<candle_core::Result<Tensor>>, PretrainedError> {
    let element_type = match tensor.element_type.as_str() {
        "F32" => DType::F32,
        "F64" => DType::F64,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        _ => return Ok(None),
    };
    let io = |source| PretrainedError::Io { path: tensor.file.clone(), source };
    let mut file = File::open(&tensor.file).map_err(io)?;
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(io)?;
    let values = Tensor::from_raw_buffer(&bytes, element_type, &tensor.shape, &Device::Cpu);
    Ok(Some(values.and_then(|values| values.to_dtype(DType::F32))))
}
