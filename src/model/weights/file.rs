//! Weights in safetensors files.

use std::io::Write;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::disk::whole_file::write_atomically;
use crate::model::error::{ModelError, ModelResult};
use crate::model::weights::{Weights, host, set};

impl Weights {
    /// Saves all weights as safetensors. The file is replaced atomically.
    pub fn save(&self, path: &Path) -> ModelResult<()> {
        let unwritable = |error| weights_error(path, format!("cannot be written: {error}"));
        let mut views = Vec::with_capacity(self.list.len());
        let mut contents = Vec::with_capacity(self.list.len());
        for weight in &self.list {
            let bytes: Vec<u8> = host(&weight.var)?.into_iter().flat_map(f32::to_le_bytes).collect();
            contents.push((weight, bytes));
        }
        for (weight, bytes) in &contents {
            let view = TensorView::new(Dtype::F32, weight.var.dims().to_vec(), bytes).map_err(unwritable)?;
            views.push((weight.name.as_str(), view));
        }
        let bytes = safetensors::serialize(views, None).map_err(unwritable)?;
        write_atomically(path, |file| file.write_all(&bytes)).map_err(|source| ModelError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Loads a file of the same structure that [`Self::save`] wrote. Changes nothing on an error: if the file
    /// cannot be read, is corrupt, or has other names or shapes than these weights.
    pub fn load(&self, path: &Path) -> ModelResult<()> {
        let bytes = read(path)?;
        let file = parse(path, &bytes)?;
        if let Some(name) = file.names().into_iter().find(|name| self.named(name).is_none()) {
            return Err(weights_error(path, format!("is of another network: unexpected weight `{name}`")));
        }
        self.assign(path, &file, |_| true)
    }

    /// Loads the weights whose name has one of these prefixes from another network's file, which must have
    /// all of them with the same shapes. Changes nothing on error.
    pub fn load_part(&self, path: &Path, prefixes: &[&str]) -> ModelResult<()> {
        let bytes = read(path)?;
        let file = parse(path, &bytes)?;
        self.assign(path, &file, |name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
    }

    fn assign(&self, path: &Path, file: &SafeTensors, include: impl Fn(&str) -> bool) -> ModelResult<()> {
        let mut values = Vec::new();
        for weight in self.list.iter().filter(|weight| include(&weight.name)) {
            let view = file.tensor(&weight.name).map_err(|_| {
                weights_error(path, format!("is of another network: missing weight `{}`", weight.name))
            })?;
            if view.dtype() != Dtype::F32 || view.shape() != weight.var.dims() {
                let reason = format!(
                    "is of another network: `{}` is {:?} {:?}; expected F32 {:?}",
                    weight.name,
                    view.dtype(),
                    view.shape(),
                    weight.var.dims()
                );
                return Err(weights_error(path, reason));
            }
            let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            values.push((weight, floats.collect()));
        }
        values.into_iter().try_for_each(|(weight, values)| set(&weight.var, values))
    }
}

fn read(path: &Path) -> ModelResult<Vec<u8>> {
    std::fs::read(path).map_err(|source| ModelError::File { doing: "read", path: path.to_owned(), source })
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> ModelResult<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|error| weights_error(path, format!("is corrupt: {error}")))
}

fn weights_error(path: &Path, reason: String) -> ModelError {
    ModelError::Weights { path: path.to_owned(), reason }
}
