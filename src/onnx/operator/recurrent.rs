//! Recurrences over sequences: ONNX's LSTM and GRU.

use crate::onnx::graph::{Attribute, Graph, GraphValue};
use crate::onnx::proto::data_type;

/// ONNX's recurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentOperator {
    /// Gates i o f c; states h and c.
    Lstm,
    /// Gates z r h; the reset gate is applied behind the product, as PyTorch does. State h.
    Gru,
}

/// The way over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentDirection {
    Forward,
    Reverse,
    /// Both, side by side in everything that has directions.
    Bidirectional,
}

/// What a recurrence takes.
#[derive(Clone, Copy)]
pub struct RecurrentNode<'a> {
    pub kind: RecurrentOperator,
    pub direction: RecurrentDirection,
    pub units: usize,
    /// `[time, batch, width]`
    pub x: &'a GraphValue,
    /// `[directions, gates * units, width]`
    pub input: &'a GraphValue,
    /// `[directions, gates * units, units]`
    pub state: &'a GraphValue,
    /// `[directions, 2 * gates * units]`: the input's part, then the state's.
    pub bias: &'a GraphValue,
    /// Whole numbers `[batch]`, 64 bits; without it all rows are whole.
    pub lengths: Option<&'a GraphValue>,
    /// h, and for an LSTM c: `[directions, batch, units]`; zeros if left out.
    pub initial: &'a [GraphValue],
}

/// Outputs `[time, directions, batch, units]` (0 behind each row's end) and the last states `[directions,
/// batch, units]`.
pub fn recurrent(g: &mut Graph, of: &RecurrentNode) -> (GraphValue, Vec<GraphValue>) {
    let none = GraphValue::none();
    // Lengths are 32 bits wide here.
    let to = Attribute::int("to", data_type::INT32.into());
    let lengths = of.lengths.map(|lengths| g.node("Cast", &[lengths], vec![to]));
    let mut inputs = vec![of.x, of.input, of.state, of.bias];
    if lengths.is_some() || !of.initial.is_empty() {
        inputs.push(lengths.as_ref().unwrap_or(&none));
    }
    inputs.extend(of.initial);
    let direction = match of.direction {
        RecurrentDirection::Forward => "forward",
        RecurrentDirection::Reverse => "reverse",
        RecurrentDirection::Bidirectional => "bidirectional",
    };
    let mut attributes =
        vec![Attribute::text("direction", direction), Attribute::int("hidden_size", of.units as i64)];
    let (op, outputs) = match of.kind {
        RecurrentOperator::Lstm => ("LSTM", 3),
        RecurrentOperator::Gru => ("GRU", 2),
    };
    if of.kind == RecurrentOperator::Gru {
        attributes.push(Attribute::int("linear_before_reset", 1));
    }
    let mut outputs = g.nodes(op, &inputs, outputs, attributes);
    let states = outputs.split_off(1);
    (outputs.remove(0), states)
}
