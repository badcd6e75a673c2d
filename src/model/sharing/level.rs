//! One level of a mixture of experts: the experts read their stream, and the gate of each stream mixes the
//! outputs of some of the experts.
//!
//! There is one stream per task and a shared stream, which belongs to no task.

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

/// The streams are indexed by task; the last one is the shared stream.
pub struct ExpertLevel {
    experts: Vec<Expert>,
    /// By stream; `None` for a shared stream that ends at this level.
    mixers: Vec<Option<Mixer>>,
    gate_input: GateInput,
    output: Shape,
    /// The name of the level in reports.
    unit: String,
    part: NetworkPart,
}

struct Expert {
    stream: usize,
    /// The name in reports, such as `shared 2`.
    label: String,
    layers: Stack,
}

/// The output of a level, by stream.
pub struct LevelStep<V: BackendValue> {
    /// The new value of each requested stream.
    pub outputs: Vec<Option<Activations<V>>>,
    /// The shares that its gate computed.
    pub shares: Vec<Option<V>>,
}

impl ExpertLevel {
    /// The shape of every stream after this level.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// The streams that must be known to compute `streams`.
    pub fn required_streams(&self, streams: &[usize]) -> Vec<usize> {
        let experts = self.experts_of(streams);
        let is_required = |stream: &usize| {
            streams.contains(stream) || experts.iter().any(|expert| self.experts[*expert].stream == *stream)
        };
        (0..self.mixers.len()).filter(is_required).collect()
    }

    /// The experts that are mixed for these streams.
    fn experts_of(&self, streams: &[usize]) -> Vec<usize> {
        let mixers: Vec<&Mixer> = self.mixers_of(streams).collect();
        let is_mixed = |expert: &usize| mixers.iter().any(|mixer| mixer.experts.contains(expert));
        (0..self.experts.len()).filter(is_mixed).collect()
    }

    fn mixers_of(&self, streams: &[usize]) -> impl Iterator<Item = &Mixer> {
        streams.iter().filter_map(|stream| self.mixers[*stream].as_ref())
    }

    /// Computes the new values of the `requested` streams from the current values of `streams`.
    pub fn compute<O: Ops>(
        &self,
        ops: &mut O,
        streams: &[Option<Activations<O::Value>>],
        requested: &[usize],
    ) -> ModelResult<LevelStep<O::Value>> {
        let mut expert_outputs: Vec<Option<Activations<O::Value>>> = vec![None; self.experts.len()];
        for index in self.experts_of(requested) {
            let expert = &self.experts[index];
            if let Some(x) = &streams[expert.stream] {
                expert_outputs[index] = Some(expert.layers.compute(ops, x)?.end);
            }
        }
        let count = self.mixers.len();
        let mut step = LevelStep { outputs: vec![None; count], shares: vec![None; count] };
        // Most gates mix the same experts, whose outputs are then stacked only once.
        let (mut stacked_experts, mut stacked): (&[usize], Option<O::Value>) = (&[], None);
        for stream in requested {
            let (Some(mixer), Some(x)) = (&self.mixers[*stream], &streams[*stream]) else { continue };
            let first = mixer.experts.first().and_then(|expert| expert_outputs[*expert].clone());
            let Some(first) = first else { continue };
            ops.scope(&mixer.name);
            let shares = mixer.shares(ops, &self.gate_input, x)?;
            if stacked_experts != mixer.experts {
                (stacked_experts, stacked) = (&mixer.experts, None);
            }
            let values = mixer.experts.iter().filter_map(|expert| expert_outputs[*expert].as_ref());
            let values: Vec<O::Value> = values.map(|output| output.x.clone()).collect();
            let mixed = ops.mix_experts(&shares, &values, &mut stacked, self.mixing(mixer))?;
            step.outputs[*stream] = Some(first.with(mixed));
            step.shares[*stream] = Some(shares);
        }
        Ok(step)
    }

    /// How the shares of a gate apply to the outputs of the experts.
    fn mixing(&self, mixer: &Mixer) -> ExpertMixing {
        let rank = match self.output {
            Shape::Vector { .. } | Shape::Tokens { .. } => 2,
            Shape::Sequence { .. } => 3,
            Shape::Image { .. } => 4,
        };
        ExpertMixing {
            rank,
            gate_rank: if self.gate_input.is_per_step { 2 } else { 1 },
            is_static: mixer.gate.is_static(),
        }
    }

    /// The gates' shares, averaged over rows or valid time steps; `streams` are the values before the level.
    pub fn mean_shares(
        &self,
        streams: &[Option<Activations>],
        shares: &[Option<Tensor>],
    ) -> ModelResult<Vec<SourceShare>> {
        let mut sources = Vec::new();
        for (mixer, (x, shares)) in self.mixers.iter().zip(streams.iter().zip(shares)) {
            let (Some(mixer), Some(x), Some(shares)) = (mixer, x, shares) else { continue };
            let mean = match x.mask.as_ref().filter(|_| self.gate_input.is_per_step) {
                Some(mask) => {
                    let valid = mask.steps.reshape((1, ()))?;
                    valid.matmul(shares)?.broadcast_div(&valid.sum_keepdim(D::Minus1)?)?
                }
                None => shares.mean(0)?,
            };
            for (expert, value) in mixer.experts.iter().zip(host(&mean)?) {
                let (unit, reader) = (self.unit.clone(), mixer.reader.clone());
                let source = self.experts[*expert].label.clone();
                sources.push(SourceShare { reader, unit, source, value: f64::from(value) });
            }
        }
        Ok(sources)
    }

    /// Do these streams depend on the weight of this name, if it belongs to this level?
    pub fn uses(&self, streams: &[usize], weight: &str) -> bool {
        let owns = |expert: &usize| self.experts[*expert].layers.parts().iter().any(|part| part.owns(weight));
        self.experts_of(streams).iter().any(owns) || self.mixers_of(streams).any(|mixer| mixer.uses(weight))
    }

    /// The terms of the joint loss of these streams' gates.
    pub fn penalties(&self, streams: &[usize]) -> ModelResult<Vec<Tensor>> {
        self.mixers_of(streams).filter_map(|mixer| mixer.gate.penalty().transpose()).collect()
    }

    /// The layers of the experts, and the gates.
    pub fn parts(&self) -> impl Iterator<Item = &NetworkPart> {
        self.experts.iter().flat_map(|expert| expert.layers.parts()).chain([&self.part])
    }
}
