//! The transformer compared with PyTorch.

use candle_core::{Device, Tensor};

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::kernel::affine::affine;
use crate::model::kernel::attention::{AttentionOptions, self_attention};
use crate::model::kernel::layer_norm::layer_norm;
use crate::model::kernel::reference_check::{near, variable};
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::weights::{Weights, host};

/// Weights and input as in `multi_head_attention`'s test.
fn forward(config: &str) -> Tensor {
    let mut weights = Weights::new(0, &Device::Cpu);
    let settings: LayerConfig = serde_json::from_str(config).unwrap();
    let layer = settings.view().build("t", Shape::Sequence { width: 4 }, &mut weights).unwrap();
    for weight in weights.iter() {
        let values = (0..weight.count()).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect::<Vec<_>>();
        weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
    }
    let x = (0..12).map(|i| (i * 5 % 7) as f32 / 5.0 - 0.6).collect::<Vec<_>>();
    let x = Tensor::from_vec(x, (1, 3, 4), &Device::Cpu).unwrap();
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
        "bias": false}}"#;
    assert_eq!(written(new), old + 4);
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
