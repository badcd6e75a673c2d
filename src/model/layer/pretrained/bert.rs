//! BERT (Devlin et al. 2019, arXiv 1810.04805): token, position and segment embeddings, then transformer
//! blocks whose norms follow the residual additions.

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::multi_head_attention::SelfAttention;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::{Layer, Module};
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops};
use crate::model::pretrained::WeightSource;
use crate::model::weights::{Init, Parameter, Weights};

/// The settings of a BERT in its `config.json`.
#[derive(Clone, Debug)]
struct Bert {
    vocabulary: usize,
    width: usize,
    blocks: usize,
    heads: usize,
    hidden: usize,
    positions: usize,
    segments: usize,
    activation: Activation,
    epsilon: f64,
    dropout: f64,
    attention_dropout: f64,
}

/// Reads the configuration of a BERT.
pub fn read(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let positions = configuration.text_or("position_embedding_type", "absolute")?;
    if positions != "absolute" {
        return Err(format!("`position_embedding_type` is `{positions}`; only `absolute` is supported"));
    }
    let (width, heads) = (configuration.count("hidden_size")?, configuration.count("num_attention_heads")?);
    Configuration::check_heads(width, heads)?;
    Ok(Box::new(Bert {
        vocabulary: configuration.count("vocab_size")?,
        width,
        blocks: configuration.count("num_hidden_layers")?,
        heads,
        hidden: configuration.count("intermediate_size")?,
        positions: configuration.count("max_position_embeddings")?,
        segments: configuration.count_or("type_vocab_size", 2)?,
        activation: configuration.activation("hidden_act", "gelu")?,
        epsilon: configuration.number_or("layer_norm_eps", 1e-12)?,
        dropout: configuration.number_or("hidden_dropout_prob", 0.1)?,
        attention_dropout: configuration.number_or("attention_probs_dropout_prob", 0.1)?,
    }))
}

impl PretrainedFamily for Bert {
    fn input(&self) -> Shape {
        Shape::Tokens { vocabulary: self.vocabulary }
    }

    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Tokens { vocabulary } if vocabulary > self.vocabulary => Err(format!(
                "has embeddings of {} tokens, and the input has {vocabulary}; use the tokenizer of the same \
                 folder: `tokenizer: {{pretrained: ...}}`",
                self.vocabulary
            )),
            Shape::Tokens { .. } => Ok(Shape::Sequence { width: self.width }),
            other => Err(format!("needs tokens, not {other}")),
        }
    }

    fn blocks(&self) -> usize {
        self.blocks
    }

    fn max_tokens(&self) -> Option<usize> {
        Some(self.positions)
    }

    fn prefix(&self) -> &'static str {
        "bert"
    }

    fn sources(&self) -> Vec<WeightSource> {
        let embedding = |ours: &str, theirs: &str| {
            WeightSource::same(
                format!("embeddings.{ours}.weight"),
                format!("embeddings.{theirs}_embeddings.weight"),
            )
        };
        let mut sources = vec![
            embedding("tokens", "word"),
            embedding("positions", "position"),
            embedding("segments", "token_type"),
        ];
        sources.extend(WeightSource::layer_norm("embeddings.norm", "embeddings.LayerNorm"));
        for block in 0..self.blocks {
            let ours = |part: &str| format!("{block}.{part}");
            let theirs = |part: &str| format!("encoder.layer.{block}.{part}");
            let projections = ["query", "key", "value"].map(|part| theirs(&format!("attention.self.{part}")));
            sources.extend(WeightSource::packed_linear(&ours("attention.input"), &projections));
            sources
                .extend(WeightSource::linear(&ours("attention.output"), &theirs("attention.output.dense")));
            sources.extend(WeightSource::layer_norm(
                &ours("attention_norm"),
                &theirs("attention.output.LayerNorm"),
            ));
            sources.extend(WeightSource::linear(&ours("up"), &theirs("intermediate.dense")));
            sources.extend(WeightSource::linear(&ours("down"), &theirs("output.dense")));
            sources.extend(WeightSource::layer_norm(&ours("dense_norm"), &theirs("output.LayerNorm")));
        }
        sources
    }

    fn build(
        &self,
        name: &str,
        _: Shape,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<Box<dyn Module>> {
        weights.freeze_new(tuning.frozen_blocks.is_some());
        weights.set_blocks_after(Some(self.blocks));
        let outside = weights.set_blocks_after(Some(self.blocks));
        let part = |part: &str| format!("{name}.embeddings.{part}");
        let mut table = |name: &str, rows: usize| {
            weights.parameter(&format!("{}.weight", part(name)), &[rows, self.width], Init::Normal(0.02))
        };
        let (tokens, positions) = (table("tokens", self.vocabulary)?, table("positions", self.positions)?);
        let segments = table("segments", self.segments)?;
        let norm = LayerNorm::build(&part("norm"), self.width, self.epsilon, weights)?;
        let dropout = tuning.embedding_dropout(self.dropout);
        let embeddings = Embeddings { name: part("drop"), tokens, positions, segments, norm, dropout };
        let mut blocks = Vec::with_capacity(self.blocks);
        for index in 0..self.blocks {
            tuning.enter_block(index, self.blocks, weights);
            weights.set_blocks_after(Some(self.blocks - 1 - index));
            blocks.push(self.block(&format!("{name}.{index}"), index, tuning, weights)?);
        }
        tuning.leave(outside, weights);
        Ok(Box::new(BertEncoder { embeddings, blocks }))
    }
}

impl Bert {
    fn block(
        &self,
        name: &str,
        index: usize,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<BertBlock> {
        let part = |part: &str| format!("{name}.{part}");
        let heads = AttentionSettings {
            count: self.heads,
            causal: false,
            rotary: false,
            dropout: tuning.dropout(index, self.attention_dropout),
        };
        let norm = |name: &str, weights: &mut Weights| {
            LayerNorm::build(&part(name), self.width, self.epsilon, weights)
        };
        Ok(BertBlock {
            attention: SelfAttention::build(&part("attention"), self.width, heads, weights)?,
            attention_norm: norm("attention_norm", weights)?,
            up: Dense::build(&part("up"), self.width, self.hidden, self.activation, true, weights)?,
            down: Dense::projection(&part("down"), self.hidden, self.width, weights)?,
            dense_norm: norm("dense_norm", weights)?,
            dropout: tuning.dropout(index, self.dropout),
            name: name.to_owned(),
        })
    }
}

/// Token, position and segment embeddings, added and normalized.
struct Embeddings {
    name: String,
    /// `[vocabulary, width]`
    tokens: Parameter,
    /// `[positions, width]`
    positions: Parameter,
    /// `[segments, width]`
    segments: Parameter,
    norm: LayerNorm,
    dropout: f64,
}

impl Embeddings {
    /// Token ids `[batch, time]` to `[batch, time, width]`; all tokens are of the first segment.
    fn on<O: Ops>(&self, ops: &mut O, tokens: &O::Value) -> ModelResult<O::Value> {
        let x = ops.embedding(&self.tokens, tokens)?;
        let positions = ops.learned_positions(&x, &self.positions)?;
        let segments = ops.weight(&self.segments)?;
        let segment = ops.narrow(&segments, 0, 0, 1)?;
        let added = ops.add(&positions, &segment)?;
        let x = ops.add(&x, &added)?;
        let x = self.norm.on(ops, &x)?;
        ops.dropout(&self.name, self.dropout, &x)
    }
}

/// A transformer block whose norms follow the residual additions.
struct BertBlock {
    name: String,
    attention: SelfAttention,
    attention_norm: LayerNorm,
    up: Dense,
    down: Dense,
    dense_norm: LayerNorm,
    dropout: f64,
}

impl BertBlock {
    fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let y = self.attention.on(ops, mask, x)?;
        let y = ops.dropout(&format!("{}.attention_drop", self.name), self.dropout, &y)?;
        let sum = ops.add(x, &y)?;
        let x = self.attention_norm.on(ops, &sum)?;
        let hidden = self.up.on(ops, &x)?;
        let y = self.down.on(ops, &hidden)?;
        let y = ops.dropout(&format!("{}.dense_drop", self.name), self.dropout, &y)?;
        let sum = ops.add(&x, &y)?;
        self.dense_norm.on(ops, &sum)
    }
}

/// A built BERT.
struct BertEncoder {
    embeddings: Embeddings,
    blocks: Vec<BertBlock>,
}

impl Layer for BertEncoder {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = self.embeddings.on(ops, &x.x)?;
        for block in &self.blocks {
            y = block.on(ops, x.mask.as_ref(), &y)?;
        }
        Ok(x.with(y))
    }
}
