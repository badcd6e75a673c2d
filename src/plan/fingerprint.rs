//! What a stage's result depends on, as one number: only words that change the result, the
//! fingerprints of the stages before it, and the stage's format version.
//!
//! Left out on purpose: names and descriptions, file names (their content counts, and their ending),
//! how often to save a checkpoint, and what is measured while training (metrics are scored again by
//! `evaluate`, but the one that chooses the best epoch counts).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::spec::{Deduplicate, SourceSpec, SplitSpec, TableSpec};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TableName;
use crate::onnx::spec::ExportSpec;
use crate::plan::extension::extensions;
use crate::plan::meaning::Plan;
use crate::plan::stage::{Stage, Work, format};
use crate::plan::trial::{Trial, metrics, network};
use crate::train::spec::{BalanceSpec, WeightingSpec};

pub use crate::plan::content::{combined, file};

impl Plan {
    /// The fingerprint of the whole pipeline as resolved: equal means the same experiment.
    pub fn fingerprint(&self) -> Fingerprint {
        of(&to_json(&self.pipeline))
    }

    /// The fingerprint of every stage. `content`: that of each table's files.
    pub fn fingerprints(&self, content: &BTreeMap<TableName, Fingerprint>) -> BTreeMap<Stage, Fingerprint> {
        let mut all: BTreeMap<Stage, Fingerprint> = BTreeMap::new();
        for node in self.order() {
            let stage = &self.graph[node];
            let upstream: Vec<&Fingerprint> =
                self.upstream(node).into_iter().filter_map(|node| all.get(&self.graph[node])).collect();
            let words = self.words(stage, content);
            let mut whole = json!({
                "stage": stage.kind().name(),
                "format": format(&stage.work),
                "words": words,
                "upstream": upstream,
            });
            // What another crate's items compute may change with its version.
            let extensions = extensions(&whole["words"]);
            if !extensions.is_empty() {
                whole["extensions"] = json!(extensions);
            }
            all.insert(stage.clone(), of(&whole));
        }
        all
    }

    /// The words a stage's result depends on, besides those of the stages before it.
    pub fn words(&self, stage: &Stage, content: &BTreeMap<TableName, Fingerprint>) -> Value {
        let trial = stage.trial.and_then(|number| self.trial(number));
        let pipeline = trial.map_or(&self.pipeline, |trial| &trial.pipeline);
        let seed = trial.map(|trial| trial.seed);
        match &stage.work {
            Work::Load(name) => match pipeline.data.get(name) {
                Some(table) => json!({
                    "name": name,
                    "content": content.get(name),
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
                }),
                None => Value::Null,
            },
            Work::Split(name) => {
                let split = pipeline.data.get(name).map(|table| &table.split);
                let mut words = json!({
                    "split": split.map(split_words),
                    "seed": split.filter(|split| is_random(split)).map(|_| pipeline.seed),
                });
                // These two divide otherwise than they once did: by the sizes of groups, and by moments instead of letters.
                if matches!(split, Some(SplitSpec::Group(_) | SplitSpec::Time(_))) {
                    words["rule"] = json!(2);
                }
                words
            }
            Work::Fit => {
                let tasks: Vec<Value> = self
                    .tasks()
                    .into_iter()
                    .map(|task| {
                        json!([task.name, task.table, task.columns, task.target, task.missing_is_error])
                    })
                    .collect();
                let mut words = json!({ "inputs": self.inputs(), "tasks": tasks });
                // Inputs are encoded as the earlier run did.
                if let Some(start) = &pipeline.train.start_from {
                    words["start_from"] = json!(start.run);
                }
                let vectors: Vec<Value> = self
                    .vectors()
                    .into_iter()
                    .map(|wanted| json!([wanted.input, wanted.path, wanted.width]))
                    .collect();
                if !vectors.is_empty() {
                    words["vectors"] = json!(vectors);
                }
                words
            }
            Work::Train => {
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
            Work::Evaluate => {
                let mut words = json!({ "splits": pipeline.evaluate.splits, "metrics": metrics(pipeline) });
                if let Some(front) = trial.map(Trial::preferences).filter(|front| !front.is_empty()) {
                    words["preferences"] = json!(front);
                }
                if let Some(reference) = trial.map(Trial::reference).filter(|given| !given.is_empty()) {
                    words["reference"] = json!(reference);
                }
                words
            }
            Work::Export => match &pipeline.export {
                // The tolerance stands in the model's card.
                ExportSpec::Onnx(onnx) => {
                    json!({ "onnx": { "opset": onnx.opset, "tolerance": onnx.tolerance } })
                }
            },
            Work::Baseline(task) => trial.map_or(Value::Null, |trial| trial.alone_words(task)),
            Work::Gain => json!({ "baselines": pipeline.evaluate.baselines, "metrics": metrics(pipeline) }),
            Work::Verify => match &pipeline.export {
                ExportSpec::Onnx(onnx) => json!({ "tolerance": onnx.tolerance }),
            },
        }
    }
}

/// What of the weighting a training depends on: for how many preferences it is scored afterwards, and up to where, is `evaluate`'s.
fn trained(weighting: &BalanceSpec) -> BalanceSpec {
    let mut own = weighting.clone();
    for choice in &mut own.0 {
        if let WeightingSpec::Cosmos(words) = choice {
            words.front = None;
            words.reference.clear();
        }
    }
    own
}

/// A table's source without where it lies: only the ending, which may say how it is read.
fn source_words(source: &SourceSpec) -> Value {
    without_names(to_json(source))
}

fn split_words(split: &SplitSpec) -> Value {
    without_names(to_json(split))
}

/// Which separate files there are: their content alone would not say which is which.
fn separate_files(table: &TableSpec) -> Value {
    match &table.split {
        SplitSpec::Files(files) => json!([files.valid.is_some(), true]),
        _ => Value::Null,
    }
}

fn is_random(split: &SplitSpec) -> bool {
    match split {
        SplitSpec::Random(_) | SplitSpec::Stratified(_) | SplitSpec::Group(_) => true,
        SplitSpec::Files(files) => files.valid.is_none(),
        SplitSpec::Time(_) | SplitSpec::Column(_) => false,
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

fn to_json(words: &impl serde::Serialize) -> Value {
    // Words have text keys and finite numbers: they can always be written.
    serde_json::to_value(words).unwrap_or_default()
}

/// The fingerprint of canonical JSON: fields in the order their structs declare, no blanks.
fn of(value: &Value) -> Fingerprint {
    Fingerprint(blake3::hash(value.to_string().as_bytes()).to_hex().to_string())
}
