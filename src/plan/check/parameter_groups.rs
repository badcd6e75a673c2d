//! Checks `train.rates`, `train.freeze`, `train.accumulate` and `train.gradient_checkpointing` as far as the
//! pipeline alone determines.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{GradientsAt, WeightPart};

/// Checks the names of parts and tasks, and how accumulation combines with gradient methods.
pub(crate) fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let train = Path::from_key("train");
    let rates = pipeline.train.rates.rates.keys();
    let rates = rates.map(|key| (key, "rates", train.key("rates").key(key)));
    let frozen = pipeline.train.freeze.iter().enumerate();
    let frozen = frozen.map(|(index, key)| (key, "freeze", train.key("freeze").index(index)));
    let unknown = |(key, setting, path): (&String, &str, Path)| unknown_part(pipeline, key, setting, path);
    let mut diagnostics: Vec<Diagnostic> = rates.chain(frozen).filter_map(unknown).collect();
    diagnostics.extend(accumulate(pipeline));
    diagnostics.extend(checkpointing(pipeline));
    diagnostics
}

/// A key without `*` and dots is a part or a task; whether a pattern matches a weight is known only once the
/// network is built.
fn unknown_part(pipeline: &PipelineConfig, key: &str, setting: &str, path: Path) -> Option<Diagnostic> {
    let parts = || WeightPart::ALL.map(WeightPart::name);
    let tasks = || pipeline.tasks.keys().map(TaskName::as_str);
    if key.contains(['*', '.']) || parts().contains(&key) || tasks().any(|task| task == key) {
        return None;
    }
    let message = format!(
        "unknown part `{key}` in `{setting}`; expected a part of the network, a task, or a pattern of \
         weight names such as \"trunk.0.*\""
    );
    let mut known: Vec<&str> = parts().to_vec();
    known.extend(tasks());
    let diagnostic = Diagnostic::error("unknown-part", path, message).did_you_mean(key, known);
    Some(if setting == "rates" { diagnostic.on_key() } else { diagnostic })
}

/// `by_layer` differentiates candle's graph, which holds the activations of all blocks.
fn checkpointing(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    if !(pipeline.train.gradient_checkpointing && pipeline.train.gradients.by_layer) {
        return None;
    }
    let path = Path::from_key("train").key("gradient_checkpointing");
    let message = "`gradient_checkpointing` does not support `by_layer: true`, which keeps all activations";
    Some(Diagnostic::error("checkpointing-by-layer", path, message).help("remove one of the two"))
}

/// Gradients of several batches are summed per task; not per layer, and not at a representation.
fn accumulate(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let gradients = &pipeline.train.gradients;
    let has_method =
        pipeline.weighting.0.iter().any(|choice| choice.view().capabilities().gradients().is_some());
    if pipeline.train.accumulate.get() == 1 || !(has_method || gradients.observe) {
        return None;
    }
    let setting = match (gradients.by_layer, gradients.at) {
        (true, _) => "by_layer: true",
        (false, GradientsAt::Representation) => "at: representation",
        (false, GradientsAt::Parameters) => return None,
    };
    let message = format!(
        "`accumulate` does not support `{setting}`, which needs the activations of all batches of a step \
         at once"
    );
    let path = Path::from_key("train").key("accumulate");
    let help = format!("remove `{setting}`, or raise `batch_size` instead");
    Some(Diagnostic::error("accumulate-gradients", path, message).help(help))
}
