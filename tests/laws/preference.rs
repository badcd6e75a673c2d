//! The laws of networks that read a preference among their tasks, beside columns and beside pictures.

use candle_core::Device;
use mtl::domain::array::Array;
use mtl::domain::signature::{Encoding, PREFERENCE, Signature};
use mtl::domain::table::EncodedTable;
use mtl::model::ModelError;
use mtl::model::config::NetworkConfig;
use mtl::model::network::Network;

use crate::laws::tensor::{largest_difference, session, tensor};
use crate::laws::{network, pixel};

/// Raw rows and the same encoded.
type Rows = (Vec<(String, Array)>, EncodedTable);

fn cases() -> Vec<(&'static str, NetworkConfig, Signature, Rows)> {
    let pictures = pixel::table();
    let raw = pictures.inputs.iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
    vec![
        ("columns", network::spec(), network::signature(), network::rows()),
        ("pictures", pixel::spec(), pixel::signature(), (raw, pictures)),
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

/// Vectors that sum to 1, each different.
fn vectors(count: usize, tasks: usize) -> Vec<Vec<f64>> {
    let one = |row: usize| {
        let shares: Vec<f64> = (0..tasks).map(|task| ((row * 5 + task * 3) % 7) as f64 + 0.5).collect();
        let sum: f64 = shares.iter().sum();
        shares.iter().map(|share| share / sum).collect()
    };
    (0..count).map(one).collect()
}

fn outputs(network: &Network, table: &EncodedTable) -> Vec<(String, Array)> {
    let rows: Vec<u32> = (0..table.rows as u32).collect();
    let output = network.predict(table, &rows, table.rows).unwrap();
    let both = output.into_iter().flat_map(|(task, prediction)| {
        let signature = network.signature().task(&task).unwrap();
        [(signature.logits_output(), prediction.logits), (signature.answer_output(), prediction.answers)]
    });
    both.collect()
}

/// The same answers in ONNX Runtime from raw rows: one vector for all of them, one for each, and the even
/// one.
#[test]
fn onnx_runtime_agrees_for_every_preference() {
    let folder = tempfile::tempdir().unwrap();
    for (what, config, signature, (raw, table)) in cases() {
        let tasks = signature.tasks.len();
        let mut network = build(config, &signature);
        let even = vec![vec![1.0 / tasks as f64; tasks]];
        let mut known: Vec<Vec<(String, Array)>> = Vec::new();
        for (number, told) in [even, vectors(1, tasks), vectors(table.rows, tasks)].into_iter().enumerate() {
            // Even is what it is told where nobody says otherwise.
            assert!(number == 0 || network.prefer(&told));
            let expected = outputs(&network, &table);
            for opset in [17, 21] {
                let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
                let shares = told.iter().flatten().map(|share| *share as f32).collect();
                let mut fed = raw.clone();
                fed.push((PREFERENCE.to_owned(), Array::f32(&[told.len(), tasks], shares)));
                let actual = session.run(&fed).unwrap();
                for (name, expected) in &expected {
                    let (_, actual) = actual.iter().find(|(output, _)| output == name).unwrap();
                    assert_eq!(actual.shape, expected.shape, "{what}: {name}");
                    let far = largest_difference(&actual.to_f32().unwrap(), &expected.to_f32().unwrap());
                    assert!(far < 1e-5, "{what}: {name}: {far}");
                }
            }
            assert!(known.iter().all(|other| *other != expected), "{what}: the preference changes nothing");
            known.push(expected);
        }
    }
}

/// A vector for each row gives each row the answer of its vector.
#[test]
fn each_row_is_answered_for_its_own_preference() {
    for (what, config, signature, (_, table)) in cases() {
        let mut network = build(config, &signature);
        let told = vectors(table.rows, signature.tasks.len());
        network.prefer(&told);
        let all = outputs(&network, &table);
        for (row, vector) in told.iter().enumerate() {
            network.prefer(std::slice::from_ref(vector));
            for ((name, all), (_, alone)) in all.iter().zip(outputs(&network, &table)) {
                let width = all.values.len() / table.rows;
                let of = |array: &Array| array.to_f32().unwrap()[row * width..][..width].to_vec();
                let far = largest_difference(&of(all), &of(&alone));
                assert!(far < 1e-5, "{what}: {name}: {far}");
            }
        }
    }
}

#[test]
fn a_network_without_one_is_told_nothing() {
    let (_, config, signature, (_, table)) = cases().remove(0);
    let mut network = Network::build(&config, &signature, 3, &Device::Cpu).unwrap();
    let signals = network.signals(&table, None).unwrap();
    assert!(network.with_preference(&signals, &vec![1.0; signature.tasks.len()]).is_err());
    assert!(!network.prefer(&vectors(1, signature.tasks.len())));
}

/// Steps have no place for it; the plan says so before.
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
