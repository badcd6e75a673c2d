//! Sequences in a graph.

use crate::domain::array::ElementType;
use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::kernel::rotary::frequencies;
use crate::model::kernel::steps::Steps;
use crate::model::ops::pass::{Pass, Written, emit};
use crate::model::ops::{Arithmetic, Heads, Nodes, Sequences};
use crate::model::signal::{Wire, WireMask};
use crate::model::weights::{Parameter, host};
use crate::onnx::graph::Value;
use crate::onnx::operator;
use crate::onnx::operator::attention as attending;
use crate::onnx::operator::image::{Moves, conv};

impl Sequences for Nodes<'_> {
    fn cleared(&mut self, x: &Wire) -> Result<Value> {
        Ok(x.cleared(self.graph))
    }

    fn all_real(&mut self, x: &Value) -> Result<WireMask> {
        let graph = &mut *self.graph;
        let first = operator::slice(graph, x, 2, 0, 1);
        let first = operator::squeeze(graph, &first, &[2]);
        let zero = operator::sub(graph, &first, &first);
        let steps = operator::shift(graph, &zero, 1.0);
        let lengths = operator::reduce_sum(graph, &steps, &[1], false);
        Ok(WireMask::new(steps, operator::cast(graph, &lengths, ElementType::Int64)))
    }

    fn full(&mut self, x: &Value, time: usize) -> Result<WireMask> {
        let graph = &mut *self.graph;
        let dims = operator::shape(graph, x);
        let rows = operator::slice(graph, &dims, 0, 0, 1);
        let time = graph.ints(&[time as i64]);
        let both = operator::concat(graph, &[&rows, &time], 0);
        let one = graph.scalar(1.0);
        Ok(WireMask::new(operator::expand(graph, &one, &both), operator::expand(graph, &time, &rows)))
    }

    fn embedding(&mut self, table: &Parameter, tokens: &Value) -> Result<Value> {
        let table = self.weight(table)?;
        Ok(operator::gather(self.graph, &table, tokens, 0))
    }

    fn max_over_steps(&mut self, x: &Value, mask: &WireMask) -> Result<Value> {
        let graph = &mut *self.graph;
        let real = operator::cast_bool(graph, &mask.steps);
        let real = operator::unsqueeze(graph, &real, &[2]);
        let below = graph.scalar(f32::NEG_INFINITY);
        let known = operator::where_(graph, &real, x, &below);
        Ok(operator::reduce(graph, "ReduceMax", &known, &[1], false))
    }

    fn even_shares(&mut self, mask: &WireMask) -> Result<Value> {
        Ok(attending::even_shares(self.graph, &mask.steps))
    }

    fn last_step(&mut self, x: &Value, mask: &WireMask) -> Result<Value> {
        Ok(attending::last_step(self.graph, x, &mask.lengths))
    }

    fn softmax_over_steps(&mut self, scores: &Value, mask: &WireMask) -> Result<Value> {
        Ok(attending::masked_softmax(self.graph, scores, &mask.steps))
    }

    fn weighted_sum(&mut self, x: &Value, weights: &Value) -> Result<Value> {
        Ok(attending::weighted_sum(self.graph, x, weights))
    }

    fn learned_positions(&mut self, x: &Value, table: &Parameter) -> Result<Value> {
        let table = self.weight(table)?;
        let steps = attending::steps(self.graph, x);
        let steps = operator::cast(self.graph, &steps, ElementType::Int64);
        Ok(operator::gather(self.graph, &table, &steps, 0))
    }

    fn sinusoids(&mut self, x: &Value, frequencies: &[f64]) -> Result<Value> {
        let graph = &mut *self.graph;
        let angles = attending::angles(graph, x, frequencies);
        let sines = operator::unary(graph, "Sin", &angles);
        let cosines = operator::unary(graph, "Cos", &angles);
        Ok(operator::concat(graph, &[&sines, &cosines], 1))
    }

    fn self_attention(
        &mut self,
        _: &str,
        packed: &Value,
        width: usize,
        mask: Option<&WireMask>,
        heads: Heads,
    ) -> Result<Value> {
        let graph = &mut *self.graph;
        let size = width / heads.count;
        let parts = operator::split(graph, packed, 2, &[width as i64; 3]);
        let mut parts: Vec<Value> =
            parts.iter().map(|part| attending::by_head(graph, part, heads.count, size)).collect();
        if heads.rotary {
            let angles = attending::angles(graph, packed, &frequencies(size));
            for part in &mut parts[..2] {
                *part = attending::rotary(graph, part, &angles, size);
            }
        }
        let seen = attending::Seen { keys: mask.map(|mask| &mask.steps), causal: heads.causal };
        let [q, k, v] = [&parts[0], &parts[1], &parts[2]];
        Ok(attending::attention(graph, [q, k, v], heads.count, size, &seen))
    }

    fn recurrence<C: Written>(
        &mut self,
        passes: &[Pass<C>],
        x: &Value,
        mask: Option<&WireMask>,
    ) -> Result<Value> {
        let by_time = operator::transpose(self.graph, x, &[1, 0, 2]);
        let both: Vec<&Pass<C>> = passes.iter().collect();
        let (outputs, _) = emit(self.graph, &both, &by_time, mask.map(|mask| &mask.lengths), &[])?;
        let by_row = operator::transpose(self.graph, &outputs, &[2, 0, 1, 3]);
        let width: usize = passes.iter().map(Pass::units).sum();
        Ok(operator::reshape(self.graph, &by_row, &[0, 0, width as i64]))
    }

    fn conv1d(
        &mut self,
        x: &Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        steps: Steps,
        activation: Activation,
    ) -> Result<Value> {
        let channels_first = operator::transpose(self.graph, x, &[0, 2, 1]);
        // ONNX has them `[filters, width, kernel]`.
        let (rows, filters) = weight.tensor().dims2()?;
        let shape = (steps.size, rows / steps.size, filters);
        let turned = weight.tensor().reshape(shape)?.permute((2, 1, 0))?.contiguous()?;
        let turned = self.graph.weight(weight.name(), turned.dims(), &host(&turned)?);
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let moves = Moves {
            size: vec![steps.size],
            stride: vec![1],
            dilation: vec![steps.dilation],
            zeros: vec![steps.before, steps.reach() - steps.before],
        };
        let y = conv(self.graph, &channels_first, &turned, bias.as_ref(), &moves);
        let y = operator::transpose(self.graph, &y, &[0, 2, 1]);
        self.activation(activation, &y)
    }

    fn shortened(&mut self, x: &Wire, by: usize) -> Result<Wire> {
        let graph = &mut *self.graph;
        let Some(mask) = &x.mask else { return Ok(x.clone()) };
        let shorter = graph.ints(&[-(by as i64)]);
        let least = graph.ints(&[1]);
        let lengths = operator::add(graph, &mask.lengths, &shorter);
        let lengths = graph.node("Max", &[&lengths, &least], vec![]);
        // A step is real where as many steps, itself among them, stand before it as the row has, or fewer.
        let one = graph.scalar(1.0);
        let (start, axis) = (graph.ints(&[0]), graph.ints(&[1]));
        let longest = operator::reduce(graph, "ReduceMax", &lengths, &[0], true);
        let mut kept = |value: &Value| graph.node("Slice", &[value, &start, &longest, &axis], vec![]);
        let (x, steps) = (kept(&x.x), kept(&mask.steps));
        let dims = operator::shape(graph, &steps);
        let ones = operator::expand(graph, &one, &dims);
        let axis = graph.scalar_int(1);
        let count = graph.node("CumSum", &[&ones, &axis], vec![]);
        let limit = operator::unsqueeze(graph, &lengths, &[1]);
        let limit = operator::cast(graph, &limit, ElementType::Float32);
        let beyond = operator::greater(graph, &count, &limit);
        let zero = graph.scalar(0.0);
        let steps = operator::where_(graph, &beyond, &zero, &ones);
        Ok(Wire { x, mask: Some(WireMask::new(steps, lengths)) })
    }
}
