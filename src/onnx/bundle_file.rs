//! The files of an exported model besides its card: the model, decoders, tokenizers.

use serde::{Deserialize, Serialize};

use crate::domain::file_name::FileName;
use crate::domain::signature::{Encoding, Signature};
use crate::domain::task::FittedTarget;

/// The model's file name.
pub const MODEL: &str = "model.onnx";
/// The suffix of tokenizer files.
pub const TOKENIZER: &str = ".tokenizer.json";
/// The suffix of decoder files.
pub const DECODER: &str = ".decoder.onnx";

/// The files of a LoRA adapter, as Hugging Face's peft names them.
pub const ADAPTER: [&str; 2] = ["adapter_config.json", "adapter_model.safetensors"];
/// The ending of a file with the weights of a model of more than 2 GB, after the model's own name.
pub const DATA: &str = ".data";

/// The role of a file in an exported model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleRole {
    /// The main graph.
    Model,
    /// Computes the logits of a task's next token.
    Decoder,
    /// Weights of the main graph or of a decoder, where the model would have more than 2 GB.
    Data,
    /// Splits texts into tokens; in the format of Hugging Face's `tokenizer.json`.
    Tokenizer,
    /// The updates of the pretrained layer, as Hugging Face's peft reads them. Not needed for prediction.
    Adapter,
}

/// A file of an exported model. Its name may differ from the input's or task's, which can be any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFile {
    /// Name in the folder.
    pub name: FileName,
    /// What the file is.
    pub part: BundleRole,
    /// The input or task that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "of")]
    pub owner: Option<String>,
    /// 0 in cards of earlier formats.
    #[serde(default)]
    pub bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    #[serde(default)]
    pub sha256: String,
}

fn member(name: FileName, part: BundleRole, owner: Option<&str>) -> BundleFile {
    BundleFile { name, part, owner: owner.map(str::to_owned), bytes: 0, sha256: String::new() }
}

/// The files of an adapter, with sizes and hashes still empty.
pub fn adapter_members() -> Vec<BundleFile> {
    let name = |name: &str| FileName::from_text(name, "");
    ADAPTER.iter().map(|file| member(name(file), BundleRole::Adapter, None)).collect()
}

/// The files of a model with this signature, with sizes and hashes still empty.
pub fn members(signature: &Signature) -> Vec<BundleFile> {
    let decoders = signature.tasks.iter().filter(|task| matches!(task.target, FittedTarget::Text { .. }));
    let decoders = decoders.map(|task| (task.name.as_str(), DECODER, BundleRole::Decoder));
    let inputs = signature.inputs.iter().filter(|input| matches!(input.encoding, Encoding::Tokens { .. }));
    let inputs = inputs.map(|input| (input.name.as_str(), TOKENIZER, BundleRole::Tokenizer));
    let tasks = signature.tasks.iter().filter(|task| matches!(task.target, FittedTarget::Text { .. }));
    let tasks = tasks.map(|task| (task.name.as_str(), TOKENIZER, BundleRole::Tokenizer));
    let all: Vec<(&str, &str, BundleRole)> = decoders.chain(inputs).chain(tasks).collect();
    let names = FileName::unique(all.iter().map(|(owner, suffix, _)| (*owner, *suffix)));
    let others = all.iter().zip(names).map(|((owner, _, part), name)| member(name, *part, Some(owner)));
    std::iter::once(member(FileName::from_text(MODEL, ""), BundleRole::Model, None)).chain(others).collect()
}

/// The file with the weights of a graph beside it: `model.onnx.data`.
pub fn data_member(graph: &BundleFile) -> Option<BundleFile> {
    let name = FileName::new(format!("{}{DATA}", graph.name))?;
    Some(BundleFile { name, part: BundleRole::Data, ..graph.clone() })
}

/// The content of a tokenizer file; `None` for other files.
pub fn tokenizer<'a>(signature: &'a Signature, member: &BundleFile) -> Option<&'a str> {
    let owner = member.owner.as_deref().filter(|_| member.part == BundleRole::Tokenizer)?;
    let input = signature.inputs.iter().find_map(|input| match &input.encoding {
        Encoding::Tokens { tokenizer, .. } if input.name.as_str() == owner => Some(tokenizer.json.as_str()),
        _ => None,
    });
    let task = || {
        signature.tasks.iter().find_map(|task| match &task.target {
            FittedTarget::Text { tokenizer, .. } if task.name.as_str() == owner => {
                Some(tokenizer.json.as_str())
            }
            _ => None,
        })
    };
    input.or_else(task)
}
