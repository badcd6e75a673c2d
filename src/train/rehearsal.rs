//! Whole trainings of a small network, as tests.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use candle_core::Device;
use serde_json::{Value, json};

use crate::domain::array::Array;
use crate::domain::array::ElementType;
use crate::domain::cancel::Cancel;
use crate::domain::event::{Event, Observer};
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::signature::{Encoding, InputSignature, Keys, Signature, TaskSignature};
use crate::domain::table::{Dataset, Table};
use crate::domain::task::Target;
use crate::evaluate::default_metrics;
use crate::model::network::Network;
use crate::model::spec::NetworkSpec;
use crate::train::checkpoint::{Checkpoint, file};
use crate::train::spec::{TrainSpec, WeightingSpec};
use crate::train::{Error, Job, Result, Trained, train};

/// A training's words, and where it writes.
struct Rehearsal {
    dataset: Dataset,
    network: Value,
    spec: Value,
    weighting: Value,
    seed: u64,
    folder: tempfile::TempDir,
}

/// Hears everything, and may ask for an end once a checkpoint of a step is there.
#[derive(Default)]
struct Listener {
    events: Mutex<Vec<Event>>,
    stop_from: Option<usize>,
    /// Copies the first checkpoint from this step on: what a killed training leaves.
    copy_from: Option<(usize, PathBuf, PathBuf)>,
    cancel: Cancel,
}

impl Observer for Listener {
    fn observe(&self, event: &Event) {
        if let Event::CheckpointSaved { step, .. } = event {
            if self.stop_from.is_some_and(|from| *step >= from) {
                self.cancel.request();
            }
            if let Some((from, source, copy)) = &self.copy_from {
                if step >= from && !copy.exists() {
                    std::fs::create_dir_all(copy.parent().expect("a folder")).expect("made");
                    std::fs::copy(source, copy).expect("copied");
                }
            }
        }
        self.events.lock().expect("events").push(event.clone());
    }
}

impl Listener {
    fn notes(&self) -> Vec<String> {
        let events = self.events.lock().expect("events");
        let note = |event: &Event| match event {
            Event::Note { text, .. } => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(note).collect()
    }

    /// The finished epochs without what depends on the clock.
    fn epochs(&self) -> Vec<Event> {
        let events = self.events.lock().expect("events");
        let epoch = |event: &Event| {
            let mut event = event.clone();
            let Event::EpochFinished { rows_per_second, seconds, .. } = &mut event else { return None };
            (*rows_per_second, *seconds) = (0.0, 0.0);
            Some(event)
        };
        events.iter().filter_map(epoch).collect()
    }

    fn started_from(&self) -> Option<usize> {
        let events = self.events.lock().expect("events");
        events.iter().find_map(|event| match event {
            Event::TrainStarted { from_step, .. } => Some(*from_step),
            _ => None,
        })
    }
}

fn task(name: &str) -> TaskName {
    TaskName::new(name).expect("a name")
}

fn input(name: &str) -> InputName {
    InputName::new(name).expect("a name")
}

/// Even numbers from -1 to 1 that look random.
fn noise(count: usize, stream: f64) -> Vec<f32> {
    (0..count)
        .map(|i| ((((i as f64 + 1.0) * 12.9898 + stream * 78.233).sin() * 43758.5453).fract()) as f32)
        .collect()
}

/// `value` = 2 x - y + the group's offset; `sign` = is it above 0? Every seventh `value` and every
/// fifth `sign` is missing.
fn table(name: &str, rows: usize, stream: f64) -> Table {
    let (x, y) = (noise(rows, stream), noise(rows, stream + 1.0));
    let groups: Vec<u32> = noise(rows, stream + 2.0).iter().map(|g| (g.abs() * 3.99) as u32).collect();
    let exact = |i: usize| 2.0 * x[i] - y[i] + groups[i] as f32 * 0.5 - 0.75;
    let value = (0..rows).map(|i| if i % 7 == 0 { f32::NAN } else { exact(i) }).collect();
    let sign = |i: usize| if i % 5 == 0 { f32::NAN } else { f32::from(u8::from(exact(i) > 0.0)) };
    let sign = (0..rows).map(sign).collect();
    let cut = (rows * 4 / 5) as u32;
    Table {
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
        sample_rows: Vec::new(),
    }
}

fn signature(tables: [&str; 2]) -> Signature {
    let scale = Encoding::Scale { center: 0.0, scale: 1.0, fill: 0.0, indicator: false };
    let keys = Keys::Int(vec![1, 2, 3]);
    let inputs = vec![
        InputSignature { name: input("x"), raw: ElementType::Float32, encoding: scale.clone() },
        InputSignature { name: input("y"), raw: ElementType::Float32, encoding: scale },
        InputSignature {
            name: input("group"),
            raw: ElementType::Int64,
            encoding: Encoding::Code { keys, width: 4 },
        },
    ];
    let value = Target::Regression { columns: vec!["value".into()], center: vec![0.0], scale: vec![1.5] };
    let sign = Target::Binary { classes: ["no".into(), "yes".into()], counts: [200, 180], threshold: 0.5 };
    let of = |name, table: &str, target| TaskSignature {
        name: task(name),
        table: TableName::new(table).expect("a name"),
        target,
    };
    Signature { inputs, tasks: vec![of("value", tables[0], value), of("sign", tables[1], sign)] }
}

impl Rehearsal {
    /// One table, both tasks; 480 training rows in 15 batches.
    fn new() -> Self {
        Self {
            dataset: Dataset { signature: signature(["one", "one"]), tables: vec![table("one", 600, 0.0)] },
            network: json!([{"dense": {"units": 16, "activation": "relu"}}]),
            spec: json!({"epochs": 4, "batch_size": 32, "optimizer": {"adamw": {"rate": 0.01}}, "device": "cpu"}),
            weighting: json!("equal"),
            seed: 3,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The same words in a fresh folder.
    fn again(&self) -> Self {
        Self {
            dataset: self.dataset.clone(),
            network: self.network.clone(),
            spec: self.spec.clone(),
            weighting: self.weighting.clone(),
            seed: self.seed,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.spec[key] = value;
        self
    }

    fn network_spec(&self) -> NetworkSpec {
        let head = |name: &str| json!({"name": name, "from": null, "after": [], "head": [], "loss": null});
        let spec = json!({
            "encoders": [],
            "trunk": self.network,
            "sharing": "hard",
            "tasks": [head("value"), head("sign")],
        });
        serde_json::from_value(spec).expect("a network")
    }

    fn network(&self) -> Network {
        Network::build(&self.network_spec(), &self.dataset.signature, self.seed, &Device::Cpu)
            .expect("a network")
    }

    fn train(&self, listener: &Listener) -> Result<Trained> {
        let spec: TrainSpec = serde_json::from_value(self.spec.clone()).expect("words");
        let weighting: WeightingSpec = serde_json::from_value(self.weighting.clone()).expect("words");
        let network = self.network_spec();
        let tasks = self.dataset.signature.tasks.iter();
        let job = Job {
            trial: 1,
            seed: self.seed,
            network: &network,
            spec: &spec,
            weighting: &weighting,
            metrics: tasks.map(|task| (task.name.clone(), default_metrics(task.target.kind()))).collect(),
            dataset: &self.dataset,
            checkpoint_dir: &self.checkpoints(),
            job_fingerprint: "job",
            output: self.folder.path(),
        };
        train(&job, listener, &listener.cancel)
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("checkpoint")
    }

    fn weights(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("weights.safetensors")).expect("weights")
    }
}

/// A network and words in which everything that could lose its state takes part.
fn full(weighting: Value, optimizer: Value) -> Rehearsal {
    let mut rehearsal = Rehearsal::new()
        .set("optimizer", optimizer)
        .set("schedule", json!({"warmup_cosine": 10}))
        .set("regularization", json!({"elastic": {"l1": 1e-5, "l2": 1e-4}}))
        .set("clip_norm", json!(0.5))
        .set("checkpoint", json!({"steps": 4}));
    rehearsal.network = json!([
        {"dense": {"units": 16, "activation": "relu"}},
        "batch_norm",
        {"dropout": 0.2},
        {"dense": {"units": 8, "activation": "relu"}},
    ]);
    rehearsal.weighting = weighting;
    rehearsal
}

#[test]
fn both_tasks_are_learned() {
    let rehearsal = Rehearsal::new().set("epochs", json!(40));
    let listener = Listener::default();
    let trained = rehearsal.train(&listener).expect("trained");
    let objective = trained.objective.expect("an objective");
    assert!(objective < 0.1, "{objective}");
    assert_eq!(trained.reason, "all 40 epochs are done");
    let events = listener.epochs();
    let Some(Event::EpochFinished { scores, losses, .. }) = events.last() else { panic!("no epoch") };
    let score = |name: &str, metric: &str| {
        scores.iter().find(|s| s.task == task(name) && s.metric == metric).map(|s| s.value).expect("a score")
    };
    assert!(score("value", "r2") > 0.97, "{scores:?}");
    assert!(score("sign", "auroc") > 0.99, "{scores:?}");
    assert!(losses.iter().all(|loss| loss.value < 0.2), "{losses:?}");
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let first = full(json!("random"), json!("adam"));
    let second = first.again();
    let mut third = first.again();
    third.seed += 1;
    for rehearsal in [&first, &second, &third] {
        rehearsal.train(&Listener::default()).expect("trained");
    }
    assert!(first.weights() == second.weights());
    assert!(first.weights() != third.weights());
}

/// Interrupted in the middle of an epoch, at its end, and more than once: the same bits in the end.
#[test]
fn an_interruption_changes_nothing() {
    let cases = [
        (json!({"uncertainty": {}}), json!({"adamw": {"rate": 0.01, "decay": 0.1}})),
        (json!("dwa"), json!({"sgd": {"rate": 0.05, "momentum": 0.9, "nesterov": true}})),
        (json!("random"), json!("adam")),
    ];
    for (weighting, optimizer) in cases {
        let straight = full(weighting, optimizer);
        let whole = Listener::default();
        let expected = straight.train(&whole).expect("trained");
        for stops in [vec![4], vec![12, 16], vec![28, 32, 48], vec![56]] {
            let paused = straight.again();
            let mut steps = Vec::new();
            for stop in &stops {
                let listener = Listener { stop_from: Some(*stop), ..Listener::default() };
                let error = paused.train(&listener).expect_err("interrupted");
                let Error::Interrupted { step } = error else { panic!("{error}") };
                assert_eq!(step, stop + 1);
                steps.push(step);
            }
            let listener = Listener::default();
            assert_eq!(paused.train(&listener).expect("trained"), expected);
            assert_eq!(listener.started_from(), steps.last().copied());
            assert_eq!(listener.epochs(), whole.epochs(), "the whole story is told again");
            assert!(paused.weights() == straight.weights(), "stops at {stops:?}");
        }
    }
}

/// Killed without a warning: the steps since the last checkpoint are done again, with the same end.
#[test]
fn lost_steps_are_done_again() {
    let straight = full(json!("uncertainty"), json!({"adamw": {"rate": 0.01}}));
    let killed = straight.again();
    let copy = file(&killed.checkpoints());
    let listener =
        Listener { copy_from: Some((20, file(&straight.checkpoints()), copy)), ..Listener::default() };
    straight.train(&listener).expect("trained");
    let later = Listener::default();
    killed.train(&later).expect("trained");
    assert_eq!(later.started_from(), Some(20));
    assert_eq!(later.epochs(), listener.epochs());
    assert!(killed.weights() == straight.weights());
}

#[test]
fn a_finished_training_is_not_done_again() {
    let rehearsal = Rehearsal::new();
    let first = Listener::default();
    let trained = rehearsal.train(&first).expect("trained");
    let weights = rehearsal.weights();
    std::fs::remove_file(rehearsal.folder.path().join("weights.safetensors")).expect("removed");
    let second = Listener::default();
    assert_eq!(rehearsal.train(&second).expect("trained"), trained);
    assert_eq!(second.epochs(), first.epochs());
    assert_eq!(second.started_from(), Some(60));
    assert!(rehearsal.weights() == weights);
}

/// Spoils the checkpoint of an interrupted training, and gives the note of the next one.
fn after_spoiling(spoil: impl Fn(&Path)) -> String {
    let straight = Rehearsal::new();
    straight.train(&Listener::default()).expect("trained");
    let spoiled = straight.again().set("checkpoint", json!({"steps": 4}));
    let stopping = Listener { stop_from: Some(20), ..Listener::default() };
    assert!(matches!(spoiled.train(&stopping), Err(Error::Interrupted { .. })));
    spoil(&file(&spoiled.checkpoints()));
    let listener = Listener::default();
    spoiled.train(&listener).expect("trained");
    assert_eq!(listener.started_from(), Some(0));
    assert!(spoiled.weights() == straight.weights());
    listener.notes().join("\n")
}

#[test]
fn a_spoiled_checkpoint_is_named_and_the_training_starts_over() {
    let cut = after_spoiling(|path| {
        let bytes = std::fs::read(path).expect("bytes");
        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    });
    assert!(cut.contains("is cut short") && cut.contains("starts over"), "{cut}");
    let foreign = after_spoiling(|path| std::fs::write(path, "a letter to a friend").expect("written"));
    assert!(foreign.contains("is not a checkpoint"), "{foreign}");
    let other = after_spoiling(|path| {
        let mut checkpoint = Checkpoint::read(path).expect("read").expect("there");
        checkpoint.state.job = "another".into();
        checkpoint.write(path).expect("written");
    });
    assert!(other.contains("of another job"), "{other}");
    let unfit = after_spoiling(|path| {
        let mut checkpoint = Checkpoint::read(path).expect("read").expect("there");
        checkpoint.arrays[0].1.pop();
        checkpoint.write(path).expect("written");
    });
    assert!(unfit.contains("does not fit"), "{unfit}");
}

#[test]
fn divergence_names_task_step_and_last_good_checkpoint() {
    let rehearsal =
        Rehearsal::new().set("optimizer", json!({"sgd": 1e8})).set("checkpoint", json!({"steps": 1}));
    let error = rehearsal.train(&Listener::default()).expect_err("diverged");
    let text = error.to_string();
    let Error::Diverged { step, epoch: 1, task: name, checkpoint: Some(good), .. } = error else {
        panic!("{text}")
    };
    assert_eq!(name, task("value"));
    assert_eq!(good.step + 1, step);
    assert!(good.path.exists());
    assert!(text.contains("task `value`") && text.contains(&format!("step {step}")), "{text}");
}

#[test]
fn patience_ends_the_training() {
    // Steps too small to change any 32-bit weight.
    let rehearsal = Rehearsal::new()
        .set("epochs", json!(30))
        .set("optimizer", json!({"sgd": 1e-30}))
        .set("monitor", json!({"task": "sign", "patience": 2}));
    let trained = rehearsal.train(&Listener::default()).expect("trained");
    assert_eq!((trained.best_epoch, trained.epochs), (1, 3));
    assert_eq!(trained.reason, "no better epoch in the last 2");
}

/// A task without labels: its head stays as it began, though weight decay pulls at the others.
#[test]
fn an_absent_task_teaches_nothing() {
    let mut rehearsal = Rehearsal::new().set("regularization", json!({"l2": 0.01}));
    let rows = rehearsal.dataset.tables[0].rows;
    rehearsal.dataset.tables[0].targets[1].1 = Array::f32(&[rows, 1], vec![f32::NAN; rows]);
    let listener = Listener::default();
    rehearsal.train(&listener).expect("trained");
    let (before, after) = (rehearsal.network(), rehearsal.network());
    after.weights().load(&rehearsal.folder.path().join("weights.safetensors")).expect("loaded");
    for (old, new) in before.weights().iter().zip(after.weights().iter()) {
        let values =
            |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        let same = values(&old.var) == values(&new.var);
        assert_eq!(same, old.name.starts_with("head.sign."), "{}", old.name);
    }
    let events = listener.epochs();
    let Some(Event::EpochFinished { losses, scores, .. }) = events.first() else { panic!("no epoch") };
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert!(scores.iter().all(|score| score.task == task("value")), "{scores:?}");
}

/// Each table teaches its own task; a lone last row joins the batch before it.
#[test]
fn two_tables_take_turns() {
    let mut rehearsal = Rehearsal::new();
    let (mut one, mut two) = (table("one", 600, 0.0), table("two", 300, 9.0));
    one.targets.truncate(1);
    two.targets.remove(0);
    one.train.truncate(97);
    rehearsal.dataset = Dataset { signature: signature(["one", "two"]), tables: vec![one, two] };
    let listener = Listener::default();
    rehearsal.train(&listener).expect("trained");
    let events = listener.epochs();
    let Some(Event::EpochFinished { step, losses, scores, .. }) = events.first() else { panic!("no epoch") };
    assert_eq!(*step, 3 + 8);
    assert_eq!(losses.len(), 2);
    for name in ["value", "sign"] {
        assert!(scores.iter().any(|score| score.task == task(name) && score.metric == "loss"), "{scores:?}");
    }
}

#[test]
fn without_validation_rows_the_last_epoch_is_best() {
    let mut rehearsal = Rehearsal::new().set("monitor", json!({"patience": 1}));
    rehearsal.dataset.tables[0].valid.clear();
    let trained = rehearsal.train(&Listener::default()).expect("trained");
    assert_eq!((trained.best_epoch, trained.objective), (4, None));
    rehearsal.dataset.tables[0].train.clear();
    assert!(matches!(rehearsal.again().train(&Listener::default()), Err(Error::NoRows)));
}

/// With w = 1 and 3 the joint loss is L1 + 3 L2; with regularization its penalty is in it too.
#[test]
fn the_joint_loss_is_what_was_minimised() {
    let mut rehearsal = Rehearsal::new().set("epochs", json!(1)).set("batch_size", json!(1000));
    rehearsal.weighting = json!({"fixed": {"weights": {"sign": 3.0}}});
    let joint = |rehearsal: &Rehearsal| {
        let listener = Listener::default();
        rehearsal.train(&listener).expect("trained");
        let events = listener.epochs();
        let Some(Event::EpochFinished { joint_loss, losses, weights, .. }) = events.first() else {
            panic!("no epoch")
        };
        assert_eq!(weights.iter().map(|w| w.value).collect::<Vec<_>>(), [1.0, 3.0]);
        (*joint_loss, losses[0].value + 3.0 * losses[1].value)
    };
    let (plain, sum) = joint(&rehearsal);
    assert!((plain - sum).abs() < 1e-9, "{plain} {sum}");
    let (penalized, same) = joint(&rehearsal.again().set("regularization", json!({"l2": 0.5})));
    let decayed = rehearsal.network();
    let squares =
        |var: &candle_core::Var| var.sqr().and_then(|s| s.sum_all()).and_then(|s| s.to_scalar::<f32>());
    let penalty: f32 =
        decayed.weights().trainable().filter(|w| w.decay).map(|w| squares(&w.var).expect("a sum")).sum();
    assert_eq!(sum, same);
    assert!(
        (penalized - sum - 0.5 * f64::from(penalty)).abs() < 1e-4 * penalized,
        "{penalized} {sum} {penalty}"
    );
}
