//! Both ends of a decoder: tokens to embeddings, hidden vectors to guesses of the next token.

use candle_core::{Tensor, Var};

use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::embedding::embed;
use crate::model::kernel::vocabulary_loss::{Truth, vocabulary_loss, vocabulary_mixture, vocabulary_scores};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A table of embeddings, a projection to tokens, and the embedding a text begins with.
pub struct Vocabulary {
    name: String,
    /// `[size, width]`
    table: Var,
    /// `[width of hidden vectors, size]`; without it the table, transposed.
    projection: Option<Var>,
    /// `[size]`
    bias: Var,
    /// `[1, width]`
    begin: Var,
    size: usize,
}

impl Vocabulary {
    /// `own` names the weights that no other task has: the token a text begins with.
    pub fn build(
        name: &str,
        own: &str,
        size: usize,
        width: usize,
        hidden: usize,
        tied: bool,
        weights: &mut Weights,
    ) -> Result<Self> {
        let scale = Init::Normal(1.0 / (width as f32).sqrt());
        let projection = match tied {
            true => None,
            false => {
                let name = format!("{name}.projection.weight");
                Some(weights.variable(&name, &[hidden, size], Init::fan_in(hidden))?)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            table: weights.variable(&format!("{name}.embedding.weight"), &[size, width], scale.clone())?,
            projection,
            bias: weights.variable(&format!("{name}.projection.bias"), &[size], Init::Zeros)?,
            begin: weights.variable(&format!("{own}.begin"), &[1, width], scale)?,
            size,
        })
    }

    /// The number that stands for the token before the first: one beyond the vocabulary.
    pub fn begin(&self) -> u32 {
        self.size as u32
    }

    /// The embeddings `[rows, time, width]` that stand before each token of texts: the beginning, then every
    /// token but the last. `tokens` `[rows, time]`.
    pub fn before(&self, tokens: &Tensor) -> Result<Tensor> {
        let (rows, time) = tokens.dims2()?;
        let width = self.table.dim(1)?;
        let begin = self.begin.unsqueeze(0)?.broadcast_as((rows, 1, width))?;
        if time == 1 {
            return Ok(begin.contiguous()?);
        }
        let rest = embed(&self.table, &tokens.narrow(1, 0, time - 1)?.contiguous()?)?;
        Ok(Tensor::cat(&[&begin.contiguous()?, &rest], 1)?)
    }

    /// All embeddings and, last, the beginning: `[size + 1, width]`.
    pub fn all(&self) -> Result<Tensor> {
        Ok(Tensor::cat(&[self.table.as_detached_tensor(), self.begin.as_detached_tensor()], 0)?)
    }

    /// `[width of hidden vectors, size]`
    fn weight(&self) -> Result<Tensor> {
        match &self.projection {
            Some(projection) => Ok(projection.as_tensor().clone()),
            None => Ok(self.table.t()?),
        }
    }

    /// `[rows, size]` from hidden vectors `[rows, width]`.
    pub fn logits(&self, h: &Tensor) -> Result<Tensor> {
        Ok(h.matmul(&self.weight()?)?.broadcast_add(&self.bias)?)
    }

    /// The mean cross entropy of the rows that count.
    pub fn loss(&self, h: &Tensor, truth: Truth, smoothing: f32) -> Result<Tensor> {
        Ok(vocabulary_loss(h, &self.weight()?, &self.bias, truth, smoothing)?)
    }

    /// The vocabulary's part in a mixture with rivals, and what each row costs (see `vocabulary_mixture`).
    pub fn mixture(&self, h: &Tensor, truth: Truth, rivals: &[f32]) -> Result<(Tensor, Vec<f32>)> {
        Ok(vocabulary_mixture(h, &self.weight()?, &self.bias, truth, rivals)?)
    }

    /// What each row costs, and its likeliest token.
    pub fn scores(&self, h: &Tensor, truth: Truth) -> Result<Vec<(f32, u32)>> {
        Ok(vocabulary_scores(h, &self.weight()?, &self.bias, truth)?)
    }

    /// Embeddings `[rows, width]` of tokens `[rows]`.
    pub fn emit_embedding(&self, graph: &mut Graph, tokens: &Value) -> Result<Value> {
        let table = constant(graph, &format!("{}.embedding.weight", self.name), &self.all()?)?;
        Ok(operator::gather(graph, &table, tokens, 0))
    }

    pub fn emit_logits(&self, graph: &mut Graph, h: &Value) -> Result<Value> {
        let weight = self.weight()?.contiguous()?;
        let weight = constant(graph, &format!("{}.projection.weight", self.name), &weight)?;
        let bias = constant(graph, &format!("{}.projection.bias", self.name), &self.bias)?;
        Ok(operator::dense(graph, h, &weight, Some(&bias)))
    }
}
