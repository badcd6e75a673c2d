//! Checks inputs of tokens: a tokenizer has a vocabulary of its own.

use crate::data::config::FeatureConfig;
use crate::data::feature::tokens::TokensConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::spec::pipeline::PipelineConfig;

/// Finds settings of a vocabulary beside a tokenizer.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let tokens = pipeline.inputs.iter().filter_map(|(name, input)| match &input.feature {
        FeatureConfig::Tokens(config) if config.tokenizer.is_some() => Some((name, config)),
        _ => None,
    });
    let own = TokensConfig::default();
    let mut diagnostics = Vec::new();
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
