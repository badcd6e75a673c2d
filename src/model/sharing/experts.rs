//! What mixtures of experts have in common: a shared trunk, and levels of experts after its end.
//!
//! A task that reads `from` a mark reads there as with `hard`, and takes no part.

use std::collections::BTreeSet;

use candle_core::Tensor;

use crate::domain::event::SourceShare;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::layer::stack::shape_after;
use crate::model::ops::{Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::model::sharing::level::{ExpertLevel, ExpertScope, GateSet, LevelConfig, LevelStep};
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuiltSharing, LogitsSource, Sharing, SharingForward};
use crate::model::weights::Weights;

/// How the levels of a mixture of experts are built.
pub struct ExpertsConfig<'a> {
    pub levels: usize,
    /// Every expert's layers.
    pub layers: &'a [LayerConfig],
    pub shared: usize,
    pub own: usize,
    pub gates: GateSet,
    pub reach: ExpertScope,
    pub residual: bool,
}

impl<'a> ExpertsConfig<'a> {
    /// One level with no experts yet, and a softmax for each task over its own and the shared ones.
    pub fn from_layers(layers: &'a [LayerConfig]) -> Self {
        Self {
            levels: 1,
            layers,
            shared: 0,
            own: 0,
            gates: GateSet::Each,
            reach: ExpertScope::Own,
            residual: false,
        }
    }

    /// What the levels make of `read`.
    pub fn shape(&self, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        if marked {
            return Ok(read);
        }
        let (levels, layers) = (self.levels, self.layers);
        let after = (0..levels).try_fold(read, |shape, level| {
            shape_after(layers, shape).map_err(|(index, reason)| match level {
                0 => format!("has a layer {index} in its experts that cannot work: {reason}"),
                _ => format!(
                    "reads in level {} what level {level} gave, {shape}, and layer {index} of its experts cannot: {reason}",
                    level + 1
                ),
            })
        })?;
        let stepped = matches!((read, after), (Shape::Sequence { .. }, Shape::Sequence { .. }));
        if stepped && layers.iter().any(|layer| !layer.view().keeps_steps()) {
            return Err("has experts that give fewer steps than they read, where each step has its own \
                        shares: write `padding: same` or `padding: causal` in their `conv1d`"
                .into());
        }
        match after {
            Shape::Tokens { .. } => Err("needs numbers: put an `embedding` into the trunk".into()),
            after => Ok(after),
        }
    }

    pub fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let trunk = Trunk::build(body, weights)?;
        let members: Vec<usize> = (0..trunk.tasks()).filter(|task| trunk.is_read_to_the_end(*task)).collect();
        let streams: Vec<String> = members.iter().map(|task| body.tasks[*task].name.clone()).collect();
        let mut input = trunk.end();
        let mut levels = Vec::new();
        let count = if members.is_empty() { 0 } else { self.levels };
        for number in 1..=count {
            let config = LevelConfig {
                number,
                layers: self.layers,
                shared: self.shared,
                own: self.own,
                gates: self.gates,
                reach: self.reach,
                goes_on: number < count && self.shared > 0,
                residual: self.residual,
            };
            let level = config.build(&streams, input, weights)?;
            input = level.output();
            levels.push(level);
        }
        Ok(Box::new(Experts { trunk, members, levels }))
    }
}

/// A trunk, and levels of experts.
struct Experts {
    trunk: Trunk,
    /// The tasks that are streams of the levels.
    members: Vec<usize>,
    levels: Vec<ExpertLevel>,
}

impl Experts {
    fn stream(&self, task: usize) -> Option<usize> {
        self.members.iter().position(|member| *member == task)
    }

    fn streams(&self, tasks: &[usize]) -> Vec<usize> {
        let streams: BTreeSet<usize> = tasks.iter().filter_map(|task| self.stream(*task)).collect();
        streams.into_iter().collect()
    }

    /// For each level the streams it must give, for the last to give these.
    fn wanted(&self, last: Vec<usize>) -> Vec<Vec<usize>> {
        let mut wanted = vec![last];
        for level in self.levels.iter().skip(1).rev() {
            let before = wanted.last().map(|after| level.reads(after));
            wanted.extend(before);
        }
        wanted.reverse();
        wanted
    }

    /// What each stream holds behind the last level. `listen` hears of every level what the streams held
    /// before, and what it made of them.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        end: &Activations<O::Value>,
        tasks: &[usize],
        mut listen: impl FnMut(
            &ExpertLevel,
            &[Option<Activations<O::Value>>],
            &LevelStep<O::Value>,
        ) -> ModelResult<()>,
    ) -> ModelResult<Vec<Option<Activations<O::Value>>>> {
        let mut streams = vec![Some(end.clone()); self.members.len() + 1];
        for (level, wanted) in self.levels.iter().zip(self.wanted(self.streams(tasks))) {
            let step = level.compute(ops, &streams, &wanted)?;
            listen(level, &streams, &step)?;
            streams = step.held;
        }
        Ok(streams)
    }
}

impl Sharing for Experts {
    fn tasks(&self) -> usize {
        self.trunk.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        match (self.stream(task), self.levels.last()) {
            (Some(_), Some(level)) => level.output(),
            _ => self.trunk.shape(task),
        }
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let wanted = self.wanted(self.streams(tasks));
        self.trunk.uses(tasks, weight)
            || self.levels.iter().zip(wanted).any(|(level, wanted)| level.uses(&wanted, weight))
    }

    fn parts(&self) -> Vec<NetworkPart> {
        let levels = self.levels.iter().flat_map(ExpertLevel::parts);
        self.trunk.parts().iter().chain(levels).cloned().collect()
    }

    fn penalty(&self, tasks: &[usize], _: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for (level, wanted) in self.levels.iter().zip(self.wanted(self.streams(tasks))) {
            for penalty in level.penalties(&wanted)? {
                sum = Some(match sum {
                    Some(sum) => (sum + penalty)?,
                    None => penalty,
                });
            }
        }
        Ok(sum)
    }

    fn reports_shares(&self) -> bool {
        !self.levels.is_empty()
    }

    fn shares(&self, x: &Activations, tasks: &[usize]) -> ModelResult<Vec<SourceShare>> {
        let ops = &mut Tensors::answering();
        let mut seen = Vec::new();
        let end = self.trunk.compute(ops, x)?.end;
        self.compute(ops, &end, tasks, |level, streams, step| {
            seen.extend(level.seen(streams, &step.shares)?);
            Ok(())
        })?;
        Ok(seen)
    }
}

impl SharingForward for Experts {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let outputs = self.trunk.compute(ops, x)?;
        let streams = self.compute(ops, &outputs.end, tasks, |_, _, _| Ok(()))?;
        let read = |task: &usize| {
            let mixed = self.stream(*task).and_then(|stream| streams[stream].clone());
            mixed.unwrap_or_else(|| self.trunk.read(&outputs, *task))
        };
        Ok(tasks.iter().map(read).collect())
    }
}
