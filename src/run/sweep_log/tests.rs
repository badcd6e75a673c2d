//! What a sweep log restores, and which trials wait.

use serde_json::json;

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, Observer};
use crate::domain::score::Direction;
use crate::plan::search::TrialOutcome;
use crate::run::sweep_log::SweepLog;
use crate::train::job::Pruner;

fn epoch(trial: u32, epoch: usize, objective: f64) -> Event {
    serde_json::from_value(json!({
        "event": "epoch_finished", "trial": trial, "epoch": epoch, "step": epoch, "losses": [], "weights": [],
        "joint_loss": 1.0, "rate": 0.1, "rows_per_second": 1.0, "seconds": 1.0, "scores": [],
        "objective": objective, "best": true
    }))
    .expect("an event")
}

fn ask(log: &SweepLog, trial: u32, epoch: usize) -> Option<String> {
    log.prune(trial, epoch, &CancelToken::default())
}

#[test]
fn decisions_are_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sweep.jsonl");
    let rule = || crate::spec::registry::parse_settings("{asha: {reduction: 2}}");
    let open = || SweepLog::open(&path, true, rule(), Direction::Lower).expect("opens");
    let third = 1.0 / 3.0;
    let choices = |epochs: u32| vec![("train.epochs".to_owned(), json!(epochs))];
    let first = open();
    first.choose(vec![choices(3), choices(4)]);
    first.observe(&epoch(1, 1, third));
    assert_eq!(ask(&first, 1, 1), None);
    first.observe(&epoch(2, 1, 0.5));
    let reason = ask(&first, 2, 1).expect("pruned");
    first.check().expect("written");
    drop(first);
    // Killed within a line.
    let whole = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, format!("{whole}{{\"line\": \"pru")).expect("written");
    let again = open();
    assert_eq!(again.chosen(), [choices(3), choices(4)]);
    let outcome = TrialOutcome { objective: third, pruned_at: Some(1) };
    assert_eq!((again.outcome(1), again.pruned(1)), (Some(outcome), None));
    assert_eq!(again.pruned(2), Some((1, reason.clone())));
    assert_eq!(ask(&again, 2, 1), Some(reason), "the same epoch gets the same decision");
    // A repeated event adds no line.
    again.observe(&epoch(1, 1, third));
    assert_eq!(std::fs::read_to_string(&path).expect("text"), whole);
    std::fs::write(&path, "{\"line\": \"chosen\", \"choices\": [[\"train.epochs\", 3]]}\n").expect("written");
    assert_eq!(open().chosen(), [choices(3)], "as earlier versions write it");
    // From a changed line on, nothing is restored.
    for index in 0..whole.len() - 1 {
        let mut corrupt = whole.clone().into_bytes();
        corrupt[index] ^= 2;
        std::fs::write(&path, corrupt).expect("written");
        let log = open();
        let line = whole[..index].matches('\n').count();
        assert!(log.damage().is_some(), "byte {index}");
        assert_eq!((log.chosen().len(), log.pruned(2).is_some()), (if line == 0 { 0 } else { 2 }, false));
        assert!(whole.starts_with(&std::fs::read_to_string(&path).expect("text")), "byte {index}");
    }
}

#[test]
fn other_data_resets_a_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = || crate::spec::registry::parse_settings("{asha: {reduction: 2}}");
    let path = folder.path().join("sweep.jsonl");
    let open = || SweepLog::open(&path, true, rule(), Direction::Lower).expect("opens");
    let begun = |trial: u32, fingerprint: &str| {
        let event = json!({
            "event": "stage_started", "stage": format!("train#{trial}"), "trial": trial,
            "fingerprint": fingerprint
        });
        serde_json::from_value::<Event>(event).expect("an event")
    };
    let first = open();
    for (trial, objective) in [(1, 0.1), (2, 0.2)] {
        first.observe(&begun(trial, "aa"));
        first.observe(&epoch(trial, 1, objective));
    }
    assert!(ask(&first, 2, 1).is_some());
    drop(first);
    let again = open();
    again.observe(&begun(1, "aa"));
    again.observe(&begun(2, "bb"));
    assert!(again.outcome(1).is_some() && again.outcome(2).is_none() && again.pruned(2).is_none());
    again.observe(&epoch(2, 1, 0.05));
    assert_eq!(ask(&again, 2, 1), None);
    assert!(open().pruned(2).is_none(), "the reset is stored");
}

#[test]
fn a_trial_waits_for_smaller_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = crate::spec::registry::parse_settings("{asha: {reduction: 2}}");
    let log =
        SweepLog::open(&folder.path().join("sweep.jsonl"), true, rule, Direction::Lower).expect("opens");
    let cancel = CancelToken::default();
    std::thread::scope(|scope| {
        log.observe(&epoch(3, 1, 0.5));
        let third = scope.spawn(|| log.prune(3, 1, &cancel));
        let patience = || std::thread::sleep(std::time::Duration::from_millis(20));
        patience();
        assert!(!third.is_finished(), "nothing is known of the first and the second");
        // A larger number decides nothing, however good.
        log.observe(&epoch(4, 1, 0.1));
        log.observe(&epoch(1, 1, 0.6));
        patience();
        assert!(!third.is_finished(), "nothing is known of the second");
        log.close(2, true);
        assert_eq!(third.join().expect("no panic"), None, "the best of two");
    });
    // Failed before its first epoch: after a retry it is compared, but others are not compared with it.
    log.observe(&epoch(2, 1, 0.2));
    log.observe(&epoch(5, 1, 0.55));
    assert!(ask(&log, 5, 1).is_some_and(|reason| reason.contains("best 2 of the 4 trials")));
    // After cancellation no trial waits.
    log.observe(&epoch(7, 1, 0.9));
    cancel.request();
    assert_eq!(log.prune(7, 1, &cancel), None);
    assert_eq!(log.pruned(7), None);
}
