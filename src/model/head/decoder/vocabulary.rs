//! Input and output of a decoder: token embeddings, and the projection of hidden vectors to tokens.

use candle_core::Tensor;

use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::pretrained_model::pretrained_model;
use crate::model::kernel::embedding::embed;
use crate::model::kernel::vocabulary_loss::{
    VocabularyTargets, vocabulary_loss, vocabulary_mixture, vocabulary_scores,
};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Token embeddings, the start embedding, and the projection to token logits.
pub struct TokenProjection {
    name: String,
    /// `[size, width]`
    table: Parameter,
    /// `[hidden, size]`; `None` if tied to the transposed table.
    projection: Option<Parameter>,
    /// `[size]`
    bias: Parameter,
    /// `[1, width]`
    begin: Parameter,
    size: usize,
}

impl TokenProjection {
    /// `task_name` prefixes the weight that is never shared: the start embedding.
    pub fn build(
        name: &str,
        task_name: &str,
        size: usize,
        width: usize,
        hidden: usize,
        tied: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let scale = Init::Normal(1.0 / (width as f32).sqrt());
        let projection = || {
            let name = format!("{name}.projection.weight");
            weights.parameter(&name, &[hidden, size], Init::fan_in(hidden))
        };
        let projection = (!tied).then(projection).transpose()?;
        let table = weights.parameter(&format!("{name}.embedding.weight"), &[size, width], scale.clone())?;
        let bias = weights.parameter(&format!("{name}.projection.bias"), &[size], Init::Zeros)?;
        let shareable = weights.allow_sharing(false);
        let begin = weights.parameter(&format!("{task_name}.begin"), &[1, width], scale)?;
        weights.allow_sharing(shareable);
        Ok(Self { name: name.to_owned(), table, projection, bias, begin, size })
    }

    /// Requests the values of the pretrained model whose decoder reads these embeddings.
    ///
    /// # Errors
    /// There is no such model, or it has fewer tokens than `size`.
    pub fn request_pretrained(
        name: &str,
        task_name: &str,
        size: usize,
        weights: &mut Weights,
    ) -> ModelResult<()> {
        let model = pretrained_model(task_name, weights)?;
        let vocabulary = model.decoder.vocabulary;
        if size > vocabulary {
            let reason = format!(
                "has embeddings of {vocabulary} tokens, and the tokenizer has {size}; use that of the \
                 same folder: `tokenizer: {{pretrained: ...}}`"
            );
            return Err(ModelError::Shape { part: task_name.to_owned(), reason });
        }
        let sources = model.decoder.table_sources(size);
        weights.request_pretrained(name, &model.folder, sources, model.prefix);
        weights.request_pretrained(
            task_name,
            &model.folder,
            vec![model.decoder.begin_source()],
            model.prefix,
        );
        Ok(())
    }

    /// Number of the start token: one beyond the vocabulary.
    pub fn start_token(&self) -> u32 {
        self.size as u32
    }

    /// The decoder's input embeddings `[batch, time, width]` for texts `[batch, time]`: the start embedding,
    /// then every token except the last.
    pub fn decoder_inputs(&self, tokens: &Tensor) -> ModelResult<Tensor> {
        let (rows, time) = tokens.dims2()?;
        let width = self.table.var().dim(1)?;
        let begin = self.begin.tensor().unsqueeze(0)?.broadcast_as((rows, 1, width))?;
        if time == 1 {
            return Ok(begin.contiguous()?);
        }
        let embedded = embed(&self.table.tensor(), &tokens.narrow(1, 0, time - 1)?.contiguous()?)?;
        Ok(Tensor::cat(&[&begin.contiguous()?, &embedded], 1)?)
    }

    /// All embeddings and, last, the start embedding: `[size + 1, width]`, detached from the graph.
    pub fn embeddings<O: Ops>(&self, ops: &mut O) -> ModelResult<O::Value> {
        let [table, begin] = [&self.table, &self.begin].map(|weight| weight.var().as_detached_tensor());
        ops.constant_from_weights(
            &format!("{}.embedding.weight", self.name),
            &Tensor::cat(&[table, begin], 0)?,
        )
    }

    /// The projection to logits, `[hidden, size]`.
    pub fn weight(&self) -> ModelResult<Tensor> {
        match &self.projection {
            Some(projection) => Ok(projection.tensor()),
            None => Ok(self.table.tensor().t()?),
        }
    }

    /// Logits `[batch, size]` of hidden vectors `[batch, hidden]`.
    pub fn logits<O: Ops>(&self, ops: &mut O, h: &O::Value) -> ModelResult<O::Value> {
        let weight =
            ops.constant_from_weights(&format!("{}.projection.weight", self.name), &self.weight()?)?;
        let bias = ops.weight(&self.bias)?;
        let y = ops.matmul(h, &weight)?;
        ops.add(&y, &bias)
    }

    /// The mean cross entropy over labelled rows.
    pub fn loss(&self, h: &Tensor, truth: VocabularyTargets, smoothing: f32) -> ModelResult<Tensor> {
        Ok(vocabulary_loss(h, &self.weight()?, &self.bias.tensor(), truth, smoothing)?)
    }

    /// The vocabulary's part of the loss of a mixture, and each row's loss; see [`vocabulary_mixture`].
    pub fn mixture(
        &self,
        h: &Tensor,
        truth: VocabularyTargets,
        other_scores: &[f32],
    ) -> ModelResult<(Tensor, Vec<f32>)> {
        Ok(vocabulary_mixture(h, &self.weight()?, &self.bias.tensor(), truth, other_scores)?)
    }

    /// Cross entropy and most likely token of each row.
    pub fn scores(&self, h: &Tensor, truth: VocabularyTargets) -> ModelResult<Vec<(f32, u32)>> {
        Ok(vocabulary_scores(h, &self.weight()?, &self.bias.tensor(), truth)?)
    }
}
