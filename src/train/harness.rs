//! Tests that train a small network from start to end.

mod accumulation;
mod balancing;
mod checkpointing;
mod cosmos;
mod epochs;
pub mod groups;
mod interruption;
mod lookahead;

use std::path::PathBuf;
use std::sync::Mutex;

use candle_core::Device;
use serde_json::{Value, json};

use crate::data::config::SamplingConfig;
use crate::domain::array::Array;
use crate::domain::array::ElementType;
use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, FinishedEpoch, Observer};
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::table::{Dataset, EncodedTable};
use crate::domain::task::{FittedTarget, TagScheme};
use crate::evaluate::default_metrics;
use crate::model::config::NetworkConfig;
use crate::model::network::Network;
use crate::train::config::{BalanceConfig, TrainConfig};
use crate::train::weighting::Capabilities;
use crate::train::{TrainJob, TrainResult, TrainedNetwork, train};

/// A training's data and settings, and its output folder.
pub struct TrainingHarness {
    pub dataset: Dataset,
    pub network: Value,
    pub sharing: Value,
    pub spec: Value,
    pub weighting: Value,
    pub seed: u64,
    pub folder: tempfile::TempDir,
}

/// Records all events, and may cancel the training once a checkpoint from some step on is saved.
#[derive(Default)]
pub struct TestObserver {
    pub events: Mutex<Vec<Event>>,
    pub stop_from: Option<usize>,
    /// Copies the first checkpoint from this step on: what a killed training leaves behind.
    pub copy_from: Option<(usize, PathBuf, PathBuf)>,
    pub cancel: CancelToken,
}

impl Observer for TestObserver {
    fn observe(&self, event: &Event) {
        if let Event::CheckpointSaved { step, .. } = event {
            if self.stop_from.is_some_and(|from| *step >= from) {
                self.cancel.request();
            }
            if let Some((from, source, copy)) = &self.copy_from
                && step >= from
                && !copy.exists()
            {
                std::fs::create_dir_all(copy.parent().expect("a folder")).expect("made");
                std::fs::copy(source, copy).expect("copied");
            }
        }
        self.events.lock().expect("events").push(event.clone());
    }
}

impl TestObserver {
    pub fn notes(&self) -> Vec<String> {
        let events = self.events.lock().expect("events");
        let note = |event: &Event| match event {
            Event::Note { text, .. } => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(note).collect()
    }

    /// The finished epochs without what depends on the clock.
    pub fn epochs(&self) -> Vec<Event> {
        let events = self.events.lock().expect("events");
        let epoch = |event: &Event| {
            let mut event = event.clone();
            let Event::EpochFinished(FinishedEpoch { rows_per_second, seconds, .. }) = &mut event else {
                return None;
            };
            (*rows_per_second, *seconds) = (0.0, 0.0);
            Some(event)
        };
        events.iter().filter_map(epoch).collect()
    }

    pub fn started_from(&self) -> Option<usize> {
        let events = self.events.lock().expect("events");
        events.iter().find_map(|event| match event {
            Event::TrainStarted { from_step, .. } => Some(*from_step),
            _ => None,
        })
    }
}

pub fn task(name: &str) -> TaskName {
    TaskName::new(name).expect("a name")
}

pub fn input(name: &str) -> InputName {
    InputName::new(name).expect("a name")
}

/// Pseudorandom numbers, uniform from -1 to 1.
pub fn noise(count: usize, stream: f64) -> Vec<f32> {
    (0..count)
        .map(|i| ((((i as f64 + 1.0) * 12.9898 + stream * 78.233).sin() * 43758.5453).fract()) as f32)
        .collect()
}

/// `value` = 2 x - y + the group's offset; `sign` is whether that is positive. Every seventh `value` and
/// every
/// fifth `sign` is missing.
pub fn table(name: &str, rows: usize, stream: f64) -> EncodedTable {
    let (x, y) = (noise(rows, stream), noise(rows, stream + 1.0));
    let groups: Vec<u32> = noise(rows, stream + 2.0).iter().map(|g| (g.abs() * 3.99) as u32).collect();
    let exact = |i: usize| 2.0 * x[i] - y[i] + groups[i] as f32 * 0.5 - 0.75;
    let value = (0..rows).map(|i| if i.is_multiple_of(7) { f32::NAN } else { exact(i) }).collect();
    let sign = |i: usize| if i.is_multiple_of(5) { f32::NAN } else { f32::from(u8::from(exact(i) > 0.0)) };
    let sign = (0..rows).map(sign).collect();
    let cut = (rows * 4 / 5) as u32;
    EncodedTable {
        name: TableName::new(name).expect("a name"),
        rows,
        inputs: vec![
            (input("x"), Array::f32(&[rows, 1], x)),
            (input("y"), Array::f32(&[rows, 1], y)),
            (input("group"), Array::codes(groups)),
        ],
        targets: vec![
            (task("value"), Array::f32(&[rows, 1], value)),
            (task("sign"), Array::f32(&[rows, 1], sign)),
        ],
        train: (0..cut).collect(),
        valid: (cut..rows as u32).collect(),
        test: Vec::new(),
        sample: Vec::new(),
        texts: Vec::new(),
        unseen: Vec::new(),
        sample_rows: Vec::new(),
    }
}

pub fn signature(tables: [&str; 2]) -> Signature {
    let scale = Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator: false };
    let keys = Keys::Int(vec![1, 2, 3]);
    let inputs = vec![
        InputSignature {
            name: input("x"),
            raw: ElementType::Float32,
            encoding: scale.clone(),
            required: false,
        },
        InputSignature { name: input("y"), raw: ElementType::Float32, encoding: scale, required: false },
        InputSignature {
            name: input("group"),
            raw: ElementType::Int64,
            encoding: Encoding::Code { keys, width: 4 },
            required: false,
        },
    ];
    let value =
        FittedTarget::Regression { columns: vec!["value".into()], center: vec![0.0], scale: vec![1.5] };
    let sign =
        FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [200, 180], threshold: 0.5 };
    let signature_of = |name, table: &str, target| TaskSignature {
        name: task(name),
        table: TableName::new(table).expect("a name"),
        target,
    };
    let tasks = vec![signature_of("value", tables[0], value), signature_of("sign", tables[1], sign)];
    Signature { inputs, tasks, readings: Default::default() }
}

impl TrainingHarness {
    /// One table, both tasks; 480 training rows in 15 batches.
    pub fn new() -> Self {
        Self {
            dataset: Dataset {
                signature: signature(["one", "one"]),
                tables: vec![table("one", 600, 0.0)],
                vectors: vec![],
            },
            network: json!([{"dense": {"units": 16, "activation": "relu"}}]),
            sharing: json!("hard"),
            spec: json!({
                "epochs": 4, "batch_size": 32, "optimizer": {"adamw": {"rate": 0.01}}, "device": "cpu"
            }),
            weighting: json!("equal"),
            seed: 3,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The same settings with a new folder.
    pub fn again(&self) -> Self {
        Self {
            dataset: self.dataset.clone(),
            network: self.network.clone(),
            sharing: self.sharing.clone(),
            spec: self.spec.clone(),
            weighting: self.weighting.clone(),
            seed: self.seed,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.spec[key] = value;
        self
    }

    pub fn network_spec(&self) -> NetworkConfig {
        let weighting: BalanceConfig = serde_json::from_value(self.weighting.clone()).expect("words");
        let head = |name: &str| json!({"name": name, "from": null, "after": [], "head": [], "loss": null});
        let prefers =
            weighting.0.iter().any(|choice| choice.view().capabilities() == Capabilities::Preference);
        let config = json!({
        "encoders": [],
            "preference": prefers,
            "trunk": self.network,
            "sharing": self.sharing,
            "tasks": [head("value"), head("sign")],
        });
        serde_json::from_value(config).expect("a network")
    }

    pub fn network(&self) -> Network {
        Network::build(&self.network_spec(), &self.dataset.signature, self.seed, &Device::Cpu)
            .expect("a network")
    }

    pub fn train(&self, listener: &TestObserver) -> TrainResult<TrainedNetwork> {
        let config: TrainConfig = serde_json::from_value(self.spec.clone()).expect("words");
        let weighting: BalanceConfig = serde_json::from_value(self.weighting.clone()).expect("words");
        let network = self.network_spec();
        let tasks = self.dataset.signature.tasks.iter();
        let job = TrainJob {
            start: None,
            sampling: &SamplingConfig::default(),
            trial: 1,
            seed: self.seed,
            network: &network,
            spec: &config,
            weighting: &weighting,
            metrics: tasks
                .map(|task| (task.name.clone(), default_metrics(task.target.kind(), TagScheme::None)))
                .collect(),
            dataset: &self.dataset,
            features: None,
            checkpoint_dir: &self.checkpoints(),
            job_fingerprint: "job",
            output: self.folder.path(),
            pruner: None,
        };
        train(&job, listener, &listener.cancel)
    }

    pub fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("checkpoint")
    }

    pub fn weights(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("weights.safetensors")).expect("weights")
    }
}
