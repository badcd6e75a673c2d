//! Properties of whole networks with every encoding, every kind of target, marks and dependent tasks.

use candle_core::Device;
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::choice_config::Choice;
use mtl::domain::name::{InputName, TableName, TaskName};
use mtl::domain::number::Members;
use mtl::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT, Signature, TaskSignature};
use mtl::domain::table::EncodedTable;
use mtl::domain::task::FittedTarget;
use mtl::model::ModelError;
use mtl::model::config::{LayerConfig, NetworkConfig, TabmConfig, TaskNetworkConfig};
use mtl::model::labels::Labels;
use mtl::model::mode::Mode;
use mtl::model::network::Network;
use mtl::model::sharing::SharingConfig;
use mtl::model::weights::{WeightOwner, host};
use serde_json::{Value, json};

use crate::laws::tensor::{largest_difference, session, tensor};

const ROWS: usize = 7;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

pub(super) fn signature() -> Signature {
    let input = |name: &str, raw, encoding| InputSignature {
        name: InputName::new(name).unwrap(),
        raw,
        encoding,
        required: false,
    };
    let scale = |indicator| Encoding::Scale { center: 40.0, scale: 12.0, fill: 38.5, indicator };
    let task = |name: &str, target| TaskSignature {
        name: TaskName::new(name).unwrap(),
        table: TableName::new("people").unwrap(),
        target,
    };
    Signature {
        readings: Default::default(),
        inputs: vec![
            input("age", ElementType::Float32, scale(false)),
            input(
                "class of worker",
                ElementType::Text,
                Encoding::Code { keys: Keys::Text(texts(&["private", "", "自営"])), width: 3 },
            ),
            input("hours", ElementType::Float32, scale(true)),
            input(
                "region",
                ElementType::Int64,
                Encoding::Code { keys: Keys::Int(vec![-5, 40, 7]), width: 2 },
            ),
            input("sex", ElementType::Text, Encoding::OneHot { keys: Keys::Text(texts(&["f", "m"])) }),
        ],
        tasks: vec![
            task(
                "rich",
                FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [5, 3], threshold: 0.5 },
            ),
            task("job", FittedTarget::Multiclass { classes: texts(&["a", "b", "c"]), counts: vec![2, 3, 3] }),
            task(
                "has",
                FittedTarget::Multilabel {
                    labels: texts(&["car", "dog"]),
                    positives: vec![2, 5],
                    present: vec![8, 7],
                    threshold: 0.5,
                },
            ),
            task(
                "grade",
                FittedTarget::Ordinal { classes: texts(&["low", "middle", "high"]), counts: vec![2, 3, 3] },
            ),
            task("flag", FittedTarget::Ordinal { classes: texts(&["off", "on"]), counts: vec![4, 4] }),
            task(
                "weeks",
                FittedTarget::Regression {
                    columns: texts(&["w", "v"]),
                    center: vec![30.0, -2.0],
                    scale: vec![20.0, 0.5],
                },
            ),
        ],
    }
}

fn layers(config: Value) -> Vec<LayerConfig> {
    serde_json::from_value(config).unwrap()
}

pub(super) fn network_config() -> NetworkConfig {
    let task = |name: &str, from: Option<&str>, after: &[&str], head: Value| TaskNetworkConfig {
        name: TaskName::new(name).unwrap(),
        from: from.map(|mark| serde_json::from_value(json!(mark)).unwrap()),
        after: after.iter().map(|name| TaskName::new(*name).unwrap()).collect(),
        head: layers(head),
        loss: None,
    };
    NetworkConfig {
        encoders: vec![(
            InputName::new("hours").unwrap(),
            layers(json!([{"dense": {"units": 3, "activation": "tanh"}}])),
        )],
        preference: false,
        tabm: None,
        trunk: layers(json!([
            {"dense": {"units": 8, "activation": "relu"}}, {"mark": "shallow"}, {"dropout": 0.2},
            {"residual": [{"dense": {"units": 6, "activation": "gelu"}}]}, "batch_norm", {"mark": "deep"},
            {"dense": {"units": 5, "activation": "silu"}}
        ])),
        sharing: SharingConfig::default(),
        tasks: vec![
            task("rich", None, &["weeks", "job"], json!([{"dense": {"units": 4, "activation": "relu"}}])),
            task("job", None, &["grade"], json!([])),
            task("has", Some("shallow"), &[], json!(["layer_norm"])),
            task("grade", Some("shallow"), &[], json!([])),
            task("flag", Some("deep"), &[], json!([])),
            task("weeks", None, &[], json!([])),
        ],
    }
}

/// Raw inputs, and the same rows encoded by hand.
pub(super) fn rows() -> (Vec<(String, Array)>, EncodedTable) {
    let raw = |values: ArrayValues| Array::new(&[ROWS, 1], values);
    let age = vec![20.0, f32::NAN, 64.0, 40.0, 33.0, 90.0, 17.0];
    let hours = vec![f32::NAN, 52.0, 0.0, f32::NAN, 28.0, 40.0, 99.0];
    let scaled = |x: f32| ((if x.is_nan() { 38.5 } else { x }) - 40.0) / 12.0;
    let worker = texts(&["自営", "private", "", "never seen", "private", "Private", ""]);
    let region = vec![40, -5, 7, 8, MISSING_INT, 40, 7];
    let sex = texts(&["f", "m", "", "m", "x", "f", "f"]);
    let encoded = vec![
        ("age", Array::f32(&[ROWS, 1], age.iter().map(|x| scaled(*x)).collect())),
        ("class of worker", Array::codes(vec![3, 1, 2, 0, 1, 0, 2])),
        (
            "hours",
            Array::f32(
                &[ROWS, 2],
                hours.iter().flat_map(|x| [scaled(*x), f32::from(u8::from(x.is_nan()))]).collect(),
            ),
        ),
        ("region", Array::codes(vec![2, 1, 3, 0, 0, 2, 3])),
        ("sex", Array::f32(&[ROWS, 2], vec![1., 0., 0., 1., 0., 0., 0., 1., 0., 0., 1., 0., 1., 0.])),
    ];
    let raw = vec![
        ("age".to_owned(), raw(ArrayValues::F32(age))),
        ("class of worker".to_owned(), raw(ArrayValues::Text(worker))),
        ("hours".to_owned(), raw(ArrayValues::F32(hours))),
        ("region".to_owned(), raw(ArrayValues::I64(region))),
        ("sex".to_owned(), raw(ArrayValues::Text(sex))),
    ];
    let table = EncodedTable {
        name: TableName::new("people").unwrap(),
        rows: ROWS,
        inputs: encoded.into_iter().map(|(name, array)| (InputName::new(name).unwrap(), array)).collect(),
        targets: vec![],
        unseen: vec![],
        train: vec![],
        valid: vec![],
        test: vec![],
        sample: vec![],
        texts: vec![],
        sample_rows: vec![],
    };
    (raw, table)
}

/// A network with perturbed weights, running statistics and rows for unseen categories.
fn network() -> Network {
    with_sharing(SharingConfig::default())
}

/// The same network with another sharing.
fn with_sharing(sharing: SharingConfig) -> Network {
    perturbed(NetworkConfig { sharing, ..network_config() })
}

/// The same network with three members.
fn with_members(sharing: SharingConfig) -> Network {
    perturbed(NetworkConfig { sharing, tabm: Some(MEMBERS), ..network_config() })
}

const MEMBERS: TabmConfig = TabmConfig { members: Members::constant(3) };

fn perturbed(config: NetworkConfig) -> Network {
    let network = Network::build(&config, &signature(), 3, &Device::Cpu).unwrap();
    for (salt, weight) in network.weights().iter().enumerate() {
        let noise = tensor(1, weight.count(), salt as u32).abs().unwrap().reshape(weight.var.dims()).unwrap();
        weight.var.set(&(weight.var.as_tensor() + noise * 0.1).unwrap()).unwrap();
    }
    network
}

/// A network for every registered sharing that accepts this trunk, and one whose settings name its tasks.
fn sharings() -> Vec<Network> {
    all_sharings().into_iter().map(with_sharing).collect()
}

fn all_sharings() -> Vec<SharingConfig> {
    let named = [("aitm", "{aitm: {order: [rich, has], layers: [{dense: {units: 4, activation: tanh}}]}}")];
    let read = |(name, example): &(&str, &str)| -> SharingConfig {
        serde_yaml::from_str(example).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let accepts = |config: &SharingConfig| {
        config.view().check(&network_config().trunk, mtl::domain::shape::Shape::vector(9)).is_ok()
    };
    let sharings: Vec<SharingConfig> =
        SharingConfig::examples().iter().chain(&named).map(read).filter(accepts).collect();
    // Two need a pretrained layer.
    assert!(sharings.len() + 3 > SharingConfig::examples().len(), "{}", sharings.len());
    sharings
}

#[test]
fn joined_predictions_are_products_and_depend_on_both_heads() {
    let config = "{esmm: {click: rich, conversion: flag}}";
    let mut signature = signature();
    signature.tasks[4].target = signature.tasks[0].target.clone();
    let settings = NetworkConfig { sharing: serde_yaml::from_str(config).unwrap(), ..network_config() };
    let network = Network::build(&settings, &signature, 3, &Device::Cpu).unwrap();
    check_onnx_runtime(&network);
    let uses = |task, name: &str| {
        let weight = network.weights().iter().find(|w| w.name == name).unwrap();
        network.uses(&[task], weight)
    };
    assert!(uses(4, "head.rich.output.weight") && uses(4, "head.weeks.output.weight"));
    assert!(!uses(0, "head.flag.output.weight"));
    let (_, table) = rows();
    let predictions = network.predict(&table, &[0, 1, 2, 3, 4, 5, 6], 7).unwrap();
    let of = |task: usize| predictions[task].1.answers.as_f32().unwrap().to_vec();
    assert!(of(4).iter().zip(of(0)).all(|(both, click)| *both < click));
}

#[test]
fn equals_onnx_runtime_from_raw_inputs() {
    for network in sharings() {
        check_onnx_runtime(&network);
    }
}

fn check_onnx_runtime(network: &Network) {
    let folder = tempfile::tempdir().unwrap();
    let (raw, table) = rows();
    for opset in [17, 21] {
        let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
        for rows in [vec![4], (0..ROWS as u32).collect::<Vec<_>>()] {
            let inputs: Vec<_> =
                raw.iter().map(|(name, array)| (name.clone(), array.gather(&rows))).collect();
            let outputs = session.run(&inputs).unwrap();
            for (task, prediction) in network.predict(&table, &rows, 3).unwrap() {
                let signature = network.signature().task(&task).unwrap();
                for (name, expected) in [
                    (signature.logits_output(), &prediction.logits),
                    (signature.prediction_output(), &prediction.answers),
                ] {
                    let (_, actual) = outputs.iter().find(|(output, _)| *output == name).unwrap();
                    assert_eq!(actual.shape, expected.shape, "{name}");
                    let difference =
                        largest_difference(&actual.to_f32().unwrap(), &expected.to_f32().unwrap());
                    assert!(difference < 1e-5, "{name}: {difference}");
                }
            }
        }
    }
}

#[test]
fn members_equal_onnx_runtime_and_have_gradients() {
    for sharing in all_sharings() {
        let network = with_members(sharing);
        check_onnx_runtime(&network);
        check_gradients(&network);
    }
}

/// Gives `plain` the weights of one member: its factors are those of the first layer's inputs.
fn take_member(plain: &Network, members: &Network, member: usize) {
    let of = |name: &str| {
        let weight = members.weights().iter().find(|weight| weight.name == name).unwrap();
        weight.var.as_tensor().clone()
    };
    let factors = of("input.tabm.factors").get(member).unwrap().t().unwrap();
    for weight in plain.weights().iter() {
        let own = of(&weight.name);
        let value = match weight.name.as_str() {
            "trunk.0.dense.weight" => own.broadcast_mul(&factors).unwrap(),
            _ if own.dims() == weight.var.dims() => own,
            _ => own.get(member).unwrap().reshape(weight.var.dims()).unwrap(),
        };
        weight.var.set(&value).unwrap();
    }
}

/// Each member is a network of its own. The loss is the mean of their losses.
#[test]
fn members_are_networks_whose_predictions_are_averaged() {
    let (_, table) = rows();
    let all: Vec<u32> = (0..ROWS as u32).collect();
    let (members, plain) = (with_members(SharingConfig::default()), network());
    let truth = Array::f32(&[ROWS, 1], vec![1.0, 0.0, f32::NAN, 1.0, 1.0, 0.0, 0.0]);
    let target = &plain.signature().tasks[0].target;
    let labels = [Labels::gather(0, target, &truth, &all, &Device::Cpu).unwrap().unwrap()];
    let loss = |network: &Network| {
        let inputs = network.input_tensors(&table, None).unwrap();
        f64::from(host(&network.losses(&inputs, &labels, &Mode::evaluate()).unwrap()[0]).unwrap()[0])
    };
    let answers = |network: &Network| -> Vec<Vec<f32>> {
        let predictions = network.predict(&table, &all, ROWS).unwrap();
        predictions.iter().map(|(_, prediction)| prediction.answers.to_f32().unwrap().into_owned()).collect()
    };
    let (mut means, mut mean_loss) = (answers(&members), 0.0);
    means.iter_mut().flatten().for_each(|mean| *mean *= -1.0);
    for member in 0..3 {
        take_member(&plain, &members, member);
        mean_loss += loss(&plain) / 3.0;
        let own = answers(&plain).into_iter().flatten();
        means.iter_mut().flatten().zip(own).for_each(|(mean, own)| *mean += own / 3.0);
    }
    assert!((loss(&members) - mean_loss).abs() < 1e-6, "{} and {mean_loss}", loss(&members));
    for ((task, left), spread) in ["rich", "job", "has", "grade", "flag", "weeks"].iter().zip(&means).zip([
        // Probabilities of ordinal classes that would be negative are cut off before or after the mean.
        1e-6, 1e-6, 1e-6, 1.0, 1e-6, 1e-5,
    ]) {
        let worst = left.iter().fold(0.0, |worst: f32, left| worst.max(left.abs()));
        assert!(worst < spread, "{task}: {worst}");
    }
}

#[test]
fn class_probabilities_sum_to_one() {
    let (_, table) = rows();
    let predictions = network().predict(&table, &[0, 1, 2, 3, 4, 5, 6], 7).unwrap();
    for (task, prediction) in
        predictions.iter().filter(|(task, _)| ["job", "grade", "flag"].contains(&task.as_str()))
    {
        for row in prediction.answers.as_f32().unwrap().chunks(prediction.answers.width()) {
            assert!(row.iter().all(|p| (0.0..=1.0).contains(p)), "{task}: {row:?}");
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{task}: {row:?}");
        }
    }
}

#[test]
fn gradients_reach_exactly_the_weights_a_task_uses() {
    for network in sharings() {
        check_gradients(&network);
    }
}

fn check_gradients(network: &Network) {
    let (_, table) = rows();
    let inputs = network.input_tensors(&table, None).unwrap();
    let names = ["rich", "job", "has", "grade", "flag", "weeks"];
    for (task, name) in names.iter().enumerate() {
        let logits = network.forward(&inputs, &Mode::train(1, 1), &[task]).unwrap();
        let store = logits[0].sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for weight in network.weights().trainable() {
            let reached = store.get(&weight.var).is_some();
            assert_eq!(reached, network.uses(&[task], weight), "{name}: {}", weight.name);
        }
    }
}

#[test]
fn a_task_uses_the_weights_of_its_dependencies() {
    let network = network();
    let used = |task: &str, weight: &str| {
        let task = network.task(&TaskName::new(task).unwrap()).unwrap();
        network.weights().iter().find(|w| w.name == weight).is_some_and(|w| network.uses(&[task], w))
    };
    assert!(used("rich", "head.grade.output.weight"), "rich depends on job, which depends on grade");
    assert!(!used("job", "head.weeks.output.weight"));
    assert!(!used("has", "trunk.6.dense.weight"), "has reads a mark before this layer");
}

/// Names are derived from owners.
#[test]
fn weight_names_match_their_owners() {
    for network in sharings().into_iter().chain([network()]) {
        for weight in network.weights().iter() {
            let prefix = match &weight.owner {
                WeightOwner::Inputs => "input.embedding.".to_owned(),
                WeightOwner::Input(input) => format!("input.{input}."),
                WeightOwner::Task(task) => format!("head.{}.", network.signature().tasks[*task].name),
                WeightOwner::Heads => "decoder.".to_owned(),
                WeightOwner::Body => {
                    let body = ["trunk.", "sharing."].iter().any(|prefix| weight.name.starts_with(prefix));
                    assert!(body, "{}", weight.name);
                    continue;
                }
            };
            assert!(weight.name.starts_with(&prefix), "{} belongs to {:?}", weight.name, weight.owner);
        }
    }
}

#[test]
fn frozen_weights_get_no_gradients() {
    let (_, table) = rows();
    let reached = |frozen: &[&str]| {
        let mut network = network();
        frozen.iter().for_each(|prefix| network.freeze(prefix));
        let inputs = network.input_tensors(&table, None).unwrap();
        let logits = network.forward(&inputs, &Mode::train(1, 1), &[0, 1, 2, 3, 4, 5]).unwrap();
        let sums: Vec<_> = logits.iter().map(|logits| logits.sqr().unwrap().sum_all().unwrap()).collect();
        let joint = sums.into_iter().reduce(|a, b| (a + b).unwrap()).unwrap();
        let gradients = joint.backward().unwrap();
        let has_gradients = |prefix: &str| {
            let mut all = network.weights().iter().filter(|weight| weight.name.starts_with(prefix));
            all.any(|weight| gradients.get(&weight.var).is_some())
        };
        ["input.", "trunk.", "head."].map(has_gradients)
    };
    assert_eq!(reached(&[]), [true, true, true]);
    assert_eq!(reached(&["input."]), [false, true, true]);
    assert_eq!(reached(&["input.", "trunk."]), [false, false, true]);
    assert!(reached(&["trunk."])[0], "gradients flow through a frozen trunk to the inputs");
}

#[test]
fn initial_weights_depend_on_the_seed_but_not_on_other_tasks() {
    let build = |tasks: std::ops::Range<usize>, seed| {
        let (mut config, mut signature) = (network_config(), signature());
        config.tasks = config.tasks.drain(tasks.clone()).collect();
        signature.tasks = signature.tasks.drain(tasks).collect();
        Network::build(&config, &signature, seed, &Device::Cpu).unwrap()
    };
    let (all, some, other) = (build(0..6, 3), build(3..6, 3), build(0..6, 4));
    let values = |network: &Network, name: &str| {
        let weight = network.weights().iter().find(|w| w.name == name).unwrap().var.clone();
        host(&weight).unwrap()
    };
    for weight in some.weights().iter() {
        assert_eq!(values(&some, &weight.name), values(&all, &weight.name), "{}", weight.name);
    }
    assert_ne!(values(&all, "trunk.0.dense.weight"), values(&other, "trunk.0.dense.weight"));
}

#[test]
fn parts_count_every_parameter() {
    for network in sharings() {
        let count: usize = network.parts().iter().map(|part| part.parameters).sum();
        assert_eq!(count, network.weights().parameters());
    }
    let parts = network().parts();
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    assert!(names.contains(&"input.class of worker") && names.contains(&"trunk.3.residual"), "{names:?}");
    assert_eq!(parts.iter().find(|p| p.name == "input.region").unwrap().parameters, 8);
}

#[test]
fn invalid_networks_are_refused() {
    let build = |change: &dyn Fn(&mut NetworkConfig)| {
        let mut config = network_config();
        change(&mut config);
        Network::build(&config, &signature(), 3, &Device::Cpu).err().unwrap()
    };
    let name = |name: &str| TaskName::new(name).unwrap();
    let cycle = build(&|config| config.tasks[3].after = vec![name("rich")]);
    assert_eq!(cycle.to_string(), "dependency cycle in `after`: rich -> job -> grade -> rich");
    let mark = build(&|config| config.tasks[2].from = serde_json::from_value(json!("middle")).unwrap());
    assert_eq!(mark.to_string(), "task `has`: unknown mark `middle` in `from`; the trunk has shallow, deep");
    let loss = build(&|config| config.tasks[5].loss = serde_json::from_value(json!("focal")).unwrap());
    assert_eq!(loss.to_string(), "loss of task `weeks`: is not available for regression tasks");
    let weights = json!({"cross_entropy": {"class_weights": [1.0, 2.0]}});
    let loss = build(&|config| config.tasks[1].loss = serde_json::from_value(weights.clone()).unwrap());
    assert_eq!(loss.to_string(), "loss of task `job`: has 2 class weights for 3 classes");
    assert!(matches!(build(&|config| config.tasks.truncate(2)), ModelError::Tasks { .. }));
}

#[test]
fn errors_name_the_invalid_input() {
    let network = network();
    let (_, mut table) = rows();
    table.inputs[3].1 = Array::codes(vec![4; ROWS]);
    let error = network.predict(&table, &[0], 1).err().unwrap();
    assert_eq!(error.to_string(), "input `region` has code 4; its table has 4 rows");
    table.inputs.remove(0);
    let error = network.predict(&table, &[0], 1).err().unwrap();
    assert_eq!(error.to_string(), "input `age` is missing");
}
