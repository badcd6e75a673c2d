//! How a level of experts is built.

use std::sync::Arc;

use crate::domain::shape::Shape;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::Stack;
use crate::model::part::NetworkPart;
use crate::model::sharing::gate::{Gate, GateInput};
use crate::model::sharing::level::mixer::{Mixer, ResidualMixture};
use crate::model::sharing::level::{Expert, ExpertLevel};
use crate::model::sharing::selection::{ExpertSelection, SelectorConfig};
use crate::model::weights::{Init, Weights};

/// How a level is built.
pub struct LevelConfig<'a> {
    /// Counting from 1.
    pub number: usize,
    /// Every expert's layers.
    pub layers: &'a [LayerConfig],
    /// Experts of the shared stream.
    pub shared: usize,
    /// Experts of each task.
    pub own: usize,
    pub gates: GateSet,
    /// Which experts a task's gate mixes.
    pub reach: ExpertScope,
    /// Does the shared stream go on, through a gate over all experts?
    pub goes_on: bool,
    /// Is a linear mixture of a task's own experts added?
    pub residual: bool,
}

/// Which experts a task's gate mixes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ExpertScope {
    /// Its own and the shared ones.
    Own,
    All,
}

/// What gates a level has.
#[derive(Clone, Copy)]
pub enum GateSet {
    /// A softmax for each stream.
    Each,
    /// One softmax for all.
    One,
    /// Selectors for each stream.
    Select(SelectorConfig),
}

impl LevelConfig<'_> {
    /// Builds a level over `streams` that all give `input`.
    pub fn build(&self, streams: &[String], input: Shape, weights: &mut Weights) -> ModelResult<ExpertLevel> {
        let name = format!("sharing.{}", self.number);
        let experts = self.experts(&name, streams, input, weights)?;
        let output = experts.first().map_or(input, |expert| expert.layers.output());
        if matches!(output, Shape::Tokens { .. }) {
            let reason = "needs numbers: put an `embedding` into the trunk".to_owned();
            return Err(ModelError::Shape { part: name, reason });
        }
        let before = weights.parameters();
        let gate_input = GateInput::build(input, output, weights)?;
        let mut one = None;
        let mut mixers = Vec::new();
        for (stream, owner) in streams.iter().map(Some).chain([None]).enumerate() {
            if owner.is_none() && !self.goes_on {
                mixers.push(None);
                continue;
            }
            let reaches = |expert: &Expert| {
                expert.stream == stream
                    || expert.stream == streams.len()
                    || self.reach == ExpertScope::All
                    || owner.is_none()
            };
            let over: Vec<usize> = (0..experts.len()).filter(|at| reaches(&experts[*at])).collect();
            let index = match (owner, self.gates) {
                (_, GateSet::One) => format!("{name}.gate"),
                (Some(task), _) => format!("{name}.gate.{task}"),
                (None, _) => format!("{name}.shared.gate"),
            };
            let gate = match (self.gates, &one) {
                (GateSet::One, Some(one)) => Arc::clone(one),
                (GateSet::Select(config), _) => {
                    Arc::new(Gate::Selection(ExpertSelection::build(&index, config, over.len(), weights)?))
                }
                _ => Arc::new(Gate::softmax(&index, gate_input.width, over.len(), weights)?),
            };
            one = Some(Arc::clone(&gate));
            let residual = match owner.filter(|_| self.residual) {
                Some(task) => {
                    let first = over.iter().position(|at| experts[*at].stream == stream).unwrap_or(0);
                    Some(self.residual(format!("{name}.of.{task}.residual"), first, weights)?)
                }
                None => None,
            };
            let reader = owner.map_or("shared", String::as_str).to_owned();
            mixers.push(Some(Mixer { name: index, reader, gate, over, residual }));
        }
        let gates = weights.parameters() - before;
        let part =
            NetworkPart { name: format!("{name}.gates"), kind: "gates", shape: output, parameters: gates };
        Ok(ExpertLevel { experts, mixers, gate_input, output, unit: format!("level {}", self.number), part })
    }

    fn experts(
        &self,
        name: &str,
        streams: &[String],
        input: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Vec<Expert>> {
        let mut experts = Vec::new();
        for (stream, owner) in streams.iter().map(Some).chain([None]).enumerate() {
            let (count, index) = match owner {
                Some(task) => (self.own, format!("of.{task}")),
                None => (self.shared, "shared".to_owned()),
            };
            for number in 1..=count {
                let label = format!("{} {number}", owner.map_or("shared", String::as_str));
                let layers = Stack::build(&format!("{name}.{index}.{number}"), self.layers, input, weights)?;
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
