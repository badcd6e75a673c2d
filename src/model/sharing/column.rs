//! A column for each task, made of the trunk's layers, with units between their blocks.
//!
//! A column may have several subspaces: copies of each block, of which every one reads all that the
//! column's subspaces gave before, side by side. What each task reads `from` a mark is what stands there in
//! its own column. Layers in an input's `encoder` stand before all columns and are shared.

use candle_core::{Tensor, Var};

use crate::domain::event::Share;
use crate::domain::shape::Shape;
use crate::model::error::{Error, Result};
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::sharing::block::{Stop, cut, stops};
use crate::model::sharing::stitch::{Ahead, Flow, InGraph};
use crate::model::sharing::{Answers, Body, Sharing};
use crate::model::signal::{Signal, Wire};
use crate::model::stack::{Stack, Trail};
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::Graph;

/// What stands between the blocks of the columns: each column goes on with a mixture of all.
pub trait Units: Send + Sync {
    /// Of unit `unit`, the matrix `[columns, columns]`: row i says what column i goes on with.
    fn matrix(&self, unit: usize, mode: &Mode) -> Result<Tensor>;

    /// The same for people.
    fn seen(&self, unit: usize) -> Result<Tensor> {
        self.matrix(unit, &Mode::evaluate())
    }

    /// The weight of that unit.
    fn name(&self, unit: usize) -> &str;
}

/// What the columns add to the joint loss.
pub trait Bond: Send + Sync {
    fn penalty(&self) -> Result<Option<Tensor>>;
}

/// How columns are built.
pub struct ColumnsWords<'a> {
    /// Copies of each block in a column.
    pub subspaces: usize,
    /// Makes the units, of so many columns; their number is given.
    pub units: Option<MakesUnits<'a>>,
    /// Is there a unit behind the last block too?
    pub last: bool,
    /// What each task's mixture of its column's layers begins with, if it reads one.
    pub layers: Option<&'a dyn Fn(usize) -> Vec<f32>>,
    /// Makes what is added to the joint loss of each column's trainable weights.
    pub bond: Option<&'a dyn Fn(Vec<Vec<(String, Var)>>) -> Box<dyn Bond>>,
}

/// From the number of units and of columns, and how unit i's weight is called.
pub type MakesUnits<'a> = &'a dyn Fn(&[String], usize, &mut Weights) -> Result<Box<dyn Units>>;

/// A column for each task.
pub struct Columns {
    /// By block, then by column: those of a task stand side by side.
    blocks: Vec<Vec<Stack>>,
    tasks: Vec<String>,
    subspaces: usize,
    stops: Vec<Stop>,
    units: Option<Box<dyn Units>>,
    last: bool,
    /// Each task's shares of its column's layers.
    layers: Vec<(String, Var)>,
    bond: Option<Box<dyn Bond>>,
    part: Part,
}

impl ColumnsWords<'_> {
    pub fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>> {
        let ranges = cut(body.trunk);
        let stops = stops(body, &ranges);
        let mut blocks: Vec<Vec<Stack>> = Vec::new();
        let mut own: Vec<Vec<(String, Var)>> = Vec::new();
        let columns = || {
            let subspaces = |task| (0..self.subspaces).map(move |subspace| (task, subspace));
            body.tasks.iter().flat_map(subspaces)
        };
        let column = |name: &str, subspace: usize| match self.subspaces {
            1 => format!("trunk.{name}"),
            _ => format!("trunk.{name}.{}", subspace + 1),
        };
        for range in &ranges {
            let before = blocks.last().and_then(|block| block.first()).map(Stack::output);
            let input = before.map_or(body.input, |shape| side_by_side(shape, self.subspaces));
            let block = columns().map(|(task, subspace)| {
                let name = column(&task.name, subspace);
                Stack::build_from(&name, range.start, &body.trunk[range.clone()], input, weights)
            });
            blocks.push(block.collect::<Result<_>>()?);
        }
        let Some(output) = blocks.last().and_then(|block| block.first()).map(Stack::output) else {
            let reason = "the columns have no layers".to_owned();
            return Err(Error::Shape { part: "trunk".into(), reason });
        };
        for (task, subspace) in columns() {
            let prefix = format!("{}.", column(&task.name, subspace));
            let named = weights.trainable().filter(|weight| weight.name.starts_with(&prefix));
            own.push(named.map(|weight| (weight.name.clone(), weight.var.clone())).collect());
        }
        let before = weights.parameters();
        let count = blocks.len() - usize::from(!self.last);
        let behind = |at: usize| format!("sharing.{}", ranges[at].end - 1);
        let names: Vec<String> = (0..count).map(behind).collect();
        let all = body.tasks.len() * self.subspaces;
        let units = self.units.map(|makes| makes(&names, all, weights)).transpose()?;
        let mut layers = Vec::new();
        for task in body.tasks.iter().filter(|_| self.layers.is_some()) {
            let name = format!("sharing.layers.{}", task.name);
            let init = self.layers.map_or_else(Vec::new, |begins| begins(blocks.len()));
            layers.push((name.clone(), weights.variable(&name, &[blocks.len()], Init::Given(init))?));
        }
        let part = Part {
            name: "sharing.units".into(),
            kind: "units",
            shape: side_by_side(output, self.subspaces),
            parameters: weights.parameters() - before,
        };
        Ok(Box::new(Columns {
            blocks,
            tasks: body.tasks.iter().map(|task| task.name.clone()).collect(),
            subspaces: self.subspaces,
            stops,
            units,
            last: self.last,
            layers,
            bond: self.bond.map(|bond| bond(own)),
            part,
        }))
    }
}

/// So many of that shape beside each other.
pub fn side_by_side(shape: Shape, count: usize) -> Shape {
    match shape {
        Shape::Image { channels, height, width } => {
            Shape::Image { channels: channels * count, height, width }
        }
        shape => shape.with_width(shape.width() * count),
    }
}

impl Columns {
    fn end(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Is there a unit behind this block?
    fn has_unit(&self, block: usize) -> bool {
        self.units.is_some() && (block < self.end() || self.last)
    }

    /// The tasks whose columns are wanted behind this block's unit, for these tasks' heads.
    fn behind(&self, block: usize, tasks: &[usize]) -> Vec<usize> {
        let wanted = |task: &usize| {
            tasks.contains(task) && self.stops[*task].is_behind(block)
                || block < self.end() && self.within(block + 1, tasks).contains(task)
        };
        (0..self.tasks.len()).filter(wanted).collect()
    }

    /// The tasks whose columns must do this block.
    fn within(&self, block: usize, tasks: &[usize]) -> Vec<usize> {
        let own = |task: &usize| tasks.contains(task) && self.stops[*task].block >= block;
        let mixes = self.has_unit(block) && tasks.iter().any(|task| self.stops[*task].is_behind(block));
        (0..self.tasks.len()).filter(|task| mixes || own(task)).collect()
    }

    /// What each task's head reads, whatever it is made of.
    fn walk<F: Flow>(&self, flow: &mut F, x: F::Held, tasks: &[usize]) -> Result<Vec<F::Held>> {
        let subspaces = self.subspaces;
        let mut held: Vec<Option<F::Held>> = vec![None; self.tasks.len() * subspaces];
        let mut read: Vec<Option<F::Held>> = vec![None; self.tasks.len()];
        let mut passed: Vec<Vec<F::Held>> = vec![Vec::new(); self.tasks.len()];
        for (block, stacks) in self.blocks.iter().enumerate() {
            let mut said: Vec<Option<F::Held>> = vec![None; held.len()];
            for task in self.within(block, tasks) {
                let columns = task * subspaces..(task + 1) * subspaces;
                let from = match block {
                    0 => x.clone(),
                    _ => flow.beside(
                        held[columns.clone()].iter().flatten().cloned().collect(),
                        feature_axis(self.blocks[block - 1][0].output()),
                    )?,
                };
                let trails: Vec<Trail<F::Held>> = stacks[columns.clone()]
                    .iter()
                    .map(|stack| flow.run(stack, &from))
                    .collect::<Result<_>>()?;
                let stop = &self.stops[task];
                if let Some(mark) = stop.mark.as_ref().filter(|_| stop.block == block) {
                    let marked = trails.iter().filter_map(|trail| trail.mark(mark).cloned());
                    read[task] = Some(flow.beside(marked.collect(), feature_axis(self.output(task)))?);
                }
                for (column, trail) in columns.zip(trails) {
                    said[column] = Some(trail.end);
                }
            }
            let behind = self.behind(block, tasks);
            if self.has_unit(block) && !behind.is_empty() {
                let rows: Vec<usize> =
                    behind.iter().flat_map(|task| task * subspaces..(task + 1) * subspaces).collect();
                let mixed = flow.mix(self.units.as_deref(), block, &rows, &said)?;
                for (row, mixed) in rows.into_iter().zip(mixed) {
                    said[row] = Some(mixed);
                }
            }
            held = said;
            for task in tasks.iter().filter(|task| self.stops[**task].mark.is_none()) {
                let columns = task * subspaces..(task + 1) * subspaces;
                let parts = held[columns].iter().flatten().cloned().collect();
                passed[*task].push(flow.beside(parts, feature_axis(stacks[0].output()))?);
            }
        }
        for task in tasks.iter().filter(|task| self.stops[**task].mark.is_none()) {
            read[*task] = match self.layers.get(*task) {
                Some((name, shares)) => Some(flow.weigh(name, shares, &passed[*task])?),
                None => passed[*task].pop(),
            };
        }
        let read = tasks.iter().map(|task| read[*task].clone()).collect::<Option<Vec<_>>>();
        read.ok_or_else(|| candle_core::Error::msg("a task reads from no column").into())
    }
}

impl Sharing for Columns {
    fn output(&self, task: usize) -> Shape {
        let Stop { block, mark } = &self.stops[task];
        let stack = &self.blocks[*block][task * self.subspaces];
        let marked = stack.marks().find(|(name, _)| Some(*name) == mark.as_ref()).map(|(_, shape)| shape);
        side_by_side(marked.unwrap_or(stack.output()), self.subspaces)
    }

    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>> {
        self.walk(&mut Ahead { mode }, x.clone(), tasks)
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>> {
        let tasks: Vec<usize> = (0..self.tasks.len()).collect();
        self.walk(&mut InGraph { graph }, x.clone(), &tasks)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        if let Some(task) = self.layers.iter().position(|(name, _)| name == weight) {
            return tasks.contains(&task) && self.stops[task].mark.is_none();
        }
        for (block, stacks) in self.blocks.iter().enumerate() {
            if self.has_unit(block) && self.units.as_ref().is_some_and(|units| units.name(block) == weight) {
                return !self.behind(block, tasks).is_empty();
            }
            for (column, stack) in stacks.iter().enumerate() {
                let Some(at) = stack.parts().iter().position(|part| part.owns(weight)) else { continue };
                let task = column / self.subspaces;
                let Stop { block: stop, mark } = &self.stops[task];
                let others =
                    self.has_unit(block) && tasks.iter().any(|task| self.stops[*task].is_behind(block));
                let own = tasks.contains(&task)
                    && (*stop > block || *stop == block && at < stack.depth(mark.as_ref()));
                return others || own;
            }
        }
        false
    }

    fn parts(&self) -> Vec<Part> {
        let columns = 0..self.tasks.len() * self.subspaces;
        let of_column = |column: usize| self.blocks.iter().flat_map(move |block| block[column].parts());
        columns.flat_map(of_column).chain([&self.part]).cloned().collect()
    }

    fn penalty(&self, _: &[usize], _: &mut Answers) -> Result<Option<Tensor>> {
        self.bond.as_ref().map_or(Ok(None), |bond| bond.penalty())
    }

    fn is_seen_through(&self) -> bool {
        self.units.is_some() && (0..self.blocks.len()).any(|block| self.has_unit(block))
            || !self.layers.is_empty()
    }

    /// All tasks' shares: they depend on no row.
    fn shares(&self, _: &Signal, _: &[usize]) -> Result<Vec<Share>> {
        let name = |column: usize| match self.subspaces {
            1 => self.tasks[column].clone(),
            subspaces => format!("{} {}", self.tasks[column / subspaces], column % subspaces + 1),
        };
        let mut shares = Vec::new();
        for (block, stacks) in self.blocks.iter().enumerate() {
            let Some(units) = self.units.as_ref().filter(|_| self.has_unit(block)) else { continue };
            let columns = stacks.len();
            let last = stacks[0].parts().last().map_or("", |part| part.name.as_str());
            // `trunk.income.3.dense` is layer `3.dense` of every column.
            let layer = last.rsplitn(3, '.').take(2).collect::<Vec<_>>();
            let unit = format!("unit behind {}", layer.into_iter().rev().collect::<Vec<_>>().join("."));
            for (at, value) in host(&units.seen(block)?)?.into_iter().enumerate() {
                let (reader, source) = (name(at / columns), name(at % columns));
                shares.push(Share { unit: unit.clone(), reader, source, value: f64::from(value) });
            }
        }
        for (task, (_, of_layers)) in self.tasks.iter().zip(&self.layers) {
            for (at, value) in host(of_layers)?.into_iter().enumerate() {
                let (unit, source) = ("layers".to_owned(), format!("block {}", at + 1));
                shares.push(Share { unit, reader: task.clone(), source, value: f64::from(value) });
            }
        }
        Ok(shares)
    }
}

/// The dimension in which a shape's numbers stand beside each other.
pub fn feature_axis(shape: Shape) -> usize {
    match shape {
        Shape::Sequence { .. } => 2,
        _ => 1,
    }
}
