//! Files written whole or not at all, and ONNX models in them.

use std::io::Write;
use std::path::Path;

use prost::Message;

use crate::onnx::error::Error;
use crate::onnx::proto::ModelProto;

/// The most a protobuf file may hold.
const LARGEST: usize = i32::MAX as usize;

/// Writes the model; gives its bytes.
pub fn save(model: &ModelProto, path: &Path) -> Result<u64, Error> {
    let bytes = model.encoded_len();
    if bytes > LARGEST {
        return Err(Error::TooLarge { bytes });
    }
    atomically(path, &model.encode_to_vec())?;
    Ok(bytes as u64)
}

/// Reads a model.
pub fn load(path: &Path) -> Result<ModelProto, Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path))?;
    let refused = |reason: String| Error::NotOnnx { path: path.to_owned(), reason };
    let model = ModelProto::decode(bytes.as_slice()).map_err(|error| refused(error.to_string()))?;
    if model.graph.is_none() || model.ir_version.is_none() {
        return Err(refused("it holds no graph".to_owned()));
    }
    Ok(model)
}

/// Writes beside, flushes to disk, renames: a reader finds the old file or the new one, never a part.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    {
        // Temporary files are private by default; this one is to be read by others, as umask allows.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(Error::file(folder))?;
    file.write_all(bytes).map_err(Error::file(path))?;
    file.as_file().sync_all().map_err(Error::file(path))?;
    file.persist(path).map_err(|error| Error::File { path: path.to_owned(), source: error.error })?;
    // The rename itself is on disk once the folder is; where a folder cannot be opened, that is left out.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}
