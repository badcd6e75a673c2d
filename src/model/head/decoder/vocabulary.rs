//! Both ends of a decoder: tokens to embeddings, hidden vectors to guesses of the next token.

use candle_core::Tensor;

use crate::model::error::ModelResult;
use crate::model::kernel::embedding::embed;
use crate::model::kernel::vocabulary_loss::{
    VocabularyTargets, vocabulary_loss, vocabulary_mixture, vocabulary_scores,
};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// A table of embeddings, a projection to tokens, and the embedding a text begins with.
pub struct TokenProjection {
    name: String,
    /// `[size, width]`
    table: Parameter,
    /// `[width of hidden vectors, size]`; without it the table, transposed.
    projection: Option<Parameter>,
    /// `[size]`
    bias: Parameter,
    /// `[1, width]`
    begin: Parameter,
    size: usize,
}

impl TokenProjection {
    /// `own` names the weights that no other task has: the token a text begins with.
    pub fn build(
        name: &str,
        own: &str,
        size: usize,
        width: usize,
        hidden: usize,
        tied: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let scale = Init::Normal(1.0 / (width as f32).sqrt());
        let projection = match tied {
            true => None,
            false => {
                let name = format!("{name}.projection.weight");
                Some(weights.parameter(&name, &[hidden, size], Init::fan_in(hidden))?)
            }
        };
        let table = weights.parameter(&format!("{name}.embedding.weight"), &[size, width], scale.clone())?;
        let bias = weights.parameter(&format!("{name}.projection.bias"), &[size], Init::Zeros)?;
        let lent = weights.allow_sharing(false);
        let begin = weights.parameter(&format!("{own}.begin"), &[1, width], scale)?;
        weights.allow_sharing(lent);
        Ok(Self { name: name.to_owned(), table, projection, bias, begin, size })
    }

    /// The number that stands for the token before the first: one beyond the vocabulary.
    pub fn start_token(&self) -> u32 {
        self.size as u32
    }

    /// The embeddings `[rows, time, width]` that stand before each token of texts: the beginning, then every
    /// token but the last. `tokens` `[rows, time]`.
    pub fn before(&self, tokens: &Tensor) -> ModelResult<Tensor> {
        let (rows, time) = tokens.dims2()?;
        let width = self.table.var().dim(1)?;
        let begin = self.begin.tensor().unsqueeze(0)?.broadcast_as((rows, 1, width))?;
        if time == 1 {
            return Ok(begin.contiguous()?);
        }
        let rest = embed(&self.table.tensor(), &tokens.narrow(1, 0, time - 1)?.contiguous()?)?;
        Ok(Tensor::cat(&[&begin.contiguous()?, &rest], 1)?)
    }

    /// All embeddings and, last, the beginning: `[size + 1, width]`. Nothing is learned through them.
    pub fn embeddings<O: Ops>(&self, ops: &mut O) -> ModelResult<O::Value> {
        let [table, begin] = [&self.table, &self.begin].map(|weight| weight.var().as_detached_tensor());
        ops.constant_from_weights(
            &format!("{}.embedding.weight", self.name),
            &Tensor::cat(&[table, begin], 0)?,
        )
    }

    /// `[width of hidden vectors, size]`
    fn weight(&self) -> ModelResult<Tensor> {
        match &self.projection {
            Some(projection) => Ok(projection.tensor()),
            None => Ok(self.table.tensor().t()?),
        }
    }

    /// `[rows, size]` from hidden vectors `[rows, width]`.
    pub fn logits<O: Ops>(&self, ops: &mut O, h: &O::Value) -> ModelResult<O::Value> {
        let weight =
            ops.constant_from_weights(&format!("{}.projection.weight", self.name), &self.weight()?)?;
        let bias = ops.weight(&self.bias)?;
        let y = ops.matmul(h, &weight)?;
        ops.add(&y, &bias)
    }

    /// The mean cross entropy of the rows that count.
    pub fn loss(&self, h: &Tensor, truth: VocabularyTargets, smoothing: f32) -> ModelResult<Tensor> {
        Ok(vocabulary_loss(h, &self.weight()?, &self.bias.tensor(), truth, smoothing)?)
    }

    /// The vocabulary's part in a mixture with rivals, and what each row costs (see `vocabulary_mixture`).
    pub fn mixture(
        &self,
        h: &Tensor,
        truth: VocabularyTargets,
        sampled: &[f32],
    ) -> ModelResult<(Tensor, Vec<f32>)> {
        Ok(vocabulary_mixture(h, &self.weight()?, &self.bias.tensor(), truth, sampled)?)
    }

    /// What each row costs, and its likeliest token.
    pub fn scores(&self, h: &Tensor, truth: VocabularyTargets) -> ModelResult<Vec<(f32, u32)>> {
        Ok(vocabulary_scores(h, &self.weight()?, &self.bias.tensor(), truth)?)
    }
}
