//! The files of a bundle beside its card: the model, what writes texts, what cuts texts into tokens.

use serde::{Deserialize, Serialize};

use crate::domain::file_name::FileName;
use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::FittedTarget;

/// The model's file.
pub const MODEL: &str = "model.onnx";
/// What the names of tokenizers' files end with.
pub const TOKENIZER: &str = ".tokenizer.json";
/// What the names of decoders' files end with.
pub const DECODER: &str = ".decoder.onnx";

/// What a file is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleRole {
    Model,
    /// Says the next token of a task's text.
    Decoder,
    /// Cuts texts into tokens, in the form of Hugging Face's `tokenizer.json`.
    Tokenizer,
}

/// A file of a bundle. An input or a task may be called anything: the file's name is then another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFile {
    pub name: FileName,
    pub part: BundleRole,
    /// The input or task whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "of")]
    pub owner: Option<String>,
    /// Unknown to cards of earlier formats.
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub sha256: String,
}

/// The files that a model of this signature has, not yet written.
pub fn members(signature: &Signature) -> Vec<BundleFile> {
    let decoders = signature.tasks.iter().filter(|task| matches!(task.target, FittedTarget::Text { .. }));
    let decoders = decoders.map(|task| (task.name.as_str(), DECODER, BundleRole::Decoder));
    let inputs = signature.inputs.iter().filter(|input| matches!(input.encoding, Encoding::Tokens { .. }));
    let inputs = inputs.map(|input| (input.name.as_str(), TOKENIZER, BundleRole::Tokenizer));
    let tasks = signature.tasks.iter().filter(|task| matches!(task.target, FittedTarget::Text { .. }));
    let tasks = tasks.map(|task| (task.name.as_str(), TOKENIZER, BundleRole::Tokenizer));
    let all: Vec<(&str, &str, BundleRole)> = decoders.chain(inputs).chain(tasks).collect();
    let names = FileName::unique(all.iter().map(|(of, ending, _)| (*of, *ending)));
    let member = |name, part, of: Option<&str>| BundleFile {
        name,
        part,
        owner: of.map(str::to_owned),
        bytes: 0,
        sha256: String::new(),
    };
    let beside = all.iter().zip(names).map(|((of, _, part), name)| member(name, *part, Some(of)));
    std::iter::once(member(FileName::from_text(MODEL, ""), BundleRole::Model, None)).chain(beside).collect()
}

/// What stands in a tokenizer's file.
pub fn tokenizer<'a>(signature: &'a Signature, member: &BundleFile) -> Option<&'a str> {
    let of = member.owner.as_deref().filter(|_| member.part == BundleRole::Tokenizer)?;
    let input = signature.inputs.iter().find_map(|input| match &input.encoding {
        Encoding::Tokens { tokenizer, .. } if input.name.as_str() == of => Some(tokenizer.json.as_str()),
        _ => None,
    });
    let task = || {
        signature.tasks.iter().find_map(|task| match &task.target {
            FittedTarget::Text { tokenizer, .. } if task.name.as_str() == of => Some(tokenizer.json.as_str()),
            _ => None,
        })
    };
    input.or_else(task)
}
