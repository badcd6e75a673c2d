//! The layer `embedding`: see [`EmbeddingConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TieName;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::domain::vectors::VectorsConfig;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Embedding: a trained vector per token.
///
/// Vectors are initialized from N(0, 1 / width), so that they have norm about 1. Row 0, the padding token of
/// our tokenizers, is 0 and stays 0, since padded steps get no gradients. Embeddings with the same `tied`
/// name share one table, for example those of an encoder and of a task's head.
///
/// ```yaml
/// encoder: [{embedding: {width: 128}}, {lstm: 128}]
/// ```
///
/// `vectors: {path: vectors.txt}` initializes the tokens with pretrained vectors from a file, such as
/// word2vec (Mikolov et al. 2013) or GloVe (Pennington et al. 2014); `frozen: true` does not train them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// Dimension of the vectors.
    pub width: Count,
    /// Whether to freeze the vectors. Default false.
    #[serde(default)]
    pub frozen: bool,
    /// Embeddings with the same name share one table; they must have the same width and vocabulary. Default
    /// none.
    #[serde(default)]
    pub tied: Option<TieName>,
    /// Pretrained vectors of dimension `width`; tokens without one are initialized randomly. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<VectorsConfig>,
}

impl Settings for EmbeddingConfig {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{embedding: {width: 128}}";
}

impl BuildLayer for EmbeddingConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Tokens { .. } => Ok(Shape::Sequence { width: self.width.get() }),
            other => Err(format!("needs tokens, not {other}")),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let Shape::Tokens { vocabulary } = input else {
            let reason = format!("needs tokens, not {input}");
            return Err(ModelError::Shape { part: name.to_owned(), reason });
        };
        let width = self.width.get();
        let shape = [vocabulary, width];
        let shared = self.tied.as_ref().and_then(|tied| weights.tied(tied.as_str()));
        let table = match shared {
            Some(table) => {
                if table.shape != shape {
                    let reason = format!(
                        "is tied to `{}` of shape {:?}, but needs {shape:?}",
                        table.name, table.shape
                    );
                    return Err(ModelError::Shape { part: name.to_owned(), reason });
                }
                table.name.clone()
            }
            None => {
                let own = format!("{name}.weight");
                let count = vocabulary.saturating_mul(width);
                let mut rows = weights.draw(&own, count, &Init::Normal(1.0 / (width as f32).sqrt()));
                rows.iter_mut().take(width).for_each(|number| *number = 0.0);
                match self.frozen {
                    true => weights.buffer(&own, &shape, Init::Given(rows))?,
                    false => weights.variable(&own, &shape, Init::Given(rows))?,
                };
                if let Some(tied) = &self.tied {
                    weights.tie(tied.as_str(), &own);
                }
                own
            }
        };
        if let Some(vectors) = &self.vectors {
            weights.request_vectors(name, &table, &vectors.path);
        }
        let table =
            weights.existing(&table).ok_or_else(|| candle_core::Error::msg("missing embedding table"))?;
        Ok(Box::new(Embedding { table: if self.frozen { table.detached() } else { table } }))
    }
}

/// A built embedding.
struct Embedding {
    /// `[vocabulary, width]`
    table: Parameter,
}

impl Layer for Embedding {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(ops.embedding(&self.table, &x.x)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, SequenceMask};
    use crate::model::layer::LayerConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::{Weights, host};

    fn layer_config(json: &str) -> LayerConfig {
        serde_json::from_str(json).unwrap()
    }

    fn tokens() -> Activations {
        let x = Tensor::new(&[[3u32, 1], [2, 0]], &Device::Cpu).unwrap();
        Activations { x, mask: Some(SequenceMask::from_lengths(vec![2, 1], 2, &Device::Cpu).unwrap()) }
    }

    #[test]
    fn the_padding_row_is_zero_and_others_have_norm_one() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let tokens_of = Shape::Tokens { vocabulary: 40 };
        layer_config(r#"{"embedding": 100}"#).view().build("e", tokens_of, &mut weights).unwrap();
        let rows = host(&weights.iter().next().unwrap().var).unwrap();
        let norms: Vec<f32> =
            rows.chunks(100).map(|row| row.iter().map(|x| x * x).sum::<f32>().sqrt()).collect();
        assert_eq!(norms[0], 0.0);
        assert!(norms[1..].iter().all(|norm| (0.7..1.3).contains(norm)), "{norms:?}");
    }

    #[test]
    fn tied_embeddings_share_a_table() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let tokens_of = Shape::Tokens { vocabulary: 4 };
        let config = layer_config(r#"{"embedding": {"width": 3, "tied": "words"}}"#);
        let one = config.view().build("a", tokens_of, &mut weights).unwrap();
        let other = config.view().build("b", tokens_of, &mut weights).unwrap();
        assert_eq!(weights.parameters(), 12);
        let forward = |layer: &dyn crate::model::layer::Module| {
            host(&layer.forward(&tokens(), &Mode::evaluate()).unwrap().x).unwrap()
        };
        assert_eq!(forward(&*one), forward(&*other));
        let wider = config.view().build("c", Shape::Tokens { vocabulary: 5 }, &mut weights).err().unwrap();
        assert_eq!(wider.to_string(), "`c` is tied to `a.weight` of shape [4, 3], but needs [5, 3]");
    }

    #[test]
    fn pretrained_vectors_are_requested_and_set() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let config = layer_config(
            r#"{"embedding": {"width": 2, "tied": "words", "frozen": true, "vectors": {"path": "v.txt"}}}"#,
        );
        config.view().build("a", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        config.view().build("b", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        let requests: Vec<_> =
            weights.vector_requests().iter().map(|one| [&one.layer, &one.weight, &one.path]).collect();
        assert_eq!(requests, [["a", "a.weight", "v.txt"], ["b", "a.weight", "v.txt"]]);
        let table = || host(&weights.iter().next().unwrap().var).unwrap();
        let before = table();
        weights.set_rows("a.weight", &[1, 3], &[5.0, 6.0, 7.0, 8.0]).unwrap();
        let expected = [&before[..2], &[5.0, 6.0], &before[4..6], &[7.0, 8.0]].concat();
        assert_eq!(table(), expected, "a token without a vector does not change");
        assert!(weights.set_rows("a.weight", &[4], &[5.0, 6.0]).is_err());
        assert!(weights.set_rows("b.weight", &[1], &[5.0, 6.0]).is_err());
    }

    #[test]
    fn a_frozen_embedding_is_not_trained() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let config = layer_config(r#"{"embedding": {"width": 3, "frozen": true}}"#);
        let layer = config.view().build("a", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        assert_eq!((weights.parameters(), weights.iter().count()), (0, 1));
        let y = layer.forward(&tokens(), &Mode::evaluate()).unwrap().x;
        assert!(!y.track_op());
        assert_eq!(config.view().shape(Shape::vector(2)).unwrap_err(), "needs tokens, not [2]");
    }
}
