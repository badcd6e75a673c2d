//! Writes and reads ONNX files, atomically.

use std::io::Write;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::disk::whole_file::{parent_folder, write_atomically};
use crate::onnx::bundle_file::DATA;
use crate::onnx::error::OnnxError;
use crate::onnx::proto::{ModelProto, StringStringEntryProto, data_location::EXTERNAL};

/// The largest size of a protobuf file.
pub const LARGEST: usize = i32::MAX as usize;
/// Tensors of fewer bytes stay in the model's file.
const SMALLEST_EXTERNAL: usize = 1024;
/// Tensors begin at multiples of a page, so that a runtime may map them into memory.
const PAGE: usize = 4096;

/// Writes a model and returns the size of the file.
///
/// # Errors
/// [`OnnxError::TooLarge`], or if the file cannot be written.
pub fn save(model: &ModelProto, path: &Path) -> Result<u64, OnnxError> {
    let bytes = model.encoded_len();
    if bytes > LARGEST {
        return Err(OnnxError::TooLarge { bytes });
    }
    atomically(path, &model.encode_to_vec())?;
    Ok(bytes as u64)
}

/// The file beside a model with its external data: `model.onnx.data`.
pub fn data_path(model: &Path) -> PathBuf {
    let mut name = model.file_name().unwrap_or_default().to_owned();
    name.push(DATA);
    model.with_file_name(name)
}

/// Writes a model as [`save`] does; if it would have more than `limit` bytes, its tensors are written beside
/// it, into [`data_path`], and are no longer in `model`. Returns the path of that file, if there is one.
///
/// # Errors
/// If a file cannot be written, or the model without its tensors is still too large.
pub fn save_within(model: &mut ModelProto, path: &Path, limit: usize) -> Result<Option<PathBuf>, OnnxError> {
    if model.encoded_len() <= limit {
        return save(model, path).map(|_| None);
    }
    let data = data_path(path);
    let location = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = parent_folder(&data);
    std::fs::create_dir_all(folder).map_err(OnnxError::file(folder))?;
    write_atomically(&data, |file| {
        let mut offset = 0;
        for tensor in model.graph.iter_mut().flat_map(|graph| &mut graph.initializer) {
            let Some(bytes) = tensor.raw_data.take_if(|bytes| bytes.len() >= SMALLEST_EXTERNAL) else {
                continue;
            };
            let begin = usize::div_ceil(offset, PAGE) * PAGE;
            file.write_all(&vec![0; begin - offset])?;
            file.write_all(&bytes)?;
            offset = begin + bytes.len();
            let place = [("location", location.clone()), ("offset", begin.to_string())];
            let place = place.into_iter().chain([("length", bytes.len().to_string())]);
            tensor.external_data =
                place.map(|(key, value)| StringStringEntryProto { key: key.to_owned(), value }).collect();
            tensor.data_location = Some(EXTERNAL);
        }
        Ok(())
    })
    .map_err(OnnxError::file(&data))?;
    save(model, path).map(|_| Some(data))
}

/// Reads a model.
///
/// # Errors
/// If the file cannot be read or is not an ONNX model.
pub fn load(path: &Path) -> Result<ModelProto, OnnxError> {
    let bytes = std::fs::read(path).map_err(OnnxError::file(path))?;
    let not_onnx = |reason: String| OnnxError::NotOnnx { path: path.to_owned(), reason };
    let model = ModelProto::decode(bytes.as_slice()).map_err(|error| not_onnx(error.to_string()))?;
    if model.graph.is_none() || model.ir_version.is_none() {
        return Err(not_onnx("it has no graph".to_owned()));
    }
    Ok(model)
}

/// Writes a file atomically, and creates its folder if needed.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<(), OnnxError> {
    let folder = parent_folder(path);
    std::fs::create_dir_all(folder).map_err(OnnxError::file(folder))?;
    write_atomically(path, |file| file.write_all(bytes)).map_err(OnnxError::file(path))
}

#[cfg(test)]
mod tests {
    use super::{atomically, data_path, load, save, save_within};
    use crate::domain::array::{Array, ElementType};
    use crate::onnx::error::OnnxError;
    use crate::onnx::graph::{Dim, Graph};
    use crate::onnx::operator;
    use crate::onnx::proto::ModelProto;
    use crate::onnx::runtime::for_tests;
    use crate::onnx::session::OnnxSession;

    fn model() -> ModelProto {
        let mut graph = Graph::new("small");
        let x = graph.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(1)]);
        graph.output("y", &x, ElementType::Float32, &[Dim::Batch, Dim::Fixed(1)]);
        graph.finish(17, &[]).unwrap()
    }

    #[test]
    fn a_saved_model_loads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/model.onnx");
        let bytes = save(&model(), &path).unwrap();
        assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(load(&path).unwrap(), model());
    }

    /// y = x W with 300 weights, which are 1,200 bytes.
    fn large() -> ModelProto {
        let mut graph = Graph::new("large");
        let x = graph.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
        let first = graph.weight("first", &[3, 100], &[0.5; 300]);
        let second = graph.weight("second", &[100, 3], &[0.25; 300]);
        let y = operator::matmul(&mut graph, &x, &first);
        let y = operator::matmul(&mut graph, &y, &second);
        graph.output("y", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(3)]);
        graph.finish(17, &[]).unwrap()
    }

    #[test]
    fn a_large_model_has_its_weights_in_a_file_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let whole = save(&large(), &path).unwrap();
        let mut model = large();
        assert_eq!(save_within(&mut model, &path, whole as usize).unwrap(), None);
        let data = save_within(&mut model, &path, 1000).unwrap().unwrap();
        assert_eq!((&data, data.file_name().unwrap().to_str()), (&data_path(&path), Some("model.onnx.data")));
        // The second tensor begins at the next page.
        assert_eq!(std::fs::metadata(&data).unwrap().len(), 4096 + 1200);
        assert!(std::fs::metadata(&path).unwrap().len() < 1000);
        let place = |model: &ModelProto, index: usize| {
            let tensor = &model.graph.as_ref().unwrap().initializer[index];
            tensor.external_data.iter().map(|entry| entry.value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(place(&load(&path).unwrap(), 0), ["model.onnx.data", "0", "1200"]);
        assert_eq!(place(&load(&path).unwrap(), 1), ["model.onnx.data", "4096", "1200"]);
        let open = || OnnxSession::open_with(&for_tests(), &path, 1);
        let x = vec![("x".to_owned(), Array::f32(&[1, 3], vec![1.0, 2.0, 3.0]))];
        let y = open().unwrap().run(&x).unwrap();
        assert_eq!(y[0].1.as_f32().unwrap(), [75.0; 3]);
        std::fs::remove_file(&data).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(&error, OnnxError::MissingData { .. }), "{error}");
        assert!(error.to_string().contains("model.onnx.data, which is missing"), "{error}");
        // Under another name the model finds no data, and reads none of another file.
        let other = folder.path().join("other.onnx");
        std::fs::copy(&path, &other).unwrap();
        let error = OnnxSession::open_with(&for_tests(), &other, 1).unwrap_err();
        assert!(matches!(error, OnnxError::ExternalData { location, .. } if location == "model.onnx.data"));
    }

    #[test]
    fn a_truncated_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        save(&model(), &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(load(&path), Err(OnnxError::NotOnnx { .. })), "{length} bytes");
        }
        assert!(matches!(load(&folder.path().join("absent")), Err(OnnxError::File { .. })));
    }

    #[test]
    fn replacing_leaves_no_temporary_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomically(&path, b"old").unwrap();
        atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        // A folder cannot be replaced by a file.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(atomically(&taken, b"new").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
