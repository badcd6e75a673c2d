//! Errors of reading a folder of pretrained weights.

use std::path::PathBuf;

/// Why a folder of pretrained weights cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum PretrainedError {
    #[error(
        "no folder {path}; expected a folder with `config.json` and `model.safetensors`, as \
         `save_pretrained` of transformers writes it",
        path = .0.display()
    )]
    NoFolder(PathBuf),
    #[error(
        "no folder {path}; expected a folder with `adapter_config.json` and `adapter_model.safetensors`, as \
         `save_pretrained` of peft writes it",
        path = .0.display()
    )]
    NoAdapter(PathBuf),
    #[error("{path}: {reason}", path = .folder.display())]
    Adapter { folder: PathBuf, reason: String },
    #[error("{path} has no {expected}", path = .folder.display())]
    MissingFile { folder: PathBuf, expected: &'static str },
    #[error("cannot read {path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: {reason}", path = .path.display())]
    Json { path: PathBuf, reason: String },
    #[error("{path} names the shard `{shard}`, which is not in the folder", path = .index.display())]
    MissingShard { index: PathBuf, shard: String },
    #[error("{path} is not a valid safetensors file: {reason}", path = .path.display())]
    Safetensors { path: PathBuf, reason: String },
    #[error("{path} is not a PyTorch checkpoint of zip form: {reason}", path = .path.display())]
    Pickle { path: PathBuf, reason: String },
    #[error("{path}: unknown model type `{found}`; known: {known}", path = .config.display())]
    UnknownFamily { config: PathBuf, found: String, known: String },
    #[error("{path}: {reason}", path = .config.display())]
    Unsupported { config: PathBuf, reason: String },
    #[error("{path} has no weight `{name}`{like}", path = .folder.display())]
    MissingWeight { folder: PathBuf, name: String, like: String },
    #[error(
        "{path}: weight `{name}` has shape {found:?}; `config.json` implies {expected:?}",
        path = .folder.display()
    )]
    WeightShape { folder: PathBuf, name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error(
        "{path}: weight `{name}` has type {found}; expected F32, F16, BF16 or F64",
        path = .folder.display()
    )]
    WeightType { folder: PathBuf, name: String, found: String },
    #[error(
        "{path}: weight `{name}` contains a value that is not finite, such as NaN",
        path = .folder.display()
    )]
    NotFinite { folder: PathBuf, name: String },
}
