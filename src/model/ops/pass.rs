//! One direction of a recurrent layer, with its weights.

use std::marker::PhantomData;

use candle_core::Tensor;

use crate::model::error::ModelResult;
use crate::model::kernel::gru::GruCell;
use crate::model::kernel::lstm::LstmCell;
use crate::model::kernel::recurrence::{BIAS, RecurrentCell, SequenceOptions, recur};
use crate::model::weights::{Init, Parameter, Weights, host};
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator::recurrent::{RecurrentDirection, RecurrentNode, RecurrentOperator, recurrent};

/// A recurrent cell that ONNX has an operator for.
pub trait OnnxCell: RecurrentCell {
    /// The ONNX operator.
    const KIND: RecurrentOperator;
    /// The gate blocks in ONNX's order, as indices into ours.
    const ORDER: &'static [usize];
}

impl OnnxCell for LstmCell {
    const KIND: RecurrentOperator = RecurrentOperator::Lstm;
    // ONNX: i o f c; ours: i f g o.
    const ORDER: &'static [usize] = &[0, 3, 1, 2];
}

impl OnnxCell for GruCell {
    const KIND: RecurrentOperator = RecurrentOperator::Gru;
    // ONNX: z r h; ours: r z n.
    const ORDER: &'static [usize] = &[1, 0, 2];
}

/// One direction of a recurrent layer. Weights start uniformly within 1 / sqrt(units), as in PyTorch.
#[derive(Clone, Debug)]
pub struct RecurrentPass<C> {
    name: String,
    width: usize,
    units: usize,
    /// `[width + units, gates * units]`
    weight: Parameter,
    /// `[4 * units]`
    bias: Parameter,
    cell: PhantomData<C>,
}

impl<C: OnnxCell> RecurrentPass<C> {
    /// Creates the weights `{name}.weight` and `{name}.bias`.
    ///
    /// # Errors
    /// Those of [`Weights::variable`].
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> ModelResult<Self> {
        let init = Init::fan_in(units);
        let shape = [width + units, C::GATES * units];
        Ok(Self {
            name: name.to_owned(),
            width,
            units,
            weight: weights.parameter(&format!("{name}.weight"), &shape, init.clone())?,
            bias: weights.parameter(&format!("{name}.bias"), &[BIAS * units], init)?,
            cell: PhantomData,
        })
    }

    /// The width of the output.
    pub fn units(&self) -> usize {
        self.units
    }

    /// The width of a state: h, and c for cells that have one.
    pub fn state(&self) -> usize {
        C::STATE * self.units
    }

    /// Runs over x `[batch, time, width]` and returns `[batch, time, units]`.
    pub fn forward(&self, x: &Tensor, traversal: SequenceOptions) -> ModelResult<Tensor> {
        Ok(recur::<C>(x, &self.weight.tensor(), &self.bias.tensor(), None, traversal, false)?.0)
    }

    /// The same starting from `state` `[batch, state]`, or from zeros. Also returns the state after each
    /// row's last step.
    pub fn from_state(
        &self,
        x: &Tensor,
        state: Option<&Tensor>,
        traversal: SequenceOptions,
    ) -> ModelResult<(Tensor, Tensor)> {
        match recur::<C>(x, &self.weight.tensor(), &self.bias.tensor(), state, traversal, true)? {
            (y, Some(state)) => Ok((y, state)),
            (_, None) => {
                Err(candle_core::Error::Msg(format!("`{}` returned no final state", self.name)).into())
            }
        }
    }

    /// Appends an ONNX node over x `[time, batch, width]`. The states `[1, batch, units]` are h, and c for
    /// cells that have one. Returns the outputs `[time, 1, batch, units]` and the final states.
    pub fn to_onnx(
        &self,
        graph: &mut Graph,
        x: &GraphValue,
        lengths: Option<&GraphValue>,
        initial: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        to_onnx(graph, &[self], x, lengths, initial)
    }

    /// The weights in ONNX's order: W `[gates * units, width]`, R `[gates * units, units]` and the bias
    /// `[2 * gates * units]`.
    fn onnx_weights(&self) -> ModelResult<[Vec<f32>; 3]> {
        let (units, columns) = (self.units, C::GATES * self.units);
        let (weight, bias) = (host(self.weight.var())?, host(self.bias.var())?);
        let transposed = |rows: std::ops::Range<usize>| {
            let block_columns = |block: &usize| block * units..(block + 1) * units;
            let weight = &weight;
            C::ORDER
                .iter()
                .flat_map(block_columns)
                .flat_map(|column| rows.clone().map(move |row| weight[row * columns + column]))
                .collect::<Vec<f32>>()
        };
        let block = |block: &usize| &bias[block * units..(block + 1) * units];
        let mut ordered: Vec<f32> = C::ORDER.iter().flat_map(block).copied().collect();
        // ONNX has a second bias, for the state: 0 except for the last gate, if our bias has that block.
        let state_bias = &bias[columns..];
        ordered.resize(2 * columns - state_bias.len(), 0.0);
        ordered.extend(state_bias);
        Ok([transposed(0..self.width), transposed(self.width..self.width + units), ordered])
    }
}

/// Appends an ONNX node for one pass, or for a forward and a backward pass.
pub fn to_onnx<C: OnnxCell>(
    graph: &mut Graph,
    passes: &[&RecurrentPass<C>],
    x: &GraphValue,
    lengths: Option<&GraphValue>,
    initial: &[GraphValue],
) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
    let RecurrentPass { name, width, units, .. } = passes[0];
    let (width, units, rows) = (*width, *units, C::GATES * passes[0].units);
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for pass in passes {
        parts.iter_mut().zip(pass.onnx_weights()?).for_each(|(all, part)| all.extend(part));
    }
    let name = name.strip_suffix(".forward").unwrap_or(name);
    let mut constant = |kind: &str, shape: &[usize], values: &[f32]| {
        graph.weight(&format!("{name}.{kind}"), &[&[passes.len()], shape].concat(), values)
    };
    let input = constant("input", &[rows, width], &parts[0]);
    let state = constant("state", &[rows, units], &parts[1]);
    let bias = constant("bias", &[2 * rows], &parts[2]);
    let direction =
        if passes.len() == 1 { RecurrentDirection::Forward } else { RecurrentDirection::Bidirectional };
    let node = RecurrentNode {
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
    Ok(recurrent(graph, &node))
}
