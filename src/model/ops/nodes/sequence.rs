//! Operations on sequences.

use crate::domain::array::ElementType;
use crate::model::activation::Activation;
use crate::model::activations::{GraphActivations, GraphMask, WordSteps};
use crate::model::error::ModelResult;
use crate::model::kernel::rotary::RotaryFrequencies;
use crate::model::kernel::steps::StepWindow;
use crate::model::ops::pass::{OnnxCell, RecurrentPass, to_onnx};
use crate::model::ops::{Arithmetic, AttentionSettings, Nodes, Recomputable, Sequences};
use crate::model::weights::{Parameter, host};
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;
use crate::onnx::operator::attention as operators;
use crate::onnx::operator::image::{WindowGeometry, conv};

impl Sequences for Nodes<'_> {
    fn checkpoint<P: Recomputable>(
        &mut self,
        part: &P,
        mask: Option<&GraphMask>,
        x: &GraphValue,
    ) -> ModelResult<GraphValue> {
        part.compute(self, mask, x)
    }

    fn mask_padding(&mut self, x: &GraphActivations) -> ModelResult<GraphValue> {
        Ok(x.mask_padding(self.graph))
    }

    fn full_mask(&mut self, x: &GraphValue) -> ModelResult<GraphMask> {
        let graph = &mut *self.graph;
        let first = operator::slice(graph, x, 2, 0, 1);
        let first = operator::squeeze(graph, &first, &[2]);
        let zeros = operator::sub(graph, &first, &first);
        let steps = operator::shift(graph, &zeros, 1.0);
        let lengths = operator::reduce_sum(graph, &steps, &[1], false);
        Ok(GraphMask::new(steps, operator::cast(graph, &lengths, ElementType::Int64)))
    }

    fn full(&mut self, x: &GraphValue, time: usize) -> ModelResult<GraphMask> {
        let graph = &mut *self.graph;
        let dims = operator::shape(graph, x);
        let rows = operator::slice(graph, &dims, 0, 0, 1);
        let time = graph.ints(&[time as i64]);
        let shape = operator::concat(graph, &[&rows, &time], 0);
        let one = graph.scalar(1.0);
        Ok(GraphMask::new(operator::expand(graph, &one, &shape), operator::expand(graph, &time, &rows)))
    }

    fn embedding(&mut self, table: &Parameter, tokens: &GraphValue) -> ModelResult<GraphValue> {
        let table = self.weight(table)?;
        Ok(operator::gather(self.graph, &table, tokens, 0))
    }

    fn max_over_steps(&mut self, x: &GraphValue, mask: &GraphMask) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let valid = operator::cast_bool(graph, &mask.steps);
        let valid = operator::unsqueeze(graph, &valid, &[2]);
        let lowest = graph.scalar(f32::NEG_INFINITY);
        let masked = operator::where_(graph, &valid, x, &lowest);
        Ok(operator::reduce(graph, "ReduceMax", &masked, &[1], false))
    }

    fn mean_weights(&mut self, mask: &GraphMask) -> ModelResult<GraphValue> {
        Ok(operators::mean_weights(self.graph, &mask.steps))
    }

    fn last_step(&mut self, x: &GraphValue, mask: &GraphMask) -> ModelResult<GraphValue> {
        Ok(operators::last_step(self.graph, x, &mask.lengths))
    }

    fn first_pieces(&mut self, x: &GraphValue, words: &WordSteps<GraphValue>) -> ModelResult<GraphValue> {
        Ok(operators::steps_at(self.graph, x, &words.first))
    }

    fn softmax_over_steps(&mut self, scores: &GraphValue, mask: &GraphMask) -> ModelResult<GraphValue> {
        Ok(operators::masked_softmax(self.graph, scores, &mask.steps))
    }

    fn weighted_sum(&mut self, x: &GraphValue, weights: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operators::weighted_sum(self.graph, x, weights))
    }

    fn learned_positions(&mut self, x: &GraphValue, table: &Parameter) -> ModelResult<GraphValue> {
        let table = self.weight(table)?;
        let steps = operators::steps(self.graph, x);
        let steps = operator::cast(self.graph, &steps, ElementType::Int64);
        Ok(operator::gather(self.graph, &table, &steps, 0))
    }

    fn sinusoids(&mut self, x: &GraphValue, frequencies: &[f64]) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let angles = operators::angles(graph, x, frequencies);
        let sines = operator::unary(graph, "Sin", &angles);
        let cosines = operator::unary(graph, "Cos", &angles);
        Ok(operator::concat(graph, &[&sines, &cosines], 1))
    }

    fn rotary(
        &mut self,
        x: &GraphValue,
        columns: usize,
        size: usize,
        frequencies: &RotaryFrequencies,
    ) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let angles = operators::angles(graph, x, &frequencies.of_head(size));
        let heads = operator::slice(graph, x, 2, 0, columns as i64);
        let heads = operators::by_head(graph, &heads, columns / size, size);
        let heads = operators::rotary(graph, &heads, &angles, size);
        let heads = operator::reshape(graph, &heads, &[0, 0, columns as i64]);
        let others = operator::slice(graph, x, 2, columns as i64, i64::MAX);
        Ok(operator::concat(graph, &[&heads, &others], 2))
    }

    /// The number of steps is known when a graph runs.
    fn exceeds_window(&self, _: &GraphValue, _: usize) -> ModelResult<bool> {
        Ok(true)
    }

    fn by_distance(&mut self, x: &GraphValue, table: &GraphValue, rows: &[u32]) -> ModelResult<GraphValue> {
        let indices = operators::by_distance(self.graph, x, 1, rows);
        Ok(operator::gather(self.graph, table, &indices, 0))
    }

    fn select_by_distance(&mut self, x: &GraphValue, rows: &[u32]) -> ModelResult<GraphValue> {
        let indices = operators::by_distance(self.graph, x, 2, rows);
        Ok(operators::select_last(self.graph, x, &indices))
    }

    fn self_attention(
        &mut self,
        _: &str,
        packed: &GraphValue,
        width: usize,
        mask: Option<&GraphMask>,
        heads: AttentionSettings,
    ) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let (size, kv_width) = (width / heads.count, heads.kv_width(width) as i64);
        let parts = operator::split(graph, packed, 2, &[width as i64, kv_width, kv_width]);
        let counts = [heads.count, heads.kv_count, heads.kv_count];
        let parts = parts.iter().zip(counts);
        let mut parts: Vec<GraphValue> =
            parts.map(|(part, count)| operators::by_head(graph, part, count, size)).collect();
        if let Some(frequencies) = &heads.rotary {
            let angles = operators::angles(graph, packed, &frequencies.of_head(size));
            for part in &mut parts[..2] {
                *part = operators::rotary(graph, part, &angles, size);
            }
        }
        if heads.group() > 1 {
            for part in &mut parts[1..] {
                *part = operators::repeated_heads(graph, part, heads.count, heads.group(), size);
            }
        }
        let masking =
            operators::AttentionMasking { keys: mask.map(|mask| &mask.steps), causal: heads.causal };
        let [q, k, v] = [&parts[0], &parts[1], &parts[2]];
        Ok(operators::attention(graph, [q, k, v], heads.count, size, &masking))
    }

    fn recurrence<C: OnnxCell>(
        &mut self,
        passes: &[RecurrentPass<C>],
        x: &GraphValue,
        mask: Option<&GraphMask>,
    ) -> ModelResult<GraphValue> {
        let by_time = operator::transpose(self.graph, x, &[1, 0, 2]);
        let passes: Vec<&RecurrentPass<C>> = passes.iter().collect();
        let (outputs, _) = to_onnx(self.graph, &passes, &by_time, mask.map(|mask| &mask.lengths), &[])?;
        let by_row = operator::transpose(self.graph, &outputs, &[2, 0, 1, 3]);
        let width: usize = passes.iter().map(|pass| pass.units()).sum();
        Ok(operator::reshape(self.graph, &by_row, &[0, 0, width as i64]))
    }

    fn conv1d(
        &mut self,
        x: &GraphValue,
        weight: &Parameter,
        bias: Option<&Parameter>,
        steps: StepWindow,
        activation: Activation,
    ) -> ModelResult<GraphValue> {
        let channels_first = operator::transpose(self.graph, x, &[0, 2, 1]);
        // ONNX expects weights `[filters, width, kernel]`.
        let (rows, filters) = weight.tensor().dims2()?;
        let shape = (steps.size, rows / steps.size, filters);
        let transposed = weight.tensor().reshape(shape)?.permute((2, 1, 0))?.contiguous()?;
        let transposed = self.graph.weight(weight.name(), transposed.dims(), &host(&transposed)?);
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let moves = WindowGeometry {
            size: vec![steps.size],
            stride: vec![1],
            dilation: vec![steps.dilation],
            padding: vec![steps.before, steps.reach() - steps.before],
        };
        let y = conv(self.graph, &channels_first, &transposed, bias.as_ref(), &moves, 1);
        let y = operator::transpose(self.graph, &y, &[0, 2, 1]);
        self.activation(activation, &y)
    }

    fn drop_last_steps(&mut self, x: &GraphActivations, by: usize) -> ModelResult<GraphActivations> {
        let graph = &mut *self.graph;
        let Some(mask) = &x.mask else { return Ok(x.clone()) };
        let dropped = graph.ints(&[-(by as i64)]);
        let minimum = graph.ints(&[1]);
        let lengths = operator::add(graph, &mask.lengths, &dropped);
        let lengths = graph.node("Max", &[&lengths, &minimum], vec![]);
        // A step is valid if its number, counting from 1, is at most the length of its row.
        let one = graph.scalar(1.0);
        let (start, axis) = (graph.ints(&[0]), graph.ints(&[1]));
        let longest = operator::reduce(graph, "ReduceMax", &lengths, &[0], true);
        let mut trim = |value: &GraphValue| graph.node("Slice", &[value, &start, &longest, &axis], vec![]);
        let (x, steps) = (trim(&x.x), trim(&mask.steps));
        let dims = operator::shape(graph, &steps);
        let ones = operator::expand(graph, &one, &dims);
        let axis = graph.scalar_int(1);
        let numbers = graph.node("CumSum", &[&ones, &axis], vec![]);
        let limits = operator::unsqueeze(graph, &lengths, &[1]);
        let limits = operator::cast(graph, &limits, ElementType::Float32);
        let padding = operator::greater(graph, &numbers, &limits);
        let zero = graph.scalar(0.0);
        let steps = operator::where_(graph, &padding, &zero, &ones);
        Ok(GraphActivations { x, mask: Some(GraphMask::new(steps, lengths)) })
    }
}
