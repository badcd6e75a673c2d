//! One column of the trunk's layers per task, with mixing units between the blocks.
//!
//! A column may have several subspaces: copies of each block, each of which reads the concatenated outputs
//! of all subspaces of the column. A task that reads `from` a mark reads its own column there. Layers in an
//! input's `encoder` come before all columns and are shared.

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

/// The mixing units between blocks: the input of each column's next block is a mixture of all columns.
pub trait ColumnUnits: Send + Sync {
    /// The mixing matrix `[columns, columns]` of unit `unit`; row i mixes the input of column i.
    fn matrix(&self, unit: usize, mode: &Mode) -> ModelResult<Tensor>;

    /// The mixing matrix for reports.
    fn reported_matrix(&self, unit: usize) -> ModelResult<Tensor> {
        self.matrix(unit, &Mode::evaluate())
    }

    /// The name of the unit's weight.
    fn name(&self, unit: usize) -> &str;
}

/// A term of the joint loss that depends on the columns' weights.
pub trait ColumnPenalty: Send + Sync {
    /// The term, a scalar; `None` if it is 0.
    fn penalty(&self) -> ModelResult<Option<Tensor>>;
}

/// One column per task.
pub struct TaskColumns {
    /// By block, then by column; the columns of a task are adjacent.
    blocks: Vec<Vec<Stack>>,
    tasks: Vec<String>,
    subspaces: usize,
    read_points: Vec<ReadPoint>,
    units: Option<Box<dyn ColumnUnits>>,
    /// Is there a unit after the last block?
    unit_after_last: bool,
    /// Per task, the weights of its column's blocks in what its head reads; empty if it reads the last block
    /// only.
    layer_mixtures: Vec<Parameter>,
    penalty: Option<Box<dyn ColumnPenalty>>,
    part: NetworkPart,
}

/// The shape of `count` concatenated values of this shape.
pub fn concat_shape(shape: Shape, count: usize) -> Shape {
    match shape {
        Shape::Image { channels, height, width } => {
            Shape::Image { channels: channels * count, height, width }
        }
        shape => shape.with_width(shape.width() * count),
    }
}

impl TaskColumns {
    /// The index of the last block.
    fn last_block(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Is there a unit after this block?
    fn has_unit(&self, block: usize) -> bool {
        self.units.is_some() && (block < self.last_block() || self.unit_after_last)
    }

    /// The tasks whose columns are needed after this block's unit to compute the inputs of these tasks'
    /// heads.
    fn tasks_after(&self, block: usize, tasks: &[usize]) -> Vec<usize> {
        let is_needed = |task: &usize| {
            tasks.contains(task) && self.read_points[*task].is_after(block)
                || block < self.last_block() && self.tasks_in(block + 1, tasks).contains(task)
        };
        (0..self.tasks.len()).filter(is_needed).collect()
    }

    /// The tasks whose columns must compute this block.
    fn tasks_in(&self, block: usize, tasks: &[usize]) -> Vec<usize> {
        let own = |task: &usize| tasks.contains(task) && self.read_points[*task].block >= block;
        let mixes = self.has_unit(block) && tasks.iter().any(|task| self.read_points[*task].is_after(block));
        (0..self.tasks.len()).filter(|task| mixes || own(task)).collect()
    }
}

impl Sharing for TaskColumns {
    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    fn output(&self, task: usize) -> Shape {
        let read_point = &self.read_points[task];
        let stack = &self.blocks[read_point.block][task * self.subspaces];
        concat_shape(read_point.shape(stack), self.subspaces)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        if let Some(task) = self.layer_mixtures.iter().position(|layers| layers.name() == weight) {
            return tasks.contains(&task) && self.read_points[task].mark.is_none();
        }
        for (block, stacks) in self.blocks.iter().enumerate() {
            if self.has_unit(block) && self.units.as_ref().is_some_and(|units| units.name(block) == weight) {
                return !self.tasks_after(block, tasks).is_empty();
            }
            for (column, stack) in stacks.iter().enumerate() {
                let Some(layer) = stack.parts().iter().position(|part| part.owns(weight)) else { continue };
                let task = column / self.subspaces;
                let by_mixing =
                    self.has_unit(block) && tasks.iter().any(|task| self.read_points[*task].is_after(block));
                let directly =
                    tasks.contains(&task) && self.read_points[task].depends_on(block, stack, layer);
                return by_mixing || directly;
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
            || !self.layer_mixtures.is_empty()
    }

    /// The shares of all tasks; they do not depend on the rows.
    fn shares(&self, _: &Activations, _: &Mode, _: &[usize]) -> ModelResult<Vec<SourceShare>> {
        let name = |column: usize| match self.subspaces {
            1 => self.tasks[column].clone(),
            subspaces => format!("{} {}", self.tasks[column / subspaces], column % subspaces + 1),
        };
        let mut shares = Vec::new();
        for (block, stacks) in self.blocks.iter().enumerate() {
            let Some(units) = self.units.as_ref().filter(|_| self.has_unit(block)) else { continue };
            let columns = stacks.len();
            let last = stacks[0].parts().last().map_or("", |part| part.name.as_str());
            // `trunk.income.3.dense` is the layer `3.dense` of every column.
            let mut layer: Vec<&str> = last.rsplitn(3, '.').take(2).collect();
            layer.reverse();
            let unit = format!("unit behind {}", layer.join("."));
            for (index, value) in host(&units.reported_matrix(block)?)?.into_iter().enumerate() {
                let (reader, source) = (name(index / columns), name(index % columns));
                shares.push(SourceShare { unit: unit.clone(), reader, source, value: f64::from(value) });
            }
        }
        for (task, mixture) in self.tasks.iter().zip(&self.layer_mixtures) {
            for (block, value) in host(&mixture.tensor())?.into_iter().enumerate() {
                let (unit, source) = ("layers".to_owned(), format!("block {}", block + 1));
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
        let mut states: Vec<Option<Activations<O::Value>>> = vec![None; self.tasks.len() * subspaces];
        let mut read: Vec<Option<Activations<O::Value>>> = vec![None; self.tasks.len()];
        let mut block_outputs: Vec<Vec<Activations<O::Value>>> = vec![Vec::new(); self.tasks.len()];
        for (block, stacks) in self.blocks.iter().enumerate() {
            let mut outputs: Vec<Option<Activations<O::Value>>> = vec![None; states.len()];
            for task in self.tasks_in(block, tasks) {
                let columns = task * subspaces..(task + 1) * subspaces;
                let input = match block {
                    0 => x.clone(),
                    _ => concat_features(ops, &states[columns.clone()], self.blocks[block - 1][0].output())?,
                };
                let column_outputs = stacks[columns.clone()].iter().map(|stack| stack.compute(ops, &input));
                let column_outputs: Vec<StackOutputs<Activations<O::Value>>> =
                    column_outputs.collect::<ModelResult<_>>()?;
                let read_point = &self.read_points[task];
                if let Some(mark) = read_point.mark.as_ref().filter(|_| read_point.block == block) {
                    let marked: Vec<_> =
                        column_outputs.iter().map(|outputs| outputs.mark(mark).cloned()).collect();
                    read[task] = Some(concat_features(ops, &marked, self.output(task))?);
                }
                for (column, column_output) in columns.zip(column_outputs) {
                    outputs[column] = Some(column_output.end);
                }
            }
            let tasks_after = self.tasks_after(block, tasks);
            let units = self.units.as_deref().filter(|_| self.has_unit(block) && !tasks_after.is_empty());
            if let Some(units) = units {
                let rows: Vec<usize> =
                    tasks_after.iter().flat_map(|task| task * subspaces..(task + 1) * subspaces).collect();
                let mixed = mix(ops, units, block, &rows, &outputs)?;
                for (row, mixed) in rows.into_iter().zip(mixed) {
                    outputs[row] = Some(mixed);
                }
            }
            states = outputs;
            for task in tasks.iter().filter(|task| self.read_points[**task].mark.is_none()) {
                let columns = task * subspaces..(task + 1) * subspaces;
                block_outputs[*task].push(concat_features(ops, &states[columns], stacks[0].output())?);
            }
        }
        for task in tasks.iter().filter(|task| self.read_points[**task].mark.is_none()) {
            read[*task] = match self.layer_mixtures.get(*task) {
                Some(shares) => {
                    ops.scope(shares.name());
                    mixtures(ops, &shares.tensor().unsqueeze(0)?, &block_outputs[*task])?.pop()
                }
                None => block_outputs[*task].pop(),
            };
        }
        let read = tasks.iter().map(|task| read[*task].clone()).collect::<Option<Vec<_>>>();
        read.ok_or_else(|| candle_core::Error::msg("a task has no column to read").into())
    }
}

/// The inputs of these columns (`rows` of the mixing matrix) after a unit.
fn mix<O: Ops>(
    ops: &mut O,
    units: &dyn ColumnUnits,
    unit: usize,
    rows: &[usize],
    columns: &[Option<Activations<O::Value>>],
) -> ModelResult<Vec<Activations<O::Value>>> {
    ops.scope(units.name(unit));
    let matrix = units.matrix(unit, &ops.mode())?;
    let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    let rows = Tensor::new(rows, matrix.device())?;
    let columns: Vec<Activations<O::Value>> = columns.iter().flatten().cloned().collect();
    mixtures(ops, &matrix.index_select(&rows, 0)?, &columns)
}

/// The mixtures of `columns` with the rows of `matrix` `[rows, columns]` as weights.
fn mixtures<O: Ops>(
    ops: &mut O,
    matrix: &Tensor,
    columns: &[Activations<O::Value>],
) -> ModelResult<Vec<Activations<O::Value>>> {
    let values: Vec<O::Value> = columns.iter().map(|column| column.x.clone()).collect();
    let mixed = ops.mix_rows(matrix, &values)?;
    Ok(mixed.into_iter().map(|mixed| columns[0].with(mixed)).collect())
}

/// The concatenation of values of this shape along the feature axis.
fn concat_features<O: Ops>(
    ops: &mut O,
    columns: &[Option<Activations<O::Value>>],
    shape: Shape,
) -> ModelResult<Activations<O::Value>> {
    let values: Vec<O::Value> = columns.iter().flatten().map(|column| column.x.clone()).collect();
    let Some(first) = columns.iter().flatten().next() else {
        return Err(candle_core::Error::msg("nothing to concatenate").into());
    };
    Ok(first.with(ops.concat(&values, feature_axis(shape) as i64)?))
}

/// The feature (channel) dimension of a batch of values of this shape.
pub fn feature_axis(shape: Shape) -> usize {
    match shape {
        Shape::Sequence { .. } => 2,
        _ => 1,
    }
}
