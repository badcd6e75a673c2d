//! Compares image encoders with the tiny models and the expected values of `tests/pretrained/make_images.py`.

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
use crate::model::pretrained::WeightSource;
use crate::model::weights::{Weights, host};
use crate::onnx::graph::{Dim, Graph};
use crate::onnx::runtime::for_tests;
use crate::onnx::session::OnnxSession;
use crate::onnx::verify::compare;
use crate::onnx::write::save;

/// The folder of the tiny models.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained")
}

/// What the reference computed.
pub fn expected(model: &str) -> HashMap<String, Tensor> {
    let file = folder().join(model).join("expected.safetensors");
    candle_core::safetensors::load(file, &Device::Cpu).expect("expected values")
}

/// Settings whose folder is read.
pub fn config(json: &str) -> PretrainedConfig {
    let config: PretrainedConfig = serde_json::from_str(json).expect("settings");
    config.read(&ModelFolders::in_folder(&folder())).expect("a model");
    config
}

/// The layer for images like `x`, its weights and the shape of its output.
pub fn built(config: &PretrainedConfig, x: &Tensor) -> (Box<dyn Module>, Weights, Shape) {
    let (_, channels, height, width) = x.dims4().expect("images");
    let input = Shape::Image { channels, height, width };
    let mut weights = Weights::new(1, &Device::Cpu);
    let layer = config.build("encoder", input, &mut weights).expect("a layer");
    weights.set_pretrained().expect("pretrained values");
    (layer, weights, config.shape(input).expect("an output"))
}

/// The shape of one row of `y`.
fn row_shape(y: &Tensor) -> Shape {
    match *y.dims() {
        [_, _, width] => Shape::Sequence { width },
        [_, channels, height, width] => Shape::Image { channels, height, width },
        ref other => panic!("features have the shape {other:?}"),
    }
}

/// The model of this folder equals its reference: features, at least so many gradients, ONNX Runtime.
pub fn check(model: &str, gradients: usize) {
    check_part(model, "", gradients);
}

/// The same for other images, whose values have `part` before their names.
pub fn check_part(model: &str, part: &str, gradients: usize) {
    let expected = expected(model);
    let named = |name: &str| &expected[&format!("{part}{name}")];
    let config = config(&format!(r#"{{"path": "{model}"}}"#));
    let (images, upstream) = (named("images"), named("upstream"));
    let (layer, weights, output) = built(&config, images);
    let x = Activations::plain(images.clone());
    let (features, tape) = record(|| layer.forward(&x, &Mode::evaluate()).map(|y| y.x)).expect("features");
    assert_eq!(output, row_shape(&features));
    assert_eq!(features.dims(), named("features").dims());
    near("features", &features, named("features"), 1e-5);
    let mut found = tape.backward_from(&features, upstream.clone()).expect("gradients");
    let mut compared = 0;
    for source in config.model.get().expect("a model").family.sources() {
        let name = format!("encoder.{}", source.ours);
        let weight = weights.iter().find(|weight| weight.name == name).expect("a weight");
        if !weight.trainable {
            continue;
        }
        let gradient = found.remove(&weight.var).unwrap_or_else(|| panic!("no gradient of {name}"));
        for (theirs, gradient) in parts(&source, &gradient) {
            if let Some(expected) = expected.get(&format!("{part}gradient.{theirs}")) {
                assert_eq!(gradient.dims(), expected.dims(), "{theirs}");
                near(&theirs, &gradient, expected, 1e-4);
                compared += 1;
            }
        }
    }
    assert!(compared >= gradients, "{compared} gradients compared");
    check_onnx(layer.as_ref(), images, &features);
}

/// A gradient as their tensors have it, by their names.
fn parts(source: &WeightSource, gradient: &Tensor) -> Vec<(String, Tensor)> {
    let last = gradient.rank() - 1;
    let parts = gradient.chunk(source.theirs.len(), last).expect("equal parts");
    let layout = |part: Tensor| {
        let part = if source.transposed { part.t().expect("a matrix") } else { part };
        part.contiguous().expect("numbers")
    };
    source.theirs.iter().cloned().zip(parts.into_iter().map(layout)).collect()
}

/// ONNX Runtime returns the same features.
pub fn check_onnx(layer: &dyn Module, images: &Tensor, features: &Tensor) {
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
