//! Text encoders like BERT: embeddings, then transformer blocks. The families differ in their settings and in
//! the names of their weights.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::pretrained::embeddings::{EmbeddingOptions, Embeddings, text_shape};
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::transformer::block::{BlockOptions, EncoderBlock, NormPosition};
use crate::model::layer::{Layer, Module};
use crate::model::ops::Ops;
use crate::model::pretrained::WeightSource;
use crate::model::weights::Weights;

/// A text encoder of learned positions, whose weights are named by a table.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    /// Settings of the embeddings.
    pub embeddings: EmbeddingOptions,
    /// Width of the blocks.
    pub width: usize,
    /// Number of blocks with weights of their own.
    pub blocks: usize,
    /// How often each of them is applied: 1, but for ALBERT.
    pub repeats: usize,
    /// Settings of each block.
    pub block: BlockOptions,
    /// The names of the weights.
    pub names: TextNames,
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
    /// Both matrices of the feed-forward network, in a block.
    pub dense: [&'static str; 2],
    /// The norm of the feed-forward network, in a block.
    pub dense_norm: &'static str,
    /// The norm after the blocks, of encoders whose norms come first.
    pub final_norm: &'static str,
    /// Whether matrices are `[in, out]`, as of GPT-2, instead of `[out, in]`.
    pub is_in_out: bool,
}

impl TextNames {
    fn linear(&self, ours: &str, theirs: &[String]) -> [WeightSource; 2] {
        let [weight, bias] = WeightSource::packed_linear(ours, theirs);
        [WeightSource { transposed: !self.is_in_out, ..weight }, bias]
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
        Some(self.embeddings.positions)
    }

    fn is_causal(&self) -> bool {
        self.block.heads.causal
    }

    /// The blocks of ALBERT are one, applied repeatedly.
    fn is_divisible(&self) -> bool {
        self.repeats == 1
    }

    fn prefix(&self) -> &'static str {
        self.names.prefix
    }

    fn sources(&self) -> Vec<WeightSource> {
        let names = &self.names;
        let table = |ours: &str, theirs: &str, rows: usize| {
            let (ours, theirs) = (format!("embeddings.{ours}.weight"), format!("{theirs}.weight"));
            WeightSource::without_rows(ours, theirs, rows)
        };
        let [tokens, positions, segments] = names.tables;
        let mut sources =
            vec![table("tokens", tokens, 0), table("positions", positions, names.first_position)];
        if self.embeddings.segments > 0 {
            sources.push(table("segments", segments, 0));
        }
        if self.embeddings.epsilon.is_some() {
            sources.extend(WeightSource::layer_norm("embeddings.norm", names.embedding_norm));
        }
        if self.embeddings.projected.is_some() {
            sources.extend(names.linear("embeddings.projection", &[names.projection.to_owned()]));
        }
        for block in 0..self.blocks {
            let ours = |part: &str| format!("{block}.{part}");
            let theirs = |part: &str| format!("{}{block}{}.{part}", names.block[0], names.block[1]);
            let packed: Vec<String> = names.attention.iter().map(|part| theirs(part)).collect();
            let [up, down] = names.dense;
            sources.extend(names.linear(&ours("attention.input"), &packed));
            sources.extend(names.linear(&ours("attention.output"), &[theirs(names.attention_output)]));
            let norm = WeightSource::layer_norm(&ours("attention_norm"), &theirs(names.attention_norm));
            sources.extend(norm);
            sources.extend(names.linear(&ours("up"), &[theirs(up)]));
            sources.extend(names.linear(&ours("down"), &[theirs(down)]));
            sources.extend(WeightSource::layer_norm(&ours("dense_norm"), &theirs(names.dense_norm)));
        }
        if self.block.norm == NormPosition::Pre {
            sources.extend(WeightSource::layer_norm("norm", names.final_norm));
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
        let mut blocks = Vec::with_capacity(self.blocks * self.repeats);
        for index in tuning.part.blocks(self.blocks) {
            tuning.enter_block(index, self.blocks, weights);
            let mut options = self.block;
            options.dropout = tuning.dropout(index, options.dropout);
            options.heads.dropout = tuning.dropout(index, options.heads.dropout);
            let name = format!("{name}.{index}");
            let block = EncoderBlock::build(&name, &options, self.width, weights)?;
            blocks.extend((1..self.repeats).map(|repeat| block.shared_as(&format!("{name}.again_{repeat}"))));
            blocks.push(block);
        }
        let final_norm = match self.block.norm {
            NormPosition::Pre if tuning.part.has_end() => {
                let epsilon = self.block.epsilon;
                Some(LayerNorm::build(&format!("{name}.norm"), self.width, epsilon, weights)?)
            }
            NormPosition::Pre | NormPosition::Post => None,
        };
        tuning.leave(outside, weights);
        Ok(Box::new(BuiltTextEncoder { embeddings, blocks, final_norm }))
    }
}

/// A built text encoder.
struct BuiltTextEncoder {
    /// Of the part that begins with the input.
    embeddings: Option<Embeddings>,
    blocks: Vec<EncoderBlock>,
    final_norm: Option<LayerNorm>,
}

impl Layer for BuiltTextEncoder {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = match &self.embeddings {
            Some(embeddings) => embeddings.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        for block in &self.blocks {
            y = block.on(ops, x.mask.as_ref(), &y)?;
        }
        Ok(x.with(match &self.final_norm {
            Some(norm) => norm.on(ops, &y)?,
            None => y,
        }))
    }
}
