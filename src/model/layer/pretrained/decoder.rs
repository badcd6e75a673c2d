//! The decoders of pretrained encoder-decoders: their settings, and the names of their weights.

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::layer::transformer::block::NormPosition;
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::layer::transformer::relative_positions::DistanceBuckets;
use crate::model::pretrained::WeightSource;

/// The decoder of a pretrained model: causal self-attention, attention to the encoder's output, and a
/// feed-forward network in each block.
#[derive(Clone, Debug)]
pub struct DecoderArchitecture {
    /// Number of token embeddings.
    pub vocabulary: usize,
    /// Width of the embeddings and the blocks, and of the encoder's output.
    pub width: usize,
    /// Number of blocks.
    pub blocks: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Factor of the products of queries and keys.
    pub scale: f64,
    /// Position of the norms.
    pub norm: NormPosition,
    /// Kind of the norms.
    pub norm_kind: NormKind,
    /// Added to the variance or the mean square in norms.
    pub epsilon: f64,
    /// Whether projections have a bias.
    pub bias: bool,
    /// Kind of the feed-forward network.
    pub feed_forward: FeedForwardKind,
    /// Its hidden width.
    pub hidden: usize,
    /// Its activation.
    pub activation: Activation,
    /// Dropout rate of the embeddings and before residual additions.
    pub dropout: f64,
    /// Dropout rate of the self-attention's weights.
    pub attention_dropout: f64,
    /// Dropout rate of the feed-forward network's hidden activations.
    pub hidden_dropout: f64,
    /// Dropout rate after the last norm.
    pub final_dropout: f64,
    /// Factor of token embeddings.
    pub token_scale: f64,
    /// How tokens know their positions.
    pub positions: DecoderPositions,
    /// Whether the sum of the embeddings is normalized.
    pub embedding_norm: bool,
    /// Factor of the last hidden vectors, before the projection to logits.
    pub output_scale: f64,
    /// Whether that projection is the transposed table of token embeddings.
    pub is_tied: bool,
    /// Whether logits have a bias.
    pub has_logits_bias: bool,
    /// The token before the first one.
    pub start_token: usize,
    /// The names of the weights.
    pub names: &'static DecoderNames,
}

/// How a decoder's tokens know their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecoderPositions {
    /// A trained vector for each of so many positions; the table has other rows before them.
    Learned {
        /// Number of positions.
        count: usize,
        /// Rows before that of the first position.
        first: usize,
    },
    /// Sines and cosines, for up to so many positions.
    Sinusoidal(usize),
    /// A bias of the self-attention's scores by distance, the same in all blocks.
    Relative(DistanceBuckets),
}

/// The names of a decoder's weights in a checkpoint, after its prefix.
#[derive(Clone, Copy, Debug)]
pub struct DecoderNames {
    /// The table of tokens, which the encoder reads too.
    pub tokens: &'static str,
    /// The table of positions.
    pub positions: &'static str,
    /// The norm of the embeddings.
    pub embedding_norm: &'static str,
    /// What the names of a block begin with, before its number.
    pub block: &'static str,
    /// Queries, keys, values and output of the self-attention, in a block.
    pub self_attention: [&'static str; 4],
    /// Its norm.
    pub self_norm: &'static str,
    /// Queries, keys, values and output of the attention to the encoder's output.
    pub cross_attention: [&'static str; 4],
    /// Its norm.
    pub cross_norm: &'static str,
    /// The matrices of the feed-forward network: gate (if there is one), up and down.
    pub dense: [&'static str; 3],
    /// Its norm.
    pub dense_norm: &'static str,
    /// The norm after the blocks, of decoders whose norms come first.
    pub final_norm: &'static str,
    /// The table of biases by distance.
    pub relative: &'static str,
}

impl DecoderArchitecture {
    /// Width of the queries, keys and values of all heads.
    pub fn attention_width(&self) -> usize {
        self.heads * self.head_width
    }

    /// The largest number of tokens; `None` if any number is possible.
    pub fn max_tokens(&self) -> Option<usize> {
        match self.positions {
            DecoderPositions::Learned { count, .. } | DecoderPositions::Sinusoidal(count) => Some(count),
            DecoderPositions::Relative(_) => None,
        }
    }

    /// Checks that it can read this memory and write texts of so many tokens.
    ///
    /// # Errors
    /// What does not fit, a phrase whose subject is the decoder.
    pub fn check(&self, memory: Shape, length: usize) -> Result<(), String> {
        match memory {
            Shape::Sequence { width } if width == self.width => {}
            Shape::Sequence { width } => {
                let own = self.width;
                return Err(format!("reads {own} features of every token, and the task has {width}"));
            }
            other => return Err(format!("reads a sequence, not {other}; remove the `pool`")),
        }
        match self.max_tokens() {
            Some(most) if length > most => {
                Err(format!("has positions for {most} tokens, and `length` is {length}"))
            }
            _ => Ok(()),
        }
    }

    /// Where the weights of the blocks are, by our names after that of the decoder.
    pub fn body_sources(&self) -> Vec<WeightSource> {
        let names = self.names;
        let mut sources = Vec::new();
        if let DecoderPositions::Learned { first, .. } = self.positions {
            let theirs = format!("{}.weight", names.positions);
            sources.push(WeightSource::without_rows("positions.weight", theirs, first));
        }
        if self.embedding_norm {
            sources.extend(self.norm_sources("embedding_norm", names.embedding_norm.to_owned()));
        }
        if let DecoderPositions::Relative(_) = self.positions {
            sources.push(WeightSource::same("relative.weight", format!("{}.weight", names.relative)));
        }
        sources.extend((0..self.blocks).flat_map(|block| self.block_sources(block)));
        if self.norm == NormPosition::Pre {
            sources.extend(self.norm_sources("norm", names.final_norm.to_owned()));
        }
        sources
    }

    fn block_sources(&self, block: usize) -> Vec<WeightSource> {
        let names = self.names;
        let theirs = |part: &str| format!("{}{block}.{part}", names.block);
        let linear = |ours: &str, parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|part| theirs(part)).collect();
            let [weight, bias] = WeightSource::packed_linear(&format!("{block}.{ours}"), &parts);
            std::iter::once(weight).chain(self.bias.then_some(bias))
        };
        let [q, k, v, out] = names.self_attention;
        let [cross_q, cross_k, cross_v, cross_out] = names.cross_attention;
        let [gate, up, down] = names.dense;
        let mut sources: Vec<WeightSource> = Vec::new();
        sources.extend(linear("own", &[q, k, v]));
        sources.extend(linear("own_out", &[out]));
        sources.extend(linear("query", &[cross_q]));
        sources.extend(linear("read", &[cross_k, cross_v]));
        sources.extend(linear("read_out", &[cross_out]));
        if self.feed_forward == FeedForwardKind::Gated {
            sources.extend(linear("gate", &[gate]));
        }
        sources.extend(linear("up", &[up]));
        sources.extend(linear("down", &[down]));
        for (ours, name) in
            [("norm_own", names.self_norm), ("norm_read", names.cross_norm), ("norm_dense", names.dense_norm)]
        {
            sources.extend(self.norm_sources(&format!("{block}.{ours}"), theirs(name)));
        }
        sources
    }

    fn norm_sources(&self, ours: &str, theirs: String) -> Vec<WeightSource> {
        let weights = if self.norm_kind == NormKind::Layer { 2 } else { 1 };
        WeightSource::layer_norm(ours, &theirs).into_iter().take(weights).collect()
    }

    /// Where the embeddings and the projection of the first `tokens` tokens are, by our names after that of
    /// the table.
    pub fn table_sources(&self, tokens: usize) -> Vec<WeightSource> {
        let table = format!("{}.weight", self.names.tokens);
        let mut sources = vec![WeightSource::same("embedding.weight", table).of_rows(0..tokens)];
        if !self.is_tied {
            let projection = WeightSource::transposed("projection.weight", "lm_head.weight");
            sources.push(projection.of_rows(0..tokens));
        }
        if self.has_logits_bias {
            let bias = WeightSource::same("projection.bias", "final_logits_bias");
            sources.push(WeightSource { is_flattened: true, ..bias }.of_rows(0..tokens));
        }
        sources
    }

    /// Where the embedding of the start token is.
    pub fn begin_source(&self) -> WeightSource {
        let table = format!("{}.weight", self.names.tokens);
        WeightSource::same("begin", table).of_rows(self.start_token..self.start_token + 1)
    }
}
