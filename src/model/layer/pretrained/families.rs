//! The registered families of pretrained models.

use serde_json::Value;

use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::{
    bart, bert, convnext, deberta, gpt2, inverted_residual, llama, mobilenet_v3, modernbert, resnet, t5,
    timm_vit, vit,
};
use crate::model::pretrained::{PretrainedError, PretrainedFolder};

/// Reads a family's settings; an error says what of the configuration is not supported.
type ReadFamily = fn(&Configuration) -> Result<Box<dyn PretrainedFamily>, String>;

/// The families by the `model_type` of their configuration.
const FAMILIES: &[(&str, ReadFamily)] = &[
    ("albert", bert::albert),
    ("bart", bart::bart),
    ("bert", bert::bert),
    ("camembert", bert::roberta),
    ("convnext", convnext::convnext),
    ("deberta-v2", deberta::deberta),
    ("deit", vit::deit),
    ("dinov2", vit::dinov2),
    ("distilbert", bert::distilbert),
    ("electra", bert::electra),
    ("gpt2", gpt2::gpt2),
    ("llama", llama::llama),
    ("marian", bart::marian),
    ("mbart", bart::mbart),
    ("mistral", llama::mistral),
    ("modernbert", modernbert::modernbert),
    ("mpnet", bert::mpnet),
    ("mt5", t5::t5),
    ("qwen2", llama::qwen2),
    ("roberta", bert::roberta),
    ("t5", t5::t5),
    ("vit", vit::vit),
    ("xlm-roberta", bert::roberta),
];

/// The families of `timm` by what the `architecture` of their configuration begins with; it has no
/// `model_type`.
const TIMM_FAMILIES: &[(&str, ReadFamily)] = &[
    ("efficientnet_b", inverted_residual::read),
    ("tf_efficientnet_b", inverted_residual::read),
    ("efficientnet_lite", inverted_residual::read),
    ("tf_efficientnet_lite", inverted_residual::read),
    ("mobilenetv2_", inverted_residual::read),
    ("tf_mobilenetv2_", inverted_residual::read),
    ("mobilenetv3_", mobilenet_v3::read),
    ("tf_mobilenetv3_", mobilenet_v3::read),
    ("resnet", resnet::read),
    ("convnext_", convnext::timm),
    ("vit_", timm_vit::read),
    ("deit_", timm_vit::read),
];

/// The architecture of a folder.
///
/// # Errors
/// The model type is not known, or a setting is missing or not supported.
pub fn family(folder: &PretrainedFolder) -> Result<Box<dyn PretrainedFamily>, PretrainedError> {
    let text = |name: &str| folder.config.get(name).and_then(Value::as_str);
    let architecture = text("architecture").filter(|_| text("model_type").is_none());
    let found = architecture.or(text("model_type")).unwrap_or_default();
    let (families, known) = match architecture {
        Some(_) => (TIMM_FAMILIES, TIMM_FAMILIES.iter().find(|(name, _)| found.starts_with(*name))),
        None => (FAMILIES, FAMILIES.iter().find(|(name, _)| *name == found)),
    };
    let (_, read) = known.ok_or_else(|| PretrainedError::UnknownFamily {
        config: folder.config_file(),
        found: found.to_owned(),
        known: families.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })?;
    read(&Configuration(&folder.config))
        .map_err(|reason| PretrainedError::Unsupported { config: folder.config_file(), reason })
}
