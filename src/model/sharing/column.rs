//! A column for each task, made of the trunk's layers, with units between their blocks.
//!
//! A column may have several subspaces: copies of each block, of which every one reads all that the
//! column's subspaces gave before, side by side. What each task reads `from` a mark is what stands there in
//! its own column. Layers in an input's `encoder` stand before all columns and are shared.

mod build;

use candle_core::Tensor;

use crate::domain::event::SourceShare;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::stack::{Stack, StackOutputs};
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::block::ReadPoint;
pub use crate::model::sharing::column::build::{BuildUnits, ColumnsConfig};
use crate::model::sharing::{LogitsSource, Sharing, SharingForward};
use crate::model::weights::{Parameter, host};

/// What stands between the blocks of the columns: each column goes on with a mixture of all.
pub trait ColumnUnits: Send + Sync {
    /// Of unit `unit`, the matrix `[columns, columns]`: row i says what column i goes on with.
    fn matrix(&self, unit: usize, mode: &Mode) -> ModelResult<Tensor>;

    /// The same for people.
    fn seen(&self, unit: usize) -> ModelResult<Tensor> {
        self.matrix(unit, &Mode::evaluate())
    }

    /// The weight of that unit.
    fn name(&self, unit: usize) -> &str;
}

/// What the columns add to the joint loss.
pub trait ColumnPenalty: Send + Sync {
    fn penalty(&self) -> ModelResult<Option<Tensor>>;
}

/// A column for each task.
pub struct TaskColumns {
    /// By block, then by column: those of a task stand side by side.
    blocks: Vec<Vec<Stack>>,
    tasks: Vec<String>,
    subspaces: usize,
    stops: Vec<ReadPoint>,
    units: Option<Box<dyn ColumnUnits>>,
    last: bool,
    /// Each task's shares of its column's layers.
    layers: Vec<Parameter>,
    penalty: Option<Box<dyn ColumnPenalty>>,
    part: NetworkPart,
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

impl TaskColumns {
    fn end(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Is there a unit behind this block?
    fn has_unit(&self, block: usize) -> bool {
        self.units.is_some() && (block < self.end() || self.last)
    }

    /// The tasks whose columns are wanted behind this block's unit, for these tasks' heads.
    fn tasks_after(&self, block: usize, tasks: &[usize]) -> Vec<usize> {
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
}

impl Sharing for TaskColumns {
    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    fn output(&self, task: usize) -> Shape {
        let ReadPoint { block, mark } = &self.stops[task];
        let stack = &self.blocks[*block][task * self.subspaces];
        let marked = stack.marks().find(|(name, _)| Some(*name) == mark.as_ref()).map(|(_, shape)| shape);
        side_by_side(marked.unwrap_or(stack.output()), self.subspaces)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        if let Some(task) = self.layers.iter().position(|layers| layers.name() == weight) {
            return tasks.contains(&task) && self.stops[task].mark.is_none();
        }
        for (block, stacks) in self.blocks.iter().enumerate() {
            if self.has_unit(block) && self.units.as_ref().is_some_and(|units| units.name(block) == weight) {
                return !self.tasks_after(block, tasks).is_empty();
            }
            for (column, stack) in stacks.iter().enumerate() {
                let Some(at) = stack.parts().iter().position(|part| part.owns(weight)) else { continue };
                let task = column / self.subspaces;
                let ReadPoint { block: stop, mark } = &self.stops[task];
                let others =
                    self.has_unit(block) && tasks.iter().any(|task| self.stops[*task].is_behind(block));
                let own = tasks.contains(&task)
                    && (*stop > block || *stop == block && at < stack.depth(mark.as_ref()));
                return others || own;
            }
        }
        false
    }

    fn parts(&self) -> Vec<NetworkPart> {
        let columns = 0..self.tasks.len() * self.subspaces;
        let of_column = |column: usize| self.blocks.iter().flat_map(move |block| block[column].parts());
        columns.flat_map(of_column).chain([&self.part]).cloned().collect()
    }

    fn penalty(&self, _: &[usize], _: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        self.penalty.as_ref().map_or(Ok(None), |penalty| penalty.penalty())
    }

    fn reports_shares(&self) -> bool {
        self.units.is_some() && (0..self.blocks.len()).any(|block| self.has_unit(block))
            || !self.layers.is_empty()
    }

    /// All tasks' shares: they depend on no row.
    fn shares(&self, _: &Activations, _: &[usize]) -> ModelResult<Vec<SourceShare>> {
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
                shares.push(SourceShare { unit: unit.clone(), reader, source, value: f64::from(value) });
            }
        }
        for (task, of_layers) in self.tasks.iter().zip(&self.layers) {
            for (at, value) in host(&of_layers.tensor())?.into_iter().enumerate() {
                let (unit, source) = ("layers".to_owned(), format!("block {}", at + 1));
                shares.push(SourceShare { unit, reader: task.clone(), source, value: f64::from(value) });
            }
        }
        Ok(shares)
    }
}

impl SharingForward for TaskColumns {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let subspaces = self.subspaces;
        let mut held: Vec<Option<Activations<O::Value>>> = vec![None; self.tasks.len() * subspaces];
        let mut read: Vec<Option<Activations<O::Value>>> = vec![None; self.tasks.len()];
        let mut passed: Vec<Vec<Activations<O::Value>>> = vec![Vec::new(); self.tasks.len()];
        for (block, stacks) in self.blocks.iter().enumerate() {
            let mut outputs: Vec<Option<Activations<O::Value>>> = vec![None; held.len()];
            for task in self.within(block, tasks) {
                let columns = task * subspaces..(task + 1) * subspaces;
                let from = match block {
                    0 => x.clone(),
                    _ => concat_widths(ops, &held[columns.clone()], self.blocks[block - 1][0].output())?,
                };
                let column_outputs = stacks[columns.clone()].iter().map(|stack| stack.compute(ops, &from));
                let column_outputs: Vec<StackOutputs<Activations<O::Value>>> =
                    column_outputs.collect::<ModelResult<_>>()?;
                let stop = &self.stops[task];
                if let Some(mark) = stop.mark.as_ref().filter(|_| stop.block == block) {
                    let marked: Vec<_> = column_outputs
                        .iter()
                        .map(|column_output| column_output.mark(mark).cloned())
                        .collect();
                    read[task] = Some(concat_widths(ops, &marked, self.output(task))?);
                }
                for (column, column_output) in columns.zip(column_outputs) {
                    outputs[column] = Some(column_output.end);
                }
            }
            let behind = self.tasks_after(block, tasks);
            let units = self.units.as_deref().filter(|_| self.has_unit(block) && !behind.is_empty());
            if let Some(units) = units {
                let rows: Vec<usize> =
                    behind.iter().flat_map(|task| task * subspaces..(task + 1) * subspaces).collect();
                let mixed = mix(ops, units, block, &rows, &outputs)?;
                for (row, mixed) in rows.into_iter().zip(mixed) {
                    outputs[row] = Some(mixed);
                }
            }
            held = outputs;
            for task in tasks.iter().filter(|task| self.stops[**task].mark.is_none()) {
                let columns = task * subspaces..(task + 1) * subspaces;
                passed[*task].push(concat_widths(ops, &held[columns], stacks[0].output())?);
            }
        }
        for task in tasks.iter().filter(|task| self.stops[**task].mark.is_none()) {
            read[*task] = match self.layers.get(*task) {
                Some(shares) => {
                    ops.scope(shares.name());
                    mixtures(ops, &shares.tensor().unsqueeze(0)?, &passed[*task])?.pop()
                }
                None => passed[*task].pop(),
            };
        }
        let read = tasks.iter().map(|task| read[*task].clone()).collect::<Option<Vec<_>>>();
        read.ok_or_else(|| candle_core::Error::msg("a task reads from no column").into())
    }
}

/// What the columns of these `rows` go on with behind a unit.
fn mix<O: Ops>(
    ops: &mut O,
    units: &dyn ColumnUnits,
    unit: usize,
    rows: &[usize],
    columns: &[Option<Activations<O::Value>>],
) -> ModelResult<Vec<Activations<O::Value>>> {
    ops.scope(units.name(unit));
    let matrix = units.matrix(unit, &ops.mode())?;
    let wanted: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    let wanted = Tensor::new(wanted, matrix.device())?;
    let columns: Vec<Activations<O::Value>> = columns.iter().flatten().cloned().collect();
    mixtures(ops, &matrix.index_select(&wanted, 0)?, &columns)
}

/// Each row of `matrix` `[rows, columns]` as a mixture.
fn mixtures<O: Ops>(
    ops: &mut O,
    matrix: &Tensor,
    columns: &[Activations<O::Value>],
) -> ModelResult<Vec<Activations<O::Value>>> {
    let values: Vec<O::Value> = columns.iter().map(|column| column.x.clone()).collect();
    let mixed = ops.mix_rows(matrix, &values)?;
    Ok(mixed.into_iter().map(|mixed| columns[0].with(mixed)).collect())
}

/// Signals of this shape beside each other; one alone is itself.
fn concat_widths<O: Ops>(
    ops: &mut O,
    signals: &[Option<Activations<O::Value>>],
    shape: Shape,
) -> ModelResult<Activations<O::Value>> {
    let values: Vec<O::Value> = signals.iter().flatten().map(|signal| signal.x.clone()).collect();
    let Some(first) = signals.iter().flatten().next() else {
        return Err(candle_core::Error::msg("nothing to put side by side").into());
    };
    Ok(first.with(ops.concat(&values, feature_axis(shape) as i64)?))
}

/// The dimension in which a shape's numbers stand beside each other.
pub fn feature_axis(shape: Shape) -> usize {
    match shape {
        Shape::Sequence { .. } => 2,
        _ => 1,
    }
}
