//! The sharing `adapter`: see [`AdapterConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::stack::{Stack, StackOutputs};
use crate::model::layer::{LayerConfig, Module};
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::block::{ReadPoint, block_shapes, read_points, split_blocks, trunk_uses};
use crate::model::sharing::pointwise::{features, pointwise};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, Sharing, SharingForward};
use crate::model::weights::Weights;

/// Adapters (Houlsby et al., ICML 2019; for vision tasks Rebuffi, Bilen & Vedaldi 2017): one trunk, with a
/// small task-specific module after each of its blocks.
///
/// h <- h + W_up f(W_down h + b) + c: W_down `[width, units]`, W_up `[units, width]`; W_up and c are
/// initialized to 0, so every task starts from the plain trunk. In a sequence this applies to each time
/// step, in an image to each pixel. Each task makes its own pass through the trunk with its own adapters, so
/// a batch of several tasks costs several passes. The trunk is trained by all tasks; with `train:
/// {start_from: {run: ..., freeze: [trunk]}}` only adapters and heads are trained. A block starts at a layer
/// that learns a representation, and includes the activations, normalizations, pools and dropouts after it.
///
/// A task that reads `from` a mark reads the trunk there, after its adapters of the blocks before.
///
/// ```yaml
/// sharing: {adapter: {units: 16, activation: relu}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
    /// Bottleneck width, between W_down and W_up. Default 16.
    #[serde(default = "default_units")]
    pub units: Count,
    /// The activation f. Default relu.
    #[serde(default = "default_activation")]
    pub activation: Activation,
}

impl Settings for AdapterConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{adapter: {units: 16, activation: relu}}";
}

fn default_units() -> Count {
    Count::constant(16)
}

fn default_activation() -> Activation {
    Activation::Relu
}

impl BuildSharing for AdapterConfig {
    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        block_shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let ranges = split_blocks(body.trunk);
        let read_points = read_points(body, &ranges);
        let mut blocks: Vec<Stack> = Vec::new();
        for range in &ranges {
            let input = blocks.last().map_or(body.input, Stack::output);
            let layers = &body.trunk[range.clone()];
            blocks.push(Stack::build_from("trunk", range.start, layers, input, weights)?);
        }
        let mut parts: Vec<NetworkPart> = blocks.iter().flat_map(Stack::parts).cloned().collect();
        let mut adapters = Vec::new();
        for (task, read_point) in body.tasks.iter().zip(&read_points) {
            let mut own = Vec::new();
            for (block, stack) in blocks.iter().enumerate().filter(|(block, _)| read_point.is_after(*block)) {
                let name = format!("sharing.{}.{}", task.name, ranges[block].end - 1);
                let (shape, units) = (stack.output(), self.units.get());
                let bottleneck = match shape {
                    Shape::Image { height, width, .. } => Shape::Image { channels: units, height, width },
                    shape => shape.with_width(units),
                };
                let before = weights.parameters();
                let down = pointwise(&format!("{name}.down"), shape, units, self.activation, weights)?;
                let up = format!("{name}.up");
                let adapter = Adapter {
                    down,
                    up: pointwise(&up, bottleneck, features(shape), Activation::Identity, weights)?,
                    name: name.clone(),
                };
                weights.clear(&up)?;
                let parameters = weights.parameters() - before;
                parts.push(NetworkPart { name, kind: "adapter", shape, parameters });
                own.push(adapter);
            }
            adapters.push(own);
        }
        Ok(Box::new(Adapters { blocks, read_points, adapters, parts }))
    }
}

/// h + up(down(h))
struct Adapter {
    name: String,
    down: Box<dyn Module>,
    up: Box<dyn Module>,
}

impl Adapter {
    fn compute<O: Ops>(&self, ops: &mut O, h: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        ops.scope(&self.name);
        let down = ops.module(self.down.as_ref(), h)?;
        let added = ops.module(self.up.as_ref(), &down)?;
        Ok(h.with(ops.add(&h.x, &added.x)?))
    }
}

/// A trunk in blocks, and the tasks' adapters.
struct Adapters {
    blocks: Vec<Stack>,
    read_points: Vec<ReadPoint>,
    /// By task, then by block.
    adapters: Vec<Vec<Adapter>>,
    parts: Vec<NetworkPart>,
}

impl Adapters {
    /// One task's pass through the trunk, given the outputs of the first block, which all tasks share.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        task: usize,
        first: &StackOutputs<Activations<O::Value>>,
    ) -> ModelResult<Activations<O::Value>> {
        let ReadPoint { block: last, mark } = &self.read_points[task];
        let mut x = first.end.clone();
        for block in 0..=*last {
            let computed;
            let outputs = match block {
                0 => first,
                _ => {
                    computed = self.blocks[block].compute(ops, &x)?;
                    &computed
                }
            };
            if let Some(mark) = mark.as_ref().filter(|_| block == *last) {
                return Ok(outputs.mark(mark).unwrap_or(&outputs.end).clone());
            }
            x = self.adapters[task][block].compute(ops, &outputs.end)?;
        }
        Ok(x)
    }
}

impl Sharing for Adapters {
    fn tasks(&self) -> usize {
        self.read_points.len()
    }

    fn output(&self, task: usize) -> Shape {
        let read_point = &self.read_points[task];
        read_point.shape(&self.blocks[read_point.block])
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let owns = |adapter: &Adapter| {
            weight.strip_prefix(adapter.name.as_str()).is_some_and(|suffix| suffix.starts_with('.'))
        };
        let by_adapters = || tasks.iter().any(|task| self.adapters[*task].iter().any(owns));
        trunk_uses(&self.blocks, &self.read_points, tasks, weight).unwrap_or_else(by_adapters)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.parts.clone()
    }
}

impl SharingForward for Adapters {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let first = self.blocks[0].compute(ops, x)?;
        tasks.iter().map(|task| self.compute(ops, *task, &first)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// By hand: block 0 outputs h = 3 x = 6; a's adapter max(2 h - 1, 0) = 11, times .5 plus .25: h = 6 +
    /// 5.75; block 1 outputs 10 h = 117.5, and a zero adapter adds nothing. b's adapters are at their
    /// initial 0: 60.
    #[test]
    fn by_its_definition() {
        let dense = json!({"dense": {"units": 1, "bias": false}});
        let (sharing, weights) = example::build(json!({"adapter": 1}), 1, json!([dense, dense]), &["a", "b"]);
        let set = |name: &str, value: f32| example::set(&weights, name, &[value]);
        set("trunk.0.dense.weight", 3.0);
        set("trunk.1.dense.weight", 10.0);
        set("sharing.a.0.down.weight", 2.0);
        set("sharing.a.0.down.bias", -1.0);
        set("sharing.a.0.up.weight", 0.5);
        set("sharing.a.0.up.bias", 0.25);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert_eq!(read, [117.5, 60.0]);
    }
}
