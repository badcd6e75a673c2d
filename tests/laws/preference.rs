//! Properties of networks with a preference input (COSMOS), for columns and for images.

use candle_core::Device;
use mtl::domain::array::Array;
use mtl::domain::signature::{Encoding, PREFERENCE, Signature};
use mtl::domain::table::EncodedTable;
use mtl::model::ModelError;
use mtl::model::config::NetworkConfig;
use mtl::model::network::Network;

use crate::laws::tensor::{largest_difference, session, tensor};
use crate::laws::{network, pixel};

/// Raw inputs and the encoded table.
type Rows = (Vec<(String, Array)>, EncodedTable);

fn cases() -> Vec<(&'static str, NetworkConfig, Signature, Rows)> {
    let images = pixel::table();
    let raw = images.inputs.iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
    vec![
        ("columns", network::network_config(), network::signature(), network::rows()),
        ("images", pixel::network_config(), pixel::signature(), (raw, images)),
    ]
}

fn build(config: NetworkConfig, signature: &Signature) -> Network {
    let network =
        Network::build(&NetworkConfig { preference: true, ..config }, signature, 3, &Device::Cpu).unwrap();
    for (salt, weight) in network.weights().iter().enumerate() {
        let noise = tensor(1, weight.count(), salt as u32).abs().unwrap().reshape(weight.var.dims()).unwrap();
        weight.var.set(&(weight.var.as_tensor() + noise * 0.1).unwrap()).unwrap();
    }
    network
}

/// Different preference vectors that sum to 1.
fn vectors(count: usize, tasks: usize) -> Vec<Vec<f64>> {
    let one = |row: usize| {
        let weights: Vec<f64> = (0..tasks).map(|task| ((row * 5 + task * 3) % 7) as f64 + 0.5).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    };
    (0..count).map(one).collect()
}

fn outputs(network: &Network, table: &EncodedTable) -> Vec<(String, Array)> {
    let rows: Vec<u32> = (0..table.rows as u32).collect();
    let predictions = network.predict(table, &rows, table.rows).unwrap();
    let named = predictions.into_iter().flat_map(|(task, prediction)| {
        let signature = network.signature().task(&task).unwrap();
        [(signature.logits_output(), prediction.logits), (signature.prediction_output(), prediction.answers)]
    });
    named.collect()
}

/// With the uniform preference, one vector for all rows, and one per row.
#[test]
fn equals_onnx_runtime_for_every_preference() {
    let folder = tempfile::tempdir().unwrap();
    for (what, config, signature, (raw, table)) in cases() {
        let tasks = signature.tasks.len();
        let mut network = build(config, &signature);
        let even = vec![vec![1.0 / tasks as f64; tasks]];
        let mut previous: Vec<Vec<(String, Array)>> = Vec::new();
        for (number, preferences) in
            [even, vectors(1, tasks), vectors(table.rows, tasks)].into_iter().enumerate()
        {
            // The uniform preference is the default.
            assert!(number == 0 || network.set_preference(&preferences));
            let expected = outputs(&network, &table);
            for opset in [17, 21] {
                let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
                let weights = preferences.iter().flatten().map(|weight| *weight as f32).collect();
                let mut inputs = raw.clone();
                inputs.push((PREFERENCE.to_owned(), Array::f32(&[preferences.len(), tasks], weights)));
                let outputs = session.run(&inputs).unwrap();
                for (name, expected) in &expected {
                    let (_, actual) = outputs.iter().find(|(output, _)| output == name).unwrap();
                    assert_eq!(actual.shape, expected.shape, "{what}: {name}");
                    let difference =
                        largest_difference(&actual.to_f32().unwrap(), &expected.to_f32().unwrap());
                    assert!(difference < 1e-5, "{what}: {name}: {difference}");
                }
            }
            assert!(previous.iter().all(|other| *other != expected), "{what}: the preference has no effect");
            previous.push(expected);
        }
    }
}

#[test]
fn each_row_is_predicted_for_its_own_preference() {
    for (what, config, signature, (_, table)) in cases() {
        let mut network = build(config, &signature);
        let preferences = vectors(table.rows, signature.tasks.len());
        network.set_preference(&preferences);
        let all = outputs(&network, &table);
        for (row, vector) in preferences.iter().enumerate() {
            network.set_preference(std::slice::from_ref(vector));
            for ((name, all), (_, alone)) in all.iter().zip(outputs(&network, &table)) {
                let width = all.values.len() / table.rows;
                let of = |array: &Array| array.to_f32().unwrap()[row * width..][..width].to_vec();
                let difference = largest_difference(&of(all), &of(&alone));
                assert!(difference < 1e-5, "{what}: {name}: {difference}");
            }
        }
    }
}

#[test]
fn a_network_without_a_preference_input_refuses_one() {
    let (_, config, signature, (_, table)) = cases().remove(0);
    let mut network = Network::build(&config, &signature, 3, &Device::Cpu).unwrap();
    let signals = network.input_tensors(&table, None).unwrap();
    assert!(network.with_preference(&signals, &vec![1.0; signature.tasks.len()]).is_err());
    assert!(!network.set_preference(&vectors(1, signature.tasks.len())));
}

/// The plan also reports this.
#[test]
fn sequences_are_refused() {
    let (_, config, mut signature, _) = cases().remove(0);
    let series = Encoding::Series { center: vec![0.0], scale: vec![1.0], length: 9 };
    signature.inputs.truncate(1);
    signature.inputs[0].encoding = series;
    let config = NetworkConfig { preference: true, encoders: vec![], ..config };
    let error = Network::build(&config, &signature, 3, &Device::Cpu).err().unwrap();
    assert!(matches!(&error, ModelError::Shape { part, .. } if part == "input.preference"), "{error}");
}
