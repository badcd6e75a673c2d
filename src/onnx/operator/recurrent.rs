//! Recurrences over sequences: ONNX's LSTM and GRU.

use crate::onnx::graph::{Attribute, Graph, Value};
use crate::onnx::proto::data_type;

/// ONNX's recurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// Gates i o f c; states h and c.
    Lstm,
    /// Gates z r h; the reset gate is applied behind the product, as PyTorch does. State h.
    Gru,
}

/// The way over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Reverse,
    /// Both, side by side in everything that has directions.
    Bidirectional,
}

/// What a recurrence takes.
#[derive(Clone, Copy)]
pub struct Recurrent<'a> {
    pub kind: Recurrence,
    pub direction: Direction,
    pub units: usize,
    /// `[time, batch, width]`
    pub x: &'a Value,
    /// `[directions, gates * units, width]`
    pub input: &'a Value,
    /// `[directions, gates * units, units]`
    pub state: &'a Value,
    /// `[directions, 2 * gates * units]`: the input's part, then the state's.
    pub bias: &'a Value,
    /// Whole numbers `[batch]`, 64 bits; without it all rows are whole.
    pub lengths: Option<&'a Value>,
    /// h, and for an LSTM c: `[directions, batch, units]`; zeros if left out.
    pub initial: &'a [Value],
}

/// Outputs `[time, directions, batch, units]` (0 behind each row's end) and the last states `[directions, batch, units]`.
pub fn recurrent(g: &mut Graph, of: &Recurrent) -> (Value, Vec<Value>) {
    let none = Value::none();
    // Lengths are 32 bits wide here.
    let to = Attribute::int("to", data_type::INT32.into());
    let lengths = of.lengths.map(|lengths| g.node("Cast", &[lengths], vec![to]));
    let mut inputs = vec![of.x, of.input, of.state, of.bias];
    if lengths.is_some() || !of.initial.is_empty() {
        inputs.push(lengths.as_ref().unwrap_or(&none));
    }
    inputs.extend(of.initial);
    let direction = match of.direction {
        Direction::Forward => "forward",
        Direction::Reverse => "reverse",
        Direction::Bidirectional => "bidirectional",
    };
    let mut attributes =
        vec![Attribute::text("direction", direction), Attribute::int("hidden_size", of.units as i64)];
    let (op, outputs) = match of.kind {
        Recurrence::Lstm => ("LSTM", 3),
        Recurrence::Gru => ("GRU", 2),
    };
    if of.kind == Recurrence::Gru {
        attributes.push(Attribute::int("linear_before_reset", 1));
    }
    let mut outputs = g.nodes(op, &inputs, outputs, attributes);
    let states = outputs.split_off(1);
    (outputs.remove(0), states)
}
