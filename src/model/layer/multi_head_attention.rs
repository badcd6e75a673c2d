//! The layer `multi_head_attention`: see [`MultiHeadAttentionConfig`].

pub mod scored;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Positive, Rate};
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::kernel::rotary::RotaryFrequencies;
use crate::model::layer::multi_head_attention::scored::{RelativeScores, ScoredAttention};
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops};
use crate::model::weights::Weights;

/// Multi-head self-attention (Vaswani et al. 2017): softmax(q k' / sqrt(d)) v in each of `heads` heads of
/// width d = width / heads, then a projection of the concatenated heads. q, k and v are projections of the
/// input.
///
/// `rotary` applies rotary position embeddings to queries and keys (RoPE, Su et al. 2021). With `kv_heads`,
/// groups of heads share keys and values (grouped-query attention, Ainslie et al. 2023). With `window: 64` a
/// step attends only to itself and the 64 steps before and after it (Beltagy et al. 2020).
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
    /// Rotary embeddings rotate pair i of a head of width d by theta^(-2i/d) per step. Default 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotary_theta: Option<Positive>,
    /// Number of heads of keys and values; it must divide `heads`. Default: `heads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<Count>,
    /// A step attends only to steps at most this far away. Default: to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Count>,
}

impl Settings for MultiHeadAttentionConfig {
    const BARE: Option<&'static str> = Some("heads");
    const EXAMPLE: &'static str = "{multi_head_attention: {heads: 4, rotary: true}}";
}

pub(crate) fn default_dropout() -> Rate {
    Rate::constant(0.0)
}

/// The settings of attention that several layers have.
#[derive(Clone, Copy, Debug)]
pub struct HeadSettings {
    /// Number of heads.
    pub heads: usize,
    /// Number of heads of keys and values, if not the same.
    pub kv_heads: Option<Count>,
    /// Whether queries and keys are rotated.
    pub rotary: bool,
    /// Base of the rotary frequencies, if set.
    pub rotary_theta: Option<Positive>,
}

impl HeadSettings {
    /// Checks that `heads` divides the width and `kv_heads` the heads, and for rotary embeddings that the
    /// heads have an even width; `switch` is the setting that turns these on.
    ///
    /// # Errors
    /// What does not fit, a phrase whose subject is the layer.
    pub fn check(&self, width: usize, switch: &str) -> ModelResult<(), String> {
        let &Self { heads, kv_heads, rotary, rotary_theta } = self;
        if !width.is_multiple_of(heads) {
            return Err(format!("needs a number of heads that divides the width {width}, not {heads}"));
        }
        if let Some(kv_heads) = kv_heads.filter(|count| !heads.is_multiple_of(count.get())) {
            return Err(format!("needs `kv_heads` that divides the {heads} heads, not {}", kv_heads.get()));
        }
        if rotary && !(width / heads).is_multiple_of(2) {
            return Err(format!("needs heads of an even width for rotary positions, not {}", width / heads));
        }
        if rotary_theta.is_some() && !rotary {
            return Err(format!("has `rotary_theta` without rotary positions; add `{switch}`"));
        }
        Ok(())
    }

    /// The same as plain data.
    pub fn attention(&self, causal: bool, dropout: Rate) -> AttentionSettings {
        let default = RotaryFrequencies::default();
        let theta = self.rotary_theta.map_or(default.theta, Positive::get);
        AttentionSettings {
            count: self.heads,
            kv_count: self.kv_heads.map_or(self.heads, Count::get),
            causal,
            rotary: self.rotary.then_some(RotaryFrequencies { theta, ..default }),
            dropout: dropout.get(),
        }
    }
}

impl MultiHeadAttentionConfig {
    fn head_settings(&self) -> HeadSettings {
        let &Self { heads, kv_heads, rotary, rotary_theta, .. } = self;
        HeadSettings { heads: heads.get(), kv_heads, rotary, rotary_theta }
    }
}

impl BuildLayer for MultiHeadAttentionConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        self.head_settings().check(sequence(input)?, "rotary: true")?;
        Ok(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let heads = self.head_settings().attention(self.causal, self.dropout);
        let variant = AttentionVariant { window: self.window.map(Count::get), ..AttentionVariant::default() };
        Ok(Box::new(SelfAttention::build(name, input.width(), heads, true, variant, weights)?))
    }

    fn is_causal(&self) -> bool {
        self.causal
    }
}

/// What of a self-attention is not as in the original transformer.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionVariant {
    /// Width of a head; `None`: the width divided by the number of heads.
    pub head_width: Option<usize>,
    /// A step attends only to steps at most this far away; `None`: to all.
    pub window: Option<usize>,
    /// Factor of the products of queries and keys; `None`: 1 / sqrt(width of a head).
    pub scale: Option<f64>,
    /// Whether queries, keys and values have a bias; `None`: as the output has.
    pub qkv_bias: Option<bool>,
}

/// Multi-head self-attention with its projections.
#[derive(Clone)]
pub struct SelfAttention {
    name: String,
    heads: AttentionSettings,
    variant: AttentionVariant,
    /// Packed projection to queries, keys and values, `[width, queries + 2 keys]`.
    input: Dense,
    output: Dense,
    /// Width of the queries.
    width: usize,
}

impl SelfAttention {
    /// Projections of `width` features to queries, keys and values and back, with or without a `bias`;
    /// weights are named below `name`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        heads: AttentionSettings,
        bias: bool,
        variant: AttentionVariant,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (plain, output) = (Activation::Identity, format!("{name}.output"));
        let queries = variant.head_width.unwrap_or(width / heads.count) * heads.count;
        let keys = heads.kv_width(queries);
        Ok(Self {
            name: name.to_owned(),
            heads,
            variant,
            input: Dense::packed(
                &format!("{name}.input"),
                width,
                &[("query", queries), ("key", keys), ("value", keys)],
                plain,
                variant.qkv_bias.unwrap_or(bias),
                weights,
            )?,
            output: Dense::build(&output, queries, width, plain, bias, weights)?,
            width: queries,
        })
    }

    /// The attention with the same weights at another place: dropout draws by the name.
    pub fn shared_as(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Self-attention over `x`, `[batch, time, width]`, with this mask and terms of the scores.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        relative: Option<&RelativeScores<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let packed = self.input.on(ops, x)?;
        let AttentionVariant { window, scale, .. } = self.variant;
        let window = match window {
            Some(window) if !ops.exceeds_window(&packed, window)? => None,
            window => window,
        };
        let y = if relative.is_some() || window.is_some() || scale.is_some() {
            let (name, heads, width) = (self.name.as_str(), self.heads, self.width);
            let positions = match relative {
                Some(RelativeScores::Positions(scores)) => {
                    let table =
                        ops.dropout(&format!("{name}.position_drop"), scores.dropout, &scores.table)?;
                    Some(self.input.on(ops, &table)?)
                }
                _ => None,
            };
            let attention = ScoredAttention { name, heads, width, window, scale };
            attention.on(ops, &packed, mask, relative, positions.as_ref())?
        } else {
            ops.self_attention(&self.name, &packed, self.width, mask, self.heads)?
        };
        self.output.on(ops, &y)
    }
}

impl Layer for SelfAttention {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, x.mask.as_ref(), None, &x.x)?))
    }
}

#[cfg(test)]
mod tests;
