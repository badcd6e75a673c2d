//! Interrupted and killed trainings and damaged checkpoints: a resumed training ends with the same bits.

use std::path::Path;

use serde_json::{Value, json};

use crate::train::TrainError;
use crate::train::checkpoint::{Checkpoint, file};
use crate::train::harness::{TestObserver, TrainingHarness};

/// A training with every kind of state that could be lost.
fn full(weighting: Value, optimizer: Value) -> TrainingHarness {
    let mut harness = TrainingHarness::new()
        .set("optimizer", optimizer)
        .set("schedule", json!({"warmup_cosine": 10}))
        .set("regularization", json!({"elastic": {"l1": 1e-5, "l2": 1e-4}}))
        .set("clip_norm", json!(0.5))
        .set("checkpoint", json!({"steps": 4}));
    harness.network = json!([
        {"dense": {"units": 16, "activation": "relu"}},
        "batch_norm",
        {"dropout": 0.2},
        {"dense": {"units": 8, "activation": "relu"}},
    ]);
    harness.weighting = weighting;
    harness
}

#[test]
fn the_same_seed_trains_the_same_weights() {
    let first = full(json!("random"), json!("adam"));
    let second = first.again();
    let mut third = first.again();
    third.seed += 1;
    for harness in [&first, &second, &third] {
        harness.train(&TestObserver::default()).expect("trained");
    }
    assert!(first.weights() == second.weights());
    assert!(first.weights() != third.weights());
}

/// Interruptions within an epoch, at its end, and several times: the final bits are the same.
#[test]
fn an_interruption_changes_nothing() {
    let cases = [
        (json!({"uncertainty": {}}), json!({"adamw": {"rate": 0.01, "decay": 0.1}})),
        (json!("dwa"), json!({"sgd": {"rate": 0.05, "momentum": 0.9, "nesterov": true}})),
        (json!("random"), json!("adam")),
    ];
    for (weighting, optimizer) in cases {
        let straight = full(weighting, optimizer);
        let whole = TestObserver::default();
        let expected = straight.train(&whole).expect("trained");
        for stops in [vec![4], vec![12, 16], vec![28, 32, 48], vec![56]] {
            let paused = straight.again();
            let mut steps = Vec::new();
            for stop in &stops {
                let listener = TestObserver { stop_from: Some(*stop), ..TestObserver::default() };
                let error = paused.train(&listener).expect_err("interrupted");
                let TrainError::Interrupted { step } = error else { panic!("{error}") };
                assert_eq!(step, stop + 1);
                steps.push(step);
            }
            let listener = TestObserver::default();
            assert_eq!(paused.train(&listener).expect("trained"), expected);
            assert_eq!(listener.started_from(), steps.last().copied());
            assert_eq!(listener.epochs(), whole.epochs(), "all epochs are emitted again");
            assert!(paused.weights() == straight.weights(), "stops at {stops:?}");
        }
    }
}

/// With accumulated batches, dropout, batch normalization and a short last step.
#[test]
fn accumulated_steps_resume_with_the_same_bits() {
    for weighting in [json!("uncertainty"), json!("pcgrad"), json!("geometric")] {
        let straight = full(weighting, json!("adam"))
            .set("accumulate", json!(4))
            .set("epochs", json!(6))
            .set("checkpoint", json!({"steps": 3}));
        let whole = TestObserver::default();
        let expected = straight.train(&whole).expect("trained");
        let paused = straight.again();
        // Of 4 steps per epoch; the last has 3 batches.
        for stop in [3, 9, 18] {
            let observer = TestObserver { stop_from: Some(stop), ..TestObserver::default() };
            assert!(matches!(paused.train(&observer), Err(TrainError::Interrupted { .. })));
        }
        let observer = TestObserver::default();
        assert_eq!(paused.train(&observer).expect("trained"), expected);
        assert_eq!(observer.started_from(), Some(19));
        assert_eq!(observer.epochs(), whole.epochs());
        assert!(paused.weights() == straight.weights());
    }
}

/// After a kill, the steps since the last checkpoint are repeated with the same result.
#[test]
fn lost_steps_are_repeated() {
    let straight = full(json!("uncertainty"), json!({"adamw": {"rate": 0.01}}));
    let killed = straight.again();
    let copy = file(&killed.checkpoints());
    let listener = TestObserver {
        copy_from: Some((20, file(&straight.checkpoints()), copy)),
        ..TestObserver::default()
    };
    straight.train(&listener).expect("trained");
    let later = TestObserver::default();
    killed.train(&later).expect("trained");
    assert_eq!(later.started_from(), Some(20));
    assert_eq!(later.epochs(), listener.epochs());
    assert!(killed.weights() == straight.weights());
}

#[test]
fn a_finished_training_is_not_repeated() {
    let harness = TrainingHarness::new();
    let first = TestObserver::default();
    let trained = harness.train(&first).expect("trained");
    let weights = harness.weights();
    std::fs::remove_file(harness.folder.path().join("weights.safetensors")).expect("removed");
    let second = TestObserver::default();
    assert_eq!(harness.train(&second).expect("trained"), trained);
    assert_eq!(second.epochs(), first.epochs());
    assert_eq!(second.started_from(), Some(60));
    assert!(harness.weights() == weights);
}

/// Damages the checkpoint of an interrupted training, and returns the notes of the next one.
fn after_damage(damage: impl Fn(&Path)) -> String {
    let straight = TrainingHarness::new();
    straight.train(&TestObserver::default()).expect("trained");
    let damaged = straight.again().set("checkpoint", json!({"steps": 4}));
    let stopping = TestObserver { stop_from: Some(20), ..TestObserver::default() };
    assert!(matches!(damaged.train(&stopping), Err(TrainError::Interrupted { .. })));
    damage(&file(&damaged.checkpoints()));
    let listener = TestObserver::default();
    damaged.train(&listener).expect("trained");
    assert_eq!(listener.started_from(), Some(0));
    assert!(damaged.weights() == straight.weights());
    listener.notes().join("\n")
}

#[test]
fn a_damaged_checkpoint_is_reported_and_training_starts_over() {
    let truncated = after_damage(|path| {
        let bytes = std::fs::read(path).expect("bytes");
        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    });
    assert!(truncated.contains("is truncated") && truncated.contains("starts over"), "{truncated}");
    let foreign = after_damage(|path| std::fs::write(path, "something else entirely").expect("written"));
    assert!(foreign.contains("is not a checkpoint"), "{foreign}");
    let other = after_damage(|path| {
        let mut checkpoint = Checkpoint::read(path).expect("read").expect("there");
        checkpoint.state.job = "another".into();
        checkpoint.write(path).expect("written");
    });
    assert!(other.contains("belongs to another job"), "{other}");
    let unfit = after_damage(|path| {
        let mut checkpoint = Checkpoint::read(path).expect("read").expect("there");
        checkpoint.arrays[0].1.pop();
        checkpoint.write(path).expect("written");
    });
    assert!(unfit.contains("does not fit"), "{unfit}");
}
