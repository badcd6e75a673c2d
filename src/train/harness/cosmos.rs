//! COSMOS in a whole training: one network for every preference between conflicting tasks.

use serde_json::json;

use crate::domain::array::Array;
use crate::model::labels::Labels;
use crate::model::mode::Mode;
use crate::train::harness::{TestObserver, TrainingHarness, noise};

/// `value` depends on 2 x - y and the group, `sign` on x + 2 y, but the representation is a single number.
fn conflicting() -> TrainingHarness {
    let mut harness = TrainingHarness::new().set("epochs", json!(30));
    harness.network = json!([
        {"dense": {"units": 16, "activation": "tanh"}}, {"dense": {"units": 1, "activation": "tanh"}}
    ]);
    let (x, y) = (noise(600, 0.0), noise(600, 1.0));
    let sign = x.iter().zip(&y).map(|(x, y)| f32::from(u8::from(x + 2.0 * y > 0.0)));
    harness.dataset.tables[0].targets[1].1 = Array::f32(&[600, 1], sign.collect());
    harness.weighting = json!("cosmos");
    harness
}

/// The losses of both tasks on validation rows for this preference.
fn losses(harness: &TrainingHarness, vector: &[f64]) -> Vec<f32> {
    let network = harness.network();
    network.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    let table = &harness.dataset.tables[0];
    let rows = &table.valid;
    let signals = network.input_tensors(table, Some(rows)).expect("signals");
    let labels = table.targets.iter().enumerate().filter_map(|(task, (_, truth))| {
        let target = &harness.dataset.signature.tasks[task].target;
        Labels::gather(task, target, truth, rows, network.device()).expect("labels")
    });
    let inputs = network.with_preference(&signals, vector).expect("a preference");
    let losses = network.losses(&inputs, &labels.collect::<Vec<_>>(), &Mode::evaluate()).expect("losses");
    losses.iter().map(|loss| loss.to_scalar().expect("a number")).collect()
}

/// The losses for weights of 0.9, 0.5 and 0.1 of the first task.
fn preference_run(lambda: f64) -> [Vec<f32>; 3] {
    let mut harness = conflicting();
    harness.weighting = json!({"cosmos": {"lambda": lambda}});
    harness.train(&TestObserver::default()).expect("trained");
    [0.9, 0.5, 0.1].map(|share| losses(&harness, &[share, 1.0 - share]))
}

#[test]
fn with_a_small_cosine_term_the_preferred_task_has_the_lower_loss() {
    let [first, even, second] = preference_run(0.01);
    let all = format!("{first:?} {even:?} {second:?}");
    assert!(first[0] < even[0] && even[0] < second[0], "{all}");
    assert!(first[1] > even[1] && even[1] > second[1], "{all}");
    // The difference is substantial.
    assert!(second[0] > 1.5 * first[0] && first[1] > 1.1 * second[1], "{all}");
}

/// The cosine of the angle between the losses and the preference ray.
fn cosine(losses: &[f32], ray: [f32; 2]) -> f32 {
    let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    (losses[0] * ray[0] + losses[1] * ray[1]) / (norm(losses) * norm(&ray))
}

#[test]
fn a_large_cosine_term_aligns_the_losses_with_the_ray() {
    let (small, large) = (preference_run(0.01), preference_run(8.0));
    for (index, ray) in [(0, [0.9, 0.1]), (2, [0.1, 0.9])] {
        let (one, other) = (cosine(&small[index], ray), cosine(&large[index], ray));
        assert!(1.0 - other < 0.8 * (1.0 - one), "{one} {other} {small:?} {large:?}");
    }
}

#[test]
fn the_same_seed_draws_the_same_preferences() {
    let first = conflicting().set("epochs", json!(2));
    let (second, mut third) = (first.again(), first.again());
    third.seed += 1;
    for harness in [&first, &second, &third] {
        harness.train(&TestObserver::default()).expect("trained");
    }
    assert!(first.weights() == second.weights());
    assert!(first.weights() != third.weights());
}
