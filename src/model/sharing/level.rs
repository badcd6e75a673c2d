//! One level of experts: each reads its stream, and each stream that goes on has a gate that mixes what
//! some of them give.
//!
//! A stream is a task, or the shared one, which belongs to none.

mod build;
mod mixer;

use candle_core::{D, Tensor};

use crate::domain::event::SourceShare;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, BackendValue};
use crate::model::error::ModelResult;
use crate::model::layer::stack::Stack;
use crate::model::ops::{ExpertMixing, Ops};
use crate::model::part::NetworkPart;
use crate::model::sharing::gate::GateInput;
pub use crate::model::sharing::level::build::{ExpertScope, GateSet, LevelConfig};
use crate::model::sharing::level::mixer::Mixer;
use crate::model::weights::host;

/// The streams by name; behind them stands the shared one.
pub struct ExpertLevel {
    experts: Vec<Expert>,
    /// By stream; none of one that does not go on.
    mixers: Vec<Option<Mixer>>,
    gate_input: GateInput,
    output: Shape,
    unit: String,
    part: NetworkPart,
}

struct Expert {
    stream: usize,
    /// For people: `shared 2`.
    label: String,
    layers: Stack,
}

/// What a level makes of its streams, by stream.
pub struct LevelStep<V: BackendValue> {
    /// What those that go on hold next.
    pub held: Vec<Option<Activations<V>>>,
    /// What their gates said.
    pub shares: Vec<Option<V>>,
}

impl ExpertLevel {
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Which streams must be known for these to go on.
    pub fn reads(&self, wanted: &[usize]) -> Vec<usize> {
        let experts = self.needs(wanted);
        let stream = |stream: &usize| {
            wanted.contains(stream) || experts.iter().any(|at| self.experts[*at].stream == *stream)
        };
        (0..self.mixers.len()).filter(stream).collect()
    }

    /// The experts that are mixed for these streams.
    fn needs(&self, wanted: &[usize]) -> Vec<usize> {
        let mixers: Vec<&Mixer> = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref()).collect();
        (0..self.experts.len()).filter(|at| mixers.iter().any(|mixer| mixer.over.contains(at))).collect()
    }

    /// From what the streams hold to what the `wanted` ones hold next.
    pub fn compute<O: Ops>(
        &self,
        ops: &mut O,
        streams: &[Option<Activations<O::Value>>],
        wanted: &[usize],
    ) -> ModelResult<LevelStep<O::Value>> {
        let mut outputs: Vec<Option<Activations<O::Value>>> = vec![None; self.experts.len()];
        for at in self.needs(wanted) {
            let expert = &self.experts[at];
            if let Some(x) = &streams[expert.stream] {
                outputs[at] = Some(expert.layers.compute(ops, x)?.end);
            }
        }
        let count = self.mixers.len();
        let mut next = LevelStep { held: vec![None; count], shares: vec![None; count] };
        // Mostly all gates mix the same experts: those are put side by side once.
        let (mut last, mut beside): (&[usize], Option<O::Value>) = (&[], None);
        for stream in wanted {
            let (Some(mixer), Some(x)) = (&self.mixers[*stream], &streams[*stream]) else { continue };
            let Some(like) = mixer.over.first().and_then(|at| outputs[*at].clone()) else { continue };
            ops.scope(&mixer.name);
            let shares = mixer.shares(ops, &self.gate_input, x)?;
            if last != mixer.over {
                (last, beside) = (&mixer.over, None);
            }
            let experts =
                mixer.over.iter().filter_map(|at| outputs[*at].as_ref().map(|outputs| outputs.x.clone()));
            let experts: Vec<O::Value> = experts.collect();
            let mixed = ops.mix_experts(&shares, &experts, &mut beside, self.mixing(mixer))?;
            next.held[*stream] = Some(like.with(mixed));
            next.shares[*stream] = Some(shares);
        }
        Ok(next)
    }

    fn mixing(&self, mixer: &Mixer) -> ExpertMixing {
        let rank = match self.output {
            Shape::Vector { .. } | Shape::Tokens { .. } => 2,
            Shape::Sequence { .. } => 3,
            Shape::Image { .. } => 4,
        };
        ExpertMixing {
            rank,
            axis: if self.gate_input.is_stepped { 2 } else { 1 },
            one_row_for_all: mixer.gate.is_alike(),
        }
    }

    /// The means of the gates' shares over rows, or over real steps, of what the streams held before.
    pub fn seen(
        &self,
        streams: &[Option<Activations>],
        shares: &[Option<Tensor>],
    ) -> ModelResult<Vec<SourceShare>> {
        let mut seen = Vec::new();
        for (mixer, (x, shares)) in self.mixers.iter().zip(streams.iter().zip(shares)) {
            let (Some(mixer), Some(x), Some(shares)) = (mixer, x, shares) else { continue };
            let mean = match x.mask.as_ref().filter(|_| self.gate_input.is_stepped) {
                Some(mask) => {
                    let real = mask.steps.reshape((1, ()))?;
                    real.matmul(shares)?.broadcast_div(&real.sum_keepdim(D::Minus1)?)?
                }
                None => shares.mean(0)?,
            };
            for (at, value) in mixer.over.iter().zip(host(&mean)?) {
                let (unit, reader) = (self.unit.clone(), mixer.reader.clone());
                let source = self.experts[*at].label.clone();
                seen.push(SourceShare { reader, unit, source, value: f64::from(value) });
            }
        }
        Ok(seen)
    }

    /// Do these streams depend on the weight of this name, as far as it is this level's?
    pub fn uses(&self, wanted: &[usize], weight: &str) -> bool {
        let owned = |at: &usize| self.experts[*at].layers.parts().iter().any(|part| part.owns(weight));
        let mut mixers = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref());
        self.needs(wanted).iter().any(owned) || mixers.any(|mixer| mixer.uses(weight))
    }

    /// What the gates of these streams add to the joint loss.
    pub fn penalties(&self, wanted: &[usize]) -> ModelResult<Vec<Tensor>> {
        let mixers = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref());
        mixers.filter_map(|mixer| mixer.gate.penalty().transpose()).collect()
    }

    pub fn parts(&self) -> impl Iterator<Item = &NetworkPart> {
        self.experts.iter().flat_map(|expert| expert.layers.parts()).chain([&self.part])
    }
}
