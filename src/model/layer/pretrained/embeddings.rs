//! The embeddings that text encoders begin with.

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::transformer::norm::{Norm, NormKind};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::{Init, Parameter, Weights};

/// Shape of one row of a text encoder's output.
///
/// # Errors
/// Why it does not accept `input`, a phrase whose subject is the layer.
pub fn text_shape(input: Shape, vocabulary: usize, width: usize) -> ModelResult<Shape, String> {
    match input {
        Shape::Tokens { vocabulary: found } if found > vocabulary => Err(format!(
            "has embeddings of {vocabulary} tokens, and the input has {found}; use the tokenizer of the same \
             folder: `tokenizer: {{pretrained: ...}}`"
        )),
        Shape::Tokens { .. } => Ok(Shape::Sequence { width }),
        other => Err(format!("needs tokens, not {other}")),
    }
}

/// Settings of a text encoder's embeddings.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingOptions {
    /// Number of tokens.
    pub vocabulary: usize,
    /// Width of the tables.
    pub width: usize,
    /// Factor of the embeddings of tokens.
    pub token_scale: f64,
    /// Number of positions; 0: no table of positions.
    pub positions: usize,
    /// Whether sines and cosines of the positions are added: the sines first.
    pub is_sinusoidal: bool,
    /// Number of segments; 0: no table of segments.
    pub segments: usize,
    /// Kind of the norm.
    pub norm_kind: NormKind,
    /// Added to the variance in the norm; `None`: no norm.
    pub epsilon: Option<f64>,
    /// Dropout rate of the sum.
    pub dropout: f64,
    /// Width that the sum is projected to, after dropout; `None`: no projection.
    pub projected: Option<usize>,
}

/// Token, position and segment embeddings, added and normalized.
pub struct Embeddings {
    name: String,
    width: usize,
    /// `[vocabulary, width]`
    tokens: Parameter,
    token_scale: f64,
    /// `[positions, width]`
    positions: Option<Parameter>,
    is_sinusoidal: bool,
    /// `[segments, width]`
    segments: Option<Parameter>,
    has_one_segment: bool,
    norm: Option<Norm>,
    dropout: f64,
    projection: Option<Dense>,
}

impl Embeddings {
    /// Weights are named below `name`: `tokens`, `positions`, `segments`, `norm`, `projection`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, options: &EmbeddingOptions, weights: &mut Weights) -> ModelResult<Self> {
        let width = options.width;
        let part = |part: &str| format!("{name}.{part}");
        let mut table = |name: &str, rows: usize| {
            weights.parameter(&format!("{}.weight", part(name)), &[rows, width], Init::Normal(0.02))
        };
        let tokens = table("tokens", options.vocabulary)?;
        let mut table_of = |name: &str, rows: usize| match rows {
            0 => Ok(None),
            rows => table(name, rows).map(Some),
        };
        let positions = table_of("positions", options.positions)?;
        let segments = table_of("segments", options.segments)?;
        let kind = options.norm_kind;
        let norm = options.epsilon.map(|epsilon| Norm::build(kind, &part("norm"), width, epsilon, weights));
        let norm = norm.transpose()?;
        let projected = options.projected;
        let projection = projected.map(|to| Dense::projection(&part("projection"), width, to, weights));
        let projection = projection.transpose()?;
        let &EmbeddingOptions { token_scale, is_sinusoidal, dropout, .. } = options;
        let name = part("drop");
        Ok(Self {
            name,
            width,
            tokens,
            token_scale,
            positions,
            is_sinusoidal,
            segments,
            has_one_segment: options.segments == 1,
            norm,
            dropout,
            projection,
        })
    }

    /// Token ids `[batch, time]` to `[batch, time, width]`. Tokens are of the segments that the mask holds,
    /// else, and in a model of one segment such as RoBERTa, all of the first.
    ///
    /// # Errors
    /// Those of the operations, such as more steps than positions, or a segment without an embedding.
    pub fn on<O: Ops>(&self, ops: &mut O, tokens: &Activations<O::Value>) -> ModelResult<O::Value> {
        let mut x = ops.embedding(&self.tokens, &tokens.x)?;
        if self.token_scale != 1.0 {
            x = ops.scale(&x, self.token_scale)?;
        }
        let positions = match &self.positions {
            Some(table) => Some(ops.learned_positions(&x, table)?),
            None if self.is_sinusoidal => Some(ops.sinusoids(&x, &frequencies(self.width))?),
            None => None,
        };
        let of_tokens = tokens.mask.as_ref().and_then(|mask| mask.segments.as_ref());
        let of_tokens = of_tokens.filter(|_| !self.has_one_segment);
        let first = match (&self.segments, of_tokens) {
            (Some(table), Some(segments)) => {
                let segments = ops.embedding(table, segments)?;
                x = ops.add(&x, &segments)?;
                None
            }
            (Some(table), None) => {
                let table = ops.weight(table)?;
                Some(ops.narrow(&table, 0, 0, 1)?)
            }
            (None, _) => None,
        };
        let added = match (positions, first) {
            (Some(positions), Some(first)) => Some(ops.add(&positions, &first)?),
            (positions, first) => positions.or(first),
        };
        let mut x = match added {
            Some(added) => ops.add(&x, &added)?,
            None => x,
        };
        if let Some(norm) = &self.norm {
            x = norm.on(ops, &x)?;
        }
        let x = ops.dropout(&self.name, self.dropout, &x)?;
        match &self.projection {
            Some(projection) => projection.on(ops, &x),
            None => Ok(x),
        }
    }
}

/// The frequencies of sinusoidal positions of `width` columns, 10000^(-2 i / width).
pub fn frequencies(width: usize) -> Vec<f64> {
    (0..width / 2).map(|i| 10_000f64.powf(-2.0 * i as f64 / width as f64)).collect()
}
