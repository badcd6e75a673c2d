//! What a network begins with instead of random numbers: what an earlier one learned, and vectors of words.

use std::path::Path;

use crate::domain::array::ArrayValues;
use crate::domain::vectors::WordVectors;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::network::Network;
use crate::model::weights::WeightOwner;

impl Network {
    /// Takes the weights whose names begin with one of `prefixes` from another network's file.
    pub fn start_from(&self, weights: &Path, prefixes: &[&str]) -> ModelResult<()> {
        self.weights.load_part(weights, prefixes)
    }

    /// Weights whose names begin with `prefix` learn no more.
    pub fn freeze(&mut self, prefix: &str) {
        self.weights.freeze(prefix);
    }

    /// The signal, cut off from what gave it where no weight of these owners learns: nobody asks for
    /// gradients there.
    pub(super) fn detach(&self, given: Activations, gave: impl Fn(&WeightOwner) -> bool) -> Activations {
        match self.weights.trainable().any(|weight| gave(&weight.owner)) {
            true => given,
            false => given.with(given.x.detach()),
        }
    }

    /// Puts vectors learned elsewhere wherever an embedding asks for such.
    pub fn begin_with(&self, vectors: &[WordVectors]) -> ModelResult<()> {
        for wish in self.weights.wishes() {
            // Behind the encoders tokens stand only where they are the one input.
            let read = match &wish.owner {
                WeightOwner::Input(name) => Some(name),
                WeightOwner::Inputs | WeightOwner::Body | WeightOwner::Task(_) | WeightOwner::Heads => {
                    self.signature.inputs.first().map(|input| &input.name)
                }
            };
            let result = vectors.iter().find(|one| Some(&one.input) == read && one.path == wish.path);
            let lacking = || ModelError::Vectors { part: wish.layer.clone(), path: wish.path.clone() };
            let result = result.ok_or_else(lacking)?;
            let (ArrayValues::U32(tokens), ArrayValues::F32(rows)) =
                (&result.tokens.values, &result.rows.values)
            else {
                return Err(lacking());
            };
            self.weights.put_rows(&wish.weight, tokens, rows)?;
        }
        Ok(())
    }
}
