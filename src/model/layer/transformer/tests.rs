//! The transformer compared with PyTorch.

use candle_core::{Device, Tensor};

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::autograd::record;
use crate::model::kernel::affine::affine;
use crate::model::kernel::attention::{AttentionOptions, self_attention};
use crate::model::kernel::layer_norm::layer_norm;
use crate::model::kernel::reference_check::{near, variable};
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::weights::{Weights, host};

/// Weights and input as in `multi_head_attention`'s test.
fn forward(config: &str) -> Tensor {
    forward_steps(config, 3, 4)
}

/// The same for so many steps and features.
fn forward_steps(config: &str, time: usize, width: usize) -> Tensor {
    let mut weights = Weights::new(0, &Device::Cpu);
    let settings: LayerConfig = serde_json::from_str(config).unwrap();
    let layer = settings.view().build("t", Shape::Sequence { width }, &mut weights).unwrap();
    for weight in weights.iter() {
        let values = (0..weight.count()).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect::<Vec<_>>();
        weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
    }
    let x = (0..time * width).map(|i| (i * 5 % 7) as f32 / 5.0 - 0.6).collect::<Vec<_>>();
    let x = Tensor::from_vec(x, (1, time, width), &Device::Cpu).unwrap();
    layer.forward(&Activations::plain(x), &Mode::evaluate()).unwrap().x
}

#[test]
fn pre_norm_equals_pytorch() {
    // e = torch.nn.TransformerEncoderLayer(4, 2, 6, dropout=0., batch_first=True, norm_first=True,
    //                                      activation='gelu')
    // with weights f(...) as there (linear1 f(4, 6).T, linear2 f(6, 4).T, norms f(4)), followed by a
    // LayerNorm(4) with the same weights.
    let y = forward(r#"{"transformer": {"layers": 1, "heads": 2, "hidden": 6, "positions": "none"}}"#);
    let expected = [[
        [0.339_156_4f32, 0.307_009_25, -0.244_558_72, 0.960_236_43],
        [-0.175_427_17, 0.365_596_65, 0.057_750_888, 1.054_958_3],
        [-0.199_193_3, 0.190_126_27, -0.003_423_631, 1.316_932],
    ]];
    near("y", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 2e-5);
}

#[test]
fn post_norm_equals_pytorch() {
    // The same with norm_first=False, activation='relu', and without the final norm.
    let y = forward(
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
fn gated_with_root_mean_square_norms_equals_pytorch() {
    // from torch.nn.functional import rms_norm, silu, scaled_dot_product_attention as attention
    // norm = lambda x: rms_norm(x, (4,), f(4), 1e-3)
    // q, k, v = (norm(x) @ f(4, 12)).reshape(1, 3, 3, 2, 2).permute(2, 0, 3, 1, 4)
    // x = x + attention(q, k, v).transpose(1, 2).reshape(1, 3, 4) @ f(4, 4)
    // h = norm(x)
    // norm(x + (silu(h @ f(4, 6)) * (h @ f(4, 6))) @ f(6, 4))
    let y = forward(
        r#"{"transformer": {"layers": 1, "heads": 2, "hidden": 6, "positions": "none", "norm_kind": "rms",
            "epsilon": 1e-3, "feed_forward": "gated", "activation": "silu", "bias": false}}"#,
    );
    let expected = [[
        [0.775_232_2f32, 0.205_874_06, 0.016_694_475, -0.356_801_27],
        [-0.584_892_1, 0.144_691_33, 0.145_031_42, -0.623_984_6],
        [-0.310_430_83, 0.052_534_662, 0.233_864_7, 0.734_048_55],
    ]];
    near("y", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 2e-5);
}

#[test]
fn grouped_rotary_attention_with_windows_equals_pytorch() {
    // norm = lambda x: rms_norm(x, (8,), f(8), 1e-3)
    // x = (torch.arange(40.) * 5 % 7 / 5 - 0.6).reshape(1, 5, 8)
    // def rotate(x, theta):
    //     angles = torch.arange(5.)[:, None] * theta ** (-torch.arange(0, 4, 2) / 4)
    //     cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
    //     return x * cos + torch.cat([-x[..., 2:], x[..., :2]], -1) * sin
    // def block(theta, mask):
    //     q, k, v = (norm(x) @ f(8, 16)).split([8, 4, 4], -1)
    //     q, k, v = (t.reshape(1, 5, -1, 4).transpose(1, 2) for t in (q, k, v))
    //     y = attention(rotate(q, theta), rotate(k, theta), v, attn_mask=mask, enable_gqa=True)
    //     y = x + y.transpose(1, 2).reshape(1, 5, 8) @ f(8, 8)
    //     h = norm(y)
    //     return norm(y + (silu(h @ f(8, 6)) * (h @ f(8, 6))) @ f(6, 8))
    // d = torch.arange(5)[None, :] - torch.arange(5)[:, None]
    // block(50., d <= 0); block(50., (d <= 0) & (d >= -1)); block(10000., d.abs() <= 2)
    let cases = [
        (
            r#""causal": true, "rotary_theta": 50"#,
            [
                [0.641_602_04f32, 0.165_203_85, -0.072_049_63, -0.258_956_85, 0.151_509_61, -0.147_960_57],
                [-0.445_501_5, -0.002_921_43, 0.083_684_24, 0.169_836_5, 0.033_952_03, 0.044_970_36],
                [0.014_111_11, -0.226_267_5, -0.337_051_7, 0.158_778_7, -0.062_425_73, 0.476_511],
                [0.589_707_5, 0.325_975_8, -0.113_542_3, -0.323_968_2, -0.125_513_7, -0.274_877],
                [-0.614_038_2, 0.108_812_9, 0.076_138_85, -0.680_042_4, 0.099_602_2, -0.002_074_22],
            ],
        ),
        (
            r#""causal": true, "rotary_theta": 50, "window": 1"#,
            [
                [0.641_602_04, 0.165_203_85, -0.072_049_63, -0.258_956_85, 0.151_509_61, -0.147_960_57],
                [-0.445_501_5, -0.002_921_43, 0.083_684_24, 0.169_836_5, 0.033_952_03, 0.044_970_36],
                [-0.037_952_56, -0.221_646_3, -0.251_464_9, 0.042_658_3, -0.098_541_33, 0.496_365_3],
                [0.763_781_7, 0.338_294, -0.120_102, -0.241_544_3, -0.086_377_76, -0.272_760_7],
                [-0.610_425_5, 0.113_029_4, 0.058_267_42, -0.582_638_9, 0.125_780_3, -0.019_463_42],
            ],
        ),
        (
            r#""window": 2"#,
            [
                [0.748_811_54, 0.197_781_83, 0.003_266_21, -0.535_107, 0.127_982_7, -0.103_880_4],
                [-0.305_472_6, -0.006_843_77, 0.113_164, 0.349_050_9, 0.070_324_16, 0.099_442_71],
                [0.029_781_11, -0.214_886_2, -0.346_745_9, 0.253_896_3, -0.044_608_09, 0.472_443_5],
                [0.544_575_4, 0.338_787_5, -0.092_388_53, -0.331_107_2, -0.138_488_2, -0.268_651_7],
                [-0.597_276, 0.094_358_73, 0.082_666_89, -0.587_603_6, 0.125_759_7, 0.008_198_66],
            ],
        ),
    ];
    for (settings, expected) in cases {
        let y = forward_steps(
            &format!(
                r#"{{"transformer": {{"layers": 1, "heads": 2, "kv_heads": 1, "hidden": 6, "norm_kind": "rms",
                    "epsilon": 1e-3, "feed_forward": "gated", "activation": "silu", "bias": false,
                    "positions": "rotary", {settings}}}}}"#
            ),
            5,
            8,
        );
        let expected = Tensor::new(&[expected], &Device::Cpu).unwrap();
        near(settings, &y.narrow(2, 0, 6).unwrap(), &expected, 2e-5);
    }
}

#[test]
fn checkpoints_keep_the_gradients_of_relative_positions() {
    let mut weights = Weights::new(3, &Device::Cpu);
    let settings: LayerConfig =
        serde_json::from_str(r#"{"transformer": {"positions": "relative", "hidden": 6, "dropout": 0.3}}"#)
            .unwrap();
    let layer = settings.view().build("t", Shape::Sequence { width: 8 }, &mut weights).unwrap();
    let x = Activations::plain(variable(&[2, 5, 8], 1).as_tensor().clone());
    let gradients = |checkpoints: bool| -> Vec<Vec<f32>> {
        let mode = Mode::train(1, 1).with_checkpoints(checkpoints);
        let (y, tape) = record(|| layer.forward(&x, &mode)).unwrap();
        let upstream = variable(&[2, 5, 8], 2).as_tensor().detach();
        let mut gradients = tape.backward_from(&y.x, upstream).unwrap();
        weights.iter().map(|weight| host(&gradients.remove(&weight.var).unwrap()).unwrap()).collect()
    };
    let (kept, recomputed) = (gradients(false), gradients(true));
    assert!(kept.len() > 10);
    for (weight, (kept, recomputed)) in weights.iter().zip(kept.iter().zip(&recomputed)) {
        let differs = kept.iter().zip(recomputed).any(|(a, b)| (a - b).abs() > 1e-5);
        assert!(!differs, "{}: {kept:?} and {recomputed:?}", weight.name);
    }
}

#[test]
fn settings_that_came_later_are_written_only_where_they_differ() {
    let written = |config: &str| {
        let settings: LayerConfig = serde_json::from_str(config).unwrap();
        serde_json::to_value(&settings).unwrap()["transformer"].as_object().unwrap().len()
    };
    let old = written(r#"{"transformer": {}}"#);
    let same = r#"{"transformer": {"norm_kind": "layer", "epsilon": 1e-5, "feed_forward": "plain",
        "bias": true}}"#;
    assert_eq!(written(same), old);
    let new = r#"{"transformer": {"norm_kind": "rms", "epsilon": 1e-6, "feed_forward": "gated",
        "bias": false, "kv_heads": 2, "positions": "rotary", "rotary_theta": 500, "window": 3}}"#;
    assert_eq!(written(new), old + 7);
}

#[test]
fn parameter_counts() {
    let count = |config: &str| {
        let mut weights = Weights::new(0, &Device::Cpu);
        let settings: LayerConfig = serde_json::from_str(config).unwrap();
        settings.view().build("t", Shape::Sequence { width: 8 }, &mut weights).unwrap();
        weights.parameters()
    };
    // Attention 8 x 24 + 24 + 8 x 8 + 8, dense pair 8 x 32 + 32 + 32 x 8 + 8, two norms of 16.
    let block = 288 + 552 + 32;
    assert_eq!(count(r#"{"transformer": {"layers": 3, "positions": "rotary"}}"#), 3 * block + 16);
    assert_eq!(count(r#"{"transformer": {"layers": 1, "norm": "post", "positions": "none"}}"#), block);
    // Attention 8 x 24 + 8 x 8, three dense layers of 8 x 32, two norms and a final one of 8.
    let gated = r#"{"transformer": {"layers": 1, "positions": "none", "norm_kind": "rms",
        "feed_forward": "gated", "bias": false}}"#;
    assert_eq!(count(gated), 256 + 768 + 24);
    let learned = r#"{"transformer": {"layers": 1, "norm": "post", "positions": "learned", "length": 10}}"#;
    assert_eq!(count(learned), block + 80);
}

/// cargo test --release --lib transformer::tests::speed -- --ignored --nocapture
#[test]
#[ignore = "prints times"]
fn speed() {
    // The benchmark model `seed`: 4 layers of width 256, 32 texts of 64 tokens, two tasks.
    let mut weights = Weights::new(0, &Device::Cpu);
    let build = |config: &str, input: Shape, name: &str, weights: &mut Weights| {
        let settings: LayerConfig = serde_json::from_str(config).unwrap();
        settings.view().build(name, input, weights).unwrap()
    };
    let (tokens, steps) = (Shape::Tokens { vocabulary: 10_000 }, Shape::Sequence { width: 256 });
    let config = r#"{"transformer": {"layers": 4, "heads": 4, "hidden": 1024, "norm": "post",
        "positions": "none", "activation": "relu"}}"#;
    let layers = [
        build(r#"{"embedding": 256}"#, tokens, "embedding", &mut weights),
        build(config, steps, "transformer", &mut weights),
    ];
    let pool = build(r#"{"pool": "mean"}"#, steps, "pool", &mut weights);
    let one = build(r#"{"dense": 2}"#, Shape::vector(256), "one", &mut weights);
    let other = build(r#"{"dense": 9}"#, steps, "other", &mut weights);
    let ids: Vec<u32> = (0..32 * 64u32).map(|i| i.wrapping_mul(2_654_435_761) % 9_999 + 1).collect();
    let x = Tensor::from_vec(ids, (32, 64), &Device::Cpu).unwrap();
    let x =
        Activations { x, mask: Some(SequenceMask::from_lengths(vec![64; 32], 64, &Device::Cpu).unwrap()) };
    let mode = Mode::train(1, 1);
    let time = |name: &str, work: &dyn Fn()| {
        let mut times: Vec<f64> = (0..7)
            .map(|_| {
                let start = std::time::Instant::now();
                work();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name}: median {:.1} ms, minimum {:.1} ms", times[3], times[0]);
    };
    let forward = || {
        let y = layers.iter().fold(x.clone(), |x, layer| layer.forward(&x, &mode).unwrap());
        let row = one.forward(&pool.forward(&y, &mode).unwrap(), &mode).unwrap();
        let step = other.forward(&y, &mode).unwrap();
        (row.x.sqr().unwrap().mean_all().unwrap() + step.x.sqr().unwrap().mean_all().unwrap()).unwrap()
    };
    time("forward", &|| drop(forward()));
    time("forward and backward", &|| drop(forward().backward().unwrap()));
    let random = |shape: &[usize]| variable(shape, 1);
    let (flat, wide) = (random(&[2048, 256]), random(&[2048, 1024]));
    for (inside, out) in [(256, 768), (256, 256), (256, 1024), (1024, 256)] {
        let (weight, bias) = (random(&[inside, out]), random(&[out]));
        let x = if inside == 256 { &flat } else { &wide };
        let forward = || affine(x, &weight, &bias, Activation::Relu).unwrap();
        time(&format!("dense {inside} to {out}"), &|| drop(forward()));
        let y = forward();
        time("  backward", &|| drop(y.backward().unwrap()));
    }
    let packed = random(&[32, 64, 768]);
    let shape = AttentionOptions { heads: 4, causal: false, queries: None, keys: None, dropout: None };
    time("attention", &|| drop(self_attention(&packed, &shape).unwrap()));
    let y = self_attention(&packed, &shape).unwrap();
    time("  backward", &|| drop(y.backward().unwrap()));
    let (gamma, beta) = (random(&[256]), random(&[256]));
    time("layer norm", &|| drop(layer_norm(&flat, &gamma, &beta, 1e-5).unwrap()));
    let y = layer_norm(&flat, &gamma, &beta, 1e-5).unwrap();
    time("  backward", &|| drop(y.backward().unwrap()));
    time("sum", &|| drop((flat.as_tensor() + flat.as_tensor()).unwrap()));
}

#[test]
fn attention_is_bidirectional_by_default() {
    let mut weights = Weights::new(1, &Device::Cpu);
    let config: LayerConfig =
        serde_json::from_str(r#"{"transformer": {"layers": 2, "hidden": 256}}"#).unwrap();
    let layer = config.view().build("t", Shape::Sequence { width: 8 }, &mut weights).unwrap();
    let x = variable(&[1, 6, 8], 3).as_tensor().detach();
    let other = variable(&[1, 1, 8], 4).as_tensor().detach();
    let changed = Tensor::cat(&[x.narrow(1, 0, 5).unwrap(), other], 1).unwrap();
    let first = |x: &Tensor| {
        let y = layer.forward(&Activations::plain(x.clone()), &Mode::evaluate()).unwrap().x;
        host(&y.narrow(1, 0, 1).unwrap()).unwrap()
    };
    let (one, other) = (first(&x), first(&changed));
    assert!(one.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3), "{one:?} {other:?}");
}
