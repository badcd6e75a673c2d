//! ConvNeXt against the tiny models and the expected values of `tests/pretrained/make_images.py`.

use crate::domain::shape::Shape;
use crate::model::layer::BuildLayer;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::image_check::{built, check, config, expected, folder};
use crate::model::layer::pretrained::model_cell::ModelFolders;

#[test]
fn convnext_equals_timm() {
    check("convnext_tiny", 9);
}

#[test]
fn convnext_equals_transformers() {
    check("convnext", 5);
}

#[test]
fn a_frozen_block_holds_what_halves_the_image_before_it() {
    let images = expected("convnext")["images"].clone();
    let trained = |json: &str| {
        let (_, weights, _) = built(&config(json), &images);
        let names: Vec<String> = weights.trainable().map(|weight| weight.name.clone()).collect();
        names
    };
    let some = trained(r#"{"path": "convnext", "freeze": 2}"#);
    let is_later =
        |name: &String| ["encoder.2.", "encoder.3.", "encoder.4."].iter().any(|part| name.starts_with(part));
    assert!(some.iter().all(is_later), "{some:?}");
    assert!(some.contains(&"encoder.3.between.weight".to_owned()), "{some:?}");
    assert_eq!(trained(r#"{"path": "convnext", "freeze": "all"}"#), [""; 0]);
    let lora = config(r#"{"path": "convnext", "lora": {"targets": ["up"]}}"#);
    assert_eq!(lora.lora_targets().expect("targets"), ["up", "down"]);
}

#[test]
fn other_images_and_settings_are_refused() {
    let layer = config(r#"{"path": "convnext"}"#);
    let gray = layer.shape(Shape::Image { channels: 1, height: 32, width: 32 }).unwrap_err();
    assert_eq!(gray, "needs an image of 3 channels, not [1, 32, 32]");
    assert!(layer.shape(Shape::Image { channels: 3, height: 24, width: 32 }).is_err());
    let copy = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, value: serde_json::Value| {
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(folder().join("convnext").join(file), copy.path().join(file)).expect("a copy");
        }
        let path = copy.path().join("config.json");
        let text = std::fs::read_to_string(&path).expect("a file");
        let mut settings: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        settings[name] = value;
        std::fs::write(&path, settings.to_string()).expect("a file");
        let config: PretrainedConfig = serde_json::from_str(r#"{"path": "."}"#).expect("settings");
        let error = config.read(&ModelFolders::in_folder(copy.path())).expect_err("an error").to_string();
        error.split_once("config.json: ").map_or(error.clone(), |(_, after)| after.to_owned())
    };
    assert_eq!(refused("num_stages", 3.into()), "`num_stages` is 3; only 4 is supported");
    assert_eq!(refused("drop_path_rate", 0.1.into()), "`drop_path_rate` is 0.1; only 0 is supported");
    assert_eq!(
        refused("layer_scale_init_value", 0.into()),
        "`layer_scale_init_value` is 0, so that blocks have no scale; that is not supported"
    );
    assert_eq!(
        refused("depths", serde_json::json!([1, 2, 3])),
        "`depths` is [1,2,3]; expected 4 positive whole numbers"
    );
    assert_eq!(
        refused("depths", serde_json::json!([1, 2, 2000, 1])),
        "`depths` has more than 1000 blocks in a stage"
    );
}
