//! Runs over the tiny BERT of `tests/pretrained`: one pass over its encoder, and the same numbers as
//! without features.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use candle_core::Device;

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, Observer, RunState};
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::score::Score;
use crate::domain::stage::{Stage, StageKind, Work};
use crate::domain::table::Dataset;
use crate::model::feature_file::FeatureFile;
use crate::model::weights::host;
use crate::plan::{Plan, Trial};
use crate::run::lock::RunLock;
use crate::run::stage::{evaluate, trained};
use crate::run::weights::WEIGHTS;
use crate::run::{RunRequest, execute};
use crate::spec::PipelineText;
use crate::train::TrainJob;

const PIPELINE: &str = "
name: small
seed: 1
data:
  rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}
inputs: {text: {text: {tokenizer: word, length: 10}}}
trunk:
  - pretrained: {path: model, freeze: all}
  - pool: mean
  - dropout: 0.1
  - dense: {units: 8, activation: relu}
tasks:
  long: {target: long, kind: binary}
  words: {target: words, kind: regression}
train: {epochs: 2, batch_size: 8, optimizer: {adamw: {rate: 1.0e-2}}, device: cpu}
";

const SWEEP: &str = "
sweep: {space: {tasks.long.head: [[], [{dense: 3}]], weighting: [equal, uncertainty]}}
";

/// A folder with rows of one to nine words, and a copy of the model.
struct Folder(tempfile::TempDir);

/// The events of a run.
#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Observer for Events {
    fn observe(&self, event: &Event) {
        self.0.lock().expect("events").push(event.clone());
    }
}

impl Events {
    fn find<T>(&self, what: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.0.lock().expect("events").iter().filter_map(what).collect()
    }

    /// How often features were computed, and how often they were found in the cache.
    fn passes(&self) -> (usize, usize) {
        let of_features = |stage: &Stage| stage.kind() == StageKind::Features;
        let started = self.find(|event| match event {
            Event::StageStarted { stage, .. } if of_features(stage) => Some(()),
            _ => None,
        });
        let cached = self.find(|event| match event {
            Event::StageCached { stage, .. } if of_features(stage) => Some(()),
            _ => None,
        });
        (started.len(), cached.len())
    }

    fn scores(&self) -> Vec<(u32, Vec<Score>)> {
        self.find(|event| match event {
            Event::Scored { trial, scores, .. } => Some((*trial, scores.clone())),
            _ => None,
        })
    }

    fn notes(&self) -> Vec<String> {
        self.find(|event| match event {
            Event::Note { text, .. } => Some(text.clone()),
            _ => None,
        })
    }
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let words = ["a", "cat", "sat", "on", "the", "mat", "and", "one", "dog", "ran"];
        let mut rows = "text,long,words\n".to_owned();
        for row in 0..90_usize {
            let count = 1 + row * 7 % 9;
            let text: Vec<&str> = (0..count).map(|word| words[(row * 3 + word * word) % 10]).collect();
            rows += &format!("{} {},{},{count}\n", text.join(" "), row % 23, u8::from(count > 4));
        }
        std::fs::write(folder.path().join("rows.csv"), rows).expect("rows");
        let model = folder.path().join("model");
        std::fs::create_dir(&model).expect("a folder");
        for file in ["config.json", "model.safetensors"] {
            let bert = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained/bert");
            std::fs::copy(bert.join(file), model.join(file)).expect("copied");
        }
        Self(folder)
    }

    fn plan(&self, text: &str) -> Plan {
        let source = PipelineText::new(text.as_bytes(), "small.yaml", &[]);
        let mut pipeline = crate::spec::read_source(&source).expect("a pipeline");
        pipeline.read_models_from(self.0.path());
        crate::plan::resolve(&pipeline, "small").expect("a plan").0
    }

    fn layout(&self) -> Layout {
        Layout::new(self.0.path().join("runs"))
    }

    fn run(&self, plan: &Plan, run: &str, only: &[&str]) -> Events {
        let (layout, run) = (self.layout(), RunId::new(run).expect("a name"));
        std::fs::create_dir_all(layout.run(&run)).expect("a folder");
        let only: Vec<String> = only.iter().map(|stage| (*stage).to_owned()).collect();
        let request = RunRequest {
            plan,
            base: self.0.path(),
            layout: &layout,
            run: &run,
            lock: &RunLock::take(&layout, &run).expect("a lock"),
            fresh: false,
            only: &only,
            jobs: NonZeroUsize::MIN,
            resumed: false,
            cancel: &CancelToken::default(),
        };
        let events = Events::default();
        let outcome = execute(&request, &events).expect("a run");
        assert_eq!(outcome.state, RunState::Finished, "{:?}", outcome.failures);
        events
    }

    /// The artifact folders of a kind of stage.
    fn artifacts(&self, kind: StageKind) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.layout().cache()).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let is_own = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind.name()))
        };
        paths.filter(is_own).collect()
    }

    fn fitted(&self) -> Dataset {
        crate::run::fitted(&self.artifacts(StageKind::Fit)[0]).expect("a dataset")
    }

    /// Trains and scores a trial with all of its layers in every step.
    fn uncached(&self, trial: &Trial, dataset: &Dataset) -> (Vec<u8>, Vec<Score>) {
        let output = tempfile::tempdir().expect("a folder");
        let job = TrainJob {
            start: None,
            sampling: &trial.pipeline.sampling,
            trial: trial.number,
            seed: trial.seed,
            network: &trial.network(),
            spec: &trial.pipeline.train,
            weighting: &trial.pipeline.weighting,
            metrics: trial.metrics(),
            dataset,
            features: None,
            checkpoint_dir: &output.path().join("checkpoint"),
            job_fingerprint: "job",
            output: output.path(),
            pruner: None,
        };
        crate::train::train(&job, &Events::default(), &CancelToken::default()).expect("a training");
        let weights = output.path().join(WEIGHTS);
        let network = trained::with_weights(trial, &dataset.signature, &weights).expect("a network");
        let scores = evaluate::scores(trial, dataset, &network).expect("scores").scores;
        (std::fs::read(weights).expect("weights"), scores)
    }
}

/// Four trials and two further runs: one pass over the encoder. The weights and scores of every trial are, to
/// the last bit, those of a training that applies the encoder in every step.
#[test]
fn a_sweep_passes_over_the_encoder_once() {
    let folder = Folder::new();
    let plan = folder.plan(&format!("{PIPELINE}{SWEEP}"));
    assert_eq!(plan.trials.len(), 4);
    let events = folder.run(&plan, "sweep", &["evaluate", "export"]);
    assert_eq!(events.passes(), (1, 0));
    let dataset = folder.fitted();
    assert_eq!(events.scores().len(), 4);
    for (number, scores) in events.scores() {
        let trial = plan.trial(number).expect("a trial");
        let (weights, expected) = folder.uncached(trial, &dataset);
        assert_eq!(scores, expected, "trial {number}");
        let run = RunId::new("sweep").expect("a name");
        let cached = std::fs::read(folder.layout().trial(&run, number).join(WEIGHTS)).expect("weights");
        assert!(cached == weights, "weights of trial {number}");
    }
    // Another head, another sharing, and the layers after the pooling.
    let head = PIPELINE.replace("kind: binary", "kind: binary, head: [{dense: 2}]");
    let other =
        head.replace("units: 8", "units: 5") + "sharing: {mmoe: {experts: 2, layers: [{dense: 4}]}}\n";
    assert_eq!(folder.run(&folder.plan(&other), "other", &["evaluate"]).passes(), (0, 1));
    // The steps before the pooling, for layers after it that are trained.
    let attention = PIPELINE.replace("pool: mean", "pool: attention");
    let plan = folder.plan(&attention);
    let events = folder.run(&plan, "steps", &["evaluate"]);
    assert_eq!(events.passes(), (1, 0));
    assert_eq!(events.scores()[0].1, folder.uncached(&plan.trials[0], &dataset).1);
}

#[test]
fn damaged_features_are_computed_again() {
    let folder = Folder::new();
    let plan = folder.plan(PIPELINE);
    assert_eq!(folder.run(&plan, "first", &["features"]).passes(), (1, 0));
    assert_eq!(folder.run(&plan, "second", &["features"]).passes(), (0, 1));
    let file = folder.artifacts(StageKind::Features)[0].join("features-0-0.bin");
    let whole = std::fs::read(&file).expect("features");
    let mut altered = whole.clone();
    *altered.last_mut().expect("a byte") ^= 1;
    for (run, damaged) in [("third", &whole[..whole.len() - 4]), ("fourth", &altered)] {
        std::fs::write(&file, damaged).expect("written");
        let events = folder.run(&plan, run, &["features"]);
        assert_eq!(events.passes(), (1, 0), "{run}");
        let notes = events.notes();
        assert!(notes.iter().any(|note| note.contains("corrupt") && note.contains("rebuilt")), "{notes:?}");
        assert!(std::fs::read(&file).expect("features") == whole, "{run}");
    }
    // Another model in the same folder is another stage.
    let model = folder.0.path().join("model/model.safetensors");
    let mut values = std::fs::read(&model).expect("a model");
    let end = values.len();
    values[end - 4..].copy_from_slice(&0.25_f32.to_le_bytes());
    std::fs::write(&model, values).expect("written");
    assert_eq!(folder.run(&folder.plan(PIPELINE), "fifth", &["features"]).passes(), (1, 0));
    assert_eq!(folder.artifacts(StageKind::Features).len(), 2);
}

/// 16-bit floats have 11 binary digits: numbers differ by at most one part in 2048, and the file is half as
/// large.
#[test]
fn features_can_be_kept_in_16_bits() {
    let folder = Folder::new();
    let features = |text: &str, run: &str| {
        let before = folder.artifacts(StageKind::Features);
        folder.run(&folder.plan(text), run, &["evaluate"]);
        let new = folder.artifacts(StageKind::Features).into_iter().find(|path| !before.contains(path));
        let path = new.expect("features").join("features-0-0.bin");
        let file = FeatureFile::open(&path).expect("features");
        let rows: Vec<u32> = (0..90).collect();
        let tensor = file.gather(&rows, &Device::Cpu).expect("a tensor").x;
        let size = std::fs::metadata(path).expect("a file").len();
        (size, host(&tensor).expect("numbers"), tensor.dims().to_vec())
    };
    for pool in ["mean", "attention"] {
        let text = PIPELINE.replace("pool: mean", &format!("pool: {pool}"));
        let (size, numbers, sizes) = features(&text, &format!("exact-{pool}"));
        let half = text.replace("freeze: all", "freeze: all, cache: f16");
        let (half_size, rounded, same_sizes) = features(&half, &format!("half-{pool}"));
        assert_eq!(sizes, same_sizes);
        assert!(half_size < size * 2 / 3, "{half_size} and {size} bytes");
        // Below 2^-14 they are subnormal: steps of 2^-24.
        let is_near = |(x, y): (&f32, &f32)| (x - y).abs() <= x.abs() / 2048.0 + 2_f32.powi(-25);
        assert!(numbers.iter().zip(&rounded).all(is_near), "{pool}");
        assert_ne!(numbers, rounded);
    }
}

/// Whether a pipeline has the stage, and what `mtl plan` says.
#[test]
fn a_plan_says_what_is_computed_once() {
    let folder = Folder::new();
    let planned = |text: &str| {
        let plan = folder.plan(text);
        let has_stage = plan.stages().any(|stage| stage.work == Work::Features);
        let views = crate::run::features(&plan, None);
        assert_eq!(has_stage, views.iter().any(|view| view.reason.is_none()));
        views
    };
    let view = planned(PIPELINE).remove(0);
    assert_eq!(view.layers, ["trunk.0.pretrained", "trunk.1.pool"]);
    assert_eq!((view.shape.map(|shape| shape.to_string()).as_deref(), view.bytes), (Some("[16]"), None));
    folder.run(&folder.plan(PIPELINE), "fit", &["fit"]);
    let view = crate::run::features(&folder.plan(PIPELINE), Some(&folder.fitted())).remove(0);
    // 90 rows of 16 numbers.
    assert_eq!(view.bytes.map(|bytes| bytes.0), Some(90 * 16 * 4));
    let reason = |from: &str, to: &str| {
        planned(&PIPELINE.replace(from, to)).pop().and_then(|view| view.reason).unwrap_or_default()
    };
    assert!(reason("freeze: all", "freeze: 1").contains("freezes 1 of 2 blocks"));
    let columns = reason("seed: 1", "seed: 1\nsharing: {cross_stitch: 0.9}");
    assert!(columns.contains("`sharing: cross_stitch` divides the trunk"), "{columns}");
    assert!(reason("freeze: all", "freeze: all, cache: none").contains("has `cache: none`"));
    assert!(planned(&PIPELINE.replace(", freeze: all", "")).is_empty());
}
