//! `layers: mix` against transformers (`tests/pretrained/make_mix.py`), in candle and in ONNX Runtime.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use crate::model::activations::Activations;
use crate::model::autograd::record;
use crate::model::error::ModelError;
use crate::model::kernel::reference_check::near;
use crate::model::layer::Module;
use crate::model::layer::pretrained::image_check;
use crate::model::layer::pretrained::tests::families::check_onnx;
use crate::model::layer::pretrained::tests::{Expected, built, config, folder};
use crate::model::mode::Mode;

fn mixed(model: &str) -> HashMap<String, Tensor> {
    let file = folder().join(model).join("mix.safetensors");
    candle_core::safetensors::load(file, &Device::Cpu).expect("expected values")
}

/// A frozen model, whose mean is trained nevertheless: its values, its gradients and nothing else's.
fn check(model: &str, input: &Activations, check_onnx: fn(&dyn Module, &Activations, &Tensor)) {
    let mixed = mixed(model);
    let json = format!(r#"{{"path": "{model}", "layers": "mix", "freeze": "all"}}"#);
    let config = config(&json, &folder()).expect("a model");
    let (layer, weights) = built(&config);
    for weight in weights.trainable() {
        let name = weight.name.strip_prefix("encoder.mix.").expect("a weight of the mean");
        weight.var.set(&mixed[name]).expect("the same shape");
    }
    let (y, tape) = record(|| {
        let y = layer.forward(input, &Mode::evaluate())?;
        let Some(mask) = &y.mask else { return Ok(y.x) };
        Ok::<_, ModelError>(y.x.broadcast_mul(&mask.steps.unsqueeze(2)?)?)
    })
    .expect("hidden states");
    near("mixed", &y, &mixed["mixed"], 1e-5);
    let mut gradients = tape.backward_from(&y, y.detach()).expect("gradients");
    let mut count = 0;
    for weight in weights.trainable() {
        let name = weight.name.replace("encoder.mix.", "gradient.");
        let gradient = gradients.remove(&weight.var).expect("a gradient");
        near(&name, &gradient, &mixed[&name], 1e-4);
        count += 1;
    }
    assert_eq!(count, 2);
    check_onnx(&*layer, input, &y);
}

#[test]
fn bert_mixed_equals_transformers() {
    check("bert", &Expected::read("bert").input(), check_onnx);
}

#[test]
fn gpt2_mixed_equals_transformers() {
    check("gpt2", &Expected::read("gpt2").input(), check_onnx);
}

#[test]
fn vit_mixed_equals_transformers() {
    let images = Activations::plain(image_check::expected("vit")["images"].clone());
    check("vit", &images, |layer, input, y| image_check::check_onnx(layer, &input.x, y));
}
