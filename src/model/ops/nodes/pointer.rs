//! A pointer-generator's copy distribution in a graph. The candle form sums the weights of equal tokens in
//! host memory; here ScatterElements does.

use crate::domain::array::ElementType;
use crate::model::error::ModelResult;
use crate::model::head::pointer::Pointer;
use crate::model::ops::Nodes;
use crate::model::ops::nodes::decoder::MASKED_SCORE;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;

impl Nodes<'_> {
    /// log P `[rows, size]` of the mixture of generating and copying, from the logits of the vocabulary and
    /// the decoder's output `h` `[rows, hidden]`. A negative token is padding.
    pub fn pointer_log_probabilities(
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
        let padding = operator::greater(graph, &zero, tokens);
        let masked = graph.scalar(MASKED_SCORE);
        let scores = operator::where_(graph, &padding, &masked, &scores);
        let weights = operator::softmax(graph, &scores, -1);

        let gate = pointer.gate.on(self, h)?;
        let graph = &mut *self.graph;
        let negated = operator::neg(graph, &gate);
        // -log g and -log (1 - g), where g = sigmoid(gate) is the probability of generating.
        let generate = operator::softplus(graph, &negated);
        let copy = operator::softplus(graph, &gate);
        let copy = operator::neg(graph, &copy);
        let copy = operator::exp(graph, &copy);
        let weights = operator::mul(graph, &weights, &copy);
        let log_generated = operator::log_softmax(graph, logits, -1);
        let log_generated = operator::sub(graph, &log_generated, &generate);

        let indices = operator::relu(graph, tokens);
        let indices = operator::cast(graph, &indices, ElementType::Int64);
        let zeros = operator::sub(graph, &log_generated, &log_generated);
        let copied = operator::scatter_add(graph, &zeros, &indices, &weights, 1);
        let generated = operator::exp(graph, &log_generated);
        let sum = operator::add(graph, &generated, &copied);
        let log_sum = operator::log(graph, &sum);
        let is_copied = operator::greater(graph, &copied, &zero);
        Ok(operator::where_(graph, &is_copied, &log_sum, &log_generated))
    }
}
