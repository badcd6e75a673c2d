//! What the model gives and what answers are written in: no two of one name.

use std::collections::{HashMap, HashSet};

use crate::domain::answer::planned;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::task::TargetConfig;
use crate::spec::pipeline::PipelineConfig;

/// Checks the names of outputs and of the columns of answers.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = same_outputs(pipeline);
    diagnostics.extend(same_columns(pipeline));
    diagnostics
}

/// A task called `a_logits` beside `a`: two outputs of the model would have one name.
fn same_outputs(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let writers: Vec<&TaskName> = pipeline
        .tasks
        .iter()
        .filter(|(_, task)| matches!(task.kind, TargetConfig::Text(_)))
        .map(|(name, _)| name)
        .collect();
    let known: HashMap<&str, &TaskName> = pipeline.tasks.keys().map(|name| (name.as_str(), name)).collect();
    let inputs: HashSet<&str> = pipeline.inputs.keys().map(|name| name.as_str()).collect();
    // What the decoder of a text reads, `title_memory`, is an output of the model too.
    let read_by = |name: &str| {
        let of = |writer: &&&TaskName| name.strip_prefix(writer.as_str())?.strip_prefix('_').map(is_read);
        writers.iter().find(|writer| of(writer) == Some(true)).copied()
    };
    for name in pipeline.tasks.keys() {
        let raw = name.as_str().strip_suffix("_logits").and_then(|other| known.get(other));
        let raw = raw.map(|other| ("the raw values of", *other));
        let other = raw.or_else(|| read_by(name.as_str()).map(|other| ("what is read to write", other)));
        if let Some((what, other)) = other {
            let message = format!(
                "the model's output `{name}` would have two meanings: this task, and {what} `{other}`"
            );
            let diagnostic = Diagnostic::error("same-output", Path::from_key("tasks").key(name), message);
            diagnostics.push(diagnostic.on_key().help("give one of the tasks another name"));
        }
    }
    // Of each writer the first input that is called like something its decoder reads.
    let mut inputs_read: HashMap<&TaskName, &str> = HashMap::new();
    for input in pipeline.inputs.keys().map(|name| name.as_str()).filter(|_| !writers.is_empty()) {
        if let Some(writer) = read_by(input) {
            inputs_read.entry(writer).or_insert(input);
        }
    }
    for name in pipeline.tasks.keys() {
        let outputs = [name.to_string(), format!("{name}_logits")];
        let named = outputs.iter().find_map(|output| inputs.get(output.as_str()).copied());
        if let Some(input) = named.or_else(|| inputs_read.get(name).copied()) {
            let message = format!("the model would have an input and an output called `{input}`");
            let diagnostic = Diagnostic::error("same-output", Path::from_key("tasks").key(name), message);
            diagnostics.push(diagnostic.on_key().help("give the task another name than the input's"));
        }
    }
    diagnostics
}

/// Is it what a decoder looks at, or begins with?
fn is_read(port: &str) -> bool {
    let by_layer = |port: &str| {
        let port = port.strip_prefix("past_").unwrap_or(port);
        let number = port.strip_prefix("keys_").or_else(|| port.strip_prefix("values_"));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    matches!(port, "memory" | "mask" | "keys" | "hidden" | "cell" | "copy_keys" | "copy_tokens")
        || by_layer(port)
}

/// A task called `a_probability` beside the binary task `a`. What classes the data has is not known here.
fn same_columns(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut first: HashMap<String, &TaskName> = HashMap::new();
    for (name, task) in &pipeline.tasks {
        // One of them is enough to find a task's name wrong.
        let mut reported = false;
        for column in planned(name, &task.kind, &task.target.0) {
            match first.get(&column) {
                Some(other) if !reported => {
                    reported = true;
                    let path = Path::from_key("tasks").key(name);
                    let message = if *other == name {
                        format!("two columns of its answers would be called `{column}`")
                    } else {
                        format!(
                            "two columns of the answers would be called `{column}`: one of `{other}`, one of `{name}`"
                        )
                    };
                    let help = match *other == name {
                        true => "give one of its target columns another name, by `rename`",
                        false => "give one of the tasks another name",
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
    use super::is_read;

    #[test]
    fn what_decoders_read_is_known_by_name() {
        for port in ["memory", "mask", "keys", "hidden", "cell", "copy_tokens", "keys_0", "past_values_11"] {
            assert!(is_read(port), "{port}");
        }
        for port in ["", "length", "keys_", "keys_a", "past_", "values", "memory_2"] {
            assert!(!is_read(port), "{port}");
        }
    }
}
