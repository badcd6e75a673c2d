//! What an exported model says of itself, in its own metadata: each task's target, and the hash of what an
//! input is read by outside of the graph: its tokenizer, its kind of another crate. A card that says
//! otherwise is of another model, or was changed.

use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::FittedTarget;
use crate::onnx::bundle::{HASHED, ModelCard};
use crate::onnx::bundle_file::tokenizer;
use crate::onnx::seal::sha256;
use crate::run::error::RunError;

const TASK: &str = "task.";
const TOKENIZER: &str = "tokenizer.";
const KIND: &str = "kind.";

/// The lines of metadata.
pub fn metadata(signature: &Signature) -> Vec<(String, String)> {
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

/// What a model's metadata and a card say differently, if anything. Models of earlier formats say less.
pub fn fault(metadata: &[(String, String)], card: &ModelCard) -> Result<(), RunError> {
    let wrong = |what: String| Err(RunError::OtherCard { what });
    let message = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let hashed = card.format >= HASHED;
    for task in &card.signature.tasks {
        match message(&format!("{TASK}{}", task.name)).map(serde_json::from_str::<FittedTarget>) {
            Some(Ok(target)) if target == task.target => {}
            None if !hashed => {}
            None => return wrong(format!("the model has no task `{}`", task.name)),
            Some(_) => {
                return wrong(format!(
                    "task `{}` has another {} in the model",
                    task.name,
                    parts(&task.target)
                ));
            }
        }
    }
    for (key, hash) in tokenizers(&card.signature) {
        match message(&key) {
            Some(own) if own == hash => {}
            None if !hashed => {}
            _ => {
                let input = key.trim_start_matches(TOKENIZER);
                return wrong(format!("the model learned with another tokenizer of input `{input}`"));
            }
        }
    }
    for (key, hash) in kinds(&card.signature) {
        if message(&key) != Some(&hash) {
            let input = key.trim_start_matches(KIND);
            return wrong(format!("the model learned with another kind of input `{input}`"));
        }
    }
    for file in &card.files {
        let text = tokenizer(&card.signature, file);
        if text.is_some_and(|text| sha256(text.as_bytes()) != file.sha256) {
            return wrong(format!("`{}` is another tokenizer than its own", file.name));
        }
    }
    Ok(())
}

/// What may differ.
fn parts(target: &FittedTarget) -> &'static str {
    match target {
        FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
            "list of classes, or another threshold,"
        }
        FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. } => "unit, or other columns,",
        FittedTarget::Text { .. } | FittedTarget::LanguageModel { .. } => "tokenizer, length or search",
        _ => "list of classes",
    }
}
