//! Writes and reads ONNX files, atomically.

use std::io::Write;
use std::path::Path;

use prost::Message;

use crate::disk::whole_file::{parent_folder, write_atomically};
use crate::onnx::error::OnnxError;
use crate::onnx::proto::ModelProto;

/// The largest size of a protobuf file.
const LARGEST: usize = i32::MAX as usize;

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
    use super::{atomically, load, save};
    use crate::domain::array::ElementType;
    use crate::onnx::error::OnnxError;
    use crate::onnx::graph::{Dim, Graph};
    use crate::onnx::proto::ModelProto;

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
