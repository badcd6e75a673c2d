//! Plans: defaults, stages, and which changes make stages run again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mtl::domain::fingerprint::Fingerprint;
use mtl::domain::name::{TableName, TaskName};
use mtl::plan::render::{PartView, StageView, View};
use mtl::plan::{self, ContentCache, Plan, Stage, Work, content_cache};
use mtl::spec::{self, SettingOverride};

use crate::support::Project;
use crate::support::project::PIPELINE;

fn planned(text: &str, overrides: &[&str]) -> Plan {
    let overrides: Vec<SettingOverride> =
        overrides.iter().map(|set| SettingOverride::parse(set).unwrap()).collect();
    let (pipeline, _) =
        spec::read(text, Path::new("a.yaml"), &overrides).unwrap_or_else(|actual| panic!("{actual:#?}"));
    plan::resolve(&pipeline, "a").unwrap_or_else(|actual| panic!("{actual:#?}")).0
}

fn contents(plan: &Plan, content: &str) -> BTreeMap<TableName, Fingerprint> {
    plan.pipeline
        .data
        .keys()
        .map(|table| (table.clone(), Fingerprint(format!("{content}-{table}"))))
        .collect()
}

fn fingerprints(text: &str, overrides: &[&str]) -> BTreeMap<Stage, Fingerprint> {
    let plan = planned(text, overrides);
    plan.fingerprints(&contents(&plan, "same"))
}

/// The stages that run again with these overrides.
fn rerun(overrides: &[&str]) -> String {
    changed(&fingerprints(PIPELINE, &[]), &fingerprints(PIPELINE, overrides))
}

fn changed(before: &BTreeMap<Stage, Fingerprint>, after: &BTreeMap<Stage, Fingerprint>) -> String {
    let order = ["load:rows", "split:rows", "fit", "train#1", "evaluate#1", "export#1", "verify#1"];
    let keys: BTreeSet<&str> = after.keys().map(Stage::key).collect();
    assert_eq!(keys, BTreeSet::from(order));
    let stage = |key: &str| key.parse::<Stage>().unwrap();
    let differs = |key: &&str| before[&stage(key)] != after[&stage(key)];
    order.into_iter().filter(differs).collect::<Vec<_>>().join(" ")
}

const ALL: &str = "load:rows split:rows fit train#1 evaluate#1 export#1 verify#1";
const FROM_SPLIT: &str = "split:rows fit train#1 evaluate#1 export#1 verify#1";
const FROM_FIT: &str = "fit train#1 evaluate#1 export#1 verify#1";
const FROM_TRAIN: &str = "train#1 evaluate#1 export#1 verify#1";

#[test]
fn changes_that_affect_results_rerun_stages() {
    assert_eq!(rerun(&["data.rows.query=select * from self"]), ALL);
    assert_eq!(rerun(&["data.rows.rename={a: b}"]), ALL);
    assert_eq!(rerun(&["data.rows.source.csv.separator=;"]), ALL);
    assert_eq!(rerun(&["data.rows.source.csv.quote=none"]), ALL);
    assert_eq!(rerun(&["data.rows.source.csv.decimal=\",\""]), ALL);
    assert_eq!(rerun(&["data.rows.source.csv.skip_rows=1"]), ALL);
    assert_eq!(
        rerun(&["data.rows.source.csv.path=other.tsv"]),
        ALL,
        "the extension may decide how the file is read"
    );
    assert_eq!(rerun(&["data.rows.split.random.valid=0.3"]), FROM_SPLIT);
    assert_eq!(rerun(&["seed=2"]), FROM_SPLIT);
    assert_eq!(rerun(&["inputs.age=min_max"]), FROM_FIT);
    assert_eq!(rerun(&["tasks.rich.target=poor"]), FROM_FIT);
    assert_eq!(rerun(&["tasks.rich.missing=error"]), FROM_FIT);
    assert_eq!(rerun(&["trunk[0].dense.units=9"]), FROM_TRAIN);
    assert_eq!(rerun(&["inputs.age.standardize.encoder=[{dense: 2}]"]), FROM_TRAIN);
    assert_eq!(rerun(&["tasks.rich.loss=focal"]), FROM_TRAIN);
    assert_eq!(rerun(&["weighting=uncertainty"]), FROM_TRAIN);
    assert_eq!(rerun(&["train.epochs=3"]), FROM_TRAIN);
    assert_eq!(rerun(&["train.monitor.patience=3"]), FROM_TRAIN);
    assert_eq!(rerun(&["tasks.rich.metrics=[f1]"]), "evaluate#1");
    assert_eq!(rerun(&["evaluate.splits=[test]"]), "evaluate#1");
    assert_eq!(rerun(&["export.onnx.opset=18"]), "export#1 verify#1");
    assert_eq!(rerun(&["export.onnx.tolerance=0.01"]), "export#1 verify#1");
    assert_eq!(rerun(&["export.onnx.precision=int8"]), "export#1 verify#1");
}

#[test]
fn changes_that_do_not_affect_results_rerun_nothing() {
    for set in [
        "name=other",
        "description=words",
        "data.rows.source.csv.path=elsewhere/copy.csv",
        "data.rows.source.csv.header=true",
        "train.checkpoint.steps=10",
        "train.checkpoint.seconds=1",
        "train.optimizer=adamw",
        "weighting=equal",
        "tasks.rich.loss=binary_cross_entropy",
        "tasks.rich.data=rows",
        "export.onnx.tolerance=0.0001",
        "export.onnx.precision=f32",
    ] {
        assert_eq!(rerun(&[set]), "", "{set}");
    }
}

#[test]
fn training_depends_on_the_monitored_metric() {
    let monitored = ["train.monitor.task=rich"];
    let before = fingerprints(PIPELINE, &monitored);
    let after = fingerprints(PIPELINE, &[monitored[0], "tasks.rich.metrics=[f1]"]);
    assert_eq!(changed(&before, &after), FROM_TRAIN, "the first metric chooses the best epoch");
    let after = fingerprints(PIPELINE, &[monitored[0], "train.monitor.metric=auroc"]);
    assert_eq!(changed(&before, &after), "", "auroc is the first metric of a binary task");
}

#[test]
fn fingerprints_depend_on_content_and_on_the_seed_only_if_it_is_used() {
    let plan = planned(PIPELINE, &[]);
    let before = plan.fingerprints(&contents(&plan, "before"));
    assert_eq!(changed(&before, &plan.fingerprints(&contents(&plan, "after"))), ALL);
    let by_time = "data.rows.split={time: age}";
    let before = fingerprints(PIPELINE, &[by_time]);
    assert_eq!(changed(&before, &fingerprints(PIPELINE, &[by_time, "seed=2"])), FROM_TRAIN);
    let with_file = "data.rows.split={files: {valid: v.csv, test: t.csv}}";
    let random = "data.rows.split={files: {test: t.csv}}";
    let before = fingerprints(PIPELINE, &[with_file]);
    assert_eq!(changed(&before, &fingerprints(PIPELINE, &[with_file, "seed=2"])), FROM_TRAIN);
    assert_eq!(changed(&before, &fingerprints(PIPELINE, &[random])), ALL, "other files");
    let before = fingerprints(PIPELINE, &[random]);
    assert_eq!(changed(&before, &fingerprints(PIPELINE, &[random, "seed=2"])), FROM_SPLIT);
}

#[test]
fn defaults_are_filled_in() {
    let plan = planned(PIPELINE, &["train.monitor.task=weeks"]);
    let json = serde_json::to_value(&plan.pipeline).unwrap();
    assert_eq!(json["tasks"]["rich"]["data"], "rows");
    assert!(json["tasks"]["rich"]["loss"].get("binary_cross_entropy").is_some());
    assert_eq!(json["tasks"]["rich"]["metrics"][0], "auroc");
    assert_eq!(json["tasks"]["weeks"]["loss"], "mse");
    assert_eq!(json["train"]["monitor"]["metric"], "rmse");
    assert_eq!(plan.name().as_str(), "small");
    let nameless = PIPELINE.replace("name: small\n", "");
    let (pipeline, _) = spec::read(&nameless, Path::new("a.yaml"), &[]).unwrap();
    for (stem, name) in
        [("my pipeline.v2", "my_pipeline_v2"), ("2024", "_2024"), ("größe", "größe"), ("", "_")]
    {
        assert_eq!(plan::resolve(&pipeline, stem).unwrap().0.name().as_str(), name);
    }
    let long = plan::resolve(&pipeline, &"ß".repeat(300)).unwrap().0;
    assert!(long.name().as_str().len() <= 48);
}

#[test]
fn a_plan_has_the_settings_of_network_tasks_and_trials() {
    let plan =
        planned(PIPELINE, &["inputs.age.standardize.encoder=[{dense: 2}]", "tasks.weeks.after=[rich]"]);
    let network = plan.network();
    assert_eq!(network.encoders.len(), 3);
    assert_eq!(network.encoders[0].1.len(), 1);
    assert_eq!(network.tasks[1].after, [TaskName::new("rich").unwrap()]);
    assert!(network.tasks.iter().all(|task| task.loss.is_some()));
    let tasks = plan.tasks();
    assert_eq!((tasks[0].table.as_str(), tasks[0].columns[0].as_str()), ("rows", "rich"));
    assert_eq!(plan.metrics().len(), 2);
    let trial = plan.trial(1).unwrap();
    assert_eq!(trial.seed, 1);
    assert_eq!(trial.pipeline, plan.pipeline);
    assert!(trial.choices.is_empty());
}

#[test]
fn stages_are_topologically_sorted() {
    let text = PIPELINE
        .replace("inputs:\n", "  more:\n    source: {csv: more.csv}\ninputs:\n")
        .replace("{target", "{data: rows, target");
    let text = text.replace("train:", "  other: {data: more, target: x, kind: binary}\ntrain:");
    let plan = planned(&text, &[]);
    let keys: Vec<&str> = plan.stages().map(|stage| stage.key()).collect();
    let all = [
        "load:rows",
        "split:rows",
        "load:more",
        "split:more",
        "fit",
        "train#1",
        "evaluate#1",
        "export#1",
        "verify#1",
    ];
    assert_eq!(keys, all);
    let position = |key: &str| keys.iter().position(|known| *known == key).unwrap();
    for node in plan.order() {
        for before in plan.upstream(node) {
            assert!(position(plan.graph[before].key()) < position(plan.graph[node].key()));
        }
    }
    let only = |name: &str| -> Option<Vec<String>> {
        Some(plan.stages_for(name)?.into_iter().map(|node| plan.graph[node].to_string()).collect())
    };
    assert_eq!(only("split:more").unwrap(), ["load:more", "split:more"]);
    assert_eq!(only("fit").unwrap().len(), 5);
    assert_eq!(only("load").unwrap(), ["load:rows", "load:more"]);
    assert_eq!(only("verify").unwrap().len(), 8);
    assert_eq!(only("trian"), None);
    assert_eq!(plan.downstream(plan.node(&Stage::shared(Work::Fit)).unwrap()).len(), 4);
}

#[test]
fn every_rendering_names_every_stage() {
    let plan = planned(PIPELINE, &[]);
    let fingerprints = plan.fingerprints(&contents(&plan, "x"));
    let stages = plan.stages().map(|stage| StageView {
        stage: stage.clone(),
        fingerprint: fingerprints.get(stage).cloned(),
        cached: stage.trial.is_none(),
        reason: if stage.trial.is_none() { "found in the cache" } else { "never done" }.to_owned(),
    });
    let part = PartView {
        part: "trunk[0]".to_owned(),
        kind: "dense".to_owned(),
        shape: mtl::domain::shape::Shape::vector(8),
        parameters: 12_345,
        rate: Some("2e-5".to_owned()),
    };
    let view = View { stages: stages.collect(), parts: Some(vec![part]), features: Vec::new(), memory: None };
    let text = plan::render::text(&plan, &view);
    let dot = plan::render::dot(&plan, &view);
    let mermaid = plan::render::mermaid(&plan, &view);
    let json = plan::render::json(&plan, &view);
    for stage in plan.stages() {
        assert!(text.contains(stage.key()) && dot.contains(stage.key()) && mermaid.contains(stage.key()));
    }
    assert!(
        text.contains("12,345  2e-5") && text.contains("never done") && text.contains("batch_size: 32"),
        "{text}"
    );
    assert_eq!(dot.matches("style=dashed").count(), 3);
    assert!(mermaid.contains("class n0,n1,n2 cached"), "{mermaid}");
    assert_eq!(json["stages"][2]["needs"], serde_json::json!(["load:rows", "split:rows"]));
    assert_eq!(json["network"][0]["parameters"], 12_345);
    assert_eq!(json["network"][0]["rate"], "2e-5");
    assert!(plan::render::text(&plan, &View::default()).contains("verify#1"));
}

/// BLAKE3 of the empty input, from the published test vectors.
const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

#[test]
fn file_hashes_are_cached() {
    let project =
        Project::new().file("a.csv", "x,y\n1,2\n").file("b.csv", "x,y\n1,2\n").file("empty.csv", "");
    assert_eq!(content_cache::file(&project.path("empty.csv")).unwrap().fingerprint.0, EMPTY);
    let cache = project.path("cache/files.json");
    let set_modified = |name: &str, seconds_ago: u64| {
        let file = std::fs::File::options().append(true).open(project.path(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(seconds_ago))
            .unwrap();
    };
    set_modified("a.csv", 100);
    // A time that was just set back also counts as a recent change.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    std::fs::write(project.path("b.csv"), "x,y\n1,2\n").unwrap();
    let mut contents = ContentCache::open(&cache);
    let first = contents.file(&project.path("a.csv")).unwrap();
    assert_eq!(first.bytes, 8);
    assert_eq!(first.fingerprint, contents.file(&project.path("b.csv")).unwrap().fingerprint);
    contents.save().unwrap();

    let kept = std::fs::read_to_string(&cache).unwrap();
    assert!(kept.contains("a.csv"), "an old file is cached");
    assert!(!kept.contains("b.csv"), "a file just written may change within the clock's resolution");
    assert_eq!(ContentCache::open(&cache).file(&project.path("a.csv")).unwrap(), first);
    // An edited cache is not trusted.
    let other = "0".repeat(64);
    std::fs::write(&cache, kept.replace(&first.fingerprint.0, &other)).unwrap();
    assert_eq!(ContentCache::open(&cache).file(&project.path("a.csv")).unwrap(), first);
    set_modified("a.csv", 50);
    assert_eq!(ContentCache::open(&cache).file(&project.path("a.csv")).unwrap(), first);
    for damaged in ["", "{", "[]", "{\"format\": 99, \"files\": {}}", &kept[..kept.len() / 2]] {
        std::fs::write(&cache, damaged).unwrap();
        let mut contents = ContentCache::open(&cache);
        assert_eq!(contents.file(&project.path("a.csv")).unwrap(), first);
        contents.save().unwrap();
    }
    assert!(contents.file(&project.path("absent.csv")).is_err());
    assert!(contents.file(project.folder()).is_err());
}

#[test]
fn caches_of_two_processes_are_merged() {
    let project = Project::new().file("a.csv", "1").file("b.csv", "2");
    for name in ["a.csv", "b.csv"] {
        let file = std::fs::File::options().append(true).open(project.path(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let cache = project.path("files.json");
    let (mut one, mut two) = (ContentCache::open(&cache), ContentCache::open(&cache));
    one.file(&project.path("a.csv")).unwrap();
    two.file(&project.path("b.csv")).unwrap();
    one.save().unwrap();
    two.save().unwrap();
    let kept = std::fs::read_to_string(&cache).unwrap();
    assert!(kept.contains("a.csv") && kept.contains("b.csv"));
}
