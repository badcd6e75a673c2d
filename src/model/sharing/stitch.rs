//! The walk through columns, once over tensors and once over a graph.

use candle_core::{Tensor, Var};

use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::sharing::column::Units;
use crate::model::signal::{Signal, Wire};
use crate::model::stack::{Stack, Trail};
use crate::model::weights::host;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// What the columns' walk is made of.
pub trait Flow {
    type Held: Clone;

    fn run(&mut self, stack: &Stack, x: &Self::Held) -> Result<Trail<Self::Held>>;

    /// One for each of `rows`: what that column goes on with, by a unit of `units`.
    fn mix(
        &mut self,
        units: Option<&dyn Units>,
        unit: usize,
        rows: &[usize],
        columns: &[Option<Self::Held>],
    ) -> Result<Vec<Self::Held>>;

    /// Beside each other; one alone is itself.
    fn beside(&mut self, parts: Vec<Self::Held>, axis: usize) -> Result<Self::Held>;

    /// The sum of all layers, each times its share.
    fn weigh(&mut self, name: &str, shares: &Var, layers: &[Self::Held]) -> Result<Self::Held>;
}

/// Forward.
pub struct Ahead<'a> {
    pub mode: &'a Mode<'a>,
}

impl Ahead<'_> {
    /// Each row of `matrix` `[rows, columns]` as a mixture.
    fn mixture(matrix: &Tensor, columns: &[Signal]) -> Result<Vec<Signal>> {
        let flat = columns.iter().map(|column| column.x.flatten_all());
        let flat = Tensor::stack(&flat.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        let mixed = matrix.matmul(&flat)?;
        let like = &columns[0];
        let row = |row: usize| Ok(like.with(mixed.get(row)?.reshape(like.x.dims())?));
        (0..matrix.dim(0)?).map(row).collect()
    }
}

impl Flow for Ahead<'_> {
    type Held = Signal;

    fn run(&mut self, stack: &Stack, x: &Signal) -> Result<Trail<Signal>> {
        stack.forward_marked(x, self.mode)
    }

    fn mix(
        &mut self,
        units: Option<&dyn Units>,
        unit: usize,
        rows: &[usize],
        columns: &[Option<Signal>],
    ) -> Result<Vec<Signal>> {
        let all: Vec<Signal> = columns.iter().flatten().cloned().collect();
        let Some(units) = units else { return Ok(rows.iter().map(|row| all[*row].clone()).collect()) };
        let matrix = units.matrix(unit, self.mode)?;
        let wanted: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        let wanted = Tensor::new(wanted, matrix.device())?;
        Self::mixture(&matrix.index_select(&wanted, 0)?, &all)
    }

    fn beside(&mut self, mut parts: Vec<Signal>, axis: usize) -> Result<Signal> {
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let tensors: Vec<&Tensor> = parts.iter().map(|part| &part.x).collect();
        Ok(parts[0].with(Tensor::cat(&tensors, axis)?))
    }

    fn weigh(&mut self, _: &str, shares: &Var, layers: &[Signal]) -> Result<Signal> {
        Ok(Self::mixture(&shares.unsqueeze(0)?, layers)?.remove(0))
    }
}

/// As nodes of an ONNX graph.
pub struct InGraph<'a> {
    pub graph: &'a mut Graph,
}

impl InGraph<'_> {
    /// The sum of what counts.
    fn sum(&mut self, shares: &[f32], columns: &[Wire]) -> Wire {
        let counting = || shares.iter().zip(columns).filter(|(share, _)| **share != 0.0);
        let mut parts: Vec<Value> = Vec::new();
        for (share, column) in counting() {
            parts.push(match *share {
                1.0 => column.x.clone(),
                share => operator::scale(self.graph, &column.x, share),
            });
        }
        let like = &columns[0];
        match parts.len() {
            0 => like.with(operator::scale(self.graph, &like.x, 0.0)),
            1 => like.with(parts.remove(0)),
            _ => like.with(operator::sum(self.graph, &parts.iter().collect::<Vec<_>>())),
        }
    }
}

impl Flow for InGraph<'_> {
    type Held = Wire;

    fn run(&mut self, stack: &Stack, x: &Wire) -> Result<Trail<Wire>> {
        stack.emit_marked(self.graph, x)
    }

    fn mix(
        &mut self,
        units: Option<&dyn Units>,
        unit: usize,
        rows: &[usize],
        columns: &[Option<Wire>],
    ) -> Result<Vec<Wire>> {
        let all: Vec<Wire> = columns.iter().flatten().cloned().collect();
        let Some(units) = units else { return Ok(rows.iter().map(|row| all[*row].clone()).collect()) };
        self.graph.scope(units.name(unit));
        let matrix = host(&units.matrix(unit, &Mode::evaluate())?)?;
        Ok(rows.iter().map(|row| self.sum(&matrix[row * all.len()..][..all.len()], &all)).collect())
    }

    fn beside(&mut self, mut parts: Vec<Wire>, axis: usize) -> Result<Wire> {
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let values: Vec<&Value> = parts.iter().map(|part| &part.x).collect();
        Ok(parts[0].with(operator::concat(self.graph, &values, axis as i64)))
    }

    fn weigh(&mut self, name: &str, shares: &Var, layers: &[Wire]) -> Result<Wire> {
        self.graph.scope(name);
        Ok(self.sum(&host(shares)?, layers))
    }
}
