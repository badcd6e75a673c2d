//! The settings that a stage's result depends on, apart from those of the stages before it.
//!
//! Excluded on purpose: names and descriptions, file names (their content and extension count), the
//! checkpoint interval, and the metrics computed during training (`evaluate` computes them again; the metric
//! that selects the best epoch does count). The order of the keys is part of the fingerprint.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::config::{Deduplicate, SplitConfig, TableConfig};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TableName;
use crate::onnx::config::ExportConfig;
use crate::plan::check::pretrained::pretrained_content;
use crate::plan::resolved_plan::Plan;
use crate::plan::stage::{Stage, Work};
use crate::plan::trial::{Trial, metrics, network};
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{BalanceConfig, WeightingConfig};

impl Plan {
    /// The settings of one stage. `content` are the content hashes of the tables.
    pub fn stage_config(&self, stage: &Stage, content: &BTreeMap<TableName, Fingerprint>) -> Value {
        let trial = stage.trial.and_then(|number| self.trial(number));
        let pipeline = trial.map_or(&self.pipeline, |trial| &trial.pipeline);
        match &stage.work {
            Work::Load(name) => self.of_load(pipeline, name, content.get(name)),
            Work::Split(name) => of_split(pipeline, name),
            Work::Fit => self.of_fit(pipeline),
            Work::Features => trial.and_then(Trial::features_config).unwrap_or_default(),
            Work::Train => of_train(pipeline, trial.map(|trial| trial.seed)),
            Work::Evaluate => of_evaluate(pipeline, trial),
            Work::Export => match &pipeline.export {
                // The model card contains the tolerance.
                ExportConfig::Onnx(onnx) => {
                    let mut config = json!({ "opset": onnx.opset, "tolerance": onnx.tolerance() });
                    if onnx.precision.is_reduced() {
                        config["precision"] = json!(onnx.precision);
                    }
                    if onnx.adapter {
                        config["adapter"] = json!(true);
                    }
                    json!({ "onnx": config })
                }
            },
            Work::Baseline(task) => trial.map_or(Value::Null, |trial| trial.baseline_config(task)),
            Work::Gain => json!({ "baselines": pipeline.evaluate.baselines, "metrics": metrics(pipeline) }),
            Work::Verify => match &pipeline.export {
                ExportConfig::Onnx(onnx) => {
                    let mut config = json!({ "tolerance": onnx.tolerance() });
                    // What the exported model is scored by.
                    if onnx.precision.is_reduced() {
                        config["scores"] = of_evaluate(pipeline, trial);
                    }
                    config
                }
            },
        }
    }

    fn of_load(&self, pipeline: &PipelineConfig, name: &TableName, content: Option<&Fingerprint>) -> Value {
        let Some(table) = pipeline.data.get(name) else { return Value::Null };
        json!({
            "name": name,
            "content": content,
            "source": without_file_names(to_json(&table.source)),
            "separate": separate_files(table),
            "query": table.query,
            "rename": table.rename.iter().collect::<BTreeMap<_, _>>(),
            "deduplicate": match table.deduplicate {
                Deduplicate::InputsAndTargets => {
                    let tasks = self.tasks();
                    let targets = tasks.iter().filter(|task| task.table == *name);
                    let targets: Vec<_> = targets.flat_map(|task| &task.columns).collect();
                    json!([pipeline.input_columns(), targets])
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
        // Inputs are encoded as in the run that training starts from.
        if let Some(start) = &pipeline.train.start_from {
            config["start_from"] = json!(start.run);
        }
        if let Some(run) = pipeline.train.merge.as_ref().and_then(|merge| merge.runs.first()) {
            config["merge"] = json!(run);
        }
        let vectors = self.vectors();
        let vectors = vectors.iter().map(|own| json!([own.input, own.path, own.width]));
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
        "split": split.map(|split| without_file_names(to_json(split))),
        "seed": split.filter(|split| is_random(split)).map(|_| pipeline.seed),
    });
    // Version of the algorithm: group splits consider group sizes, time splits compare times instead of
    // texts.
    if matches!(split, Some(SplitConfig::Group(_) | SplitConfig::Time(_))) {
        config["rule"] = json!(2);
    }
    config
}

fn of_train(pipeline: &PipelineConfig, seed: Option<u64>) -> Value {
    let mut train = to_json(&pipeline.train);
    // The checkpoint interval does not affect the result.
    if let Some(train) = train.as_object_mut() {
        train.shift_remove("checkpoint");
    }
    // Sampling has no effect with one table.
    let sampling = (pipeline.data.len() > 1).then_some(&pipeline.sampling);
    let mut config = json!({
        "network": network(pipeline),
        "weighting": training_weighting(&pipeline.weighting),
        "sampling": sampling,
        "train": train,
        "seed": seed,
    });
    let pretrained = pretrained_content(pipeline);
    if !pretrained.is_empty() {
        config["pretrained"] = json!(pretrained);
    }
    config
}

fn of_evaluate(pipeline: &PipelineConfig, trial: Option<&Trial>) -> Value {
    let mut config = json!({
        "splits": pipeline.evaluate.splits,
        "bootstrap": pipeline.evaluate.bootstrap,
        "metrics": metrics(pipeline),
    });
    if let Some(front) = trial.map(Trial::preferences).filter(|front| !front.is_empty()) {
        config["preferences"] = json!(front);
    }
    if let Some(reference) = trial.map(Trial::reference).filter(|reference| !reference.is_empty()) {
        config["reference"] = json!(reference);
    }
    config
}

/// The part of the weighting that training depends on. The evaluated preferences and the reference point
/// belong to `evaluate`.
fn training_weighting(weighting: &BalanceConfig) -> BalanceConfig {
    let mut own = weighting.clone();
    for choice in &mut own.0 {
        if let WeightingConfig::Cosmos(config) = choice {
            config.front = None;
            config.reference.clear();
        }
    }
    own
}

/// Which separate files exist; the combined content hash does not tell them apart.
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

/// Replaces file names by their extensions: `path` of a source, `valid` and `test` of separate files.
fn without_file_names(mut choice: Value) -> Value {
    let settings = choice.as_object_mut().and_then(|choice| {
        let names: &[&str] = if choice.contains_key("files") { &["valid", "test"] } else { &["path"] };
        choice.values_mut().next()?.as_object_mut().map(|settings| (names, settings))
    });
    if let Some((names, settings)) = settings {
        for name in names {
            if let Some(Value::String(file)) = settings.get_mut(*name) {
                *file = extension(file);
            }
        }
    }
    choice
}

/// `data/a.csv.gz` -> `.csv.gz`
fn extension(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.find('.').map_or(String::new(), |dot| name[dot..].to_lowercase())
}

/// Serializes settings to JSON.
pub fn to_json(config: &impl serde::Serialize) -> Value {
    // Settings have string keys and finite numbers, so serialization cannot fail.
    serde_json::to_value(config).unwrap_or_default()
}
