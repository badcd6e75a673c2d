//! What a network begins with instead of random numbers: what an earlier one learned, and vectors of words.

use std::path::Path;

use crate::domain::array::Values;
use crate::domain::vectors::WordVectors;
use crate::model::error::{Error, Result};
use crate::model::network::Network;
use crate::model::signal::Signal;
use crate::model::weights::Owner;

impl Network {
    /// Takes the weights whose names begin with one of `prefixes` from another network's file.
    pub fn start_from(&self, weights: &Path, prefixes: &[&str]) -> Result<()> {
        self.weights.load_part(weights, prefixes)
    }

    /// Weights whose names begin with `prefix` learn no more.
    pub fn freeze(&mut self, prefix: &str) {
        self.weights.freeze(prefix);
    }

    /// The signal, cut off from what gave it where no weight of these owners learns: nobody asks for gradients there.
    pub(super) fn cut(&self, given: Signal, gave: impl Fn(&Owner) -> bool) -> Signal {
        match self.weights.trainable().any(|weight| gave(&weight.owner)) {
            true => given,
            false => given.with(given.x.detach()),
        }
    }

    /// Puts vectors learned elsewhere wherever an embedding asks for such.
    pub fn begin_with(&self, vectors: &[WordVectors]) -> Result<()> {
        for wish in self.weights.wishes() {
            // Behind the encoders tokens stand only where they are the one input.
            let read = match &wish.owner {
                Owner::Input(name) => Some(name),
                Owner::Inputs | Owner::Body | Owner::Task(_) | Owner::Heads => {
                    self.signature.inputs.first().map(|input| &input.name)
                }
            };
            let found = vectors.iter().find(|one| Some(&one.input) == read && one.path == wish.path);
            let lacking = || Error::Vectors { part: wish.layer.clone(), path: wish.path.clone() };
            let found = found.ok_or_else(lacking)?;
            let (Values::U32(tokens), Values::F32(rows)) = (&found.tokens.values, &found.rows.values) else {
                return Err(lacking());
            };
            self.weights.put_rows(&wish.weight, tokens, rows)?;
        }
        Ok(())
    }
}
