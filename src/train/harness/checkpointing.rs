//! Gradient checkpointing changes what is kept in memory, not what is learned.

use serde_json::{Value, json};

use super::{TestObserver, TrainingHarness};
use crate::model::weights::host;
use crate::train::harness::groups::sequences;

/// The weights after two epochs.
fn trained(harness: &TrainingHarness) -> Vec<f32> {
    harness.train(&TestObserver::default()).expect("trained");
    let network = harness.network();
    network.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    network.weights().iter().flat_map(|weight| host(&weight.var).expect("values")).collect()
}

/// Two transformer blocks with dropout everywhere.
fn with_dropout(weighting: &Value, accumulate: usize) -> TrainingHarness {
    let mut harness = sequences();
    harness.network[0]["transformer"]["dropout"] = json!(0.2);
    harness.weighting = weighting.clone();
    let harness = harness.set("epochs", json!(2)).set("accumulate", json!(accumulate));
    harness.set("clip_norm", json!(1.0))
}

#[test]
fn weights_are_those_without_checkpoints() {
    for (weighting, accumulate) in [
        (json!("equal"), 1),
        (json!("equal"), 3),
        (json!("uncertainty"), 1),
        (json!("pcgrad"), 1),
        (json!("mgda"), 2),
        (json!("gradnorm"), 1),
        (json!("moco"), 1),
    ] {
        let harness = with_dropout(&weighting, accumulate);
        let expected = trained(&harness.again());
        let actual = trained(&harness.again().set("gradient_checkpointing", json!(true)));
        let distance = expected.iter().zip(&actual).map(|(e, a)| (e - a).abs()).fold(0.0, f32::max);
        assert!(distance < 1e-6, "{weighting}, {accumulate} batches: {distance}");
    }
}
