//! Self-attention compared with PyTorch.

use candle_core::{Device, Tensor};

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::kernel::reference_check::near;
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::weights::Weights;

fn layer_config(json: &str) -> LayerConfig {
    serde_json::from_str(json).unwrap()
}

#[test]
fn values_of_pytorch() {
    // m = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    // f = lambda *s: (torch.arange(float(torch.Size(s).numel())) * 7 % 11 / 10 - 0.5).reshape(s)
    // with torch.no_grad():
    //     m.in_proj_weight.copy_(f(4, 12).T); m.in_proj_bias.copy_(f(12))
    //     m.out_proj.weight.copy_(f(4, 4).T); m.out_proj.bias.copy_(f(4))
    // x = (torch.arange(12.) * 5 % 7 / 5 - 0.6).reshape(1, 3, 4)
    // m(x, x, x)[0]
    let mut weights = Weights::new(0, &Device::Cpu);
    let config = layer_config(r#"{"multi_head_attention": 2}"#);
    let layer = config.view().build("a", Shape::Sequence { width: 4 }, &mut weights).unwrap();
    for weight in weights.iter() {
        let values = (0..weight.count()).map(|i| (i * 7 % 11) as f32 / 10.0 - 0.5).collect::<Vec<_>>();
        weight.var.set(&Tensor::from_vec(values, weight.var.dims(), &Device::Cpu).unwrap()).unwrap();
    }
    let x = (0..12).map(|i| (i * 5 % 7) as f32 / 5.0 - 0.6).collect::<Vec<_>>();
    let x = Tensor::from_vec(x, (1, 3, 4), &Device::Cpu).unwrap();
    let y = layer.forward(&Activations::plain(x), &Mode::evaluate()).unwrap().x;
    let expected = [[
        [-0.325_003_9f32, 0.061_809_57, -0.235_134_59, 0.405_459_55],
        [-0.339_943_83, 0.073_198_75, -0.247_580_13, 0.412_331_4],
        [-0.341_172_16, 0.073_790_82, -0.245_511_2, 0.407_215_12],
    ]];
    let expected = Tensor::new(&expected, &Device::Cpu).unwrap();
    near("y", &y, &expected, 1e-5);
}

#[test]
fn heads_must_divide_the_width() {
    let error = |json, width| layer_config(json).view().shape(Shape::Sequence { width }).unwrap_err();
    assert_eq!(
        error(r#"{"multi_head_attention": 3}"#, 8),
        "needs a number of heads that divides the width 8, not 3"
    );
    assert_eq!(
        error(r#"{"multi_head_attention": {"heads": 2, "rotary": true}}"#, 6),
        "needs heads of an even width for rotary positions, not 3"
    );
    assert_eq!(
        error(r#"{"multi_head_attention": {"heads": 4, "kv_heads": 3}}"#, 8),
        "needs `kv_heads` that divides the 4 heads, not 3"
    );
    assert_eq!(
        error(r#"{"multi_head_attention": {"heads": 4, "rotary_theta": 500}}"#, 8),
        "has `rotary_theta` without rotary positions; add `rotary: true`"
    );
}
