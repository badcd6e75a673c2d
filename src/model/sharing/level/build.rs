//! Construction of a level of experts.

use std::sync::Arc;

use crate::domain::shape::Shape;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::Stack;
use crate::model::part::NetworkPart;
use crate::model::sharing::gate::{Gate, GateInput};
use crate::model::sharing::level::mixer::{Mixer, ResidualMixture};
use crate::model::sharing::level::{Expert, ExpertLevel};
use crate::model::sharing::pointwise::dense_features;
use crate::model::sharing::selection::{ExpertSelection, SelectorConfig};
use crate::model::weights::{Init, Weights};

/// The structure of a level of experts.
pub struct LevelConfig<'a> {
    /// One-based.
    pub number: usize,
    /// The layers of every expert.
    pub layers: &'a [LayerConfig],
    /// Number of experts of the shared stream.
    pub shared: usize,
    /// Number of experts per task.
    pub own: usize,
    /// Which gates the level has.
    pub gates: GateSet,
    /// The experts a task's gate mixes.
    pub reach: ExpertScope,
    /// Does the shared stream continue, with a gate over all experts?
    pub shared_continues: bool,
    /// Is a linear mixture of a task's own experts added?
    pub residual: bool,
}

/// The experts a task's gate mixes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ExpertScope {
    /// The task's own and the shared experts.
    Own,
    /// All experts.
    All,
}

/// The gates of a level.
#[derive(Clone, Copy)]
pub enum GateSet {
    /// A softmax gate per stream.
    Each,
    /// One softmax gate for all streams.
    One,
    /// Expert selectors per stream.
    Select(SelectorConfig),
}

impl LevelConfig<'_> {
    /// Builds a level over `streams`, whose values all have the shape `input`.
    ///
    /// # Errors
    ///
    /// If the experts' layers do not fit the input.
    pub fn build(&self, streams: &[String], input: Shape, weights: &mut Weights) -> ModelResult<ExpertLevel> {
        let name = format!("sharing.{}", self.number);
        let experts = self.experts(&name, streams, input, weights)?;
        let output = experts.first().map_or(input, |expert| expert.layers.output());
        dense_features(output).map_err(|reason| ModelError::Shape { part: name.clone(), reason })?;
        let before = weights.parameters();
        let gate_input = GateInput::build(input, output, weights)?;
        let mut shared_gate = None;
        let mut mixers = Vec::new();
        for (stream, owner) in streams.iter().map(Some).chain([None]).enumerate() {
            if owner.is_none() && !self.shared_continues {
                mixers.push(None);
                continue;
            }
            let is_mixed = |expert: &Expert| {
                expert.stream == stream
                    || expert.stream == streams.len()
                    || self.reach == ExpertScope::All
                    || owner.is_none()
            };
            let mixed: Vec<usize> = (0..experts.len()).filter(|index| is_mixed(&experts[*index])).collect();
            let gate_name = match (owner, self.gates) {
                (_, GateSet::One) => format!("{name}.gate"),
                (Some(task), _) => format!("{name}.gate.{task}"),
                (None, _) => format!("{name}.shared.gate"),
            };
            let gate = match (self.gates, &shared_gate) {
                (GateSet::One, Some(gate)) => Arc::clone(gate),
                (GateSet::Select(config), _) => Arc::new(Gate::Selection(ExpertSelection::build(
                    &gate_name,
                    config,
                    mixed.len(),
                    weights,
                )?)),
                _ => Arc::new(Gate::softmax(&gate_name, gate_input.width, mixed.len(), weights)?),
            };
            shared_gate = Some(Arc::clone(&gate));
            let residual = match owner.filter(|_| self.residual) {
                Some(task) => {
                    let first = mixed.iter().position(|index| experts[*index].stream == stream).unwrap_or(0);
                    Some(self.residual(format!("{name}.of.{task}.residual"), first, weights)?)
                }
                None => None,
            };
            let reader = owner.map_or("shared", String::as_str).to_owned();
            mixers.push(Some(Mixer { name: gate_name, reader, gate, experts: mixed, residual }));
        }
        let gates = weights.parameters() - before;
        let part =
            NetworkPart { name: format!("{name}.gates"), kind: "gates", shape: output, parameters: gates };
        Ok(ExpertLevel { experts, mixers, gate_input, output, unit: format!("level {}", self.number), part })
    }

    /// All experts, those of the tasks first.
    fn experts(
        &self,
        name: &str,
        streams: &[String],
        input: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Vec<Expert>> {
        let mut experts = Vec::new();
        for (stream, owner) in streams.iter().map(Some).chain([None]).enumerate() {
            let (count, owner_name) = match owner {
                Some(task) => (self.own, format!("of.{task}")),
                None => (self.shared, "shared".to_owned()),
            };
            for number in 1..=count {
                let label = format!("{} {number}", owner.map_or("shared", String::as_str));
                let layers =
                    Stack::build(&format!("{name}.{owner_name}.{number}"), self.layers, input, weights)?;
                experts.push(Expert { stream, label, layers });
            }
        }
        Ok(experts)
    }

    fn residual(&self, name: String, first: usize, weights: &mut Weights) -> ModelResult<ResidualMixture> {
        let bound = Init::Uniform(1.0 / (self.own as f32).sqrt());
        let own = (self.own > 1).then(|| weights.parameter(&name, &[self.own], bound)).transpose()?;
        Ok(ResidualMixture { name, weights: own, first, count: self.own, device: weights.device().clone() })
    }
}
