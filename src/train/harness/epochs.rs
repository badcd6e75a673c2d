//! Trainings with several tasks, missing labels, several tables and weighted losses.

use serde_json::json;

use crate::domain::array::Array;
use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::table::Dataset;
use crate::train::TrainError;
use crate::train::harness::{TestObserver, TrainingHarness, signature, table, task};

#[test]
fn both_tasks_are_learned() {
    let harness = TrainingHarness::new().set("epochs", json!(40));
    let listener = TestObserver::default();
    let trained = harness.train(&listener).expect("trained");
    let objective = trained.objective.expect("an objective");
    assert!(objective < 0.1, "{objective}");
    assert_eq!(trained.reason, "all 40 epochs finished");
    let events = listener.epochs();
    let Some(Event::EpochFinished(FinishedEpoch { scores, losses, .. })) = events.last() else {
        panic!("no epoch")
    };
    let score = |name: &str, metric: &str| {
        scores.iter().find(|s| s.task == task(name) && s.metric == metric).map(|s| s.value).expect("a score")
    };
    assert!(score("value", "r2") > 0.97, "{scores:?}");
    assert!(score("sign", "auroc") > 0.99, "{scores:?}");
    assert!(losses.iter().all(|loss| loss.value < 0.2), "{losses:?}");
}

#[test]
fn divergence_reports_task_step_and_last_checkpoint() {
    let harness =
        TrainingHarness::new().set("optimizer", json!({"sgd": 1e8})).set("checkpoint", json!({"steps": 1}));
    let error = harness.train(&TestObserver::default()).expect_err("diverged");
    let text = error.to_string();
    let TrainError::Diverged { step, epoch: 1, task: name, checkpoint: Some(good), .. } = error else {
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
    let harness = TrainingHarness::new()
        .set("epochs", json!(30))
        .set("optimizer", json!({"sgd": 1e-30}))
        .set("monitor", json!({"task": "sign", "patience": 2}));
    let trained = harness.train(&TestObserver::default()).expect("trained");
    assert_eq!((trained.best_epoch, trained.epochs), (1, 3));
    assert_eq!(trained.reason, "no improvement in 2 epochs");
}

/// The head of a task without labels keeps its initial weights, although weight decay affects the others.
#[test]
fn a_task_without_labels_has_no_effect() {
    let mut harness = TrainingHarness::new().set("regularization", json!({"l2": 0.01}));
    let rows = harness.dataset.tables[0].rows;
    harness.dataset.tables[0].targets[1].1 = Array::f32(&[rows, 1], vec![f32::NAN; rows]);
    let listener = TestObserver::default();
    harness.train(&listener).expect("trained");
    let (before, after) = (harness.network(), harness.network());
    after.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    for (old, new) in before.weights().iter().zip(after.weights().iter()) {
        let values =
            |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        let same = values(&old.var) == values(&new.var);
        assert_eq!(same, old.name.starts_with("head.sign."), "{}", old.name);
    }
    let events = listener.epochs();
    let Some(Event::EpochFinished(FinishedEpoch { losses, scores, .. })) = events.first() else {
        panic!("no epoch")
    };
    assert_eq!(losses.len(), 1, "{losses:?}");
    let mut defined = scores.iter().filter(|score| score.defined().is_some());
    assert!(defined.all(|score| score.task == task("value")), "{scores:?}");
}

/// Each table trains its own task; a single last row joins the batch before it.
#[test]
fn two_tables_alternate() {
    let mut harness = TrainingHarness::new();
    let (mut one, mut two) = (table("one", 600, 0.0), table("two", 300, 9.0));
    one.targets.truncate(1);
    two.targets.remove(0);
    one.train.truncate(97);
    harness.dataset =
        Dataset { signature: signature(["one", "two"]), tables: vec![one, two], vectors: vec![] };
    let listener = TestObserver::default();
    harness.train(&listener).expect("trained");
    let events = listener.epochs();
    let Some(Event::EpochFinished(FinishedEpoch { step, losses, scores, .. })) = events.first() else {
        panic!("no epoch")
    };
    assert_eq!(*step, 3 + 8);
    assert_eq!(losses.len(), 2);
    for name in ["value", "sign"] {
        assert!(scores.iter().any(|score| score.task == task(name) && score.metric == "loss"), "{scores:?}");
    }
}

#[test]
fn without_validation_rows_the_last_epoch_is_best() {
    let mut harness = TrainingHarness::new().set("monitor", json!({"patience": 1}));
    harness.dataset.tables[0].valid.clear();
    let trained = harness.train(&TestObserver::default()).expect("trained");
    assert_eq!((trained.best_epoch, trained.objective), (4, None));
    harness.dataset.tables[0].train.clear();
    assert!(matches!(harness.again().train(&TestObserver::default()), Err(TrainError::NoRows)));
}

/// With weights 1 and 3 the joint loss is L1 + 3 L2; with regularization it includes the penalty.
#[test]
fn the_joint_loss_is_what_is_minimized() {
    let mut harness = TrainingHarness::new().set("epochs", json!(1)).set("batch_size", json!(1000));
    harness.weighting = json!({"fixed": {"weights": {"sign": 3.0}}});
    let joint = |harness: &TrainingHarness| {
        let listener = TestObserver::default();
        harness.train(&listener).expect("trained");
        let events = listener.epochs();
        let Some(Event::EpochFinished(FinishedEpoch { joint_loss, losses, weights, .. })) = events.first()
        else {
            panic!("no epoch")
        };
        assert_eq!(weights.iter().map(|w| w.value).collect::<Vec<_>>(), [1.0, 3.0]);
        (*joint_loss, losses[0].value + 3.0 * losses[1].value)
    };
    let (plain, sum) = joint(&harness);
    assert!((plain - sum).abs() < 1e-9, "{plain} {sum}");
    let (penalized, same) = joint(&harness.again().set("regularization", json!({"l2": 0.5})));
    let decayed = harness.network();
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
