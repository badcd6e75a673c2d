//! Checks inputs of tokens: a tokenizer has a vocabulary of its own; pairs need a template.

use crate::data::config::FeatureConfig;
use crate::data::feature::tokens::TokensConfig;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::tokenizer::TokenizerConfig;
use crate::spec::pipeline::PipelineConfig;

/// Finds settings of a vocabulary beside a tokenizer, and pairs that cannot be encoded.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = pairs(pipeline);
    let tokens = pipeline.inputs.iter().filter_map(|(name, input)| match &input.feature {
        FeatureConfig::Tokens(config) if config.tokenizer.is_some() => Some((name, config)),
        _ => None,
    });
    let own = TokensConfig::default();
    for (name, config) in tokens {
        let set = [
            ("vocabulary", config.vocabulary != own.vocabulary),
            ("minimum", config.minimum != own.minimum),
            ("lowercase", config.lowercase != own.lowercase),
        ];
        for (setting, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            let path = Path::from_key("inputs").key(name).key("tokens").key(setting);
            let message = format!(
                "`{setting}` describes a vocabulary of whole tokens, but `tokenizer` has a vocabulary of \
                 pieces"
            );
            let help = format!("remove `{setting}`, or `tokenizer`");
            diagnostics.push(Diagnostic::error("tokens-vocabulary", path, message).help(help));
        }
    }
    diagnostics
}

/// Pairs of texts whose tokenizer has no template of pairs, or of a column with itself.
fn pairs(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, input) in &pipeline.inputs {
        let FeatureConfig::Text(config) = &input.feature else { continue };
        let Some(second) = &config.pair else { continue };
        let path = Path::from_key("inputs").key(name).key("text");
        if second.as_str() == name.as_str() {
            let message = format!("`pair` is the column of the input itself, `{name}`");
            let help = "write the column of the second text";
            diagnostics.push(Diagnostic::error("text-pair", path.key("pair"), message).help(help));
        }
        if !matches!(config.tokenizer, TokenizerConfig::Pretrained(_)) {
            let message = format!(
                "`pair` needs the tokenizer of a pretrained model, which separates both texts; `{}` does not",
                config.tokenizer.name()
            );
            let help = "write `tokenizer: {pretrained: FOLDER}`";
            diagnostics.push(Diagnostic::error("text-pair", path.key("tokenizer"), message).help(help));
        }
    }
    diagnostics
}
