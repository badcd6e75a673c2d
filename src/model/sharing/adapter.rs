//! The sharing `adapter`: see [`AdapterConfig`].

use std::ops::Range;

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
use crate::model::sharing::task_passes::count_parts;
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
/// that learns a representation, and includes the activations, normalizations, pools and dropouts after it. A
/// `pretrained` text encoder has adapters after each of its own blocks (Pfeiffer et al. 2021), also with
/// `freeze: all`; those whose blocks depend on each other (albert, mpnet, deberta, t5) and image encoders
/// have them at the end.
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
        let segments = segments(body.trunk);
        let ranges: Vec<Range<usize>> = segments.iter().map(|segment| segment.range.clone()).collect();
        let read_points = read_points(body, &ranges);
        let (mut blocks, mut parts): (Vec<Stack>, Vec<NetworkPart>) = Default::default();
        for TrunkSegment { start, layers, .. } in &segments {
            let input = blocks.last().map_or(body.input, Stack::output);
            let block = Stack::build_from("trunk", *start, layers, input, weights)?;
            count_parts(&mut parts, block.parts());
            blocks.push(block);
        }
        let mut adapters = Vec::new();
        for (task, read_point) in body.tasks.iter().zip(&read_points) {
            let mut own = Vec::new();
            for (block, stack) in blocks.iter().enumerate().filter(|(block, _)| read_point.is_after(*block)) {
                let name = format!("sharing.{}.{}", task.name, segments[block].label);
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

/// A part of the trunk that an adapter comes after.
struct TrunkSegment {
    /// Index of its first layer in the trunk.
    start: usize,
    layers: Vec<LayerConfig>,
    /// The layers of the trunk that begin in it.
    range: Range<usize>,
    /// Name of its adapters, after that of the task.
    label: String,
}

/// The blocks of a trunk; a pretrained model that can be divided is one segment per block of its own.
fn segments(trunk: &[LayerConfig]) -> Vec<TrunkSegment> {
    let mut segments = Vec::new();
    for range in split_blocks(trunk) {
        let divided = range.clone().find_map(|index| match &trunk[index] {
            LayerConfig::Pretrained(config) => Some((index, config.by_block()?)),
            _ => None,
        });
        let Some((at, models)) = divided else {
            let (layers, label) = (trunk[range.clone()].to_vec(), (range.end - 1).to_string());
            segments.push(TrunkSegment { start: range.start, layers, range, label });
            continue;
        };
        let last = models.len() - 1;
        for (index, model) in models.into_iter().enumerate() {
            let start = if index == 0 { range.start } else { at };
            let mut layers = trunk[start..at].to_vec();
            layers.push(LayerConfig::Pretrained(model));
            let end = if index == last { range.end } else { at + 1 };
            layers.extend_from_slice(&trunk[at + 1..end]);
            // The layer itself begins in the first segment, those after it in the last.
            let begun = if index == 0 { start..at + 1 } else { at + 1..end };
            segments.push(TrunkSegment { start, layers, range: begun, label: format!("{at}.{index}") });
        }
    }
    segments
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
    use std::path::Path;

    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::name::MarkName;
    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::layer::LayerConfig;
    use crate::model::layer::pretrained::model_cell::ModelFolders;
    use crate::model::sharing::{Body, SharingConfig, TaskReader, example};
    use crate::model::weights::Weights;

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

    /// After each block of a frozen BERT; at their initial 0 every task reads what the model computes.
    #[test]
    fn blocks_of_a_pretrained_model_have_adapters() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
        let trunk =
            json!([{"pretrained": {"path": "bert", "freeze": "all"}}, {"mark": "words"}, {"pool": "mean"}]);
        let trunk: Vec<LayerConfig> = serde_json::from_value(trunk).expect("a trunk");
        let LayerConfig::Pretrained(model) = &trunk[0] else { panic!("a pretrained layer") };
        model.read(&ModelFolders::in_folder(&folder)).expect("a model");
        let task = |name: &str, from: Option<&str>| TaskReader {
            name: name.to_owned(),
            from: from.map(|mark| MarkName::new(mark).expect("a name")),
        };
        let tasks = [task("a", None), task("b", None), task("c", Some("words"))];
        let body = Body { input: Shape::Tokens { vocabulary: 60 }, trunk: &trunk, tasks: &tasks };
        let build = |config: serde_json::Value| {
            let config: SharingConfig = serde_json::from_value(config).expect("a configuration");
            let mut weights = Weights::new(0, &Device::Cpu);
            let sharing = config.view().build(&body, &mut weights).expect("a sharing");
            weights.set_pretrained().expect("pretrained values");
            (sharing, weights)
        };
        let (plain, _) = build(json!("hard"));
        let (adapted, weights) = build(json!({"adapter": 4}));
        let tokens = Tensor::new(&[[2_u32, 7, 9, 3], [2, 11, 12, 3]], &Device::Cpu).expect("tokens");
        let x = Activations::plain(tokens);
        assert_eq!(example::read(&*adapted, &x, &[0, 1, 2]), example::read(&*plain, &x, &[0, 1, 2]));
        let trained: Vec<&str> = weights.trainable().map(|weight| weight.name.as_str()).collect();
        let down: Vec<&&str> = trained.iter().filter(|name| name.ends_with(".down.weight")).collect();
        let expected = ["sharing.a.0.0", "sharing.a.0.1", "sharing.b.0.0", "sharing.b.0.1", "sharing.c.0.0"];
        assert_eq!(
            down.iter().map(|name| name.trim_end_matches(".down.weight")).collect::<Vec<_>>(),
            expected
        );
        assert!(trained.iter().all(|name| name.starts_with("sharing.")), "{trained:?}");
        let owned = |tasks: &[usize], name: &str| adapted.uses(tasks, name);
        assert!(owned(&[0], "sharing.a.0.1.up.weight") && !owned(&[1], "sharing.a.0.1.up.weight"));
        assert!(owned(&[2], "trunk.0.pretrained.1.up.weight"));
        // The layer is listed once, with the weights of all its blocks.
        let parts = adapted.parts();
        assert_eq!(parts.iter().filter(|part| part.name == "trunk.0.pretrained").count(), 1);
    }
}
