//! Names of the model's outputs and of the prediction columns must be unique.

use std::collections::{HashMap, HashSet};

use crate::domain::answer::planned_columns;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::task::TargetConfig;
use crate::spec::pipeline::PipelineConfig;

/// Checks the names of outputs and prediction columns.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = same_outputs(pipeline);
    diagnostics.extend(same_columns(pipeline));
    diagnostics
}

/// Finds name conflicts between outputs, such as a task `a_logits` next to a task `a`, and with inputs.
fn same_outputs(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let text_tasks: Vec<&TaskName> = pipeline
        .tasks
        .iter()
        .filter(|(_, task)| matches!(task.kind, TargetConfig::Text(_)))
        .map(|(name, _)| name)
        .collect();
    let known: HashMap<&str, &TaskName> = pipeline.tasks.keys().map(|name| (name.as_str(), name)).collect();
    let inputs: HashSet<&str> = pipeline.inputs.keys().map(|name| name.as_str()).collect();
    // Tensors that a text decoder reads, such as `title_memory`, are outputs of the model too.
    let decoded_by = |name: &str| {
        let is_decoder_input =
            |task: &&&TaskName| name.strip_prefix(task.as_str())?.strip_prefix('_').map(is_decoder_input);
        text_tasks.iter().find(|task| is_decoder_input(task) == Some(true)).copied()
    };
    for name in pipeline.tasks.keys() {
        let logits_of = name.as_str().strip_suffix("_logits").and_then(|other| known.get(other));
        let logits_of = logits_of.map(|other| ("the logits", *other));
        let other = logits_of.or_else(|| decoded_by(name.as_str()).map(|other| ("a decoder input", other)));
        if let Some((what, other)) = other {
            let message = format!(
                "name conflict in the exported model: `{name}` is {what} of task `{other}` and the \
                 prediction of task `{name}`"
            );
            let diagnostic = Diagnostic::error("same-output", Path::from_key("tasks").key(name), message);
            diagnostics.push(diagnostic.on_key().help("rename one of the tasks"));
        }
    }
    // The first input of each text task that is named like something its decoder reads.
    let mut conflicting_inputs: HashMap<&TaskName, &str> = HashMap::new();
    for input in pipeline.inputs.keys().map(|name| name.as_str()).filter(|_| !text_tasks.is_empty()) {
        if let Some(task) = decoded_by(input) {
            conflicting_inputs.entry(task).or_insert(input);
        }
    }
    for name in pipeline.tasks.keys() {
        let outputs = [name.to_string(), format!("{name}_logits")];
        let same_name = outputs.iter().find_map(|output| inputs.get(output.as_str()).copied());
        if let Some(input) = same_name.or_else(|| conflicting_inputs.get(name).copied()) {
            let message = format!("name conflict in the exported model: `{input}` is an input and an output");
            let diagnostic = Diagnostic::error("same-output", Path::from_key("tasks").key(name), message);
            diagnostics.push(diagnostic.on_key().help("rename the task"));
        }
    }
    diagnostics
}

/// Is this suffix the name of a tensor that a decoder reads?
fn is_decoder_input(port: &str) -> bool {
    let by_layer = |port: &str| {
        let port = port.strip_prefix("past_").unwrap_or(port);
        let number = port.strip_prefix("keys_").or_else(|| port.strip_prefix("values_"));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    matches!(port, "memory" | "mask" | "keys" | "hidden" | "cell" | "copy_keys" | "copy_tokens")
        || by_layer(port)
}

/// Finds equal prediction columns, such as those of a task `a_probability` next to the binary task `a`.
/// Classes that only the data contains are not known here.
fn same_columns(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut first: HashMap<String, &TaskName> = HashMap::new();
    for (name, task) in &pipeline.tasks {
        // One conflict per task is enough.
        let mut reported = false;
        for column in planned_columns(name, &task.kind, &task.target.0) {
            match first.get(&column) {
                Some(other) if !reported => {
                    reported = true;
                    let path = Path::from_key("tasks").key(name);
                    let message = if *other == name {
                        format!("`{name}` has two prediction columns called `{column}`")
                    } else {
                        format!(
                            "prediction column `{column}` is ambiguous: produced by `{other}` and by `{name}`"
                        )
                    };
                    let help = match *other == name {
                        true => "rename one of its target columns with `rename`",
                        false => "rename one of the tasks",
                    };
                    diagnostics.push(Diagnostic::error("same-answer", path, message).on_key().help(help));
                }
                Some(_) => {}
                None => {
                    first.insert(column, name);
                }
            }
        }
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::is_decoder_input;

    #[test]
    fn decoder_inputs_are_known_by_name() {
        for port in ["memory", "mask", "keys", "hidden", "cell", "copy_tokens", "keys_0", "past_values_11"] {
            assert!(is_decoder_input(port), "{port}");
        }
        for port in ["", "length", "keys_", "keys_a", "past_", "values", "memory_2"] {
            assert!(!is_decoder_input(port), "{port}");
        }
    }
}
