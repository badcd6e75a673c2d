//! Initial weights other than random ones: weights of an earlier run, and pretrained word vectors.

use std::path::Path;

use crate::domain::array::ArrayValues;
use crate::domain::vectors::WordVectors;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::network::Network;
use crate::model::weights::{Weight, WeightOwner};

impl Network {
    /// Loads the weights whose name has one of these prefixes from another network's file.
    pub fn load_warm_start(&self, weights: &Path, prefixes: &[&str]) -> ModelResult<()> {
        self.weights.load_part(weights, prefixes)
    }

    /// Freezes the weights whose name has this prefix.
    pub fn freeze(&mut self, prefix: &str) {
        self.freeze_weights(|weight| weight.name.starts_with(prefix));
    }

    /// Freezes the weights that `selects` chooses: they are not trained, and nothing is differentiated below
    /// the first weight that is.
    pub fn freeze_weights(&mut self, selects: impl Fn(&Weight) -> bool) {
        self.weights.freeze(selects);
    }

    /// Detaches `x` if all weights that it was computed from are frozen: no gradients are needed there.
    /// `contributed` selects the owners of these weights.
    pub(super) fn detach(&self, x: Activations, contributed: impl Fn(&WeightOwner) -> bool) -> Activations {
        match self.weights.trainable().any(|weight| contributed(&weight.owner)) {
            true => x,
            false => x.with(x.x.detach()),
        }
    }

    /// Initializes embeddings with the pretrained vectors that they request.
    ///
    /// # Errors
    /// [`ModelError::Vectors`] if requested vectors are not among `vectors`.
    pub fn set_pretrained_vectors(&self, vectors: &[WordVectors]) -> ModelResult<()> {
        for request in self.weights.vector_requests() {
            // Tokens leave the encoders only if they are the only input.
            let input = match &request.owner {
                WeightOwner::Input(name) => Some(name),
                WeightOwner::Inputs | WeightOwner::Body | WeightOwner::Task(_) | WeightOwner::Heads => {
                    self.signature.inputs.first().map(|input| &input.name)
                }
            };
            let pretrained = vectors.iter().find(|one| Some(&one.input) == input && one.path == request.path);
            let missing = || ModelError::Vectors { part: request.layer.clone(), path: request.path.clone() };
            let pretrained = pretrained.ok_or_else(missing)?;
            let (ArrayValues::U32(tokens), ArrayValues::F32(rows)) =
                (&pretrained.tokens.values, &pretrained.rows.values)
            else {
                return Err(missing());
            };
            self.weights.set_rows(&request.weight, tokens, rows)?;
        }
        Ok(())
    }
}
