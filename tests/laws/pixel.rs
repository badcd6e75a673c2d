//! Properties of networks for images, with tasks for rows and for pixels.

use candle_core::Device;
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::image_resize::{ResizeConfig, ResizeFilter};
use mtl::domain::name::{InputName, TableName, TaskName};
use mtl::domain::signature::{Encoding, InputSignature, Signature, TaskSignature};
use mtl::domain::table::EncodedTable;
use mtl::domain::task::FittedTarget;
use mtl::model::config::{LayerConfig, NetworkConfig, TaskNetworkConfig};
use mtl::model::mode::Mode;
use mtl::model::network::Network;
use mtl::model::sharing::SharingConfig;
use serde_json::{Value, json};

use crate::laws::tensor::{largest_difference, session, tensor};

const ROWS: usize = 5;
const CHANNELS: usize = 3;
const HEIGHT: usize = 8;
const WIDTH: usize = 12;

fn classes(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

pub(super) fn signature() -> Signature {
    let task = |name: &str, target| TaskSignature {
        name: TaskName::new(name).unwrap(),
        table: TableName::new("pictures").unwrap(),
        target,
    };
    let encoding = Encoding::Image {
        channels: CHANNELS,
        height: HEIGHT,
        width: WIDTH,
        mean: vec![0.4, 0.5, 0.6],
        deviation: vec![0.2, 0.3, 0.25],
        augment: vec![],
        background: 255,
        range: [0, u16::MAX],
        resize: ResizeConfig::Stretch,
        filter: ResizeFilter::Bilinear,
    };
    let name = InputName::new("picture").unwrap();
    let (height, width) = (HEIGHT, WIDTH);
    Signature {
        readings: Default::default(),
        inputs: vec![InputSignature { name, raw: ElementType::Uint8, encoding, required: false }],
        tasks: vec![
            task("what", FittedTarget::Multiclass { classes: classes(4), counts: vec![1; 4] }),
            task(
                "where",
                FittedTarget::Segmentation { classes: classes(3), counts: vec![9; 3], height, width },
            ),
            task("depth", FittedTarget::PixelRegression { height, width, center: 3.0, scale: 0.5 }),
        ],
    }
}

pub(super) fn network_config() -> NetworkConfig {
    let layers = |config: Value| -> Vec<LayerConfig> { serde_json::from_value(config).unwrap() };
    let task = |name: &str, from: Option<&str>, head: Value, loss: Value| TaskNetworkConfig {
        name: TaskName::new(name).unwrap(),
        from: from.map(|mark| serde_json::from_value(json!(mark)).unwrap()),
        after: vec![],
        head: layers(head),
        loss: serde_json::from_value(loss).unwrap(),
    };
    NetworkConfig {
        encoders: vec![],
        preference: false,
        tabm: None,
        trunk: layers(json!([
            {"conv2d": {"filters": 4, "activation": "relu"}}, "batch_norm", "max_pool2d", {"mark": "half"},
            {"residual": [{"conv2d": {"filters": 6, "stride": 2, "activation": "gelu"}}, {"conv2d": 6}]},
            {"dropout": {"rate": 0.2, "channels": true}}, {"activation": "tanh"}
        ])),
        sharing: SharingConfig::default(),
        tasks: vec![
            task("what", None, json!(["global_pool", {"dense": 5}]), json!(null)),
            task("where", None, json!([{"upsample": {"factor": 4, "method": "bilinear"}}]), json!("dice")),
            task("depth", Some("half"), json!([{"conv_transpose2d": 4}, {"conv2d": 3}]), json!("huber")),
        ],
    }
}

fn network() -> Network {
    let network = Network::build(&network_config(), &signature(), 3, &Device::Cpu).unwrap();
    for (salt, weight) in network.weights().iter().enumerate() {
        let noise = tensor(1, weight.count(), salt as u32).abs().unwrap().reshape(weight.var.dims()).unwrap();
        weight.var.set(&(weight.var.as_tensor() + noise * 0.1).unwrap()).unwrap();
    }
    network
}

pub(super) fn table() -> EncodedTable {
    let pixels = ROWS * CHANNELS * HEIGHT * WIDTH;
    let pixels = (0..pixels as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let picture = Array::new(&[ROWS, CHANNELS, HEIGHT, WIDTH], ArrayValues::U8(pixels));
    EncodedTable {
        name: TableName::new("pictures").unwrap(),
        rows: ROWS,
        inputs: vec![(InputName::new("picture").unwrap(), picture)],
        targets: vec![],
        unseen: vec![],
        train: vec![],
        valid: vec![],
        test: vec![],
        sample: vec![],
        texts: vec![],
        sample_rows: vec![],
    }
}

#[test]
fn equals_onnx_runtime_from_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (network, table) = (network(), table());
    for opset in [17, 21] {
        let mut session = session(network.to_onnx().unwrap(), folder.path(), opset);
        for rows in [vec![3], (0..ROWS as u32).collect::<Vec<_>>()] {
            let inputs = vec![("picture".to_owned(), table.inputs[0].1.gather(&rows))];
            let outputs = session.run(&inputs).unwrap();
            for (task, prediction) in network.predict(&table, &rows, 2).unwrap() {
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
fn gradients_reach_exactly_the_weights_a_task_uses() {
    let network = network();
    let inputs = network.input_tensors(&table(), None).unwrap();
    for (task, name) in ["what", "where", "depth"].iter().enumerate() {
        let logits = network.forward(&inputs, &Mode::train(1, 1), &[task]).unwrap();
        let store = logits[0].sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for weight in network.weights().trainable() {
            let reached = store.get(&weight.var).is_some();
            assert_eq!(reached, network.uses(&[task], weight), "{name}: {}", weight.name);
        }
    }
}

#[test]
fn an_image_of_another_size_is_refused() {
    let mut config = network_config();
    config.tasks[1].head.clear();
    let error = Network::build(&config, &signature(), 3, &Device::Cpu).err().unwrap();
    assert_eq!(
        error.to_string(),
        "`head.where.output` needs an image of 8 x 12 pixels, the size of the target, not [6, 2, 3]; \
         add an `upsample` or a `conv_transpose2d`"
    );
}
