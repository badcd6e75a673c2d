//! Pretrained weights, from a folder as Hugging Face's `transformers` writes it: `config.json` with the
//! architecture, and the weights in `model.safetensors`, in shards with an index, or in `pytorch_model.bin`.
//! LoRA adapters have folders of their own, as peft writes them.

pub mod error;
pub mod folder;
pub mod peft_adapter;
pub mod peft_settings;
mod pickle_file;
mod safetensors_file;
pub mod stored_tensor;
pub mod weight_source;

pub use error::PretrainedError;
pub use folder::PretrainedFolder;
pub use peft_adapter::{AdapterUpdate, ModulePart, PeftAdapter};
pub use weight_source::WeightSource;
