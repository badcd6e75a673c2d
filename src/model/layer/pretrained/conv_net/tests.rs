//! Convolutional encoders against the tiny models and the expected values of
//! `tests/pretrained/make_images.py`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ElementType};
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::autograd::record;
use crate::model::kernel::reference_check::near;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::layer::{BuildLayer, Module};
use crate::model::mode::Mode;
use crate::model::weights::{Weights, host};
use crate::onnx::graph::{Dim, Graph};
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::verify::compare;
use crate::onnx::write::save;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained")
}

fn expected(architecture: &str) -> HashMap<String, Tensor> {
    let file = folder().join(architecture).join("expected.safetensors");
    candle_core::safetensors::load(file, &Device::Cpu).expect("expected values")
}

fn config(json: &str) -> PretrainedConfig {
    let config: PretrainedConfig = serde_json::from_str(json).expect("settings");
    config.read(&ModelFolders::in_folder(&folder())).expect("a model");
    config
}

fn built(config: &PretrainedConfig, x: &Tensor) -> (Box<dyn Module>, Weights, Shape) {
    let (_, channels, height, width) = x.dims4().expect("images");
    let input = Shape::Image { channels, height, width };
    let mut weights = Weights::new(1, &Device::Cpu);
    let layer = config.build("encoder", input, &mut weights).expect("a layer");
    weights.set_pretrained().expect("pretrained values");
    (layer, weights, config.shape(input).expect("an output"))
}

fn check(architecture: &str) {
    let expected = expected(architecture);
    let config = config(&format!(r#"{{"path": "{architecture}"}}"#));
    let (images, upstream) = (&expected["images"], &expected["upstream"]);
    let (layer, weights, output) = built(&config, images);
    let x = Activations::plain(images.clone());
    let (features, tape) = record(|| layer.forward(&x, &Mode::evaluate()).map(|y| y.x)).expect("features");
    let (_, channels, height, width) = features.dims4().expect("images");
    assert_eq!(output, Shape::Image { channels, height, width });
    near("features", &features, &expected["features"], 1e-5);
    let mut gradients = tape.backward_from(&features, upstream.clone()).expect("gradients");
    let mut compared = 0;
    for source in config.model.get().expect("a model").family.sources() {
        let name = format!("encoder.{}", source.ours);
        let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
        if !weight.trainable {
            continue;
        }
        let gradient = gradients.remove(&weight.var).unwrap_or_else(|| panic!("no gradient of {name}"));
        if let Some(expected) = expected.get(&format!("gradient.{}", source.theirs[0])) {
            near(&name, &gradient, expected, 1e-4);
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared} gradients compared");
    check_onnx(layer.as_ref(), images, &features);
}

/// ONNX Runtime returns the same features.
fn check_onnx(layer: &dyn Module, images: &Tensor, features: &Tensor) {
    let dims = |x: &Tensor| -> Vec<Dim> {
        std::iter::once(Dim::Batch).chain(x.dims()[1..].iter().map(|side| Dim::Fixed(*side))).collect()
    };
    let array = |x: &Tensor| Array::f32(x.dims(), host(x).expect("numbers"));
    let mut graph = Graph::new("encoder");
    let x = graph.input("images", ElementType::Float32, &dims(images));
    let y = layer.to_onnx(&mut graph, &Activations::plain(x)).expect("a graph");
    graph.output("features", &y.x, ElementType::Float32, &dims(features));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    save(&graph.finish(17, &[]).expect("a model"), &path).expect("a file");
    let mut session = OnnxSession::open_with(&for_tests(), &path, 1).expect("a session");
    let actual = session.run(&[("images".to_owned(), array(images))]).expect("features");
    for parity in compare(&[("features".to_owned(), array(features))], &actual, &[]) {
        assert!(parity.largest < 1e-5, "{parity:?}");
    }
}

#[test]
fn efficientnet_lite0_equals_timm() {
    check("efficientnet_lite0");
}

#[test]
fn tf_efficientnet_lite0_equals_timm() {
    check("tf_efficientnet_lite0");
}

#[test]
fn mobilenet_v2_equals_timm() {
    check("mobilenetv2_050");
}

#[test]
fn resnet18_equals_timm() {
    check("resnet18");
}

#[test]
fn resnet50_equals_timm() {
    check("resnet50");
}

#[test]
fn frozen_blocks_normalize_by_running_statistics() {
    let images = expected("efficientnet_lite0")["images"].clone();
    let x = Activations::plain(images.clone());
    let features = |config: &PretrainedConfig, mode: &Mode| {
        let (layer, weights, _) = built(config, &images);
        let y = layer.forward(&x, mode).expect("features").x;
        let statistics: Vec<f32> = weights
            .iter()
            .filter(|weight| weight.name.ends_with("running_mean"))
            .flat_map(|weight| host(weight.var.as_tensor()).expect("numbers"))
            .collect();
        (host(&y).expect("numbers"), statistics)
    };
    let free = config(r#"{"path": "efficientnet_lite0"}"#);
    let frozen = config(r#"{"path": "efficientnet_lite0", "freeze": "all"}"#);
    let evaluated = features(&free, &Mode::evaluate());
    assert_eq!(features(&frozen, &Mode::train(1, 1)), evaluated);
    let trained = features(&free, &Mode::train(1, 1));
    assert!(trained.0 != evaluated.0 && trained.1 != evaluated.1);
    let (_, weights, _) = built(&frozen, &images);
    assert_eq!(weights.trainable().count(), 0);
}

#[test]
fn other_images_and_architectures_are_refused() {
    let layer = config(r#"{"path": "resnet18"}"#);
    let gray = layer.shape(Shape::Image { channels: 1, height: 32, width: 32 }).unwrap_err();
    assert_eq!(gray, "needs an image of 3 channels, not [1, 32, 32]");
    assert_eq!(layer.shape(Shape::vector(3)).unwrap_err(), "needs an image, not [3]");
    let copy = tempfile::tempdir().expect("a folder");
    let refused = |from: &str, to: &str| {
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(folder().join("resnet18").join(file), copy.path().join(file)).expect("a copy");
        }
        let path = copy.path().join("config.json");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).expect("a file");
        let config: PretrainedConfig = serde_json::from_str(r#"{"path": "."}"#).expect("settings");
        let error = config.read(&ModelFolders::in_folder(copy.path())).expect_err("an error").to_string();
        error.split_once("config.json").map_or(error.clone(), |(_, after)| after.to_owned())
    };
    assert_eq!(
        refused("\"resnet18\"", "\"resnet19\""),
        ": `architecture` is `resnet19`; known: resnet18, resnet34, resnet50, resnet101, resnet152"
    );
    assert_eq!(
        refused("\"resnet18\"", "\"vit_tiny\""),
        ": unknown model type `vit_tiny`; known: efficientnet_lite, tf_efficientnet_lite, mobilenetv2_, \
         tf_mobilenetv2_, resnet"
    );
    assert_eq!(
        refused("\"channels\"", "\"stem_type\""),
        ": `stem_type` is not supported; known: layers, channels"
    );
}
