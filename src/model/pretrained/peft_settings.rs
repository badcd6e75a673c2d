//! The settings of a LoRA adapter, as Hugging Face's peft writes them into `adapter_config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::model::pretrained::error::PretrainedError;

/// Initial values of LoRA that change the pretrained weights too, so that the adapter alone is not enough.
const CHANGES_BASE: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];

/// Settings that must be off, because they add to LoRA what is not supported.
const UNSUPPORTED: [&str; 8] = [
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",
    "arrow_config",
    "megatron_config",
    "lora_bias",
    "use_qalora",
];

/// What determines the updates of an adapter, apart from its matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct PeftSettings {
    /// The update is multiplied by alpha / rank.
    pub lora_alpha: f64,
    /// Other values of alpha, by module or the end of its name.
    pub alpha_pattern: BTreeMap<String, f64>,
    /// Dropout rate of the input of an update.
    pub lora_dropout: f64,
    /// Divides by the square root of the rank instead.
    pub use_rslora: bool,
    /// Whether columns have magnitudes.
    pub use_dora: bool,
}

impl PeftSettings {
    /// Reads a file `adapter_config.json`.
    ///
    /// # Errors
    /// It cannot be read, is not JSON, or has a setting that is not supported.
    pub fn read(path: &Path) -> Result<Self, PretrainedError> {
        let io = |source| PretrainedError::Io { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        let wrong = |reason: String| PretrainedError::Json { path: path.to_owned(), reason };
        let json = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not JSON: {error}")))?;
        Self::parse(&json).map_err(wrong)
    }

    fn parse(json: &Value) -> Result<Self, String> {
        let kind = json.get("peft_type").and_then(Value::as_str).unwrap_or_default();
        if kind != "LORA" {
            return Err(format!("`peft_type` is `{kind}`; only `LORA` is supported"));
        }
        let is_off = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        for name in UNSUPPORTED {
            if let Some(found) = json.get(name).filter(|value| !is_off(value)) {
                return Err(format!("`{name}` is {found}; expected null or false"));
            }
        }
        match json.get("bias") {
            None | Some(Value::Null) => {}
            Some(bias) if bias == "none" => {}
            Some(bias) => return Err(format!("`bias` is {bias}; expected \"none\"")),
        }
        let initial = json.get("init_lora_weights").and_then(Value::as_str).unwrap_or_default();
        if CHANGES_BASE.iter().any(|kind| initial.starts_with(kind)) {
            return Err(format!(
                "`init_lora_weights` is `{initial}`, which changes the pretrained weights; convert the \
                 adapter with peft (`path_initial_model_for_weight_conversion`)"
            ));
        }
        let flag = |name: &str| match json.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(found) => Err(format!("`{name}` is {found}; expected true or false")),
        };
        let number = |name: &str, value: &Value, least: f64, most: f64| match value.as_f64() {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("`{name}` is {value}; expected a number from {least} to {most}")),
        };
        let lora_alpha = json.get("lora_alpha").ok_or("has no `lora_alpha`")?;
        let dropout = json.get("lora_dropout").unwrap_or(&Value::Null);
        let mut alpha_pattern = BTreeMap::new();
        if let Some(patterns) = json.get("alpha_pattern").and_then(Value::as_object) {
            for (pattern, alpha) in patterns {
                if !pattern.chars().all(|letter| letter.is_alphanumeric() || "._-".contains(letter)) {
                    let reason = "only names of modules or their ends are supported";
                    return Err(format!("`alpha_pattern` has `{pattern}`: {reason}"));
                }
                alpha_pattern.insert(pattern.clone(), number(pattern, alpha, 0.0, 1e9)?);
            }
        }
        Ok(Self {
            lora_alpha: number("lora_alpha", lora_alpha, 0.0, 1e9)?,
            alpha_pattern,
            lora_dropout: if dropout.is_null() { 0.0 } else { number("lora_dropout", dropout, 0.0, 0.999)? },
            use_rslora: flag("use_rslora")?,
            use_dora: flag("use_dora")?,
        })
    }

    /// The factor of the update of a module with this rank.
    pub fn scale(&self, module: &str, rank: usize) -> f64 {
        let is_end = |pattern: &str| {
            module.strip_suffix(pattern).is_some_and(|start| start.is_empty() || start.ends_with('.'))
        };
        let own = self.alpha_pattern.iter().find(|(pattern, _)| is_end(pattern));
        let alpha = own.map_or(self.lora_alpha, |(_, alpha)| *alpha);
        let rank = rank as f64;
        alpha / if self.use_rslora { rank.sqrt() } else { rank }
    }
}

/// A module with its rank and the factor of its update, for [`peft_config`].
#[derive(Clone, Debug, PartialEq)]
pub struct PeftModule {
    /// Its name in the pretrained model.
    pub name: String,
    /// The rank.
    pub rank: usize,
    /// The factor of the update.
    pub scale: f64,
}

/// The content of `adapter_config.json` for these modules: each is named in full, so that it fits no other.
pub fn peft_config(
    base: &str,
    modules: &[PeftModule],
    dropout: f64,
    use_dora: bool,
    fan_in_fan_out: bool,
) -> Value {
    let alpha = |module: &PeftModule| module.scale * module.rank as f64;
    let (rank, first_alpha) = modules.first().map_or((1, 1.0), |module| (module.rank, alpha(module)));
    let ranks = modules.iter().filter(|module| module.rank != rank);
    let ranks: BTreeMap<&str, usize> = ranks.map(|module| (module.name.as_str(), module.rank)).collect();
    let alphas = modules.iter().filter(|module| alpha(module) != first_alpha);
    let alphas: BTreeMap<&str, f64> = alphas.map(|module| (module.name.as_str(), alpha(module))).collect();
    json!({
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base,
        "inference_mode": true,
        "r": rank,
        "lora_alpha": first_alpha,
        "lora_dropout": dropout,
        "target_modules": modules.iter().map(|module| module.name.as_str()).collect::<Vec<_>>(),
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
        "bias": "none",
        "fan_in_fan_out": fan_in_fan_out,
        "init_lora_weights": true,
        "modules_to_save": null,
        "use_dora": use_dora,
        "use_rslora": false,
    })
}
