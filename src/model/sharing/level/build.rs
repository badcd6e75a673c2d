//! How a level of experts is built.

use std::sync::Arc;

use crate::domain::shape::Shape;
use crate::model::error::{Error, Result};
use crate::model::layer::LayerSpec;
use crate::model::layer::stack::Stack;
use crate::model::part::Part;
use crate::model::sharing::gate::{Eye, Gate};
use crate::model::sharing::level::mixer::{Mixer, Residual};
use crate::model::sharing::level::{Expert, Level};
use crate::model::sharing::selection::{Selection, Selectors};
use crate::model::weights::{Init, Weights};

/// How a level is built.
pub struct LevelWords<'a> {
    /// Counting from 1.
    pub number: usize,
    /// Every expert's layers.
    pub layers: &'a [LayerSpec],
    /// Experts of the shared stream.
    pub shared: usize,
    /// Experts of each task.
    pub own: usize,
    pub gates: Gates,
    /// Which experts a task's gate mixes.
    pub reach: Reach,
    /// Does the shared stream go on, through a gate over all experts?
    pub goes_on: bool,
    /// Is a linear mixture of a task's own experts added?
    pub residual: bool,
}

/// Which experts a task's gate mixes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its own and the shared ones.
    Own,
    All,
}

/// What gates a level has.
#[derive(Clone, Copy)]
pub enum Gates {
    /// A softmax for each stream.
    Each,
    /// One softmax for all.
    One,
    /// Selectors for each stream.
    Select(Selectors),
}

impl LevelWords<'_> {
    /// Builds a level over `streams` that all give `input`.
    pub fn build(&self, streams: &[String], input: Shape, weights: &mut Weights) -> Result<Level> {
        let name = format!("sharing.{}", self.number);
        let experts = self.experts(&name, streams, input, weights)?;
        let output = experts.first().map_or(input, |expert| expert.layers.output());
        if matches!(output, Shape::Tokens { .. }) {
            let reason = "needs numbers: put an `embedding` into the trunk".to_owned();
            return Err(Error::Shape { part: name, reason });
        }
        let before = weights.parameters();
        let eye = Eye::build(input, output, weights)?;
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
                    || self.reach == Reach::All
                    || owner.is_none()
            };
            let over: Vec<usize> = (0..experts.len()).filter(|at| reaches(&experts[*at])).collect();
            let place = match (owner, self.gates) {
                (_, Gates::One) => format!("{name}.gate"),
                (Some(task), _) => format!("{name}.gate.{task}"),
                (None, _) => format!("{name}.shared.gate"),
            };
            let gate = match (self.gates, &one) {
                (Gates::One, Some(one)) => Arc::clone(one),
                (Gates::Select(words), _) => {
                    Arc::new(Gate::Selection(Selection::build(&place, words, over.len(), weights)?))
                }
                _ => Arc::new(Gate::softmax(&place, eye.width, over.len(), weights)?),
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
            mixers.push(Some(Mixer { name: place, reader, gate, over, residual }));
        }
        let gates = weights.parameters() - before;
        let part = Part { name: format!("{name}.gates"), kind: "gates", shape: output, parameters: gates };
        Ok(Level { experts, mixers, eye, output, unit: format!("level {}", self.number), part })
    }

    fn experts(
        &self,
        name: &str,
        streams: &[String],
        input: Shape,
        weights: &mut Weights,
    ) -> Result<Vec<Expert>> {
        let mut experts = Vec::new();
        for (stream, owner) in streams.iter().map(Some).chain([None]).enumerate() {
            let (count, place) = match owner {
                Some(task) => (self.own, format!("of.{task}")),
                None => (self.shared, "shared".to_owned()),
            };
            for number in 1..=count {
                let label = format!("{} {number}", owner.map_or("shared", String::as_str));
                let layers = Stack::build(&format!("{name}.{place}.{number}"), self.layers, input, weights)?;
                experts.push(Expert { stream, label, layers });
            }
        }
        Ok(experts)
    }

    fn residual(&self, name: String, first: usize, weights: &mut Weights) -> Result<Residual> {
        let bound = Init::Uniform(1.0 / (self.own as f32).sqrt());
        let own = (self.own > 1).then(|| weights.parameter(&name, &[self.own], bound)).transpose()?;
        Ok(Residual { name, weights: own, first, count: self.own, device: weights.device().clone() })
    }
}
