//! A scripted run, for tests of the store and of reports.

use std::path::PathBuf;

use crate::domain::confusion::ConfusionMatrix;
use crate::domain::diagnostic::Severity;
use crate::domain::event::{
    Affinity, Event, FileContent, FinishedEpoch, GradientPair, MetricReference, MissingLabels, Observer,
    OutputParity, Parity, PreferenceScores, RunState, SourceShare, TaskRelation,
};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::{PipelineName, RunId, TableName, TaskName};
use crate::domain::precision::Precision;
use crate::domain::score::{Direction, Gain, Score, Split, TaskValue};
use crate::domain::stage::{Stage, Work};
use crate::store::ResultsDatabase;
use crate::store::header::{Environment, RunHeader, TaskHeader, TrialHeader};
use crate::store::recorder::Recorder;
use crate::store::trial::SweepObjective;

pub(crate) fn run_id(name: &str) -> RunId {
    RunId::new(name).expect("a run's name")
}

fn task(name: &str) -> TaskName {
    TaskName::new(name).expect("a task's name")
}

/// One run of three tasks. `rate` shifts the scores, so that runs differ.
pub(crate) struct RunFixture {
    pub(crate) run: RunId,
    pub(crate) rate: f64,
    pub(crate) epochs: usize,
    pub(crate) parity: Parity,
}

impl RunFixture {
    pub(crate) fn new(run: &str, rate: f64) -> Self {
        let outputs = ["income_logits", "income", "weeks_worked"]
            .map(|output| OutputParity { output: output.to_owned(), largest: 1.2e-7 })
            .to_vec();
        let parity = Parity {
            verified: true,
            reason: None,
            largest: 4.8e-7,
            tolerance: 1e-4,
            batches: vec![1, 7],
            outputs,
            runtime: Some("1.31.1".to_owned()),
            precision: Precision::F32,
            scores: Vec::new(),
        };
        Self { run: run_id(run), rate, epochs: 4, parity }
    }

    /// The same run without an available ONNX Runtime.
    pub(crate) fn unverified(mut self) -> Self {
        self.parity = Parity {
            verified: false,
            reason: Some("no ONNX Runtime was found, and MTL_OFFLINE forbids fetching it".to_owned()),
            largest: 0.0,
            outputs: Vec::new(),
            runtime: None,
            ..self.parity
        };
        self
    }

    pub(crate) fn header(&self) -> RunHeader {
        let resolved = serde_json::json!({
            "name": "census_income",
            "seed": 42,
            "trunk": [{"dense": {"units": 64}}, {"dropout": {"rate": 0.1}}],
            "weighting": [{"uncertainty": {}}],
            "train": {
                "epochs": self.epochs,
                "optimizer": {"adamw": {"rate": self.rate, "decay": 0.01}},
                "clip_norm": null,
            },
        });
        let header = |name: &str, kind: &str, target: &str| TaskHeader {
            task: task(name),
            data: "census".to_owned(),
            kind: kind.to_owned(),
            targets: vec![target.to_owned()],
            loss: None,
        };
        RunHeader {
            run: self.run.clone(),
            pipeline: PipelineName::new("census_income").expect("a name"),
            description: Some("Three tasks on one shared trunk.".to_owned()),
            file: "pipelines/census_income.yaml".to_owned(),
            resolved: format!("name: census_income\nseed: 42\n# rate {}\n", self.rate),
            fingerprint: Some("f00d".repeat(16)),
            seed: 42,
            command: Some("mtl run pipelines/census_income.yaml".to_owned()),
            parameters: RunHeader::parameters_of(&resolved),
            tasks: vec![
                header("income", "binary", "income_50k"),
                header("never_married", "binary", "marital_status"),
                header("weeks_worked", "regression", "weeks"),
            ],
            trials: vec![TrialHeader {
                trial: 1,
                seed: 42,
                parameters: vec![("train.optimizer.adamw.rate".to_owned(), self.rate.to_string())],
            }],
            direction: Direction::Lower,
            objectives: vec![SweepObjective {
                task: "income".to_owned(),
                metric: "auroc".to_owned(),
                direction: Direction::Higher,
                reference: Some(0.5),
            }],
            environment: Environment {
                mtl_version: "0.1.0".to_owned(),
                git_commit: Some("0123456789abcdef0123".to_owned()),
                git_dirty: Some(true),
                host: "anvil".to_owned(),
                os: "linux x86_64".to_owned(),
                cpu: Some("Xeon".to_owned()),
                cpus: 4,
                threads: 2,
                device: "cpu".to_owned(),
                onnx_runtime: None,
            },
        }
    }

    fn scores(&self, epoch: usize, split: Split) -> Vec<Score> {
        let better = 1.0 - 1.0 / (epoch as f64 + 1.0) + self.rate;
        let shift = match split {
            Split::Train => 0.01,
            Split::Valid => 0.0,
            Split::Test => -0.002,
        };
        let score = |name: &str, metric: &str, value: f64, direction| Score {
            task: task(name),
            split,
            metric: metric.to_owned(),
            value,
            direction,
            rows: 19_952,
            interval: (split == Split::Test && metric == "auroc").then_some([value - 0.004, value + 0.003]),
        };
        vec![
            score("income", "auroc", 0.8 + better / 8.0 + shift, Direction::Higher),
            score("income", "f1", 0.4 + better / 8.0 + shift, Direction::Higher),
            score("never_married", "auroc", 0.9 + better / 11.0 + shift, Direction::Higher),
            score("weeks_worked", "mae", 12.0 - better * 6.0 - shift * 10.0, Direction::Lower),
            score("weeks_worked", "r2", f64::NAN, Direction::Higher),
        ]
    }

    pub(crate) fn epoch(&self, epoch: usize) -> Event {
        let values = |a: f64, b: f64, c: f64| {
            let names = [("income", a), ("never_married", b), ("weeks_worked", c)];
            names.map(|(name, value)| TaskValue { task: task(name), value }).to_vec()
        };
        let less = 1.0 / epoch as f64;
        Event::EpochFinished(FinishedEpoch {
            trial: 1,
            epoch,
            step: epoch * 156,
            losses: values(0.3 * less, 0.2 * less, f64::NAN),
            joint_loss: 0.8 * less,
            weights: values(1.1, 0.9 + 0.01 * epoch as f64, 0.5),
            rate: self.rate * less,
            rows_per_second: 250_000.0 + epoch as f64,
            seconds: 0.64,
            scores: self.scores(epoch, Split::Valid),
            objective: Some(0.9 * less),
            best: epoch < self.epochs,
            relations: vec![TaskRelation {
                task: task("income"),
                other: task("never_married"),
                value: 0.25 * less,
            }],
            shares: ["shared 1", "shared 2"]
                .map(|source| SourceShare {
                    unit: "level 1".to_owned(),
                    reader: "income".to_owned(),
                    source: source.to_owned(),
                    value: 0.5 * less,
                })
                .to_vec(),
        })
    }

    fn compared(&self, epoch: usize) -> Event {
        let (task, other) = (task("income"), task("never_married"));
        let cosine = 0.5 - 1.0 / epoch as f64;
        let pair = GradientPair { task, other, cosine, conflicts: 0.25, similarity: 0.75, steps: 156 };
        Event::GradientsCompared { trial: 1, epoch, irregular: 0, pairs: vec![pair] }
    }

    fn measured(&self, epoch: usize) -> Event {
        let (task, other) = (task("income"), task("weeks_worked"));
        let value = 0.002 * epoch as f64;
        let each = (0..16).map(|index| ((epoch - 1) * 156 + 10 * index, value)).collect();
        let pair = Affinity { task, other, value, steps: 16, each };
        Event::AffinityMeasured { trial: 1, epoch, pairs: vec![pair] }
    }

    /// By hand: auroc 0.90 -> 0.945 is +5 %, mae 10 -> 11 is -10 %.
    fn gained() -> Event {
        let gain = |name: &str, metric: &str, direction, (baseline, value), gain, counts| Gain {
            task: task(name),
            split: Split::Test,
            metric: metric.to_owned(),
            direction,
            value: Some(value),
            baseline: Some(baseline),
            gain: Some(gain),
            counts,
        };
        let gains = vec![
            gain("income", "auroc", Direction::Higher, (0.9, 0.945), 5.0, true),
            gain("income", "f1", Direction::Higher, (0.5, 0.6), 20.0, false),
            gain("never_married", "auroc", Direction::Higher, (0.98, 0.98), 0.0, true),
            gain("weeks_worked", "mae", Direction::Lower, (10.0, 11.0), -10.0, true),
        ];
        Event::Gained { trial: 1, gains, overall: vec![(Split::Test, -5.0 / 3.0)] }
    }

    /// The network's scores for two preference vectors.
    fn fronts() -> Event {
        let score = |name: &str, metric: &str, split, direction, value| Score {
            task: task(name),
            split,
            metric: metric.to_owned(),
            value,
            direction,
            rows: 100,
            interval: None,
        };
        let point = |share: f64| {
            let shares = [("income", share), ("weeks_worked", 1.0 - share)];
            let scores = |split| {
                [
                    score("income", "loss", split, Direction::Lower, 1.0 - share),
                    score("income", "auroc", split, Direction::Higher, 0.8 + share / 10.0),
                    score("weeks_worked", "mae", split, Direction::Lower, 10.0 + share),
                ]
            };
            PreferenceScores {
                preference: shares.map(|(name, value)| TaskValue { task: task(name), value }).into(),
                scores: [scores(Split::Valid), scores(Split::Test)].concat(),
            }
        };
        let reference = |name: &str, metric: &str, value: f64| {
            let (task, metric) = (task(name), metric.to_owned());
            MetricReference { task, metric, value }
        };
        let reference = vec![reference("income", "auroc", 0.5), reference("weeks_worked", "mae", 12.0)];
        Event::FrontScored { trial: 1, points: vec![point(0.75), point(0.25)], reference }
    }

    /// All events, in order.
    pub(crate) fn events(&self, layout: &Layout) -> Vec<Event> {
        let table = TableName::new("census").expect("a name");
        let fingerprint = |letter: &str| Fingerprint(letter.repeat(64));
        let shared = [Work::Load(table.clone()), Work::Split(table.clone()), Work::Fit].map(Stage::shared);
        let of_trial = [Work::Train, Work::Evaluate, Work::Export, Work::Verify];
        let of_trial = of_trial.map(|work| Stage::of_trial(work, 1));
        let stages: Vec<Stage> = shared.into_iter().chain(of_trial).collect();
        let begin = |index: usize| {
            let (stage, fingerprint) = (stages[index].clone(), fingerprint(&index.to_string()));
            match index {
                0 => Event::StageCached { trial: stage.trial, stage, fingerprint },
                _ => Event::StageStarted { trial: stage.trial, stage, fingerprint },
            }
        };
        let end = |index: usize, seconds: f64| Event::StageFinished {
            stage: stages[index].clone(),
            trial: stages[index].trial,
            cached: index == 0,
            seconds,
            bytes: 1000 * index as u64,
        };
        let missing =
            |name: &str, split, missing| MissingLabels { task: task(name), split, missing, rows: 19_952 };
        let best = self.epochs - 1;
        let mut events = vec![
            Event::RunStarted {
                run: self.run.clone(),
                pipeline: PipelineName::new("census_income").expect("a name"),
                stages: stages.len(),
                resumed: false,
            },
            begin(0),
            Event::Loaded {
                table: table.clone(),
                rows: 199_523,
                columns: 42,
                files: vec![FileContent {
                    path: PathBuf::from("pipelines/data/census.parquet"),
                    bytes: 2_345_678,
                    fingerprint: fingerprint("c"),
                }],
            },
            end(0, 0.012),
            begin(1),
            Event::Divided { table: table.clone(), train: 159_619, valid: 19_952, test: 19_952 },
            end(1, 0.004),
            begin(2),
            Event::Fitted {
                table,
                inputs: 30,
                tasks: 3,
                missing: vec![
                    missing("income", Split::Train, 0),
                    missing("weeks_worked", Split::Train, 1234),
                    missing("weeks_worked", Split::Test, 98),
                ],
            },
            Event::Note {
                stage: Stage::shared(Work::Fit).into(),
                severity: Severity::Warning,
                text: "`year` has the same value in every training row".to_owned(),
            },
            end(2, 0.81),
            begin(3),
            Event::TrainStarted {
                trial: 1,
                seed: 42,
                epochs: self.epochs,
                steps_per_epoch: 156,
                rows: 159_619,
                parameters: 61_234,
                device: "cpu".to_owned(),
                from_step: 0,
            },
            Event::Stepped { trial: 1, epoch: 1, step: 1, steps: 156, losses: Vec::new() },
        ];
        events.extend(
            (1..=self.epochs)
                .flat_map(|epoch| [self.epoch(epoch), self.compared(epoch), self.measured(epoch)]),
        );
        let model = layout.trial(&self.run, 1).join("model.onnx");
        events.extend([
            Event::CheckpointSaved { trial: 1, epoch: best, step: best * 156 },
            Event::TrainFinished {
                trial: 1,
                best_epoch: best,
                epochs: self.epochs,
                reason: "all epochs done".to_owned(),
                seconds: 62.25,
            },
            end(3, 62.5),
            begin(4),
            Event::Scored {
                trial: 1,
                epoch: best,
                scores: Split::ALL.into_iter().flat_map(|split| self.scores(best, split)).collect(),
                confusions: vec![ConfusionMatrix {
                    task: task("income"),
                    split: Split::Test,
                    label: String::new(),
                    classes: vec!["- 50000.".to_owned(), "50000+.".to_owned()],
                    counts: vec![(0, 0, 18_500), (0, 1, 212), (1, 0, 700), (1, 1, 540)],
                }],
            },
            Self::fronts(),
            end(4, 1.7),
            begin(5),
            Event::Exported { trial: 1, file: model, bytes: 312_400, opset: 17, rounding: None },
            end(5, 0.06),
            begin(6),
            Event::Verified { trial: 1, parity: self.parity.clone() },
            end(6, 0.4),
            Self::gained(),
            Event::RunFinished { run: self.run.clone(), state: RunState::Finished, seconds: 72.4 },
        ]);
        events
    }

    /// Records all events in the database of `folder`.
    pub(crate) fn record(&self, folder: &std::path::Path) -> ResultsDatabase {
        let layout = Layout::new(folder);
        let store = ResultsDatabase::open(&layout.database()).expect("opens");
        let recorder = Recorder::new(store, &self.header()).expect("begins");
        self.events(&layout).iter().for_each(|event| recorder.observe(event));
        recorder.finish().expect("all is written");
        ResultsDatabase::open(&layout.database()).expect("opens again")
    }
}

/// A folder that is deleted at the end of the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
