//! A transformer against PyTorch's.

use candle_core::{Device, Tensor};

use crate::domain::shape::Shape;
use crate::model::kernel::agreement::near;
use crate::model::layer::LayerSpec;
use crate::model::mode::Mode;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// Weights and input as in `multi_head_attention`'s test.
fn through(words: &str) -> Tensor {
    let mut weights = Weights::new(0, &Device::Cpu);
    let spec: LayerSpec = serde_json::from_str(words).unwrap();
    let layer = spec.view().build("t", Shape::Sequence { width: 4 }, &mut weights).unwrap();
    for weight in weights.iter() {
        let values = (0..weight.count()).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect::<Vec<_>>();
        weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
    }
    let x = (0..12).map(|i| (i * 5 % 7) as f32 / 5.0 - 0.6).collect::<Vec<_>>();
    let x = Tensor::from_vec(x, (1, 3, 4), &Device::Cpu).unwrap();
    layer.forward(&Signal::plain(x), &Mode::evaluate()).unwrap().x
}

#[test]
fn norms_before_as_pytorch() {
    // e = torch.nn.TransformerEncoderLayer(4, 2, 6, dropout=0., batch_first=True, norm_first=True,
    //     activation='gelu'); the weights are f(...) as there (linear1 f(4, 6).T, linear2 f(6, 4).T, norms
    // f(4)); then a LayerNorm(4) of the same weights after it.
    let y = through(r#"{"transformer": {"layers": 1, "heads": 2, "hidden": 6, "positions": "none"}}"#);
    let expected = [[
        [0.339_156_4f32, 0.307_009_25, -0.244_558_72, 0.960_236_43],
        [-0.175_427_17, 0.365_596_65, 0.057_750_888, 1.054_958_3],
        [-0.199_193_3, 0.190_126_27, -0.003_423_631, 1.316_932],
    ]];
    near("y", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 2e-5);
}

#[test]
fn norms_after_as_pytorch() {
    // The same with norm_first=False, activation='relu', and no norm after it.
    let y = through(
        r#"{"transformer": {"layers": 1, "heads": 2, "hidden": 6, "positions": "none", "norm": "post",
            "activation": "relu"}}"#,
    );
    let expected = [[
        [-0.023_763_686f32, 0.240_699_4, -0.039_492_96, 1.275_755_4],
        [0.304_203_57, 0.341_825_54, -0.189_353_1, 0.976_256_85],
        [0.149_608_85, 0.231_297_33, -0.133_464_66, 1.237_703_8],
    ]];
    near("y", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 2e-5);
}

#[test]
fn every_form_has_its_weights() {
    let count = |words: &str| {
        let mut weights = Weights::new(0, &Device::Cpu);
        let spec: LayerSpec = serde_json::from_str(words).unwrap();
        spec.view().build("t", Shape::Sequence { width: 8 }, &mut weights).unwrap();
        weights.parameters()
    };
    // Attention 8 x 24 + 24 + 8 x 8 + 8, dense pair 8 x 32 + 32 + 32 x 8 + 8, two norms of 16.
    let block = 288 + 552 + 32;
    assert_eq!(count(r#"{"transformer": {"layers": 3, "positions": "rotary"}}"#), 3 * block + 16);
    assert_eq!(count(r#"{"transformer": {"layers": 1, "norm": "post", "positions": "none"}}"#), block);
    let learned = r#"{"transformer": {"layers": 1, "norm": "post", "positions": "learned", "length": 10}}"#;
    assert_eq!(count(learned), block + 80);
}
