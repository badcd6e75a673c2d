//! Construction of task columns.

use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::stack::Stack;
use crate::model::part::NetworkPart;
use crate::model::sharing::block::{read_points, split_blocks};
use crate::model::sharing::column::{ColumnPenalty, ColumnUnits, TaskColumns, concat_shape};
use crate::model::sharing::{Body, BuiltSharing};
use crate::model::weights::{Init, Parameter, Weights};

/// The structure of the columns.
pub struct ColumnsConfig<'a> {
    /// Copies of each block in a column.
    pub subspaces: usize,
    /// Builds the mixing units, if there are any.
    pub units: Option<BuildUnits<'a>>,
    /// Is there a unit after the last block too?
    pub unit_after_last: bool,
    /// The initial mixture of a column's blocks for a number of blocks, if heads read such a mixture.
    pub layer_mixture: Option<&'a dyn Fn(usize) -> Vec<f32>>,
    /// Builds the penalty from the trainable weights of each column.
    pub penalty: Option<&'a dyn Fn(Vec<Vec<Parameter>>) -> Box<dyn ColumnPenalty>>,
}

/// Builds the units from their names, one per unit, and the number of columns.
pub type BuildUnits<'a> = &'a dyn Fn(&[String], usize, &mut Weights) -> ModelResult<Box<dyn ColumnUnits>>;

impl ColumnsConfig<'_> {
    /// One subspace, and neither units, mixtures of layers nor a penalty.
    pub const PLAIN: Self =
        Self { subspaces: 1, units: None, unit_after_last: false, layer_mixture: None, penalty: None };

    /// Builds the columns, the units and the mixtures of layers.
    ///
    /// # Errors
    ///
    /// If the trunk has no layers, or a layer does not fit its input.
    pub fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let ranges = split_blocks(body.trunk);
        let read_points = read_points(body, &ranges);
        let mut blocks: Vec<Vec<Stack>> = Vec::new();
        let mut own: Vec<Vec<Parameter>> = Vec::new();
        let columns = || {
            let subspaces = |task| (0..self.subspaces).map(move |subspace| (task, subspace));
            body.tasks.iter().flat_map(subspaces)
        };
        let column_name = |name: &str, subspace: usize| match self.subspaces {
            1 => format!("trunk.{name}"),
            _ => format!("trunk.{name}.{}", subspace + 1),
        };
        for range in &ranges {
            let before = blocks.last().and_then(|block| block.first()).map(Stack::output);
            let input = before.map_or(body.input, |shape| concat_shape(shape, self.subspaces));
            let block = columns().map(|(task, subspace)| {
                let name = column_name(&task.name, subspace);
                Stack::build_from(&name, range.start, &body.trunk[range.clone()], input, weights)
            });
            blocks.push(block.collect::<ModelResult<_>>()?);
        }
        let Some(output) = blocks.last().and_then(|block| block.first()).map(Stack::output) else {
            let reason = "the trunk has no layers".to_owned();
            return Err(ModelError::Shape { part: "trunk".into(), reason });
        };
        for (task, subspace) in columns() {
            let prefix = format!("{}.", column_name(&task.name, subspace));
            let named = weights.trainable().filter(|weight| weight.name.starts_with(&prefix));
            own.push(named.filter_map(|weight| weights.existing(&weight.name)).collect());
        }
        let before = weights.parameters();
        let count = blocks.len() - usize::from(!self.unit_after_last);
        let unit_name = |block: usize| format!("sharing.{}", ranges[block].end - 1);
        let names: Vec<String> = (0..count).map(unit_name).collect();
        let column_count = body.tasks.len() * self.subspaces;
        let units = self.units.map(|build| build(&names, column_count, weights)).transpose()?;
        let mut layer_mixtures = Vec::new();
        for task in body.tasks.iter().filter(|_| self.layer_mixture.is_some()) {
            let name = format!("sharing.layers.{}", task.name);
            let init = self.layer_mixture.map_or_else(Vec::new, |init| init(blocks.len()));
            layer_mixtures.push(weights.parameter(&name, &[blocks.len()], Init::Given(init))?);
        }
        let part = NetworkPart {
            name: "sharing.units".into(),
            kind: "units",
            shape: concat_shape(output, self.subspaces),
            parameters: weights.parameters() - before,
        };
        Ok(Box::new(TaskColumns {
            blocks,
            tasks: body.tasks.iter().map(|task| task.name.clone()).collect(),
            subspaces: self.subspaces,
            read_points,
            units,
            unit_after_last: self.unit_after_last,
            layer_mixtures,
            penalty: self.penalty.map(|penalty| penalty(own)),
            part,
        }))
    }
}
