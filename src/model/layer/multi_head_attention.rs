//! The layer `multi_head_attention`: see [`MultiHeadAttentionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Rate};
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops};
use crate::model::weights::Weights;

/// Multi-head self-attention (Vaswani et al. 2017): softmax(q k' / sqrt(d)) v in each of `heads` heads of
/// width d = width / heads, then a projection of the concatenated heads. q, k and v are projections of the
/// input.
///
/// `rotary` applies rotary position embeddings to queries and keys (RoPE, Su et al. 2021).
///
/// ```yaml
/// trunk: [{residual: [layer_norm, {multi_head_attention: {heads: 4, rotary: true}}]}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttentionConfig {
    /// Number of heads; it must divide the width.
    pub heads: Count,
    /// Dropout rate of the attention weights. Default 0.
    #[serde(default = "default_dropout")]
    pub dropout: Rate,
    /// Whether a step attends only to itself and previous steps. Default false.
    #[serde(default)]
    pub causal: bool,
    /// Whether to use rotary position embeddings. Default false.
    #[serde(default)]
    pub rotary: bool,
}

impl Settings for MultiHeadAttentionConfig {
    const BARE: Option<&'static str> = Some("heads");
    const EXAMPLE: &'static str = "{multi_head_attention: {heads: 4, rotary: true}}";
}

pub(crate) fn default_dropout() -> Rate {
    Rate::constant(0.0)
}

/// Checks that `heads` divides the width, and for rotary embeddings that the heads have an even width.
pub(crate) fn check_heads(width: usize, heads: usize, rotary: bool) -> ModelResult<(), String> {
    if !width.is_multiple_of(heads) {
        return Err(format!("needs a number of heads that divides the width {width}, not {heads}"));
    }
    if rotary && !(width / heads).is_multiple_of(2) {
        return Err(format!("needs heads of an even width for rotary positions, not {}", width / heads));
    }
    Ok(())
}

impl BuildLayer for MultiHeadAttentionConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let width = sequence(input)?;
        check_heads(width, self.heads.get(), self.rotary)?;
        Ok(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let heads = AttentionSettings {
            count: self.heads.get(),
            causal: self.causal,
            rotary: self.rotary,
            dropout: self.dropout.get(),
        };
        Ok(Box::new(SelfAttention::build(name, input.width(), heads, true, weights)?))
    }

    fn is_causal(&self) -> bool {
        self.causal
    }
}

/// Multi-head self-attention with its projections.
#[derive(Clone)]
pub struct SelfAttention {
    name: String,
    heads: AttentionSettings,
    /// Packed projection to queries, keys and values, `[width, 3 width]`.
    input: Dense,
    output: Dense,
    width: usize,
}

impl SelfAttention {
    /// Projections of `width` features to queries, keys and values, with or without a `bias`; weights are named
    /// below `name`.
    pub fn build(
        name: &str,
        width: usize,
        heads: AttentionSettings,
        bias: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (plain, output) = (Activation::Identity, format!("{name}.output"));
        Ok(Self {
            name: name.to_owned(),
            heads,
            input: Dense::packed(
                &format!("{name}.input"),
                width,
                &[("query", width), ("key", width), ("value", width)],
                plain,
                bias,
                weights,
            )?,
            output: Dense::build(&output, width, width, plain, bias, weights)?,
            width,
        })
    }

    /// The attention with the same weights at another place: dropout draws by the name.
    pub fn shared_as(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Self-attention over `x`, `[batch, time, width]`, with this mask.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let packed = self.input.on(ops, x)?;
        let y = ops.self_attention(&self.name, &packed, self.width, mask, self.heads)?;
        self.output.on(ops, &y)
    }
}

impl Layer for SelfAttention {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, x.mask.as_ref(), &x.x)?))
    }
}

#[cfg(test)]
mod tests {
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
    }
}
