//! The words that a stage's result depends on, besides those of the stages before it.
//!
//! Left out on purpose: names and descriptions, file names (their content counts, and their ending), how
//! often to save a checkpoint, and what is measured while training (metrics are scored again by `evaluate`,
//! but the one that chooses the best epoch counts). The order of the keys is part of a fingerprint.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::config::{Deduplicate, SourceConfig, SplitConfig, TableConfig};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TableName;
use crate::onnx::config::ExportConfig;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{Stage, Work};
use crate::plan::trial::{Trial, metrics, network};
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{BalanceConfig, WeightingConfig};

impl Plan {
    /// The words of one stage. `content`: that of each table's files.
    pub fn stage_config(&self, stage: &Stage, content: &BTreeMap<TableName, Fingerprint>) -> Value {
        let trial = stage.trial.and_then(|number| self.trial(number));
        let pipeline = trial.map_or(&self.pipeline, |trial| &trial.pipeline);
        match &stage.work {
            Work::Load(name) => self.of_load(pipeline, name, content.get(name)),
            Work::Split(name) => of_split(pipeline, name),
            Work::Fit => self.of_fit(pipeline),
            Work::Train => of_train(pipeline, trial.map(|trial| trial.seed)),
            Work::Evaluate => of_evaluate(pipeline, trial),
            Work::Export => match &pipeline.export {
                // The tolerance stands in the model's card.
                ExportConfig::Onnx(onnx) => {
                    json!({ "onnx": { "opset": onnx.opset, "tolerance": onnx.tolerance } })
                }
            },
            Work::Baseline(task) => trial.map_or(Value::Null, |trial| trial.alone_words(task)),
            Work::Gain => json!({ "baselines": pipeline.evaluate.baselines, "metrics": metrics(pipeline) }),
            Work::Verify => match &pipeline.export {
                ExportConfig::Onnx(onnx) => json!({ "tolerance": onnx.tolerance }),
            },
        }
    }

    fn of_load(&self, pipeline: &PipelineConfig, name: &TableName, content: Option<&Fingerprint>) -> Value {
        let Some(table) = pipeline.data.get(name) else { return Value::Null };
        json!({
            "name": name,
            "content": content,
            "source": source_words(&table.source),
            "separate": separate_files(table),
            "query": table.query,
            "rename": table.rename.iter().collect::<BTreeMap<_, _>>(),
            "deduplicate": match table.deduplicate {
                Deduplicate::Used => {
                    let tasks = self.tasks();
                    let targets = tasks.iter().filter(|task| task.table == *name);
                    let targets: Vec<_> = targets.flat_map(|task| &task.columns).collect();
                    json!([pipeline.inputs.keys().collect::<Vec<_>>(), targets])
                }
                ref other => json!(other),
            },
        })
    }

    fn of_fit(&self, pipeline: &PipelineConfig) -> Value {
        let tasks = self.tasks();
        let tasks = tasks
            .iter()
            .map(|task| json!([task.name, task.table, task.columns, task.target, task.missing_is_error]));
        let mut config = json!({ "inputs": self.inputs(), "tasks": tasks.collect::<Vec<Value>>() });
        // Inputs are encoded as the earlier run did.
        if let Some(start) = &pipeline.train.start_from {
            config["start_from"] = json!(start.run);
        }
        let vectors = self.vectors();
        let vectors = vectors.iter().map(|wanted| json!([wanted.input, wanted.path, wanted.width]));
        let vectors: Vec<Value> = vectors.collect();
        if !vectors.is_empty() {
            config["vectors"] = json!(vectors);
        }
        config
    }
}

fn of_split(pipeline: &PipelineConfig, name: &TableName) -> Value {
    let split = pipeline.data.get(name).map(|table| &table.split);
    let mut config = json!({
        "split": split.map(split_words),
        "seed": split.filter(|split| is_random(split)).map(|_| pipeline.seed),
    });
    // These two divide otherwise than they once did: by the sizes of groups, and by moments instead of
    // letters.
    if matches!(split, Some(SplitConfig::Group(_) | SplitConfig::Time(_))) {
        config["rule"] = json!(2);
    }
    config
}

fn of_train(pipeline: &PipelineConfig, seed: Option<u64>) -> Value {
    let mut train = to_json(&pipeline.train);
    // How often to save does not change what is learned.
    if let Some(train) = train.as_object_mut() {
        train.shift_remove("checkpoint");
    }
    // With one table there is nothing to choose.
    let sampling = (pipeline.data.len() > 1).then_some(&pipeline.sampling);
    json!({
        "network": network(pipeline),
        "weighting": trained(&pipeline.weighting),
        "sampling": sampling,
        "train": train,
        "seed": seed,
    })
}

fn of_evaluate(pipeline: &PipelineConfig, trial: Option<&Trial>) -> Value {
    let mut config = json!({ "splits": pipeline.evaluate.splits, "metrics": metrics(pipeline) });
    if let Some(front) = trial.map(Trial::preferences).filter(|front| !front.is_empty()) {
        config["preferences"] = json!(front);
    }
    if let Some(reference) = trial.map(Trial::reference).filter(|given| !given.is_empty()) {
        config["reference"] = json!(reference);
    }
    config
}

/// What of the weighting a training depends on: for how many preferences it is scored afterwards, and up to
/// where, is `evaluate`'s.
fn trained(weighting: &BalanceConfig) -> BalanceConfig {
    let mut own = weighting.clone();
    for choice in &mut own.0 {
        if let WeightingConfig::Cosmos(config) = choice {
            config.front = None;
            config.reference.clear();
        }
    }
    own
}

/// A table's source without where it lies: only the ending, which may say how it is read.
fn source_words(source: &SourceConfig) -> Value {
    without_names(to_json(source))
}

fn split_words(split: &SplitConfig) -> Value {
    without_names(to_json(split))
}

/// Which separate files there are: their content alone would not say which is which.
fn separate_files(table: &TableConfig) -> Value {
    match &table.split {
        SplitConfig::Files(files) => json!([files.valid.is_some(), true]),
        _ => Value::Null,
    }
}

fn is_random(split: &SplitConfig) -> bool {
    match split {
        SplitConfig::Random(_) | SplitConfig::Stratified(_) | SplitConfig::Group(_) => true,
        SplitConfig::Files(files) => files.valid.is_none(),
        SplitConfig::Time(_) | SplitConfig::Column(_) => false,
    }
}

/// Replaces file names by their endings: the settings called `path` of a source, `valid` and `test` of
/// separate files.
fn without_names(mut choice: Value) -> Value {
    let settings = choice.as_object_mut().and_then(|choice| {
        let names: &[&str] = if choice.contains_key("files") { &["valid", "test"] } else { &["path"] };
        choice.values_mut().next()?.as_object_mut().map(|settings| (names, settings))
    });
    if let Some((names, settings)) = settings {
        for name in names {
            if let Some(Value::String(file)) = settings.get_mut(*name) {
                *file = ending(file);
            }
        }
    }
    choice
}

/// `data/a.csv.gz` -> `.csv.gz`
fn ending(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.find('.').map_or(String::new(), |dot| name[dot..].to_lowercase())
}

/// Words as JSON.
pub fn to_json(config: &impl serde::Serialize) -> Value {
    // Words have text keys and finite numbers: they can always be written.
    serde_json::to_value(config).unwrap_or_default()
}
