//! The registered families of pretrained models.

use serde_json::Value;

use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::{bert, gpt2};
use crate::model::pretrained::{PretrainedError, PretrainedFolder};

/// Reads a family's settings; an error says what of the configuration is not supported.
type ReadFamily = fn(&Configuration) -> Result<Box<dyn PretrainedFamily>, String>;

/// The families by the `model_type` of their configuration.
const FAMILIES: &[(&str, ReadFamily)] = &[
    ("albert", bert::albert),
    ("bert", bert::bert),
    ("camembert", bert::roberta),
    ("distilbert", bert::distilbert),
    ("electra", bert::electra),
    ("gpt2", gpt2::gpt2),
    ("roberta", bert::roberta),
    ("xlm-roberta", bert::roberta),
];

/// The architecture of a folder.
///
/// # Errors
/// The model type is not known, or a setting is missing or not supported.
pub fn family(folder: &PretrainedFolder) -> Result<Box<dyn PretrainedFamily>, PretrainedError> {
    let found = folder.config.get("model_type").and_then(Value::as_str).unwrap_or_default();
    let known = FAMILIES.iter().find(|(name, _)| *name == found);
    let (_, read) = known.ok_or_else(|| PretrainedError::UnknownFamily {
        config: folder.config_file(),
        found: found.to_owned(),
        known: FAMILIES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })?;
    read(&Configuration(&folder.config))
        .map_err(|reason| PretrainedError::Unsupported { config: folder.config_file(), reason })
}
