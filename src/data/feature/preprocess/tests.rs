//! Descriptions of images as transformers and timm write them.

use std::path::Path;

use serde_json::{Value, json};

use crate::data::feature::image::ImageConfig;
use crate::data::feature::preprocess::{ImageStandard, PreprocessConfig};
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};

fn written(files: &[(&str, Value)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    folder
}

fn read(folder: &Path) -> Result<ImageStandard, String> {
    let config = PreprocessConfig { pretrained: ".".into() };
    let error = |error: crate::data::error::DataError| {
        error.to_string().replace(&folder.join(".").display().to_string(), "FOLDER")
    };
    config.read(folder).map_err(error)
}

fn processor(content: Value) -> Result<ImageStandard, String> {
    read(written(&[("preprocessor_config.json", content)]).path())
}

/// `ViTImageProcessor().to_json_string()` and the same of `BitImageProcessor`, `ConvNextImageProcessor`
/// (transformers 5.24), without what is not about size and normalization.
#[test]
fn processors_of_transformers() {
    let vit = json!({"do_normalize": true, "do_rescale": true, "do_resize": true, "resample": 2,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor",
        "rescale_factor": 0.003_921_568_627_450_98, "size": {"height": 224, "width": 224}});
    let half = ImageStandard {
        size: Some([224, 224]),
        resize: ResizeConfig::Stretch,
        filter: ResizeFilter::Bilinear,
        mean: vec![0.5; 3],
        deviation: vec![0.5; 3],
    };
    assert_eq!(processor(vit).unwrap(), half);
    let mut bit = json!({"crop_size": {"height": 224, "width": 192}, "do_center_crop": true,
        "do_normalize": true, "do_rescale": true, "do_resize": true, "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "size": {"shortest_edge": 256}});
    let expected = ImageStandard {
        size: Some([224, 192]),
        resize: ResizeConfig::ShortestEdge(256),
        filter: ResizeFilter::Bicubic,
        mean: vec![0.48145466, 0.4578275, 0.40821073],
        deviation: vec![0.26862954, 0.26130258, 0.27577711],
    };
    assert_eq!(processor(bit.clone()).unwrap(), expected);
    bit["do_center_crop"] = json!(false);
    let ratio = processor(bit).unwrap_err();
    assert_eq!(
        ratio,
        "`FOLDER/preprocessor_config.json` is not a description of a pretrained model's images: `size` \
         is {\"shortest_edge\":256}; expected a height and a width: write `height` and `width` yourself"
    );
    let next = json!({"crop_pct": 0.875, "image_processor_type": "ConvNextImageProcessor",
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": {"shortest_edge": 384}});
    assert_eq!(processor(next.clone()).unwrap(), ImageStandard { size: Some([384, 384]), ..half.clone() });
    let mut small = next;
    small["size"] = json!({"shortest_edge": 224});
    let resize = ResizeConfig::ShortestEdge(256);
    assert_eq!(processor(small).unwrap(), ImageStandard { resize, ..half.clone() });
    let deit = json!({"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "resample": 3,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "image_processor_type": "DeiTImageProcessor", "size": {"height": 256, "width": 256}});
    let (resize, filter) = (ResizeConfig::To([256, 256]), ResizeFilter::Bicubic);
    let deit = processor(deit).unwrap();
    assert_eq!(deit, ImageStandard { resize, filter, ..half });
    assert_eq!(deit.resize_to([Some(112), Some(224)]), ResizeConfig::To([128, 256]));
    // MobileNet of TensorFlow: x / 127.5 - 1 = (x / 255 - 0.5) / 0.5.
    let factor = json!({"do_resize": false, "rescale_factor": 1.0 / 127.5, "image_mean": [1.0],
        "image_std": [1.0]});
    let scaled = processor(factor).unwrap();
    let (resize, filter) = (ResizeConfig::Stretch, ResizeFilter::Bilinear);
    let (mean, deviation) = (vec![0.5], vec![0.5]);
    assert_eq!(scaled, ImageStandard { size: None, resize, filter, mean, deviation });
}

#[test]
fn configurations_of_timm_and_explicit_settings() {
    // The default_cfg of `resnet18.a1_in1k` (timm 1.0.31).
    let config = json!({"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 224, 224],
        "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225]}});
    let folder = written(&[("config.json", config)]);
    let image: ImageConfig =
        serde_json::from_value(json!({"preprocess": {"pretrained": "."}, "width": 96, "mean": [0.25]}))
            .unwrap();
    let expected: ImageConfig = serde_json::from_value(json!({"preprocess": {"pretrained": "."},
        "height": 224, "width": 96, "channels": 3, "mean": [0.25], "deviation": [0.229, 0.224, 0.225],
        "resize": 235, "filter": "bicubic"}))
    .unwrap();
    assert_eq!(image.preprocessed(folder.path()).unwrap(), expected);
    // What is written down already needs no folder, so that a run can be read without it.
    assert_eq!(expected.preprocessed(Path::new("/nowhere")).unwrap(), expected);
}

#[test]
fn what_is_missing_or_not_supported_is_named() {
    let of = "`FOLDER/preprocessor_config.json` is not a description of a pretrained model's images: ";
    for (content, reason) in [
        (json!({"size": 224}), "it has no `image_mean`"),
        (
            json!({"image_mean": [0.5, 0.5], "image_std": [1.0]}),
            "`image_mean` is [0.5,0.5]; expected 1 or 3 numbers",
        ),
        (json!({"image_mean": [0.5], "image_std": [0.0]}), "`image_std` is [0.0]; expected 1 or 3 numbers"),
        (
            json!({"image_mean": [0.5], "image_std": [1.0, 1.0, 1.0]}),
            "`image_mean` has 1 numbers, `image_std` 3",
        ),
        (json!({"rescale_factor": 0}), "`rescale_factor` is 0; expected a positive number"),
        (
            json!({"rescale_offset": true}),
            "`rescale_offset: true` is not supported; write `mean` and `deviation` yourself",
        ),
    ] {
        assert_eq!(processor(content).unwrap_err(), format!("{of}{reason}"));
    }
    let bert = written(&[("config.json", json!({"model_type": "vit"}))]);
    assert_eq!(
        read(bert.path()).unwrap_err(),
        "`FOLDER/config.json` is not a description of a pretrained model's images: it has no \
         `pretrained_cfg` as `timm` writes it, and there is no `preprocessor_config.json` beside it"
    );
    let size =
        json!({"pretrained_cfg": {"input_size": [1, 8, 8], "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]}});
    let size = read(written(&[("config.json", size)]).path()).unwrap_err();
    assert!(size.ends_with("`input_size` is [1,8,8]; expected 3 channels, a height and a width"), "{size}");
}
