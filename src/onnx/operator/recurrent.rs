//! Recurrent operators: ONNX's LSTM and GRU.

use crate::onnx::graph::{Attribute, Graph, GraphValue};
use crate::onnx::proto::data_type;

/// The recurrent operators of ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentOperator {
    /// Gate order i, o, f, c; states h and c.
    Lstm,
    /// Gate order z, r, h; the reset gate is applied after the product, as in PyTorch. State h.
    Gru,
}

/// The direction over steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentDirection {
    /// From the first step to the last.
    Forward,
    /// From the last step to the first.
    Reverse,
    /// Both, concatenated in the `directions` dimension.
    Bidirectional,
}

/// The arguments of a recurrent operator.
#[derive(Clone, Copy)]
pub struct RecurrentNode<'a> {
    /// LSTM or GRU.
    pub kind: RecurrentOperator,
    /// Order of the steps.
    pub direction: RecurrentDirection,
    /// Size of the state.
    pub units: usize,
    /// `[time, batch, width]`
    pub x: &'a GraphValue,
    /// `[directions, gates * units, width]`
    pub input: &'a GraphValue,
    /// `[directions, gates * units, units]`
    pub state: &'a GraphValue,
    /// `[directions, 2 * gates * units]`: first the input bias, then the state bias.
    pub bias: &'a GraphValue,
    /// 64-bit integers `[batch]`; without them all rows have full length.
    pub lengths: Option<&'a GraphValue>,
    /// Initial h, and c for an LSTM: `[directions, batch, units]`; zeros if empty.
    pub initial: &'a [GraphValue],
}

/// Returns the outputs `[time, directions, batch, units]`, which are 0 in padding, and the final states
/// `[directions, batch, units]`.
pub fn recurrent(g: &mut Graph, node: &RecurrentNode) -> (GraphValue, Vec<GraphValue>) {
    let none = GraphValue::none();
    // The operator takes 32-bit lengths.
    let to = Attribute::int("to", data_type::INT32.into());
    let lengths = node.lengths.map(|lengths| g.node("Cast", &[lengths], vec![to]));
    let mut inputs = vec![node.x, node.input, node.state, node.bias];
    if lengths.is_some() || !node.initial.is_empty() {
        inputs.push(lengths.as_ref().unwrap_or(&none));
    }
    inputs.extend(node.initial);
    let direction = match node.direction {
        RecurrentDirection::Forward => "forward",
        RecurrentDirection::Reverse => "reverse",
        RecurrentDirection::Bidirectional => "bidirectional",
    };
    let mut attributes =
        vec![Attribute::text("direction", direction), Attribute::int("hidden_size", node.units as i64)];
    let (op, outputs) = match node.kind {
        RecurrentOperator::Lstm => ("LSTM", 3),
        RecurrentOperator::Gru => ("GRU", 2),
    };
    if node.kind == RecurrentOperator::Gru {
        attributes.push(Attribute::int("linear_before_reset", 1));
    }
    let mut outputs = g.nodes(op, &inputs, outputs, attributes);
    let states = outputs.split_off(1);
    (outputs.remove(0), states)
}
