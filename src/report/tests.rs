//! Tests of the reports of scripted runs.

use crate::domain::event::{Event, ExportedScore, Observer, RunState};
use crate::domain::layout::Layout;
use crate::domain::name::{RunId, TaskName};
use crate::domain::precision::Precision;
use crate::domain::score::{Direction, Score, Split};
use crate::domain::stage::{Stage, Work};
use crate::report::page::ReportPage;
use crate::report::{ComparisonReport, RunList, RunReport, RunSummary, Style};
use crate::store::ResultsDatabase;
use crate::store::recorder::Recorder;
use crate::store::run_fixture::{RunFixture, folder, run_id};

fn summary(store: &ResultsDatabase, run: &RunId) -> (String, serde_json::Value) {
    let summary = RunSummary::read(store, run).expect("reads");
    (summary.text(&Style::plain()), summary.json())
}

#[test]
fn a_summary_has_scores_weights_model_parity_and_next_commands() {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001);
    let store = script.record(folder.path());
    let (text, json) = summary(&store, &script.run);
    let beginning = "\
census-3f2a  finished in 1 min 12 s

Scores  epoch 3 of 4, the best  ↑ higher is better  ↓ lower is better
task           weight  metric       train      valid       test  95 % interval
─────────────  ──────  ───────  ─────────  ─────────  ─────────  ────────────────
income         1.100   auroc ↑     0.9039     0.8939     0.8919  0.8879 to 0.8949
                       f1 ↑        0.5039     0.4939     0.4919
never_married  0.9300  auroc ↑     0.9783     0.9683     0.9663  0.9623 to 0.9693
weeks_worked   0.5000  mae ↓       7.394      7.494      7.514
                       r2 ↑     undefined  undefined  undefined
95 % interval: of the test score, by drawing its rows anew (bootstrap)

Pareto front of the network  one network for all preferences; non-dominated on validation rows
share of income  share of weeks_worked  income auroc ↑  on test  weeks_worked mae ↓  on test
───────────────  ─────────────────────  ──────────────  ───────  ──────────────────  ───────
0.75             0.25                           0.8750   0.8750               10.75    10.75
0.25             0.75                           0.8250   0.8250               10.25    10.25
2 of 2 preferences are on the front; hypervolume 0.6313 on validation rows, 0.6313 on test rows; reference point (0.5000, 12.00), set in the pipeline

Gain over single-task training  compared with each task trained alone: same inputs, trunk, training settings and seed
task           metric   alone, test  joint, test  gain, test
─────────────  ───────  ───────────  ───────────  ──────────
income         auroc ↑       0.9000       0.9450     +5.00 %
never_married  auroc ↑       0.9800       0.9800         0 %
weeks_worked   mae ↓        10.00        11.00      −10.00 %
over all tasks on test rows: WORSE than single-task training by 1.67 %; weeks_worked is worse than alone

Model   ";
    assert!(text.starts_with(beginning), "{text}");
    for part in [
        "census-3f2a/trial-1/model.onnx  312 kB, opset 17\n",
        "Parity  verified: max difference 4.8e-7 in ONNX Runtime 1.31.1 on batches of 1 and 7 \
         (tolerance 1e-4)\n",
        "Time    load cached · fit 0.81 s · train 1 min 03 s · evaluate 1.70 s",
        "  warning fit: `year` has the same value in every training row\n",
        "  mtl predict census-3f2a rows.csv --to predictions.csv  # predict new rows\n",
        "  mtl show census-3f2a ",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("UNVERIFIED") && !text.contains("mtl verify"), "{text}");
    assert!(!text.contains('\x1b'), "colour only on request");
    assert_eq!(json["state"], "finished");
    assert_eq!(json["scores"].as_array().map(Vec::len), Some(15));
    assert_eq!(json["scores"][4]["value"], serde_json::Value::Null, "an undefined score is null");
    assert_eq!(json["trials"][0]["parity"]["verified"], true);
    assert!(json["models"][0]["path"].as_str().is_some_and(|path| path.ends_with("trial-1/model.onnx")));
}

#[test]
fn an_unverified_model_is_loud() {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001).unverified();
    let store = script.record(folder.path());
    let (text, json) = summary(&store, &script.run);
    assert!(text.contains("Parity  UNVERIFIED: "), "{text}");
    assert!(text.contains("no ONNX Runtime was found, and MTL_OFFLINE forbids fetching it"), "{text}");
    assert!(text.contains("  mtl verify census-3f2a "), "{text}");
    assert!(!text.contains("verified:"), "{text}");
    assert_eq!(json["trials"][0]["parity"]["verified"], false);
    assert_eq!(json["trials"][0]["parity"]["largest"], serde_json::Value::Null);
    let show = RunReport::read(&store, &script.run, None).expect("reads").text(&Style::plain());
    assert!(show.contains("UNVERIFIED"), "{show}");
}

#[test]
fn a_model_with_other_outputs_is_broken_and_names_them() {
    let folder = folder();
    let mut script = RunFixture::new("census-3f2a", 0.001);
    script.parity.largest = f64::INFINITY;
    script.parity.outputs[1].largest = f64::INFINITY;
    script.parity.outputs[2].largest = f64::NAN;
    let store = script.record(folder.path());
    let (text, _) = summary(&store, &script.run);
    assert!(text.contains("Parity  BROKEN: max difference inf in ONNX Runtime 1.31.1"), "{text}");
    assert!(text.contains("outputs: income, weeks_worked\n"), "{text}");
}

#[test]
fn a_rounded_model_is_shown_with_its_scores() {
    let exported = |largest: f64| {
        let folder = folder();
        let mut script = RunFixture::new("census-3f2a", 0.001);
        let score = Score {
            task: TaskName::new("income").expect("a name"),
            split: Split::Test,
            metric: "auroc".to_owned(),
            value: 0.9,
            direction: Direction::Higher,
            rows: 100,
            interval: None,
        };
        script.parity.scores = vec![ExportedScore { score, trained: Some(0.945) }];
        (script.parity.precision, script.parity.tolerance) = (Precision::Int8, 0.1);
        script.parity.largest = largest;
        let store = script.record(folder.path());
        summary(&store, &script.run)
    };
    let (text, json) = exported(0.03);
    assert!(text.contains("Parity  verified, int8: max difference"), "{text}");
    // 0.9 / 0.945 - 1
    let line = "\n        income auroc 0.9000 on test rows; trained 0.9450 (−4.76 %)\n";
    assert!(text.contains(line), "{text}");
    assert_eq!(json["trials"][0]["parity"]["precision"], "int8");
    assert_eq!(json["trials"][0]["parity"]["scores"][0]["trained"], 0.945);
    let (text, _) = exported(0.5);
    assert!(text.contains("Parity  rounded, int8: max difference") && text.contains(line), "{text}");
    assert!(text.contains("more than the tolerance of 1e-1: its scores decide"), "{text}");
    let (text, _) = exported(f64::INFINITY);
    assert!(text.contains("Parity  BROKEN"), "{text}");
}

#[test]
fn a_failed_run_says_why_and_how_to_continue() {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001);
    let layout = Layout::new(folder.path());
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    let recorder = Recorder::new(store, &script.header()).expect("begins");
    script.events(&layout)[..13].iter().for_each(|event| recorder.observe(event));
    let (stage, trial) = (Stage::of_trial(Work::Train, 1), Some(1));
    recorder.observe(&Event::StageFailed {
        stage,
        trial,
        reason: "the loss of `income` is NaN at step 12".to_owned(),
    });
    let (stage, because) = (Stage::of_trial(Work::Evaluate, 1), Stage::of_trial(Work::Train, 1));
    recorder.observe(&Event::StageSkipped { stage, trial, because });
    recorder.observe(&Event::RunFinished { run: script.run.clone(), state: RunState::Failed, seconds: 1.5 });
    recorder.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    let (text, _) = summary(&store, &script.run);
    assert!(text.starts_with("census-3f2a  failed in 1.50 s\n"), "{text}");
    assert!(text.contains("  failed train#1: the loss of `income` is NaN at step 12\n"), "{text}");
    assert!(text.contains("  skipped evaluate#1, because train#1 failed\n"), "{text}");
    assert!(text.contains("  mtl resume census-3f2a ") && !text.contains("mtl predict"), "{text}");
    let list = RunList::read(&store).expect("reads").text(&Style::plain());
    assert!(list.contains("failed 3/7 stages"), "{list}");
}

#[test]
fn a_comparison_marks_the_best_and_names_only_what_differs() {
    let folder = folder();
    RunFixture::new("census-1", 0.003).record(folder.path());
    let store = RunFixture::new("census-2", 0.001).record(folder.path());
    let comparison =
        ComparisonReport::read(&store, &[run_id("census-1"), run_id("census-2")]).expect("reads");
    let expected = "\
Scores  test rows · ★ best · differences from census-1 · ↑ higher is better  ↓ lower is better
task           metric   census-1  census-2  change
─────────────  ───────  ────────  ────────  ────────
income         auroc ↑  ★ 0.8921    0.8919  −0.00025
               f1 ↑     ★ 0.4921    0.4919  −0.00025
never_married  auroc ↑  ★ 0.9665    0.9663  −0.00018
weeks_worked   mae ↓    ★ 7.502     7.514   +0.012
               r2 ↑       –         –

Settings that differ
setting                     census-1  census-2
──────────────────────────  ────────  ────────
train.optimizer.adamw.rate  0.003     0.001
";
    let expected = expected.replace(
        "Settings that",
        "\
Gain over single-task training  test rows · compared with each task trained alone; negative is worse
task           census-1  census-2
─────────────  ────────  ────────
income          +5.00 %   +5.00 %
never_married       0 %       0 %
weeks_worked   −10.00 %  −10.00 %
all tasks       −1.67 %   −1.67 %

Settings that",
    );
    let text = comparison.text(None, &Style::plain());
    let comparable = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(comparable(&text), comparable(&expected), "{text}");
    let json = comparison.json();
    assert_eq!(json["columns"], serde_json::json!(["census-1", "census-2"]));
    assert_eq!(json["scores"].as_array().map(Vec::len), Some(15), "all splits");
    assert_eq!(json["differences"].as_array().map(Vec::len), Some(1));
}

#[test]
fn comparing_a_run_with_itself_finds_nothing() {
    let folder = folder();
    let store = RunFixture::new("census-1", 0.002).record(folder.path());
    let comparison =
        ComparisonReport::read(&store, &[run_id("census-1"), run_id("census-1")]).expect("reads");
    assert!(comparison.differences.is_empty());
    assert!(comparison.scores.iter().all(|line| line.best.is_empty()));
    let text = comparison.text(None, &Style::plain());
    assert!(text.ends_with("\nall settings are the same\n") && text.contains("same"), "{text}");
    assert!(!text.lines().skip(1).any(|line| line.contains('★')), "{text}");
}

#[test]
fn show_tells_everything() {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001);
    let store = script.record(folder.path());
    let detail = RunReport::read(&store, &script.run, None).expect("reads");
    let text = detail.text(&Style::plain());
    for part in [
        "  pipeline  census_income (pipelines/census_income.yaml)\n",
        "  git       0123456789ab, with uncommitted changes\n",
        "load:census   cached        0.01 s",
        "census  199,523       42  159,619  19,952  19,952  pipelines/data/census.parquet  2.3 MB  \
         cccccccccccc\n",
        "train 1,234 of 19,952, test 98 of 19,952\n",
        "Trial 1  61,234 parameters · 159,619 rows · best epoch 3 of 4 · all epochs done",
        "trunk[0].dense.units         64\n",
        "train.clip_norm              null\n",
        "decrease in % of the column's loss by a step of the row's task; mean of 64 steps\n",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(detail.json()["parameters"][2]["path"], "trunk[0].dense.units");
    assert_eq!(detail.json()["parameters"][2]["number"], 64.0);
}

#[test]
fn the_list_fits_a_narrow_terminal() {
    let folder = folder();
    let store = RunFixture::new("census_income-3f2a9c", 0.001).record(folder.path());
    let text = RunList::read(&store).expect("reads").text(&Style { width: Some(80), colour: false });
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("census_income-3f2a9c  finished"), "the name stays whole: {text}");
    let empty = ResultsDatabase::open(&folder.path().join("other/mtl.db")).expect("opens");
    let none = RunList::read(&empty).expect("reads").text(&Style::plain());
    assert_eq!(none, "no runs yet; start one with `mtl run FILE`\n");
}

/// A page has the table of gains with its verdict, and the figures of gains and affinities.
#[test]
fn a_page_has_the_gains_of_joint_training() {
    let folder = folder();
    let script = RunFixture::new("census-3f2a", 0.001);
    let store = script.record(folder.path());
    let page = ReportPage::read(&store, &script.run).expect("reads").html();
    for part in [
        "<h3>Gain over single-task training <small>compared with each task trained alone",
        "<td class=\"number bad\">−10.00 %</td>",
        "<p>over all tasks on test rows: WORSE than single-task training by 1.67 %; weeks_worked is worse \
         than alone</p>",
        "<title>census-3f2a: gain over single-task training</title>",
        "<title>census-3f2a: task affinities</title>",
        "<title>census-3f2a: task affinities by epoch</title>",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}
