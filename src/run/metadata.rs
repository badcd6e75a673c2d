//! The metadata inside an exported model: each task's target, and hashes of what encodes inputs outside of
//! the graph (tokenizers, input kinds of other crates). A card that differs belongs to another model or was
//! changed.

use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::FittedTarget;
use crate::onnx::bundle::{HASHED, ModelCard};
use crate::onnx::bundle_file::tokenizer;
use crate::onnx::seal::sha256;
use crate::run::error::RunError;

const TASK: &str = "task.";
const TOKENIZER: &str = "tokenizer.";
const KIND: &str = "kind.";

/// The metadata entries.
pub fn entries(signature: &Signature) -> Vec<(String, String)> {
    let tasks = signature.tasks.iter().map(|task| {
        let target = serde_json::to_string(&task.target).unwrap_or_default();
        (format!("{TASK}{}", task.name), target)
    });
    tasks.chain(tokenizers(signature)).chain(kinds(signature)).collect()
}

fn tokenizers(signature: &Signature) -> impl Iterator<Item = (String, String)> {
    signature.inputs.iter().filter_map(|input| match &input.encoding {
        Encoding::Tokens { tokenizer, .. } => {
            Some((format!("{TOKENIZER}{}", input.name), sha256(tokenizer.json.as_bytes())))
        }
        _ => None,
    })
}

fn kinds(signature: &Signature) -> impl Iterator<Item = (String, String)> {
    signature.inputs.iter().filter(|input| matches!(input.encoding, Encoding::Registered { .. })).map(
        |input| {
            let encoding = serde_json::to_string(&input.encoding).unwrap_or_default();
            (format!("{KIND}{}", input.name), sha256(encoding.as_bytes()))
        },
    )
}

/// Checks that a card matches a model's metadata. Models of earlier formats have fewer entries.
///
/// # Errors
/// [`RunError::CardMismatch`], with the difference.
pub fn check(metadata: &[(String, String)], card: &ModelCard) -> Result<(), RunError> {
    let mismatch = |what: String| Err(RunError::CardMismatch { what });
    let entry = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let hashed = card.format >= HASHED;
    for task in &card.signature.tasks {
        match entry(&format!("{TASK}{}", task.name)).map(serde_json::from_str::<FittedTarget>) {
            Some(Ok(target)) if target == task.target => {}
            None if !hashed => {}
            None => return mismatch(format!("the model has no task `{}`", task.name)),
            Some(_) => {
                return mismatch(format!(
                    "task `{}` has a different {} in the model",
                    task.name,
                    parts(&task.target)
                ));
            }
        }
    }
    for (key, hash) in tokenizers(&card.signature) {
        match entry(&key) {
            Some(value) if value == hash => {}
            None if !hashed => {}
            _ => {
                let input = key.trim_start_matches(TOKENIZER);
                return mismatch(format!("the model was trained with another tokenizer of input `{input}`"));
            }
        }
    }
    for (key, hash) in kinds(&card.signature) {
        if entry(&key) != Some(&hash) {
            let input = key.trim_start_matches(KIND);
            return mismatch(format!("the model was trained with another kind of input `{input}`"));
        }
    }
    for file in &card.files {
        let text = tokenizer(&card.signature, file);
        if text.is_some_and(|text| sha256(text.as_bytes()) != file.sha256) {
            return mismatch(format!("`{}` is not the tokenizer of the card", file.name));
        }
    }
    Ok(())
}

/// The settings of a target that may differ, for the message.
fn parts(target: &FittedTarget) -> &'static str {
    match target {
        FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => "list of classes or threshold",
        FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. } => "unit or columns",
        FittedTarget::Text { .. } | FittedTarget::LanguageModel { .. } => "tokenizer, length or search",
        _ => "list of classes",
    }
}
