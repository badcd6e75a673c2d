//! Vision transformers: learned tokens, the patches of an image, positions, then transformer blocks whose
//! norms come first. The families differ in their settings and in the names of their weights.

use crate::domain::shape::Shape;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::patch_tokens::{PatchOptions, PatchTokens, patch_grid};
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::pretrained::layer_mix::LayerMix;
use crate::model::layer::pretrained::scaled_block::ScaledBlock;
use crate::model::layer::transformer::block::{BlockOptions, EncoderBlock};
use crate::model::layer::{Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::pretrained::WeightSource;
use crate::model::weights::Weights;

/// A vision transformer, whose weights are named by a table.
#[derive(Clone, Debug)]
pub struct VisionTransformer {
    /// Channels, height and width of the images that it is made for.
    pub input: [usize; 3],
    /// Settings of the patches, with the positions that it has learned.
    pub patches: PatchOptions,
    /// Number of blocks.
    pub blocks: usize,
    /// Settings of each block.
    pub block: BlockOptions,
    /// Dropout rate after the embeddings.
    pub dropout: f64,
    /// The names of the weights.
    pub names: VisionNames,
}

/// The names of a vision transformer's weights, after its prefix.
#[derive(Clone, Copy, Debug)]
pub struct VisionNames {
    /// What the names begin with in the checkpoint of a model with a head.
    pub prefix: &'static str,
    /// The projection of patches, and the positions.
    pub embeddings: [&'static str; 2],
    /// The learned tokens, in the order of [`PatchOptions::tokens`].
    pub tokens: &'static [&'static str],
    /// What the number of a block comes after.
    pub blocks: &'static str,
    /// Queries, keys and values in a block; one name if they are in one matrix.
    pub attention: &'static [&'static str],
    /// The projection after the attention, in a block.
    pub attention_output: &'static str,
    /// The norms of the attention and of the feed-forward network, in a block.
    pub norms: [&'static str; 2],
    /// Both matrices of the feed-forward network, in a block.
    pub dense: [&'static str; 2],
    /// What scales the attention and the feed-forward network, in a block of DINOv2.
    pub scales: Option<[&'static str; 2]>,
    /// The norm after the blocks.
    pub final_norm: &'static str,
}

impl PretrainedFamily for VisionTransformer {
    fn input(&self) -> Shape {
        let [channels, height, width] = self.input;
        Shape::Image { channels, height, width }
    }

    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        if channels != self.input[0] {
            let expected = self.input[0];
            return Err(format!("needs an image of {expected} channels, not {input}"));
        }
        patch_grid(self.patches.patch, height, width)?;
        Ok(Shape::Sequence { width: self.patches.width })
    }

    fn blocks(&self) -> usize {
        self.blocks
    }

    fn max_tokens(&self) -> Option<usize> {
        None
    }

    fn has_equal_blocks(&self) -> bool {
        true
    }

    fn prefix(&self) -> &'static str {
        self.names.prefix
    }

    fn sources(&self) -> Vec<WeightSource> {
        let names = &self.names;
        let same = |ours: String, theirs: String| WeightSource::same(ours, theirs);
        let mut sources = Vec::new();
        let [projection, positions] = names.embeddings;
        for part in ["weight", "bias"] {
            sources.push(same(format!("embeddings.{part}"), format!("{projection}.{part}")));
        }
        for (ours, theirs) in self.patches.tokens.iter().zip(names.tokens) {
            sources.push(same(format!("embeddings.{ours}.weight"), (*theirs).to_owned()));
        }
        sources.push(same("embeddings.positions.weight".into(), positions.to_owned()));
        for block in 0..self.blocks {
            let ours = |part: &str| format!("{block}.{part}");
            let theirs = |part: &str| format!("{}.{block}.{part}", names.blocks);
            let packed: Vec<String> = names.attention.iter().map(|part| theirs(part)).collect();
            sources.extend(WeightSource::packed_linear(&ours("attention.input"), &packed));
            let output = theirs(names.attention_output);
            sources.extend(WeightSource::linear(&ours("attention.output"), &output));
            for (part, norm) in ["attention_norm", "dense_norm"].iter().zip(names.norms) {
                sources.extend(WeightSource::layer_norm(&ours(part), &theirs(norm)));
            }
            for (part, dense) in ["up", "down"].iter().zip(names.dense) {
                sources.extend(WeightSource::linear(&ours(part), &theirs(dense)));
            }
            for (part, scale) in ["attention_scale", "dense_scale"].iter().zip(names.scales.iter().flatten())
            {
                sources.push(same(ours(&format!("{part}.weight")), theirs(scale)));
            }
        }
        sources.extend(WeightSource::layer_norm("norm", names.final_norm));
        sources
    }

    fn build(
        &self,
        name: &str,
        input: Shape,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let outside = tuning.enter_embeddings(self.blocks, weights);
        let image = [channels, height, width];
        let patches = PatchTokens::build(&format!("{name}.embeddings"), &self.patches, image, weights)?;
        let mut blocks = Vec::with_capacity(self.blocks);
        for index in 0..self.blocks {
            tuning.enter_block(index, self.blocks, weights);
            let mut options = self.block;
            options.dropout = tuning.dropout(index, options.dropout);
            options.heads.dropout = tuning.dropout(index, options.heads.dropout);
            let (name, width) = (format!("{name}.{index}"), self.patches.width);
            blocks.push(match self.names.scales {
                Some(_) => VisionBlock::Scaled(ScaledBlock::build(&name, &options, width, weights)?),
                None => VisionBlock::Plain(EncoderBlock::build(&name, &options, width, weights)?),
            });
        }
        let norm =
            LayerNorm::build(&format!("{name}.norm"), self.patches.width, self.block.epsilon, weights)?;
        let mix = tuning.layer_mix(name, blocks.len(), weights)?;
        tuning.leave(outside, weights);
        let dropout = (format!("{name}.embeddings.drop"), tuning.embedding_dropout(self.dropout));
        Ok(Box::new(BuiltVisionTransformer { patches, dropout, blocks, norm, mix }))
    }
}

enum VisionBlock {
    Plain(EncoderBlock),
    Scaled(ScaledBlock),
}

impl VisionBlock {
    fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        match self {
            Self::Plain(block) => block.on(ops, mask, x),
            Self::Scaled(block) => block.on(ops, mask, x),
        }
    }
}

/// A built vision transformer.
struct BuiltVisionTransformer {
    patches: PatchTokens,
    /// Name of its random stream, and rate.
    dropout: (String, f64),
    blocks: Vec<VisionBlock>,
    norm: LayerNorm,
    mix: Option<LayerMix>,
}

impl Layer for BuiltVisionTransformer {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let tokens = self.patches.on(ops, &x.x)?;
        let mut y = ops.dropout(&self.dropout.0, self.dropout.1, &tokens.x)?;
        let mut mixed = Vec::new();
        for block in &self.blocks {
            if self.mix.is_some() {
                mixed.push(y.clone());
            }
            y = block.on(ops, tokens.mask.as_ref(), &y)?;
        }
        let y = self.norm.on(ops, &y)?;
        let Some(mix) = &self.mix else { return Ok(tokens.with(y)) };
        mixed.push(y);
        Ok(tokens.with(mix.on(ops, &mixed)?))
    }
}

#[cfg(test)]
mod tests;
