//! Gradient accumulation: a step on several batches equals a step on one batch of all their rows.

use serde_json::{Value, json};

use super::{TestObserver, TrainingHarness};
use crate::domain::event::Event;
use crate::model::weights::host;
use crate::train::harness::table;

/// A training of 5 steps; its weights, and its losses per task.
fn trained(harness: &TrainingHarness) -> (Vec<f32>, Vec<f64>, usize) {
    let observer = TestObserver::default();
    harness.train(&observer).expect("trained");
    let network = harness.network();
    network.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    let weights = network.weights().iter().flat_map(|weight| host(&weight.var).expect("values")).collect();
    let epochs = observer.epochs();
    let Some(Event::EpochFinished(epoch)) = epochs.last() else { panic!("no epoch") };
    (weights, epoch.losses.iter().map(|loss| loss.value).collect(), epoch.step)
}

/// 160 rows; every seventh and fifth label is missing, so batches of 8 have different numbers of labels.
fn five_steps(weighting: &Value) -> TrainingHarness {
    let mut harness = TrainingHarness::new()
        .set("epochs", json!(1))
        .set("optimizer", json!({"sgd": {"rate": 0.2, "momentum": 0.9}}))
        .set("clip_norm", json!(0.8))
        .set("regularization", json!({"l2": 0.001}));
    harness.dataset.tables = vec![table("one", 200, 0.0)];
    harness.weighting = weighting.clone();
    harness
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn assert_equal(harness: &TrainingHarness, what: &str) {
    let (expected, losses, steps) = trained(&harness.again());
    let accumulated = harness.again().set("batch_size", json!(8)).set("accumulate", json!(4));
    let (actual, accumulated_losses, accumulated_steps) = trained(&accumulated);
    assert_eq!((steps, accumulated_steps), (5, 5), "{what}");
    assert!(distance(&actual, &expected) < 2e-5, "{what}: {}", distance(&actual, &expected));
    for (actual, expected) in accumulated_losses.iter().zip(&losses) {
        assert!((actual - expected).abs() < 1e-5, "{what}: {actual} is not {expected}");
    }
    let small = harness.again().set("batch_size", json!(8));
    let (small, ..) = trained(&small);
    assert!(distance(&small, &expected) > 1e-3, "{what}: small batches alone differ");
}

#[test]
fn accumulated_batches_equal_one_batch() {
    let weightings = [
        json!("equal"),
        json!("uncertainty"),
        json!({"uncertainty": {"form": "softmax"}}),
        json!("dwa"),
        json!("geometric"),
        json!("famo"),
        json!("mgda"),
        json!("pcgrad"),
        json!("gradnorm"),
        json!("moco"),
        json!(["uncertainty", "cagrad"]),
    ];
    for weighting in weightings {
        assert_equal(&five_steps(&weighting), &weighting.to_string());
    }
}

/// The sharing's penalty is added once.
#[test]
fn penalties_are_those_of_one_batch() {
    for weighting in [json!("equal"), json!("mgda")] {
        let mut harness = five_steps(&weighting);
        harness.sharing = json!({"soft": {"strength": 0.1}});
        assert_equal(&harness, &format!("soft {weighting}"));
    }
}

/// 20 batches in steps of 6: the last step has 2.
#[test]
fn the_last_step_of_an_epoch_may_have_fewer_batches() {
    let harness = five_steps(&json!("equal")).set("batch_size", json!(8)).set("accumulate", json!(6));
    assert_eq!(trained(&harness).2, 4);
    let all = five_steps(&json!("equal")).set("batch_size", json!(8)).set("accumulate", json!(20));
    let one = five_steps(&json!("equal")).set("batch_size", json!(160));
    let ((all, _, steps), (one, ..)) = (trained(&all), trained(&one));
    assert!(steps == 1 && distance(&all, &one) < 1e-5, "{steps} {}", distance(&all, &one));
}

/// Methods that compare independent parts of a batch run too, and count optimizer steps.
#[test]
fn methods_with_parts_accumulate() {
    for weighting in ["modo", "sdmgrad"] {
        let harness = five_steps(&json!(weighting)).set("batch_size", json!(8)).set("accumulate", json!(4));
        let (weights, losses, steps) = trained(&harness);
        assert_eq!(steps, 5, "{weighting}");
        assert!(weights.iter().all(|value| value.is_finite()) && losses.len() == 2, "{weighting}");
    }
}
