//! A network as an ONNX graph.

use crate::domain::array::ElementType;
use crate::domain::task::Grain;
use crate::model::error::Result;
use crate::model::network::Network;
use crate::model::signal::Wire;
use crate::onnx::graph::{Dim, Graph, Value};
use crate::onnx::operator;

impl Network {
    /// The network as an ONNX graph: raw values in, logits and answers of every task out.
    pub fn emit(&self) -> Result<Graph> {
        let mut graph = Graph::new("mtl");
        let x = self.inputs.emit(&mut graph)?;
        let read = self.body.emit(&mut graph, &x)?;
        let mut logits: Vec<Option<Value>> = vec![None; self.tasks.len()];
        let mut reads: Vec<Option<Wire>> = vec![None; self.tasks.len()];
        for task in &self.order {
            let tower = &self.tasks[*task];
            let mut seen = vec![read[*task].x.clone()];
            for other in &tower.after {
                let Some(known) = &logits[*other] else { continue };
                graph.scope(&format!("head.{}.after", tower.name));
                seen.push(self.tasks[*other].head.emit_evidence(&mut graph, known)?);
            }
            let x = match seen.len() {
                1 => read[*task].clone(),
                _ => Wire::plain(operator::concat(&mut graph, &seen.iter().collect::<Vec<_>>(), 1)),
            };
            let x = tower.layers.emit(&mut graph, &x)?;
            graph.scope(&tower.end.name);
            if let Some(writer) = tower.head.writer() {
                // No logits: they would be as many as tokens times the vocabulary.
                for (port, value) in writer.emit_memory(&mut graph, &x)? {
                    let name = format!("{}_{}", tower.name, port.name);
                    graph.output(&name, &value, ElementType::Float32, &port.dims);
                }
                continue;
            }
            let raw = tower.head.emit_logits(&mut graph, &x)?;
            let others: Vec<Value> =
                self.body.joined(*task).iter().filter_map(|other| logits[*other].clone()).collect();
            let raw = self.body.emit_join(&mut graph, *task, raw, &others)?;
            let steps = self.signature.tasks[*task].target.grain() == Grain::Step;
            logits[*task] = Some(if steps { x.with(raw).cleared(&mut graph) } else { raw });
            reads[*task] = Some(x);
        }
        for (index, (tower, signature)) in self.tasks.iter().zip(&self.signature.tasks).enumerate() {
            let (Some(logits), Some(read)) = (&logits[index], &reads[index]) else { continue };
            graph.scope(&format!("{}.answer", tower.end.name));
            let mut answers = tower.head.emit_answers(&mut graph, logits)?;
            let grain = signature.target.grain();
            if grain == Grain::Step {
                answers = read.with(answers).cleared(&mut graph);
            }
            let dims = |width: usize| match grain {
                Grain::Row => vec![Dim::Batch, Dim::Fixed(width)],
                Grain::Step => vec![Dim::Batch, Dim::Free("time".to_owned()), Dim::Fixed(width)],
                Grain::Pixel { height, width: columns } => {
                    vec![Dim::Batch, Dim::Fixed(height), Dim::Fixed(columns), Dim::Fixed(width)]
                }
            };
            let (name, width) = (signature.logits_output(), signature.target.logits());
            graph.output(&name, logits, ElementType::Float32, &dims(width));
            let (name, width) = (signature.answer_output(), signature.target.answers());
            graph.output(&name, &answers, signature.target.answer_type(), &dims(width));
        }
        Ok(graph)
    }
}
