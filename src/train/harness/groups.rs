//! Learning rates of parts, frozen weights and gradual unfreezing, compared with torch.

use std::collections::BTreeMap;

use candle_core::Tensor;
use serde_json::{Value, json};

use super::{TestObserver, TrainingHarness, input, noise, task};
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::name::TaskName;
use crate::domain::signature::{Encoding, InputSignature};
use crate::model::network::Network;
use crate::model::weights::host;
use crate::train::balance::LossBalancer;
use crate::train::checkpoint::{Checkpoint, file};
use crate::train::config::{BalanceConfig, GradientsConfig, TrainConfig};
use crate::train::harness::lookahead::training_batch;
use crate::train::learner::{Learner, LearnerConfig};
use crate::train::parameter_groups::ParameterGroups;
use crate::train::regularization::PenaltyStrength;
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::WeightingContext;

/// Rows of 3 to 6 steps of width 4, and a transformer of two blocks with learned positions.
pub fn sequences() -> TrainingHarness {
    let mut harness = TrainingHarness::new();
    let dataset = &mut harness.dataset;
    let encoding = Encoding::Series { center: vec![0.0; 4], scale: vec![1.0; 4], length: 6 };
    dataset.signature.inputs =
        vec![InputSignature { name: input("x"), raw: ElementType::Float32, encoding, required: false }];
    for table in &mut dataset.tables {
        let mut offsets = vec![0_u32];
        (0..table.rows).for_each(|row| offsets.push(offsets[row] + 3 + row as u32 % 4));
        let steps = offsets[table.rows] as usize;
        let values = ArrayValues::F32(noise(4 * steps, 7.0));
        table.inputs = vec![(input("x"), Array::ragged(&[4], values, offsets))];
    }
    harness.network = json!([
        {"transformer": {"layers": 2, "heads": 2, "hidden": 8, "positions": "learned", "length": 6}},
        {"pool": "mean"},
        {"dense": {"units": 5, "activation": "tanh"}},
    ]);
    harness
}

/// Three steps on all training rows from known weights, by `spec`. Returns sum_i w_i cos(i) of every weight.
fn three_steps(spec: Value) -> Vec<f64> {
    let mut harness = TrainingHarness::new().set("batch_size", json!(480));
    harness.network = json!([{"dense": {"units": 5, "activation": "tanh"}}]);
    let network = harness.network();
    for (index, weight) in network.weights().trainable().enumerate() {
        let value = |i: usize| (0.5 * (1.0 + index as f64 + 0.7 * i as f64).sin()) as f32;
        let numbers = (0..weight.count()).map(value).collect();
        let values = Tensor::from_vec(numbers, weight.var.shape(), network.device()).expect("weights");
        weight.var.set(&values).expect("values");
    }
    let spec: TrainConfig = serde_json::from_value(spec).expect("settings");
    let config = LearnerConfig {
        seed: 3,
        update: spec.optimizer.view(),
        schedule: spec.schedule.view(),
        strength: PenaltyStrength::default(),
        clip_norm: None,
        affinity: None,
    };
    let tasks: Vec<TaskName> = vec![task("value"), task("sign")];
    let context = WeightingContext { tasks: &tasks, seed: 3, rate: 1.0 };
    let balance = LossBalancer::new(&BalanceConfig::default(), &GradientsConfig::default(), &context);
    let mut learner = Learner::new(&network, balance, config).expect("a learner");
    learner.set_groups(&ParameterGroups::new(&spec, &tasks));
    for step in 0..3 {
        let clock = ScheduleStep { step, steps_per_epoch: 3, total: 3 };
        learner.learn(&[training_batch(&harness, &network)], clock).expect("a step");
    }
    let checksum = |values: Vec<f32>| {
        values.iter().enumerate().map(|(i, value)| f64::from(*value) * (i as f64).cos()).sum()
    };
    network.weights().iter().map(|weight| checksum(host(&weight.var).expect("values"))).collect()
}

/// torch 2.11, float64; data, network and losses are those of `lookahead.rs`, rows 0..480:
///   rates = [.01, .03, .02, .1, .02, .05, .02]; p = [torch.nn.Parameter(q) for q in P]
///   o = torch.optim.SGD([{"params": [q], "lr": r} for q, r in zip(p, rates)], lr=1., momentum=.9)
///   for _ in range(3): o.zero_grad(); sum(losses(p)).backward(); o.step()
///   [(q.flatten() * torch.cos(torch.arange(q.numel()))).sum().item() for q in p]
/// The same with `Adam(..., lr=1.)`, and with `AdamW(..., lr=1., weight_decay=.1)` and `weight_decay` 0 for
/// the biases.
#[test]
fn rates_of_parts_equal_parameter_groups_of_torch() {
    let cases = [
        (
            json!({"sgd": {"rate": 1.0, "momentum": 0.9}}),
            [
                -0.807_437_919,
                1.310_150_163,
                0.710_175_484,
                0.963_652_758,
                -0.439_524_692,
                -0.714_260_918,
                0.335_500_945,
            ],
        ),
        (
            json!({"adam": {"rate": 1.0}}),
            [
                -0.812_139_700,
                1.380_392_554,
                0.660_189_161,
                0.500_030_337,
                -0.425_037_843,
                -0.355_691_879,
                0.387_603_949,
            ],
        ),
        (
            json!({"adamw": {"rate": 1.0, "decay": 0.1}}),
            [
                -0.809_388_112,
                1.366_515_632,
                0.660_284_326,
                0.505_088_986,
                -0.424_707_809,
                -0.345_223_842,
                0.387_527_515,
            ],
        ),
    ];
    for (optimizer, expected) in cases {
        let rates = json!({"inputs": 0.01, "trunk": 0.03, "heads": 0.1, "sign": 0.05, "*.bias": 0.02});
        let actual = three_steps(json!({"optimizer": optimizer, "rates": rates}));
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((actual - expected).abs() < 3e-6, "{optimizer}: {actual:?} is not {expected:?}");
        }
    }
}

fn values(network: &Network) -> BTreeMap<String, Vec<f32>> {
    let named = network.weights().iter().map(|weight| (weight.name.clone(), host(&weight.var)));
    named.map(|(name, values)| (name, values.expect("values"))).collect()
}

/// The weights before and after a training; those that did not change.
fn unchanged(harness: &TrainingHarness) -> Vec<String> {
    let (before, network) = (values(&harness.network()), harness.network());
    harness.train(&TestObserver::default()).expect("trained");
    network.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    let after = values(&network);
    before.into_iter().filter(|(name, values)| after[name] == *values).map(|(name, _)| name).collect()
}

#[test]
fn frozen_weights_keep_their_values_and_have_no_optimizer_state() {
    let dense = |units: usize| json!({"dense": {"units": units, "activation": "relu"}});
    for (weighting, gradients) in [
        (json!("equal"), json!({})),
        (json!("mgda"), json!({})),
        (json!("mgda"), json!({"by_layer": true})),
        (json!("mgda"), json!({"at": "representation"})),
        (json!("graddrop"), json!({})),
    ] {
        let mut harness = TrainingHarness::new()
            .set("epochs", json!(1))
            .set("freeze", json!(["inputs", "trunk.0.*", "sign"]))
            .set("regularization", json!({"l2": 0.01}))
            .set("clip_norm", json!(0.5))
            .set("gradients", gradients.clone());
        harness.network = json!([dense(8), dense(6)]);
        harness.weighting = weighting.clone();
        let frozen = [
            "head.sign.output.bias",
            "head.sign.output.weight",
            "input.embedding.weight",
            "trunk.0.dense.bias",
            "trunk.0.dense.weight",
        ];
        assert_eq!(unchanged(&harness), frozen, "{weighting} {gradients}");
        let checkpoint = Checkpoint::read(&file(&harness.checkpoints())).expect("read").expect("there");
        let moments = checkpoint.arrays.iter().filter_map(|(name, _)| name.strip_prefix("moment0/"));
        let trained = [
            "head.value.output.bias",
            "head.value.output.weight",
            "trunk.1.dense.bias",
            "trunk.1.dense.weight",
        ];
        let mut moments: Vec<&str> = moments.collect();
        moments.sort_unstable();
        assert_eq!(moments, trained);
    }
}

/// Below the first trained weight no operation is recorded, also within a transformer.
#[test]
fn nothing_is_differentiated_below_the_first_trained_weight() {
    let harness = sequences();
    let mut network = harness.network();
    let tracks = |network: &Network| {
        let table = &harness.dataset.tables[0];
        let inputs = network.input_tensors(table, Some(&[0, 1, 2])).expect("inputs");
        let logits = network.forward(&inputs, &crate::model::mode::Mode::train(1, 1), &[0]).expect("logits");
        logits[0].track_op()
    };
    network.freeze("trunk.");
    assert!(tracks(&network), "the head is trained");
    network.freeze("head.sign.");
    assert!(tracks(&network));
    network.freeze("head.");
    assert!(!tracks(&network));
}

/// After two epochs the first block has not been trained, after three the positions have not, whatever the
/// weighting.
#[test]
fn blocks_are_unfrozen_epoch_by_epoch() {
    for (weighting, gradients) in [
        (json!("equal"), json!({})),
        (json!("gradnorm"), json!({})),
        (json!("mgda"), json!({"by_layer": true})),
    ] {
        let still_frozen = |epochs: usize| {
            let mut harness = sequences()
                .set("epochs", json!(epochs))
                .set("unfreeze", json!({}))
                .set("gradients", gradients.clone());
            harness.dataset.tables[0].valid.clear();
            harness.weighting = weighting.clone();
            let mut parts: Vec<String> = unchanged(&harness)
                .into_iter()
                .map(|name| name.split('.').skip(3).take(1).collect::<String>())
                .collect();
            parts.dedup();
            parts
        };
        assert_eq!(still_frozen(1), ["0", "1", "norm", "positions"], "{weighting}");
        assert_eq!(still_frozen(2), ["0", "positions"], "{weighting}");
        assert_eq!(still_frozen(3), ["positions"], "{weighting}");
        assert!(still_frozen(4).is_empty(), "{weighting}");
    }
}
