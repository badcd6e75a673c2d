//! How columns are built.

use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::stack::Stack;
use crate::model::part::NetworkPart;
use crate::model::sharing::block::{split_blocks, stops};
use crate::model::sharing::column::{ColumnPenalty, ColumnUnits, TaskColumns, side_by_side};
use crate::model::sharing::{Body, BuiltSharing};
use crate::model::weights::{Init, Parameter, Weights};

/// How columns are built.
pub struct ColumnsConfig<'a> {
    /// Copies of each block in a column.
    pub subspaces: usize,
    /// Makes the units, of so many columns; their number is given.
    pub units: Option<BuildUnits<'a>>,
    /// Is there a unit behind the last block too?
    pub last: bool,
    /// What each task's mixture of its column's layers begins with, if it reads one.
    pub layers: Option<&'a dyn Fn(usize) -> Vec<f32>>,
    /// Makes what is added to the joint loss of each column's trainable weights.
    pub penalty: Option<&'a dyn Fn(Vec<Vec<Parameter>>) -> Box<dyn ColumnPenalty>>,
}

/// From the number of units and of columns, and how unit i's weight is called.
pub type BuildUnits<'a> = &'a dyn Fn(&[String], usize, &mut Weights) -> ModelResult<Box<dyn ColumnUnits>>;

impl ColumnsConfig<'_> {
    pub fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let ranges = split_blocks(body.trunk);
        let stops = stops(body, &ranges);
        let mut blocks: Vec<Vec<Stack>> = Vec::new();
        let mut own: Vec<Vec<Parameter>> = Vec::new();
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
            blocks.push(block.collect::<ModelResult<_>>()?);
        }
        let Some(output) = blocks.last().and_then(|block| block.first()).map(Stack::output) else {
            let reason = "the columns have no layers".to_owned();
            return Err(ModelError::Shape { part: "trunk".into(), reason });
        };
        for (task, subspace) in columns() {
            let prefix = format!("{}.", column(&task.name, subspace));
            let named = weights.trainable().filter(|weight| weight.name.starts_with(&prefix));
            own.push(named.filter_map(|weight| weights.known(&weight.name)).collect());
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
            layers.push(weights.parameter(&name, &[blocks.len()], Init::Given(init))?);
        }
        let part = NetworkPart {
            name: "sharing.units".into(),
            kind: "units",
            shape: side_by_side(output, self.subspaces),
            parameters: weights.parameters() - before,
        };
        Ok(Box::new(TaskColumns {
            blocks,
            tasks: body.tasks.iter().map(|task| task.name.clone()).collect(),
            subspaces: self.subspaces,
            stops,
            units,
            last: self.last,
            layers,
            penalty: self.penalty.map(|penalty| penalty(own)),
            part,
        }))
    }
}
