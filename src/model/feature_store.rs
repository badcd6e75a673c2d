//! The features that a network reads in place of inputs.

use std::path::{Path, PathBuf};

use candle_core::Device;

use crate::domain::name::{InputName, TableName};
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::feature_file::FeatureFile;
use crate::model::frozen_prefix::FrozenPrefixConfig;

/// The outputs of frozen layers for the rows of all tables.
pub struct FeatureStore {
    /// The layers, one list per input.
    prefixes: Vec<FrozenPrefixConfig>,
    files: Vec<(TableName, InputName, FeatureFile)>,
}

impl FeatureStore {
    /// The file of the features of a table's input in a folder, by their positions in the pipeline.
    pub fn path(folder: &Path, table: usize, input: usize) -> PathBuf {
        folder.join(format!("features-{table}-{input}.bin"))
    }

    /// Opens the files of a folder.
    ///
    /// # Errors
    /// A file cannot be read, or does not have as many rows as its table.
    pub fn open(
        folder: &Path,
        prefixes: Vec<FrozenPrefixConfig>,
        tables: &[(TableName, usize)],
    ) -> ModelResult<Self> {
        let mut files = Vec::new();
        for (number, prefix) in prefixes.iter().enumerate() {
            for (index, (table, rows)) in tables.iter().enumerate() {
                let file = FeatureFile::open(&Self::path(folder, index, number))?;
                if file.rows() != *rows {
                    let reason = format!("has features of {} rows; its table has {rows}", file.rows());
                    return Err(ModelError::Input { input: prefix.input.clone(), reason });
                }
                files.push((table.clone(), prefix.input.clone(), file));
            }
        }
        Ok(Self { prefixes, files })
    }

    /// Names of the layers that computed the features, as parts of the network.
    pub fn parts(&self) -> Vec<String> {
        self.prefixes.iter().flat_map(FrozenPrefixConfig::parts).collect()
    }

    /// The features of these rows of a table, by input.
    ///
    /// # Errors
    /// A file cannot be read, or there is none for the table.
    pub fn gather(
        &self,
        table: &TableName,
        rows: &[u32],
        device: &Device,
    ) -> ModelResult<Vec<(InputName, Activations)>> {
        let of_input = |prefix: &FrozenPrefixConfig| {
            let own = self.files.iter().find(|(of, input, _)| of == table && *input == prefix.input);
            let (_, input, file) = own.ok_or_else(|| ModelError::Input {
                input: prefix.input.clone(),
                reason: format!("has no features in table `{table}`"),
            })?;
            Ok((input.clone(), file.gather(rows, device)?))
        };
        self.prefixes.iter().map(of_input).collect()
    }
}
