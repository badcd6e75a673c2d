//! Text encoders: embeddings, then transformer blocks. The families differ in their settings and in the names
//! of their weights.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::rotary::RotaryFrequencies;
use crate::model::layer::pretrained::block_convolution::{BlockConvolution, ConvolutionOptions};
use crate::model::layer::pretrained::decoder::DecoderArchitecture;
use crate::model::layer::pretrained::embeddings::{EmbeddingOptions, Embeddings, text_shape};
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::pretrained::layer_mix::LayerMix;
use crate::model::layer::transformer::block::{BlockOptions, EncoderBlock, NormPosition};
use crate::model::layer::transformer::disentangled::{DisentangledOptions, DisentangledPositions};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::{Norm, NormKind};
use crate::model::layer::transformer::relative_positions::{DistanceBuckets, RelativePositions};
use crate::model::layer::transformer::relative_terms::{RelativeTerms, SharedTerms};
use crate::model::layer::{Layer, Module};
use crate::model::ops::Ops;
use crate::model::pretrained::WeightSource;
use crate::model::weights::Weights;

/// A text encoder whose weights are named by a table.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    /// Settings of the embeddings.
    pub embeddings: EmbeddingOptions,
    /// Maximum number of tokens; `None` if any number is possible.
    pub max_tokens: Option<usize>,
    /// Width of the blocks.
    pub width: usize,
    /// Number of blocks with weights of their own.
    pub blocks: usize,
    /// How often each of them is applied: 1, but for ALBERT.
    pub repeats: usize,
    /// Settings of each block.
    pub block: BlockOptions,
    /// Blocks whose attention is local; `None`: no block's.
    pub local: Option<LocalBlocks>,
    /// Terms of the attention scores by distance.
    pub relative: Option<RelativeOptions>,
    /// Dropout rate of the output.
    pub final_dropout: f64,
    /// A convolution beside the first block.
    pub convolution: Option<ConvolutionOptions>,
    /// The name of the matrix `[vocabulary, width]` that projects the output of a causal model to logits.
    pub logits: Option<&'static str>,
    /// The decoder that reads its output.
    pub decoder: Option<DecoderArchitecture>,
    /// The names of the weights.
    pub names: TextNames,
}

/// Terms of attention scores that depend on the distance of two steps.
#[derive(Clone, Copy, Debug)]
pub enum RelativeOptions {
    /// A trained bias for each head.
    Bias(DistanceBuckets),
    /// Products with trained embeddings.
    Disentangled(DisentangledOptions),
}

/// Blocks that attend to near steps only.
#[derive(Clone, Debug)]
pub struct LocalBlocks {
    /// Whether the block of this index is local.
    pub blocks: Vec<bool>,
    /// They attend to steps at most this far away.
    pub window: usize,
    /// Their rotation of queries and keys.
    pub rotary: Option<RotaryFrequencies>,
}

/// The names of a text encoder's weights, after its prefix.
#[derive(Clone, Copy, Debug)]
pub struct TextNames {
    /// What the names begin with in the checkpoint of a model with a head.
    pub prefix: &'static str,
    /// The tables of tokens, positions and segments.
    pub tables: [&'static str; 3],
    /// The positions begin in this row.
    pub first_position: usize,
    /// The norm after the embeddings.
    pub embedding_norm: &'static str,
    /// The projection after the embeddings.
    pub projection: &'static str,
    /// A block, before and after its number.
    pub block: [&'static str; 2],
    /// Queries, keys and values in a block; one name if they are in one matrix.
    pub attention: &'static [&'static str],
    /// The projection after the attention, in a block.
    pub attention_output: &'static str,
    /// The norm of the attention, in a block.
    pub attention_norm: &'static str,
    /// The matrix of the gate, in a block, if it is one of its own.
    pub gate: &'static str,
    /// Both matrices of the feed-forward network, in a block.
    pub dense: [&'static str; 2],
    /// The norm of the feed-forward network, in a block.
    pub dense_norm: &'static str,
    /// The norm after the blocks, of encoders whose norms come first.
    pub final_norm: &'static str,
    /// The table of relative positions.
    pub relative: &'static str,
    /// Its norm.
    pub relative_norm: &'static str,
    /// Whether matrices are `[in, out]`, as of GPT-2, instead of `[out, in]`.
    pub is_in_out: bool,
}

impl TextNames {
    fn linear(&self, ours: &str, theirs: &[String], bias: bool) -> Vec<WeightSource> {
        let [weight, offset] = WeightSource::packed_linear(ours, theirs);
        let weight = WeightSource { transposed: !self.is_in_out, ..weight };
        std::iter::once(weight).chain(bias.then_some(offset)).collect()
    }
}

fn norm(kind: NormKind, ours: &str, theirs: &str) -> Vec<WeightSource> {
    let weights = if kind == NormKind::Layer { 2 } else { 1 };
    WeightSource::layer_norm(ours, theirs).into_iter().take(weights).collect()
}

impl TextEncoder {
    /// Leaves out the first rows of the position table, which no step uses.
    ///
    /// # Errors
    /// There are no others.
    pub fn without_first_positions(&mut self, first: usize) -> Result<(), String> {
        let rows = self.embeddings.positions;
        if rows <= first {
            return Err(format!(
                "`max_position_embeddings` is {rows}; expected more than {first}: the positions begin after \
                 `pad_token_id`"
            ));
        }
        self.embeddings.positions = rows - first;
        self.max_tokens = Some(rows - first);
        Ok(())
    }

    /// Where the weights of a block are.
    fn block_sources(&self, block: usize) -> Vec<WeightSource> {
        let (names, options) = (&self.names, self.block_options(block));
        let BlockOptions { bias, norm_kind, .. } = options;
        let ours = |part: &str| format!("{block}.{part}");
        let theirs = |part: &str| format!("{}{block}{}.{part}", names.block[0], names.block[1]);
        let packed: Vec<String> = names.attention.iter().map(|part| theirs(part)).collect();
        let qkv_bias = options.attention.qkv_bias.unwrap_or(bias);
        let mut sources = names.linear(&ours("attention.input"), &packed, qkv_bias);
        sources.extend(names.linear(&ours("attention.output"), &[theirs(names.attention_output)], bias));
        if options.attention_norm {
            sources.extend(norm(norm_kind, &ours("attention_norm"), &theirs(names.attention_norm)));
        }
        let [up, down] = names.dense;
        let parts = match options.feed_forward {
            FeedForwardKind::Plain => vec![("up", up)],
            FeedForwardKind::Gated => vec![("gate", names.gate), ("up", up)],
            FeedForwardKind::GatedTogether => vec![("gate_up", up)],
        };
        for (part, name) in parts {
            sources.extend(names.linear(&ours(part), &[theirs(name)], bias));
        }
        sources.extend(names.linear(&ours("down"), &[theirs(down)], bias));
        sources.extend(norm(norm_kind, &ours("dense_norm"), &theirs(names.dense_norm)));
        sources
    }

    fn relative_positions(
        &self,
        name: &str,
        options: &RelativeOptions,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<RelativeTerms> {
        let name = format!("{name}.relative");
        Ok(match options {
            RelativeOptions::Bias(buckets) => {
                let heads = self.block.heads.count;
                RelativeTerms::Bias(RelativePositions::build(&name, heads, *buckets, weights)?)
            }
            RelativeOptions::Disentangled(options) => {
                let dropout = tuning.embedding_dropout(options.dropout);
                let options = DisentangledOptions { dropout, ..*options };
                let positions = DisentangledPositions::build(&name, self.width, &options, weights)?;
                RelativeTerms::Disentangled(positions)
            }
        })
    }

    /// The settings of the block with this index.
    fn block_options(&self, index: usize) -> BlockOptions {
        let mut options = self.block;
        options.attention_norm |= index > 0;
        if let Some(local) = self.local.as_ref().filter(|local| local.blocks[index]) {
            options.attention.window = Some(local.window);
            options.heads.rotary = local.rotary;
        }
        options
    }
}

impl PretrainedFamily for TextEncoder {
    fn input(&self) -> Shape {
        Shape::Tokens { vocabulary: self.embeddings.vocabulary }
    }

    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        text_shape(input, self.embeddings.vocabulary, self.width)
    }

    fn blocks(&self) -> usize {
        self.blocks
    }

    fn max_tokens(&self) -> Option<usize> {
        self.max_tokens
    }

    fn is_causal(&self) -> bool {
        self.block.heads.causal
    }

    fn has_equal_blocks(&self) -> bool {
        true
    }

    /// The blocks of ALBERT are one, applied repeatedly.
    fn is_divisible(&self) -> bool {
        // Relative positions are for all blocks.
        self.repeats == 1 && self.relative.is_none() && self.convolution.is_none()
    }

    fn prefix(&self) -> &'static str {
        self.names.prefix
    }

    fn logits_weight(&self) -> Option<&'static str> {
        self.logits
    }

    fn decoder(&self) -> Option<&DecoderArchitecture> {
        self.decoder.as_ref()
    }

    fn sources(&self) -> Vec<WeightSource> {
        let names = &self.names;
        let table = |ours: &str, theirs: &str, rows: usize| {
            let (ours, theirs) = (format!("embeddings.{ours}.weight"), format!("{theirs}.weight"));
            WeightSource::without_rows(ours, theirs, rows)
        };
        let [tokens, positions, segments] = names.tables;
        let mut sources = vec![table("tokens", tokens, 0)];
        if self.embeddings.positions > 0 {
            sources.push(table("positions", positions, names.first_position));
        }
        if self.embeddings.segments > 0 {
            sources.push(table("segments", segments, 0));
        }
        if self.embeddings.epsilon.is_some() {
            sources.extend(norm(self.embeddings.norm_kind, "embeddings.norm", names.embedding_norm));
        }
        if self.embeddings.projected.is_some() {
            let projection = names.projection.to_owned();
            sources.extend(names.linear("embeddings.projection", &[projection], true));
        }
        if let Some(relative) = &self.relative {
            sources.push(WeightSource::same("relative.weight", format!("{}.weight", names.relative)));
            if let RelativeOptions::Disentangled(DisentangledOptions { epsilon: Some(_), .. }) = relative {
                sources.extend(WeightSource::layer_norm("relative_norm", names.relative_norm));
            }
        }
        sources.extend((0..self.blocks).flat_map(|block| self.block_sources(block)));
        if self.convolution.is_some() {
            sources.extend(WeightSource::convolution("0.convolution", "encoder.conv.conv"));
            sources.extend(WeightSource::layer_norm("0.convolution_norm", "encoder.conv.LayerNorm"));
        }
        if self.block.norm == NormPosition::Pre {
            sources.extend(norm(self.block.norm_kind, "norm", names.final_norm));
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
        let outside = tuning.enter_embeddings(self.blocks, weights);
        let dropout = tuning.embedding_dropout(self.embeddings.dropout);
        let embeddings = EmbeddingOptions { dropout, ..self.embeddings };
        let embeddings = match tuning.part.has_start() {
            true => Some(Embeddings::build(&format!("{name}.embeddings"), &embeddings, weights)?),
            false => None,
        };
        let relative = match &self.relative {
            Some(options) => Some(self.relative_positions(name, options, tuning, weights)?),
            None => None,
        };
        let mut convolution = None;
        let mut blocks = Vec::with_capacity(self.blocks * self.repeats);
        for index in tuning.part.blocks(self.blocks) {
            tuning.enter_block(index, self.blocks, weights);
            let mut options = self.block_options(index);
            options.dropout = tuning.dropout(index, options.dropout);
            // Some families have none there, and keep none.
            if options.hidden_dropout > 0.0 {
                options.hidden_dropout = tuning.dropout(index, options.hidden_dropout);
            }
            options.heads.dropout = tuning.dropout(index, options.heads.dropout);
            let name = format!("{name}.{index}");
            let block = EncoderBlock::build(&name, &options, self.width, weights)?;
            if let Some(options) = self.convolution.filter(|_| index == 0) {
                let dropout = tuning.dropout(index, options.dropout);
                let (name, options) =
                    (format!("{name}.convolution"), ConvolutionOptions { dropout, ..options });
                convolution = Some(BlockConvolution::build(&name, self.width, options, weights)?);
            }
            blocks.extend((1..self.repeats).map(|repeat| block.shared_as(&format!("{name}.again_{repeat}"))));
            blocks.push(block);
        }
        let final_norm = match self.block.norm {
            NormPosition::Pre if tuning.part.has_end() => {
                let BlockOptions { norm_kind, epsilon, .. } = self.block;
                Some(Norm::build(norm_kind, &format!("{name}.norm"), self.width, epsilon, weights)?)
            }
            NormPosition::Pre | NormPosition::Post => None,
        };
        let final_dropout = match self.final_dropout {
            0.0 => 0.0,
            _ if !tuning.part.has_end() => 0.0,
            rate => tuning.dropout(self.blocks - 1, rate),
        };
        let mix = tuning.layer_mix(name, blocks.len(), weights)?;
        tuning.leave(outside, weights);
        let name = name.to_owned();
        Ok(Box::new(BuiltTextEncoder {
            name,
            embeddings,
            relative,
            blocks,
            convolution,
            final_norm,
            final_dropout,
            mix,
        }))
    }
}

/// A built text encoder.
struct BuiltTextEncoder {
    name: String,
    /// Of the part that begins with the input.
    embeddings: Option<Embeddings>,
    relative: Option<RelativeTerms>,
    blocks: Vec<EncoderBlock>,
    /// Beside the first block.
    convolution: Option<BlockConvolution>,
    final_norm: Option<Norm>,
    final_dropout: f64,
    mix: Option<LayerMix>,
}

impl Layer for BuiltTextEncoder {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = match &self.embeddings {
            Some(embeddings) => embeddings.on(ops, x)?,
            None => x.x.clone(),
        };
        let terms = SharedTerms::new(ops, self.relative.as_ref(), &y)?;
        let mut mixed = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let input = y;
            if self.mix.is_some() {
                mixed.push(input.clone());
            }
            y = terms.apply(ops, block, x.mask.as_ref(), &input)?;
            if let Some(convolution) = self.convolution.as_ref().filter(|_| index == 0) {
                y = convolution.on(ops, x.mask.as_ref(), &input, &y)?;
            }
        }
        let y = match &self.final_norm {
            Some(norm) => norm.on(ops, &y)?,
            None => y,
        };
        let y = ops.dropout(&format!("{}.final_drop", self.name), self.final_dropout, &y)?;
        let Some(mix) = &self.mix else { return Ok(x.with(y)) };
        mixed.push(y);
        Ok(x.with(mix.on(ops, &mixed)?))
    }
}
