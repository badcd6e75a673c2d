//! Converts predictions to the unit of their target in a graph, in 64 bits as
//! [`in_unit`](crate::model::head::target_unit::in_unit) does.

use crate::domain::array::ElementType;
use crate::model::head::target_unit::TargetUnit;
use crate::model::ops::Nodes;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;

impl Nodes<'_> {
    /// center + scale * logit, cast to the type of the predictions.
    pub fn in_unit(&mut self, logits: &GraphValue, unit: &TargetUnit) -> GraphValue {
        let graph = &mut *self.graph;
        let scale = graph.weight_f64("scale", &[unit.scale.len()], &unit.scale);
        let center = graph.weight_f64("center", &[unit.center.len()], &unit.center);
        let wide = operator::cast(graph, logits, ElementType::Float64);
        let scaled = operator::mul(graph, &wide, &scale);
        let predictions = operator::add(graph, &scaled, &center);
        match unit.element {
            ElementType::Float64 => predictions,
            other => operator::cast(graph, &predictions, other),
        }
    }
}
