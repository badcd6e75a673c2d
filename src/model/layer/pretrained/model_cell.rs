//! The model of a `pretrained` layer, read once from its folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::domain::fingerprint::Fingerprint;

use crate::model::layer::pretrained::families::family;
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::pretrained::{PretrainedError, PretrainedFolder, WeightSource};
use crate::model::weights::Weights;

/// A folder and the architecture that its configuration describes.
#[derive(Debug)]
pub struct PretrainedModel {
    /// The folder.
    pub folder: Arc<PretrainedFolder>,
    /// The architecture.
    pub family: Box<dyn PretrainedFamily>,
    /// The hash of its files, set by the room that hashes files.
    pub content: OnceLock<Fingerprint>,
}

impl PretrainedModel {
    fn read(path: &Path) -> Result<Self, PretrainedError> {
        let folder = PretrainedFolder::read(path)?;
        let family = family(&folder)?;
        let model = Self { folder: Arc::new(folder), family, content: OnceLock::new() };
        model.check()?;
        Ok(model)
    }

    /// Compares the shapes in the files with those of the architecture.
    fn check(&self) -> Result<(), PretrainedError> {
        let mut weights = Weights::outline();
        let unsupported =
            |reason: String| PretrainedError::Unsupported { config: self.folder.config_file(), reason };
        let input = self.family.input();
        self.family
            .build("model", input, &FineTuning::default(), &mut weights)
            .map_err(|error| unsupported(error.to_string()))?;
        self.check_shapes(&weights, &self.family.sources())
    }

    /// Compares the shapes of all weights, whose names start with `model.`, with those of their sources.
    ///
    /// # Errors
    /// A weight has no source, or its source is missing or has another shape.
    pub fn check_shapes(&self, weights: &Weights, sources: &[WeightSource]) -> Result<(), PretrainedError> {
        for weight in weights.iter() {
            let name = weight.name.strip_prefix("model.").unwrap_or(&weight.name);
            let source = sources.iter().find(|source| source.ours == name);
            let source = source.ok_or_else(|| PretrainedError::Unsupported {
                config: self.folder.config_file(),
                reason: format!("`{name}` has no pretrained values"),
            })?;
            let found = self.folder.shape(source, self.family.prefix())?;
            if found != weight.shape {
                return Err(PretrainedError::WeightShape {
                    folder: self.folder.path.clone(),
                    name: source.theirs.join("` + `"),
                    found,
                    expected: weight.shape.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The pretrained models of a pipeline and of its trials, each read once. Relative paths start at `base`.
#[derive(Clone, Debug, Default)]
pub struct ModelFolders {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    read: Arc<Mutex<HashMap<PathBuf, Arc<PretrainedModel>>>>,
}

impl ModelFolders {
    /// For paths relative to this folder.
    pub fn in_folder(base: &Path) -> Self {
        Self { base: base.to_owned(), ..Self::default() }
    }

    fn get_or_read(&self, path: &str) -> Result<Arc<PretrainedModel>, PretrainedError> {
        let path = self.base.join(path);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = read.get(&path) {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(PretrainedModel::read(&path)?);
        read.insert(path, Arc::clone(&model));
        Ok(model)
    }
}

/// Where files are does not make a pipeline another one.
impl PartialEq for ModelFolders {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A model that is read at most once; copies of a configuration share it. It follows from the path, so that
/// all cells are equal.
#[derive(Clone, Debug, Default)]
pub struct ModelCell(Arc<OnceLock<Arc<PretrainedModel>>>);

impl ModelCell {
    /// The model, if it has been read.
    pub fn get(&self) -> Option<&PretrainedModel> {
        self.0.get().map(Arc::as_ref)
    }

    /// The model, read from this folder if it has not been read yet.
    ///
    /// # Errors
    /// The folder cannot be used; the next call reads it again.
    pub fn get_or_read(
        &self,
        path: &str,
        folders: &ModelFolders,
    ) -> Result<&PretrainedModel, PretrainedError> {
        if let Some(model) = self.0.get() {
            return Ok(model);
        }
        let model = folders.get_or_read(path)?;
        Ok(self.0.get_or_init(|| model))
    }
}

impl PartialEq for ModelCell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
