//! Vision transformers against the tiny models and the expected values of `tests/pretrained/make_images.py`.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::layer::BuildLayer;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::pretrained::image_check::{built, check, check_part, config, expected, folder};
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::model::mode::Mode;
use crate::model::weights::host;

#[test]
fn vit_equals_transformers() {
    check("vit", 8);
    // With `interpolate_pos_encoding=True`, from 3 x 3 patches to 4 x 2.
    check_part("vit", "other.", 8);
}

#[test]
fn deit_equals_transformers() {
    check("deit", 9);
}

#[test]
fn dinov2_equals_transformers() {
    check("dinov2", 9);
    check_part("dinov2", "other.", 9);
}

#[test]
fn blocks_are_frozen_and_attention_is_adapted() {
    let images = expected("dinov2")["images"].clone();
    let trained = |json: &str| {
        let (_, weights, _) = built(&config(json), &images);
        let names: Vec<String> = weights.trainable().map(|weight| weight.name.clone()).collect();
        names
    };
    let some = trained(r#"{"path": "dinov2", "freeze": 1}"#);
    assert!(some.contains(&"encoder.1.attention_scale.weight".to_owned()));
    assert!(
        some.iter().all(|name| name.starts_with("encoder.1.") || name.starts_with("encoder.norm.")),
        "{some:?}"
    );
    let all = r#"{"path": "dinov2", "freeze": "all"}"#;
    assert!(trained(all).iter().all(|name| name.starts_with("encoder.norm.")));
    let lora = r#"{"path": "dinov2", "lora": {"rank": 2, "targets": ["query", "up"]}}"#;
    assert_eq!(
        trained(lora).iter().filter(|name| name.contains(".lora_a")).collect::<Vec<_>>(),
        [
            "encoder.0.attention.input.query.lora_a",
            "encoder.0.up.lora_a",
            "encoder.1.attention.input.query.lora_a",
            "encoder.1.up.lora_a"
        ]
    );
    let targets = config(lora).lora_targets().expect("targets");
    assert_eq!(targets, ["query", "key", "value", "output", "up", "down"]);
    // An update begins with zeros: the adapted model is the pretrained one.
    let features = |json: &str| {
        let (layer, _, _) = built(&config(json), &images);
        let y = layer.forward(&Activations::plain(images.clone()), &Mode::train(1, 1)).expect("features");
        host(&y.x).expect("numbers")
    };
    assert_eq!(features(lora), features(r#"{"path": "dinov2"}"#));
}

#[test]
fn other_images_and_settings_are_refused() {
    let layer = config(r#"{"path": "vit"}"#);
    let refused =
        |channels, height, width| layer.shape(Shape::Image { channels, height, width }).unwrap_err();
    assert_eq!(refused(1, 24, 24), "needs an image of 3 channels, not [1, 24, 24]");
    assert_eq!(refused(3, 24, 20), "has patches of 8 x 8 pixels, which do not divide the image of 24 x 20");
    assert_eq!(layer.shape(Shape::vector(3)).unwrap_err(), "needs an image, not [3]");
    let copy = tempfile::tempdir().expect("a folder");
    let refused = |model: &str, name: &str, value: serde_json::Value| {
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(folder().join(model).join(file), copy.path().join(file)).expect("a copy");
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
    assert_eq!(refused("vit", "qkv_bias", false.into()), "`qkv_bias` is false; only true is supported");
    assert_eq!(
        refused("vit", "patch_size", 25.into()),
        "`patch_size` is 25, more than the 24 x 24 of `image_size`"
    );
    assert_eq!(
        refused("vit", "image_size", serde_json::json!([24])),
        "`image_size` is [24]; expected 2 positive whole numbers"
    );
    let positions = refused("vit", "image_size", 32.into());
    assert!(
        positions.ends_with(
            "weight `embeddings.position_embeddings` has shape [1, 10, 16]; `config.json` implies [1, 17, 16]"
        ),
        "{positions}"
    );
    assert_eq!(
        refused("dinov2", "use_swiglu_ffn", true.into()),
        "`use_swiglu_ffn` is true; only false is supported"
    );
    assert_eq!(
        refused("dinov2", "drop_path_rate", 0.1.into()),
        "`drop_path_rate` is 0.1; only 0 is supported"
    );
}
