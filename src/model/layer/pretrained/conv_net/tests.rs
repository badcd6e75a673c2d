//! Convolutional encoders against the tiny models and the expected values of
//! `tests/pretrained/make_images.py`.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::layer::BuildLayer;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::image_check::{built, check, config, expected, folder};
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::mode::Mode;
use crate::model::weights::host;

#[test]
fn efficientnet_lite0_equals_timm() {
    check("efficientnet_lite0", 4);
}

#[test]
fn tf_efficientnet_lite0_equals_timm() {
    check("tf_efficientnet_lite0", 4);
}

#[test]
fn efficientnet_b0_equals_timm() {
    check("efficientnet_b0", 7);
}

#[test]
fn mobilenet_v2_equals_timm() {
    check("mobilenetv2_050", 4);
}

#[test]
fn mobilenet_v3_small_equals_timm() {
    check("mobilenetv3_small_100", 6);
}

#[test]
fn mobilenet_v3_large_equals_timm() {
    check("tf_mobilenetv3_large_100", 6);
}

#[test]
fn resnet18_equals_timm() {
    check("resnet18", 4);
}

#[test]
fn resnet50_equals_timm() {
    check("resnet50", 4);
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
        refused("\"resnet18\"", "\"mobilenetv3_rw\""),
        ": `architecture` is `mobilenetv3_rw`; known: mobilenetv3_large_075, mobilenetv3_large_100, \
         mobilenetv3_small_050, mobilenetv3_small_075, mobilenetv3_small_100"
    );
    assert_eq!(
        refused("\"resnet18\"", "\"swin_tiny\""),
        ": unknown model type `swin_tiny`; known: efficientnet_b, tf_efficientnet_b, efficientnet_lite, \
         tf_efficientnet_lite, mobilenetv2_, tf_mobilenetv2_, mobilenetv3_, \
         tf_mobilenetv3_, resnet, convnext_, vit_, deit_"
    );
    assert_eq!(
        refused("\"channels\"", "\"stem_type\""),
        ": `stem_type` is not supported; known: layers, channels"
    );
}
