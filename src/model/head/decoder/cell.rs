//! The cell of a recurrent decoder. For formulas and papers see the kernels of the
//! [GRU](crate::model::kernel::gru) and the [LSTM](crate::model::kernel::lstm).

use candle_core::Tensor;

use crate::model::error::ModelResult;
use crate::model::kernel::gru::gru_with_state;
use crate::model::kernel::lstm::lstm_with_state;
use crate::model::kernel::recurrence::{BIAS, SequenceOptions};
use crate::model::weights::{Init, Parameter, Weights};

/// A recurrent cell; its states are `[batch, units]`.
pub enum DecoderCell {
    /// A gated recurrent unit.
    Gru(GateWeights),
    /// A long short-term memory.
    Lstm(GateWeights),
}

/// The weights of a cell in the layout of its kernel.
pub struct GateWeights {
    /// Prefix of the weights' names.
    pub name: String,
    /// `[width + units, gates x units]`: input weights, then state weights.
    pub weight: Parameter,
    /// `[4 units]`
    pub bias: Parameter,
    /// Size of the state.
    pub units: usize,
}

impl GateWeights {
    /// Initialized as in PyTorch: U(-1 / sqrt(units), 1 / sqrt(units)).
    fn build(
        name: &str,
        width: usize,
        units: usize,
        gates: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let init = Init::fan_in(units);
        let shape = [width + units, gates * units];
        let weight = weights.parameter(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = weights.parameter(&format!("{name}.bias"), &[BIAS * units], init)?;
        Ok(Self { name: name.to_owned(), weight, bias, units })
    }
}

impl DecoderCell {
    /// A GRU over vectors of `width`.
    pub fn gru(name: &str, width: usize, units: usize, weights: &mut Weights) -> ModelResult<Self> {
        GateWeights::build(name, width, units, 3, weights).map(Self::Gru)
    }

    /// An LSTM over vectors of `width`.
    pub fn lstm(name: &str, width: usize, units: usize, weights: &mut Weights) -> ModelResult<Self> {
        GateWeights::build(name, width, units, 4, weights).map(Self::Lstm)
    }

    /// Size of the state.
    pub fn units(&self) -> usize {
        match self {
            Self::Gru(gates) | Self::Lstm(gates) => gates.units,
        }
    }

    /// Names of the states; the first is the hidden state.
    pub fn states(&self) -> &'static [&'static str] {
        match self {
            Self::Gru(_) => &["hidden"],
            Self::Lstm(_) => &["hidden", "cell"],
        }
    }

    /// Hidden states `[batch, time, units]` for `x`, `[batch, time, width]`, and the final states.
    pub fn run(&self, x: &Tensor, states: &[Tensor]) -> ModelResult<(Tensor, Vec<Tensor>)> {
        match self {
            Self::Gru(GateWeights { weight, bias, .. }) => {
                let traversal = SequenceOptions::default();
                let (y, h) = gru_with_state(x, weight.var(), bias.var(), Some(&states[0]), traversal)?;
                Ok((y, vec![h]))
            }
            Self::Lstm(GateWeights { weight, bias, units, .. }) => {
                let first = Tensor::cat(states, 1)?;
                let traversal = SequenceOptions::default();
                let (y, last) = lstm_with_state(x, weight.var(), bias.var(), Some(&first), traversal)?;
                Ok((y, vec![last.narrow(1, 0, *units)?, last.narrow(1, *units, *units)?]))
            }
        }
    }
}
