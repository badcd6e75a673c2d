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

/// A learned vector for each token: the row of a table that the token names.
///
/// Rows begin normal with deviation 1 / sqrt(width), so that a vector's length is about 1; row 0, which our
/// tokenizers fill texts up with, begins at 0 and stays there, since nothing reads what stands behind a
/// text's end. Embeddings of one `tied` name share a table: that of an encoder and one of a task's head.
///
/// ```yaml
/// encoder: [{embedding: {width: 128}}, {lstm: 128}]
/// ```
///
/// With `vectors: {path: vectors.txt}` tokens begin with the vectors that a file has for them, such as those
/// of word2vec (Mikolov et al. 2013) or GloVe (Pennington et al. 2014); `frozen: true` keeps them so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// Length of a vector.
    pub width: Count,
    /// Leave the vectors as they begin? Default false.
    #[serde(default)]
    pub frozen: bool,
    /// Embeddings that say the same name here have one table in common; their width and vocabulary are
    /// alike. Default none.
    #[serde(default)]
    pub tied: Option<TieName>,
    /// Vectors that tokens begin with, as wide as `width`; a token without one begins at random. Default
    /// none.
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
        let known = self.tied.as_ref().and_then(|tied| weights.tied(tied.as_str()));
        let owner = match known {
            Some(table) => {
                if table.shape != shape {
                    let reason = format!(
                        "is tied to `{}`, whose table is {:?}, not {shape:?}",
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
            weights.wish(name, &owner, &vectors.path);
        }
        let table = weights.known(&owner).ok_or_else(|| candle_core::Error::msg("a table was not kept"))?;
        Ok(Box::new(Embedding { table: if self.frozen { table.fixed() } else { table } }))
    }
}

/// Rows of a table.
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

    fn spec(config: &str) -> LayerConfig {
        serde_json::from_str(config).unwrap()
    }

    fn tokens() -> Activations {
        let x = Tensor::new(&[[3u32, 1], [2, 0]], &Device::Cpu).unwrap();
        Activations { x, mask: Some(SequenceMask::from_lengths(vec![2, 1], 2, &Device::Cpu).unwrap()) }
    }

    #[test]
    fn the_pad_row_is_zero_and_others_have_length_one() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let tokens_of = Shape::Tokens { vocabulary: 40 };
        spec(r#"{"embedding": 100}"#).view().build("e", tokens_of, &mut weights).unwrap();
        let rows = host(&weights.iter().next().unwrap().var).unwrap();
        let lengths: Vec<f32> =
            rows.chunks(100).map(|row| row.iter().map(|x| x * x).sum::<f32>().sqrt()).collect();
        assert_eq!(lengths[0], 0.0);
        assert!(lengths[1..].iter().all(|length| (0.7..1.3).contains(length)), "{lengths:?}");
    }

    #[test]
    fn tied_ones_share_a_table_of_one_shape() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let tokens_of = Shape::Tokens { vocabulary: 4 };
        let config = spec(r#"{"embedding": {"width": 3, "tied": "words"}}"#);
        let one = config.view().build("a", tokens_of, &mut weights).unwrap();
        let other = config.view().build("b", tokens_of, &mut weights).unwrap();
        assert_eq!(weights.parameters(), 12);
        let through = |layer: &dyn crate::model::layer::Module| {
            host(&layer.forward(&tokens(), &Mode::evaluate()).unwrap().x).unwrap()
        };
        assert_eq!(through(&*one), through(&*other));
        let wider = config.view().build("c", Shape::Tokens { vocabulary: 5 }, &mut weights).err().unwrap();
        assert_eq!(wider.to_string(), "`c` is tied to `a.weight`, whose table is [4, 3], not [5, 3]");
    }

    #[test]
    fn vectors_are_asked_for_by_the_table_and_put_at_their_tokens() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let config = spec(
            r#"{"embedding": {"width": 2, "tied": "words", "frozen": true, "vectors": {"path": "v.txt"}}}"#,
        );
        config.view().build("a", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        config.view().build("b", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        let wishes: Vec<_> =
            weights.wishes().iter().map(|wish| [&wish.layer, &wish.weight, &wish.path]).collect();
        assert_eq!(wishes, [["a", "a.weight", "v.txt"], ["b", "a.weight", "v.txt"]]);
        let table = || host(&weights.iter().next().unwrap().var).unwrap();
        let before = table();
        weights.put_rows("a.weight", &[1, 3], &[5.0, 6.0, 7.0, 8.0]).unwrap();
        let expected = [&before[..2], &[5.0, 6.0], &before[4..6], &[7.0, 8.0]].concat();
        assert_eq!(table(), expected, "a token without a vector stays as it is");
        assert!(weights.put_rows("a.weight", &[4], &[5.0, 6.0]).is_err());
        assert!(weights.put_rows("b.weight", &[1], &[5.0, 6.0]).is_err());
    }

    #[test]
    fn a_frozen_one_is_kept_but_not_trained() {
        let mut weights = Weights::new(1, &Device::Cpu);
        let config = spec(r#"{"embedding": {"width": 3, "frozen": true}}"#);
        let layer = config.view().build("a", Shape::Tokens { vocabulary: 4 }, &mut weights).unwrap();
        assert_eq!((weights.parameters(), weights.iter().count()), (0, 1));
        let y = layer.forward(&tokens(), &Mode::evaluate()).unwrap().x;
        assert!(!y.track_op());
        assert_eq!(config.view().shape(Shape::vector(2)).unwrap_err(), "needs tokens, not [2]");
    }
}
