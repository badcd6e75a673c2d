//! What mixtures of experts have in common: a shared trunk, and levels of experts after its end.
//!
//! A task that reads `from` a mark reads there as with `hard`, and takes no part.

use std::collections::BTreeSet;

use candle_core::Tensor;

use crate::domain::event::Share;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
use crate::model::layer::stack::shape_after;
use crate::model::ops::{Ops, Tensors};
use crate::model::part::Part;
use crate::model::sharing::level::{Gates, Level, LevelWords, Reach, Step};
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Answers, Body, BuiltSharing, Describe, Sharing};
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// How the levels of a mixture of experts are built.
pub struct ExpertsWords<'a> {
    pub levels: usize,
    /// Every expert's layers.
    pub layers: &'a [LayerSpec],
    pub shared: usize,
    pub own: usize,
    pub gates: Gates,
    pub reach: Reach,
    pub residual: bool,
}

impl<'a> ExpertsWords<'a> {
    /// One level with no experts yet, and a softmax for each task over its own and the shared ones.
    pub fn of(layers: &'a [LayerSpec]) -> Self {
        Self { levels: 1, layers, shared: 0, own: 0, gates: Gates::Each, reach: Reach::Own, residual: false }
    }

    /// What the levels make of `read`.
    pub fn shape(&self, read: Shape, marked: bool) -> Result<Shape, String> {
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

    pub fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn BuiltSharing>> {
        let trunk = Trunk::build(body, weights)?;
        let members: Vec<usize> = (0..trunk.tasks()).filter(|task| trunk.is_read_to_the_end(*task)).collect();
        let streams: Vec<String> = members.iter().map(|task| body.tasks[*task].name.clone()).collect();
        let mut input = trunk.end();
        let mut levels = Vec::new();
        let count = if members.is_empty() { 0 } else { self.levels };
        for number in 1..=count {
            let words = LevelWords {
                number,
                layers: self.layers,
                shared: self.shared,
                own: self.own,
                gates: self.gates,
                reach: self.reach,
                goes_on: number < count && self.shared > 0,
                residual: self.residual,
            };
            let level = words.build(&streams, input, weights)?;
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
    levels: Vec<Level>,
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

    /// What each stream holds behind the last level. `listen` hears of every level what the streams held before, and what
    /// it made of them.
    fn walk<O: Ops>(
        &self,
        ops: &mut O,
        end: &Signal<O::Value>,
        tasks: &[usize],
        mut listen: impl FnMut(&Level, &[Option<Signal<O::Value>>], &Step<O::Value>) -> Result<()>,
    ) -> Result<Vec<Option<Signal<O::Value>>>> {
        let mut streams = vec![Some(end.clone()); self.members.len() + 1];
        for (level, wanted) in self.levels.iter().zip(self.wanted(self.streams(tasks))) {
            let step = level.walk(ops, &streams, &wanted)?;
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

    fn parts(&self) -> Vec<Part> {
        let levels = self.levels.iter().flat_map(Level::parts);
        self.trunk.parts().iter().chain(levels).cloned().collect()
    }

    fn penalty(&self, tasks: &[usize], _: &mut Answers) -> Result<Option<Tensor>> {
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

    fn is_seen_through(&self) -> bool {
        !self.levels.is_empty()
    }

    fn shares(&self, x: &Signal, tasks: &[usize]) -> Result<Vec<Share>> {
        let ops = &mut Tensors::answering();
        let mut seen = Vec::new();
        let end = self.trunk.walk(ops, x)?.end;
        self.walk(ops, &end, tasks, |level, streams, step| {
            seen.extend(level.seen(streams, &step.shares)?);
            Ok(())
        })?;
        Ok(seen)
    }
}

impl Describe for Experts {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Signal<O::Value>,
        tasks: &[usize],
    ) -> Result<Vec<Signal<O::Value>>> {
        let trail = self.trunk.walk(ops, x)?;
        let streams = self.walk(ops, &trail.end, tasks, |_, _, _| Ok(()))?;
        let read = |task: &usize| {
            let mixed = self.stream(*task).and_then(|stream| streams[stream].clone());
            mixed.unwrap_or_else(|| self.trunk.read(&trail, *task))
        };
        Ok(tasks.iter().map(read).collect())
    }
}
