//! Records a scripted run once, twice and in two halves.

use crate::domain::event::{Event, FinishedEpoch, Observer, RunState};
use crate::domain::layout::Layout;
use crate::domain::score::Split;
use crate::domain::stage::{Stage, Work};
use crate::store::query::SqlValue;
use crate::store::recorder::Recorder;
use crate::store::run_fixture::{RunFixture, folder, run_id};
use crate::store::{ResultsDatabase, StoreError};

/// All rows of all tables as text, without times.
fn dump(store: &ResultsDatabase) -> Vec<String> {
    let tables =
        store.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").expect("asks");
    let mut lines = Vec::new();
    for name in tables.rows.iter().map(|row| row[0].to_string()) {
        let table = store.query(&format!("SELECT * FROM {name} ORDER BY 1, 2")).expect("asks");
        let timeless = |column: &String| !column.ends_with("_at") && column != "resumes";
        for row in &table.rows {
            let cells = table.columns.iter().zip(row).filter(|(column, _)| timeless(column));
            let cells: Vec<String> = cells.map(|(column, value)| format!("{column}={value}")).collect();
            lines.push(format!("{name}: {}", cells.join(" ")));
        }
    }
    lines.sort();
    lines
}

/// Whether a table or view needs several runs, a sweep that prunes or a rounded export: other tests cover
/// these.
fn is_tested_elsewhere(name: &str) -> bool {
    ["varied_settings", "prunings", "exported_scores"].contains(&name)
}

#[test]
fn every_table_gets_rows() {
    let folder = folder();
    let store = RunFixture::new("census-1", 0.001).record(folder.path());
    let tables = store.query("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')").expect("asks");
    assert!(tables.rows.len() > 20);
    for name in tables.rows.iter().map(|row| row[0].to_string()).filter(|name| !is_tested_elsewhere(name)) {
        let rows = store.query(&format!("SELECT count(*) FROM {name}")).expect("asks").rows;
        assert!(matches!(rows[0][0], SqlValue::Integer(count) if count > 0), "{name} is empty");
    }
}

#[test]
fn recorded_numbers_come_back() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let store = script.record(folder.path());
    let detail = store.run(&script.run).expect("reads");
    assert_eq!(detail.state, RunState::Finished);
    assert_eq!((detail.seed, detail.planned_stages, detail.resumes), (42, 7, 0));
    assert_eq!(detail.seconds, Some(72.4));
    assert_eq!(detail.environment.onnx_runtime.as_deref(), Some("1.31.1"));
    assert_eq!((detail.environment.git_dirty, detail.environment.cpus), (Some(true), 4));
    let states: Vec<(&str, &str, bool)> =
        detail.stages.iter().map(|s| (s.stage.as_str(), s.kind.as_str(), s.cached)).collect();
    assert_eq!(states[0], ("load:census", "load", true));
    assert_eq!(states[3], ("train#1", "train", false));
    assert!(detail.stages.iter().all(|stage| stage.state == "finished"));
    assert_eq!(detail.tables[0].train, Some(159_619));
    assert_eq!((detail.tables[0].rows, detail.tables[0].columns), (Some(199_523), Some(42)));
    assert_eq!(detail.files[0].hash, "c".repeat(64));
    assert_eq!(detail.labels.iter().map(|label| label.missing).collect::<Vec<_>>(), [0, 1234, 98]);
    assert_eq!(detail.artifacts[0].path, "census-1/trial-1/model.onnx", "relative to the runs folder");
    assert_eq!(detail.notes[0].severity, "warning");

    let trial = &detail.trials[0];
    assert_eq!((trial.best_epoch, trial.epochs, trial.weights), (Some(3), Some(4), Some(61_234)));
    assert_eq!(trial.checkpoint, Some((3, 468)));
    assert_eq!(trial.task_weights[1], ("never_married".to_owned(), Some(0.9 + 0.01 * 3.0)));
    assert_eq!(trial.parameters[0].number, Some(0.001));
    let parity = trial.parity.as_ref().expect("verified");
    assert!(parity.holds());
    assert_eq!((parity.batches.as_str(), parity.outputs.len()), ("1, 7", 3));

    let Event::Scored { scores: sent, epoch, .. } = script
        .events(&Layout::new(folder.path()))
        .into_iter()
        .find(|event| matches!(event, Event::Scored { .. }))
        .expect("scored")
    else {
        panic!("a score")
    };
    assert_eq!(detail.scores.len(), sent.len());
    for (kept, sent) in detail.scores.iter().zip(&sent) {
        assert_eq!(
            (kept.task.as_str(), kept.split, &kept.metric),
            (sent.task.as_str(), sent.split, &sent.metric)
        );
        assert_eq!((kept.direction, kept.rows, kept.epoch), (sent.direction, sent.rows, epoch));
        let same = kept.value == Some(sent.value) || (kept.value.is_none() && sent.value.is_nan());
        assert!(same, "{kept:?} is not {sent:?}");
        assert_eq!(kept.low.zip(kept.high).map(|(low, high)| [low, high]), sent.interval);
    }
    assert!(sent.iter().any(|score| score.interval.is_some()));
    // np.array([[18500, 212], [700, 540]]): precision 540 / 752, recall 540 / 1240, F1 1080 / 1992.
    assert_eq!(store.confusions(&script.run).expect("reads").len(), 4);
    let sql = "SELECT format('%s %d %d %.4f %.4f %.4f', class, support, predicted, precision, recall, f1)
                 FROM classes WHERE task = 'income' ORDER BY class DESC";
    let answer = store.query(sql).expect("reads");
    assert_eq!(answer.rows[0][0].to_string(), "50000+. 1240 752 0.7181 0.4355 0.5422");

    let epochs = store.epochs(&script.run).expect("reads");
    assert_eq!(epochs.len(), 4);
    assert_eq!((epochs[1].epoch, epochs[1].step, epochs[1].best), (2, 312, true));
    assert!(!epochs[3].best);
    assert_eq!(epochs[1].joint_loss, Some(0.4));
    assert_eq!(epochs[1].losses[0], ("income".to_owned(), Some(0.15)));
    assert_eq!(epochs[1].losses[2], ("weeks_worked".to_owned(), None), "a NaN loss");
    assert_eq!(epochs[3].scores.len(), 5);
    assert_eq!(epochs[3].scores[0].split, Split::Valid);
}

#[test]
fn the_same_events_twice_change_nothing() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let once = dump(&script.record(folder.path()));
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    let mut events = script.events(&layout);
    // As if all stages were cached and took no further time.
    events.iter().for_each(|event| recorder.observe(event));
    if let Some(Event::RunFinished { seconds, .. }) = events.last_mut() {
        *seconds = 0.0;
    }
    recorder.finish().expect("written");
    let again: Vec<String> = dump(&ResultsDatabase::open(&layout.database()).expect("opens"));
    let timeless = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !line.starts_with("runs:")).collect()
    };
    assert_eq!(timeless(once), timeless(again));
}

#[test]
fn a_resumed_run_adds_its_seconds_and_counts_its_resumptions() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let events = script.events(&layout);
    let half = events
        .iter()
        .position(|event| matches!(event, Event::EpochFinished(FinishedEpoch { epoch: 2, .. })))
        .expect("there");
    let first = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    events[..=half].iter().for_each(|event| first.observe(event));
    first.observe(&Event::RunFinished {
        run: script.run.clone(),
        state: RunState::Interrupted,
        seconds: 10.0,
    });
    first.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    let detail = store.run(&script.run).expect("reads");
    assert_eq!((detail.state, detail.seconds), (RunState::Interrupted, Some(10.0)));
    assert_eq!(detail.stages.last().map(|stage| stage.state.as_str()), Some("interrupted"));
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 2);

    let second = Recorder::new(store, &script.header()).expect("goes on");
    for event in &events {
        let mut event = event.clone();
        if let Event::RunStarted { resumed, .. } = &mut event {
            *resumed = true;
        }
        second.observe(&event);
    }
    second.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    let detail = store.run(&script.run).expect("reads");
    assert_eq!((detail.state, detail.resumes), (RunState::Finished, 1));
    assert_eq!(detail.seconds, Some(10.0 + 72.4));
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 4);
}

#[test]
fn a_failed_stage_keeps_its_reason() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    script.events(&layout)[..13].iter().for_each(|event| recorder.observe(event));
    let failed = |stage: &str, reason: &str| Event::StageFailed {
        stage: stage.parse().expect("a stage"),
        trial: Some(1),
        reason: reason.to_owned(),
    };
    recorder.observe(&failed("train#1", "the loss of `income` became NaN at step 12"));
    recorder.observe(&Event::StageSkipped {
        stage: Stage::of_trial(Work::Evaluate, 1),
        trial: Some(1),
        because: Stage::of_trial(Work::Train, 1),
    });
    recorder.observe(&Event::RunFinished { run: script.run.clone(), state: RunState::Failed, seconds: 1.0 });
    recorder.finish().expect("written");
    let detail = ResultsDatabase::open(&layout.database()).expect("opens").run(&script.run).expect("reads");
    assert_eq!(detail.state, RunState::Failed);
    let train = detail.stages.iter().find(|stage| stage.stage == "train#1").expect("there");
    assert_eq!(train.state, "failed");
    assert_eq!(train.reason.as_deref(), Some("the loss of `income` became NaN at step 12"));
    let skipped = detail.stages.iter().find(|stage| stage.stage == "evaluate#1").expect("there");
    assert_eq!((skipped.state.as_str(), skipped.kind.as_str()), ("skipped", "evaluate"));
}

#[test]
fn a_run_found_dead_ends_with_its_last_sign_of_life() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    script.events(&layout)[..16].iter().for_each(|event| recorder.observe(event));
    drop(recorder); // killed: no RunFinished, no finish
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    assert_eq!(store.running().expect("reads"), std::slice::from_ref(&script.run));
    store.mark_interrupted(&[script.run.clone(), run_id("not-there")]).expect("marks");
    let detail = store.run(&script.run).expect("reads");
    assert_eq!(detail.state, RunState::Interrupted);
    assert_eq!(detail.finished_at.as_deref(), Some(detail.updated_at.as_str()));
    assert!(detail.stages.iter().all(|stage| stage.state != "running"));
    let train = detail.stages.iter().find(|stage| stage.stage == "train#1").expect("there");
    assert_eq!(train.state, "interrupted");
    assert!(store.running().expect("reads").is_empty());
}

#[test]
fn a_finished_run_is_never_marked_interrupted() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let store = script.record(folder.path());
    store.mark_interrupted(std::slice::from_ref(&script.run)).expect("nothing to do");
    assert_eq!(store.state(&script.run).expect("reads"), Some(RunState::Finished));
    assert!(store.run(&script.run).expect("reads").stages.iter().all(|stage| stage.state == "finished"));
}

#[test]
fn removing_a_run_removes_every_row_of_it() {
    let folder = folder();
    let kept = dump(&RunFixture::new("census-1", 0.001).record(folder.path()));
    let store = RunFixture::new("census-2", 0.002).record(folder.path());
    assert!(dump(&store).len() > kept.len());
    assert!(store.remove(&run_id("census-2")).expect("removes"));
    assert_eq!(dump(&store), kept);
    assert!(!store.remove(&run_id("census-2")).expect("nothing to remove"));
    assert!(matches!(store.run(&run_id("census-2")), Err(StoreError::UnknownRun { .. })));
}

#[test]
fn a_database_that_cannot_be_written_is_an_error_at_the_end_and_not_before() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    let saboteur = rusqlite::Connection::open(layout.database()).expect("opens");
    saboteur.execute_batch("ALTER TABLE epochs RENAME TO elsewhere").expect("renames");
    script.events(&layout).iter().for_each(|event| recorder.observe(event));
    assert!(matches!(recorder.finish(), Err(StoreError::Sqlite { .. })));
    // Once it can be written again, nothing is lost.
    saboteur.execute_batch("ALTER TABLE elsewhere RENAME TO epochs").expect("renames back");
    recorder.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    assert_eq!(store.run(&script.run).expect("reads").state, RunState::Finished);
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 4);
}

#[test]
fn a_full_disk_loses_nothing_once_there_is_room() {
    let folder = folder();
    let mut script = RunFixture::new("census-1", 0.001);
    script.epochs = 200;
    let layout = Layout::new(folder.path());
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    // SQLite reports its limit on the file size like a full disk.
    store.connection.pragma_update(None, "max_page_count", 48).expect("limits");
    let recorder = Recorder::new(store, &script.header()).expect("begins");
    script.events(&layout).iter().for_each(|event| recorder.observe(event));
    let error = recorder.finish().expect_err("must fail");
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let kept = ResultsDatabase::open(&layout.database()).expect("opens").epochs(&script.run).expect("reads");
    assert!(kept.len() < 200);
    assert!(kept.iter().all(|epoch| epoch.scores.len() == 5), "never half an epoch");
    recorder.lift_size_limit();
    recorder.finish().expect("written");
    let store = ResultsDatabase::open(&layout.database()).expect("opens");
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 200);
    assert_eq!(store.run(&script.run).expect("reads").state, RunState::Finished);
}

#[test]
fn a_process_killed_in_the_middle_leaves_all_it_had_committed() {
    let folder = folder();
    let script = RunFixture::new("census-1", 0.001);
    let layout = Layout::new(folder.path());
    let recorder = Recorder::new(ResultsDatabase::open(&layout.database()).expect("opens"), &script.header())
        .expect("begins");
    (1..=3).for_each(|epoch| recorder.observe(&script.epoch(epoch)));
    // A killed process leaves the file and its unclosed write-ahead log.
    let left = folder.path().join("left");
    std::fs::create_dir(&left).expect("makes");
    for name in ["mtl.db", "mtl.db-wal"] {
        std::fs::copy(folder.path().join(name), left.join(name)).expect("copies");
    }
    let store = ResultsDatabase::open_read_only(&left.join("mtl.db")).expect("opens");
    assert_eq!(store.epochs(&script.run).expect("reads").len(), 3);
    assert_eq!(store.running().expect("reads"), std::slice::from_ref(&script.run));
}

#[test]
fn the_list_shows_the_newest_first_with_each_tasks_first_metric() {
    let folder = folder();
    RunFixture::new("census-1", 0.001).record(folder.path());
    std::thread::sleep(std::time::Duration::from_millis(5));
    let store = RunFixture::new("census-2", 0.002).record(folder.path());
    let runs = store.runs().expect("reads");
    assert_eq!(runs.iter().map(|line| line.run.as_str()).collect::<Vec<_>>(), ["census-2", "census-1"]);
    assert_eq!(store.resolve_run("last").expect("found").as_str(), "census-2");
    let headline: Vec<(&str, &str)> =
        runs[0].headline.iter().map(|score| (score.task.as_str(), score.metric.as_str())).collect();
    assert_eq!(headline, [("income", "auroc"), ("never_married", "auroc"), ("weeks_worked", "mae")]);
    assert_eq!((runs[0].stages, runs[0].stages_done, runs[0].trials), (7, 7, 1));
}
