//! Registered input kinds of other crates: their encoded values have the same effect in candle and in ONNX
//! Runtime.

use candle_core::Device;
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::name::{InputName, TableName, TaskName};
use mtl::domain::shape::Shape;
use mtl::domain::signature::{Encoding, InputSignature, Signature, TaskSignature};
use mtl::domain::table::EncodedTable;
use mtl::domain::task::FittedTarget;
use mtl::model::config::{NetworkConfig, TaskNetworkConfig};
use mtl::model::network::Network;
use mtl::model::sharing::SharingConfig;
use mtl::model::weights::host;
use serde_json::{Value, json};

use crate::laws::tensor::{largest_difference, session, tensor};

const LENGTHS: [usize; 5] = [3, 1, 4, 2, 4];
const LONGEST: usize = 4;
const ROWS: usize = LENGTHS.len();

fn numbers(count: usize, salt: u32) -> Vec<f32> {
    host(&tensor(1, count, salt)).unwrap()
}

fn input(name: &str, shape: Shape) -> InputSignature {
    let (kind, origin) = (format!("{name}_kind"), "toys 0.1.0".to_owned());
    let encoding =
        Encoding::Registered { name: kind, origin, settings: json!({}), fitted: Value::Null, shape };
    let name = InputName::new(name).unwrap();
    InputSignature { name, raw: ElementType::Float32, encoding, required: false }
}

fn network() -> Network {
    let target =
        FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [5, 3], threshold: 0.5 };
    let (name, table) = (TaskName::new("rich").unwrap(), TableName::new("t").unwrap());
    let signature = Signature {
        inputs: vec![
            input("vector", Shape::vector(3)),
            input("sequence", Shape::Sequence { width: 2 }),
            input("image", Shape::Image { channels: 1, height: 2, width: 3 }),
        ],
        tasks: vec![TaskSignature { name: name.clone(), table, target }],
        readings: Default::default(),
    };
    let encoder = |input: &str, layers: Value| {
        (InputName::new(input).unwrap(), serde_json::from_value(layers).unwrap())
    };
    let config = NetworkConfig {
        // Padding would change the mean, since sigmoid(0) is not 0.
        encoders: vec![
            encoder("sequence", json!([{"dense": {"units": 4, "activation": "sigmoid"}}, {"pool": "mean"}])),
            encoder("image", json!(["flatten"])),
        ],
        preference: false,
        tabm: None,
        trunk: serde_json::from_value(json!([{"dense": {"units": 5, "activation": "tanh"}}])).unwrap(),
        sharing: SharingConfig::default(),
        tasks: vec![TaskNetworkConfig { name, from: None, after: vec![], head: vec![], loss: None }],
    };
    Network::build(&config, &signature, 3, &Device::Cpu).unwrap()
}

/// Raw inputs and the encoded table.
fn rows() -> (Vec<(String, Array)>, EncodedTable) {
    let vector = Array::f32(&[ROWS, 3], numbers(ROWS * 3, 1));
    let image = Array::f32(&[ROWS, 1, 2, 3], numbers(ROWS * 6, 2));
    let all = numbers(ROWS * LONGEST * 2, 3);
    let (mut padded, mut steps, mut offsets) = (vec![], vec![], vec![0]);
    for (row, length) in LENGTHS.into_iter().enumerate() {
        let values = &all[row * LONGEST * 2..][..length * 2];
        steps.extend_from_slice(values);
        padded.extend_from_slice(values);
        padded.resize((row + 1) * LONGEST * 2, f32::NAN);
        offsets.push((steps.len() / 2) as u32);
    }
    let sequence = Array::ragged(&[2], ArrayValues::F32(steps), offsets);
    let raw = vec![
        ("vector".to_owned(), vector.clone()),
        ("sequence".to_owned(), Array::f32(&[ROWS, LONGEST, 2], padded)),
        ("image".to_owned(), image.clone()),
    ];
    let inputs = [("vector", vector), ("sequence", sequence), ("image", image)];
    let table = EncodedTable {
        name: TableName::new("t").unwrap(),
        rows: ROWS,
        inputs: inputs.into_iter().map(|(name, array)| (InputName::new(name).unwrap(), array)).collect(),
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

#[test]
fn vectors_sequences_and_images_equal_onnx_runtime() {
    let (network, folder, (raw, table)) = (network(), tempfile::tempdir().unwrap(), rows());
    for opset in [17, 21] {
        let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
        for rows in [vec![3], (0..ROWS as u32).collect::<Vec<_>>()] {
            let inputs: Vec<_> =
                raw.iter().map(|(name, array)| (name.clone(), array.gather(&rows))).collect();
            let outputs = session.run(&inputs).unwrap();
            let (_, prediction) = network.predict(&table, &rows, 2).unwrap().remove(0);
            let (_, actual) = outputs.iter().find(|(output, _)| output == "rich_logits").unwrap();
            let expected = prediction.logits.to_f32().unwrap();
            let difference = largest_difference(&actual.to_f32().unwrap(), &expected);
            assert!(difference < 1e-5, "{difference}");
            assert!(expected.windows(2).all(|pair| pair[0] != pair[1]), "the rows differ: {expected:?}");
        }
    }
}

#[test]
fn an_array_of_another_shape_is_refused() {
    let (_, mut table) = rows();
    table.inputs[0].1 = Array::f32(&[ROWS, 2], numbers(ROWS * 2, 1));
    let refused = network().predict(&table, &[0, 1], 2).unwrap_err().to_string();
    assert!(refused.contains("`vector`") && refused.contains("expected [3]"), "{refused}");
}
