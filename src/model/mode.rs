//! Whether a network learns or answers.

use rand_chacha::ChaCha8Rng;

use crate::model::activations::Activations;
use crate::model::cut::CutPoints;
use crate::model::error::ModelResult;
use crate::model::random::{RandomPurpose, stream};

/// Learning (dropout drops, batch norm looks at the batch) or answering.
#[derive(Clone, Copy, Debug)]
pub struct Mode<'a> {
    training: Option<RandomKey>,
    /// Is it a second look at a batch that was learned from?
    again: bool,
    /// Where the points are kept at which the way back is interrupted.
    cuts: Option<&'a CutPoints>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RandomKey {
    seed: u64,
    step: u64,
    epoch: usize,
    epochs: usize,
}

impl<'a> Mode<'a> {
    /// Answering: deterministic, row by row.
    pub fn evaluate() -> Self {
        Self { training: None, again: false, cuts: None }
    }

    /// Learning; what dropout drops depends on the trial's seed, the step and the layer only.
    pub fn train(seed: u64, step: u64) -> Self {
        Self { training: Some(RandomKey { seed, step, epoch: 0, epochs: 1 }), again: false, cuts: None }
    }

    /// Learning in this one of so many epochs, counting from 0.
    pub fn in_epoch(self, epoch: usize, epochs: usize) -> Self {
        Self { training: self.training.map(|draw| RandomKey { epoch, epochs, ..draw }), ..self }
    }

    /// The epoch, counting from 0, and how many there will be; `None` when answering.
    pub fn epoch(&self) -> Option<(usize, usize)> {
        self.training.map(|draw| (draw.epoch, draw.epochs))
    }

    /// A second look at the same batch: what dropout drops stays the same, and running statistics are left
    /// alone.
    pub fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// The way back is interrupted before every layer with weights, and the points are kept there.
    pub fn cut_by(self, cuts: Option<&'a CutPoints>) -> Self {
        Self { cuts, ..self }
    }

    /// A signal as what comes next reads it, where the way back is interrupted.
    pub fn detach(&self, given: &Activations) -> ModelResult<Activations> {
        match self.cuts {
            Some(cuts) => Ok(given.with(cuts.detach(&given.x)?)),
            None => Ok(given.clone()),
        }
    }

    /// May running statistics follow this batch?
    pub fn is_first_look(&self) -> bool {
        !self.again
    }

    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// How many training steps there were before; `None` when answering.
    pub fn step(&self) -> Option<u64> {
        self.training.map(|draw| draw.step)
    }

    /// The random stream of the layer called `name` at this step; `None` when answering.
    pub fn random(&self, name: &str) -> Option<ChaCha8Rng> {
        let RandomKey { seed, step, .. } = self.training?;
        let mut random = stream(seed, RandomPurpose::Dropout, name);
        // 2^32 words for each layer and step.
        random.set_word_pos(u128::from(step) << 32);
        Some(random)
    }
}
