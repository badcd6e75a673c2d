//! Learning rates and frozen weights, against PyTorch's parameter groups.

use serde_json::{Value, json};

use crate::domain::name::TaskName;
use crate::model::layer::BuildLayer;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::network::Network;
use crate::model::weights::{Init, Weights};
use crate::train::config::TrainConfig;
use crate::train::harness::groups::sequences;
use crate::train::harness::{TrainingHarness, task};
use crate::train::parameter_groups::ParameterGroups;

fn tasks() -> Vec<TaskName> {
    vec![task("value"), task("sign")]
}

/// A network with a transformer of two blocks with learned positions.
fn network() -> Network {
    sequences().network()
}

fn config(settings: Value) -> TrainConfig {
    serde_json::from_value(settings).expect("settings")
}

/// What `of` returns for the first weight whose name contains `part`.
fn of_weight<T>(
    settings: Value,
    part: &str,
    of: impl Fn(&ParameterGroups, &crate::model::weights::Weight) -> T,
) -> T {
    let (config, network) = (config(settings), network());
    let weight = network.weights().iter().find(|weight| weight.name.contains(part)).expect(part);
    of(&ParameterGroups::new(&config, &tasks()), weight)
}

#[test]
fn blocks_are_counted_from_the_last() {
    let network = network();
    let blocks_after = |part: &str| {
        let weight = network.weights().iter().find(|weight| weight.name.contains(part)).expect(part);
        weight.blocks_after
    };
    for (part, expected) in [
        ("transformer.positions.", Some(2)),
        ("transformer.0.attention.", Some(1)),
        ("transformer.0.dense_norm.", Some(1)),
        ("transformer.1.up.", Some(0)),
        ("transformer.norm.", Some(0)),
        ("trunk.2.dense.", None),
        ("head.value.", None),
    ] {
        assert_eq!(blocks_after(part), expected, "{part}");
    }
}

#[test]
fn a_pretrained_model_has_blocks() {
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
    let config: PretrainedConfig = serde_json::from_value(json!({"path": "bert"})).expect("settings");
    let model = config.read(&ModelFolders::in_folder(&base)).expect("a model");
    let (blocks, input) = (model.family.blocks(), model.family.input());
    let mut weights = Weights::new(1, &candle_core::Device::Cpu);
    config.build("trunk.0.pretrained", input, &mut weights).expect("a layer");
    weights.variable("trunk.1.dense.weight", &[1, 1], Init::Ones).expect("a weight");
    assert!(blocks > 1);
    for weight in weights.iter() {
        let step = weight.name.split('.').nth(3).expect("a name");
        let expected = match (weight.name.starts_with("trunk.0."), step.parse::<usize>()) {
            (false, _) => None,
            (true, Ok(block)) => Some(blocks - 1 - block),
            (true, Err(_)) => Some(blocks),
        };
        assert_eq!(weight.blocks_after, expected, "{}", weight.name);
    }
}

#[test]
fn the_most_specific_rate_is_used() {
    let settings = json!({
        "optimizer": {"adam": {"rate": 1e-3}},
        "rates": {
            "trunk.0.*.1.*": 3e-3, "trunk.0.*": 2e-3, "trunk": 1e-4, "heads": 5e-3, "sign": 6e-3,
            "head.sign.*.bias": 7e-3, "head.sign.*?": 1.0, "head.sign.*.bia*": 8e-3,
        },
    });
    for (part, expected) in [
        ("transformer.0.up.weight", 2.0),
        ("transformer.1.up.weight", 3.0),
        ("trunk.2.dense.weight", 0.1),
        ("head.value.output.weight", 5.0),
        ("head.sign.output.weight", 6.0),
        // Two patterns of equal length: the later.
        ("head.sign.output.bias", 8.0),
    ] {
        let rate = of_weight(settings.clone(), part, |groups, weight| groups.relative_rate(weight));
        assert!((rate - expected).abs() < 1e-12, "{part}: {rate}");
    }
    let rate = of_weight(json!({}), "trunk.2.dense.weight", |groups, weight| groups.relative_rate(weight));
    assert_eq!(rate, 1.0);
}

#[test]
fn rates_decay_with_every_block_after() {
    let settings = json!({
        "optimizer": {"adam": {"rate": 1e-3}}, "rates": {"trunk": 2e-3, "decay_per_layer": 0.9}
    });
    for (part, expected) in [
        ("transformer.1.up.weight", 2.0),
        ("transformer.0.up.weight", 2.0 * 0.9),
        ("transformer.positions.", 2.0 * 0.81),
        ("trunk.2.dense.weight", 2.0),
        ("head.value.output.weight", 1.0),
    ] {
        let rate = of_weight(settings.clone(), part, |groups, weight| groups.relative_rate(weight));
        assert!((rate - expected).abs() < 1e-12, "{part}: {rate}");
    }
}

#[test]
fn blocks_are_unfrozen_from_the_last() {
    let settings = json!({"unfreeze": {"every": 2}});
    for (part, expected) in [
        ("head.value.output.weight", 0),
        ("trunk.2.dense.weight", 0),
        ("transformer.norm.", 2),
        ("transformer.1.up.weight", 2),
        ("transformer.0.up.weight", 4),
        ("transformer.positions.", 6),
    ] {
        let epoch = of_weight(settings.clone(), part, |groups, weight| groups.first_epoch(weight));
        assert_eq!(epoch, expected, "{part}");
    }
}

/// The place, the message and the help for settings that do not fit a network.
fn problem(settings: Value, network: &Network) -> String {
    let config = config(settings);
    let problem = ParameterGroups::new(&config, &tasks()).problem(network).expect("a problem");
    format!("{}: {}; {}", problem.path, problem.message, problem.help.unwrap_or_default())
}

#[test]
fn settings_without_effect_are_refused() {
    let (sequences, plain) = (network(), TrainingHarness::new().network());
    for (settings, network, expected) in [
        (
            json!({"rates": {"trunk": 1e-3, "trunk.7.*": 1e-3}}),
            &sequences,
            "train.rates.trunk.7.*: no trainable weight matches `trunk.7.*` in `train.rates`",
        ),
        (json!({"rates": {"trnk": 1e-3}}), &sequences, "did you mean `trunk`?"),
        (json!({"freeze": ["heads", "valeu"]}), &sequences, "train.freeze[1]: no trainable weight"),
        (json!({"freeze": ["heads", "valeu"]}), &sequences, "did you mean `value`?"),
        (json!({"freeze": ["sharing"]}), &sequences, "matches `sharing` in `train.freeze`"),
        (json!({"freeze": ["trunk.0.dense.wieght"]}), &plain, "did you mean `trunk.0.dense.weight`?"),
        (json!({"freeze": ["*"]}), &plain, "train.freeze: `freeze` leaves no weight to train"),
        (
            json!({"rates": {"decay_per_layer": 0.9}}),
            &plain,
            "train.rates.decay_per_layer: `decay_per_layer` has no effect: no layer with blocks is trained",
        ),
        (
            json!({"gradient_checkpointing": true}),
            &plain,
            "train.gradient_checkpointing: `gradient_checkpointing` has no effect",
        ),
        (json!({"unfreeze": {}}), &plain, "train.unfreeze: `unfreeze` has no effect"),
        (
            json!({"unfreeze": {"every": 5}, "epochs": 5}),
            &sequences,
            "unfreezes the first block after 5 epochs; the training has 5",
        ),
        (
            json!({"unfreeze": {}, "freeze": ["heads", "trunk.2.*"]}),
            &sequences,
            "leaves no weight to train in the first epoch",
        ),
    ] {
        let actual = problem(settings.clone(), network);
        assert!(actual.contains(expected), "{settings}: {actual}");
    }
    let fits = json!({
        "rates": {"inputs": 1e-4, "trunk": 1e-4, "sign": 1e-2}, "freeze": ["trunk.0.dense.bias"]
    });
    let config = config(fits);
    assert_eq!(ParameterGroups::new(&config, &tasks()).problem(&plain), None);
}
