//! Training or evaluation mode.

use rand_chacha::ChaCha8Rng;

use crate::model::activations::Activations;
use crate::model::cut::CutPoints;
use crate::model::error::ModelResult;
use crate::model::random::{RandomPurpose, stream};

/// The mode of a forward pass: training (with dropout and batch statistics) or evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Mode<'a> {
    training: Option<RandomKey>,
    /// Whether this batch had a forward pass before.
    repeated: bool,
    /// Whether blocks are computed again by backward (gradient checkpointing).
    checkpoints: bool,
    /// Collects the points where the graph is cut.
    cuts: Option<&'a CutPoints>,
    /// The parts whose output is known: the inputs are what they computed.
    computed: &'a [String],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RandomKey {
    seed: u64,
    step: u64,
    epoch: usize,
    epochs: usize,
}

impl<'a> Mode<'a> {
    /// Evaluation: deterministic, and independent of other rows.
    pub fn evaluate() -> Self {
        Self { training: None, repeated: false, checkpoints: false, cuts: None, computed: &[] }
    }

    /// Training; random numbers depend only on the trial's seed, the step and the layer.
    pub fn train(seed: u64, step: u64) -> Self {
        let training = Some(RandomKey { seed, step, epoch: 0, epochs: 1 });
        Self { training, ..Self::evaluate() }
    }

    /// Sets the zero-based `epoch` and the number of `epochs`.
    pub fn in_epoch(self, epoch: usize, epochs: usize) -> Self {
        Self { training: self.training.map(|draw| RandomKey { epoch, epochs, ..draw }), ..self }
    }

    /// The zero-based epoch and the number of epochs; `None` in evaluation.
    pub fn epoch(&self) -> Option<(usize, usize)> {
        self.training.map(|draw| (draw.epoch, draw.epochs))
    }

    /// Another forward pass over the same batch: with the same dropout masks, and without an update of
    /// running statistics.
    pub fn repeated(self) -> Self {
        Self { repeated: true, ..self }
    }

    /// With gradient checkpointing, blocks do not keep their activations; backward computes them again.
    pub fn with_checkpoints(self, checkpoints: bool) -> Self {
        Self { checkpoints, ..self }
    }

    /// The mode in which backward computes a block again, with the same dropout masks; `None` without
    /// gradient checkpointing.
    pub fn recomputed(&self) -> Option<Mode<'static>> {
        let repeated = Mode { training: self.training, repeated: true, ..Mode::evaluate() };
        self.checkpoints.then_some(repeated)
    }

    /// Cuts the graph before every layer with weights; `cuts` collects the points.
    pub fn cut_by(self, cuts: Option<&'a CutPoints>) -> Self {
        Self { cuts, ..self }
    }

    /// Passes over these parts, by name: the inputs are what they computed.
    pub fn with_computed(self, computed: &'a [String]) -> Self {
        Self { computed, ..self }
    }

    /// Whether the output of this part is known.
    pub fn is_computed(&self, part: &str) -> bool {
        self.computed.iter().any(|computed| computed == part)
    }

    /// Detaches the graph at `x` if it is cut, so that backward runs in segments; otherwise returns `x`.
    pub fn detach(&self, x: &Activations) -> ModelResult<Activations> {
        match self.cuts {
            Some(cuts) => Ok(x.with(cuts.detach(&x.x)?)),
            None => Ok(x.clone()),
        }
    }

    /// Whether running statistics are updated by this batch.
    pub fn updates_statistics(&self) -> bool {
        !self.repeated
    }

    /// Whether dropout and batch statistics are active.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// Number of previous training steps; `None` in evaluation.
    pub fn step(&self) -> Option<u64> {
        self.training.map(|draw| draw.step)
    }

    /// The random stream of the layer `name` at this step; `None` in evaluation.
    pub fn random(&self, name: &str) -> Option<ChaCha8Rng> {
        let RandomKey { seed, step, .. } = self.training?;
        let mut random = stream(seed, RandomPurpose::Dropout, name);
        // 2^32 random words for each layer and step.
        random.set_word_pos(u128::from(step) << 32);
        Some(random)
    }
}
