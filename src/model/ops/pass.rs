//! A recurrence over the steps in one direction, with its weights.

use std::marker::PhantomData;

use candle_core::{Tensor, Var};

use crate::model::error::Result;
use crate::model::kernel::gru::Gru;
use crate::model::kernel::lstm::Lstm;
use crate::model::kernel::recurrence::{BIAS, Cell, Course, recur};
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator::recurrent::{Direction, Recurrence, Recurrent, recurrent};

/// A cell with its place in ONNX.
pub trait Written: Cell {
    const KIND: Recurrence;
    /// Our block that stands at each place of ONNX's.
    const ORDER: &'static [usize];
}

impl Written for Lstm {
    const KIND: Recurrence = Recurrence::Lstm;
    // i o f c, of ours: i f g o.
    const ORDER: &'static [usize] = &[0, 3, 1, 2];
}

impl Written for Gru {
    const KIND: Recurrence = Recurrence::Gru;
    // z r h, of ours: r z n.
    const ORDER: &'static [usize] = &[1, 0, 2];
}

/// One recurrence with its weights, which begin evenly within 1 / sqrt(units) as PyTorch's do.
#[derive(Clone, Debug)]
pub struct Pass<C> {
    name: String,
    width: usize,
    units: usize,
    /// `[width + units, gates * units]`
    weight: Var,
    /// `[4 * units]`
    bias: Var,
    cell: PhantomData<C>,
}

impl<C: Written> Pass<C> {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        let init = Init::fan_in(units);
        let shape = [width + units, C::GATES * units];
        Ok(Self {
            name: name.to_owned(),
            width,
            units,
            weight: weights.variable(&format!("{name}.weight"), &shape, init.clone())?,
            bias: weights.variable(&format!("{name}.bias"), &[BIAS * units], init)?,
            cell: PhantomData,
        })
    }

    /// Width of its output.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Numbers of a state: h, and c if there is one.
    pub fn state(&self) -> usize {
        C::STATE * self.units
    }

    /// `[batch, time, units]` of `[batch, time, width]`.
    pub fn over(&self, x: &Tensor, course: Course) -> Result<Tensor> {
        Ok(recur::<C>(x, &self.weight, &self.bias, None, course, false)?.0)
    }

    /// The same from a state `[batch, state]` on, or from zeros; with the state after each row's last step.
    pub fn from_state(&self, x: &Tensor, state: Option<&Tensor>, course: Course) -> Result<(Tensor, Tensor)> {
        match recur::<C>(x, &self.weight, &self.bias, state, course, true)? {
            (y, Some(state)) => Ok((y, state)),
            (_, None) => Err(candle_core::Error::Msg(format!("`{}` gave no state", self.name)).into()),
        }
    }

    /// As a node over x `[time, batch, width]`; the states `[1, batch, units]` are h, and c if there is one. Gives
    /// `[time, 1, batch, units]` and the states.
    pub fn emit(
        &self,
        graph: &mut Graph,
        x: &Value,
        lengths: Option<&Value>,
        initial: &[Value],
    ) -> Result<(Value, Vec<Value>)> {
        emit(graph, &[self], x, lengths, initial)
    }

    /// The weights in ONNX's order: the input's `[gates * units, width]`, the state's, and the bias.
    fn written(&self) -> Result<[Vec<f32>; 3]> {
        let (units, columns) = (self.units, C::GATES * self.units);
        let (weight, bias) = (host(&self.weight)?, host(&self.bias)?);
        let turned = |rows: std::ops::Range<usize>| {
            let columns_of = |block: &usize| block * units..(block + 1) * units;
            let weight = &weight;
            C::ORDER
                .iter()
                .flat_map(columns_of)
                .flat_map(|column| rows.clone().map(move |row| weight[row * columns + column]))
                .collect::<Vec<f32>>()
        };
        let block = |block: &usize| &bias[block * units..(block + 1) * units];
        let mut ordered: Vec<f32> = C::ORDER.iter().flat_map(block).copied().collect();
        // The state's part is nothing but what is left of our bias, which belongs to the last gate.
        let left = &bias[columns..];
        ordered.resize(2 * columns - left.len(), 0.0);
        ordered.extend(left);
        Ok([turned(0..self.width), turned(self.width..self.width + units), ordered])
    }
}

/// One pass, or a forward and a backward one, as a node.
pub fn emit<C: Written>(
    graph: &mut Graph,
    passes: &[&Pass<C>],
    x: &Value,
    lengths: Option<&Value>,
    initial: &[Value],
) -> Result<(Value, Vec<Value>)> {
    let Pass { name, width, units, .. } = passes[0];
    let (width, units, rows) = (*width, *units, C::GATES * passes[0].units);
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for pass in passes {
        parts.iter_mut().zip(pass.written()?).for_each(|(all, part)| all.extend(part));
    }
    let name = name.strip_suffix(".forward").unwrap_or(name);
    let mut constant = |kind: &str, shape: &[usize], values: &[f32]| {
        graph.weight(&format!("{name}.{kind}"), &[&[passes.len()], shape].concat(), values)
    };
    let input = constant("input", &[rows, width], &parts[0]);
    let state = constant("state", &[rows, units], &parts[1]);
    let bias = constant("bias", &[2 * rows], &parts[2]);
    let direction = if passes.len() == 1 { Direction::Forward } else { Direction::Bidirectional };
    let of = Recurrent {
        kind: C::KIND,
        direction,
        units,
        x,
        input: &input,
        state: &state,
        bias: &bias,
        lengths,
        initial,
    };
    Ok(recurrent(graph, &of))
}
