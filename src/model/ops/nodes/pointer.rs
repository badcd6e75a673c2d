//! Copying in a graph: with tensors the shares of tokens are summed up in host memory, here they are
//! scattered.

use crate::domain::array::ElementType;
use crate::model::error::ModelResult;
use crate::model::head::pointer::Pointer;
use crate::model::ops::Nodes;
use crate::model::ops::nodes::writing::UNSEEN;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;

impl Nodes<'_> {
    /// log P `[rows, size]` from `h` `[rows, hidden]` and the vocabulary's own logits.
    pub fn copying(
        &mut self,
        pointer: &Pointer,
        logits: &GraphValue,
        h: &GraphValue,
        [keys, tokens]: [&GraphValue; 2],
    ) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let queries = operator::unsqueeze(graph, h, &[1]);
        let transposed = operator::transpose(graph, keys, &[0, 2, 1]);
        let scores = operator::matmul(graph, &queries, &transposed);
        let scores = operator::squeeze(graph, &scores, &[1]);
        let scores = operator::scale(graph, &scores, (1.0 / (pointer.hidden as f64).sqrt()) as f32);
        let zero = graph.scalar(0.0);
        let behind = operator::greater(graph, &zero, tokens);
        let unseen = graph.scalar(UNSEEN);
        let scores = operator::where_(graph, &behind, &unseen, &scores);
        let shares = operator::softmax(graph, &scores, -1);

        let gate = pointer.gate.on(self, h)?;
        let graph = &mut *self.graph;
        let other = operator::neg(graph, &gate);
        let (no_guess, no_copy) = (operator::softplus(graph, &other), operator::softplus(graph, &gate));
        let copy = operator::neg(graph, &no_copy);
        let copy = operator::exp(graph, &copy);
        let shares = operator::mul(graph, &shares, &copy);
        let logs = operator::log_softmax(graph, logits, -1);
        let logs = operator::sub(graph, &logs, &no_guess);

        let real = operator::relu(graph, tokens);
        let indices = operator::cast(graph, &real, ElementType::Int64);
        let none = operator::sub(graph, &logs, &logs);
        let copied = operator::scatter_add(graph, &none, &indices, &shares, 1);
        let guessed = operator::exp(graph, &logs);
        let both = operator::add(graph, &guessed, &copied);
        let both = operator::log(graph, &both);
        let is_copied = operator::greater(graph, &copied, &zero);
        Ok(operator::where_(graph, &is_copied, &both, &logs))
    }
}
