//! The sharing `mtan`: see [`MtanConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Positive};
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::batch_norm::BatchNormConfig;
use crate::model::layer::layer_norm::LayerNormConfig;
use crate::model::layer::stack::Stack;
use crate::model::layer::{BuildLayer, LayerConfig, Module};
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::block::{ReadPoint, block_shapes, read_points, split_blocks, trunk_uses};
use crate::model::sharing::column::{concat_shape, feature_axis};
use crate::model::sharing::pointwise::{features, pointwise};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, Sharing, SharingForward};
use crate::model::weights::Weights;

/// Multi-task attention network (MTAN; Liu, Johns & Davison, CVPR 2019): one trunk, and a task-specific
/// attention mask on the output of each of its blocks.
///
/// After block l with output s_l, task k holds t_l = a_l * s_l, element-wise, with
///
/// ```text
/// a_l = sigmoid(N(P relu(N(P [s_l ; f_l(t_(l-1))]))))
/// ```
///
/// P are projections of each row, time step or pixel (a 1x1 convolution) to the width of s_l, N is batch
/// normalization for images and layer normalization for vectors and sequences, all task-specific. f_l is a
/// copy of block l with its own weights, shared by the tasks, that maps t_(l-1) to the shape of s_l. The
/// first block uses s_l only. Each head reads the last t. In the paper a block has two convolutions, the
/// mask is computed from the first and applied to the second; here a block is one layer with weights and the
/// layers after it, and both are its output.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and has no masks.
///
/// ```yaml
/// sharing: mtan
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MtanConfig {}

impl Settings for MtanConfig {
    const EXAMPLE: &'static str = "mtan";
}

impl BuildSharing for MtanConfig {
    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        block_shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let ranges = split_blocks(body.trunk);
        let read_points = read_points(body, &ranges);
        let (mut blocks, mut carries): (Vec<Stack>, Vec<Stack>) = (Vec::new(), Vec::new());
        let masked = read_points.iter().any(|read_point| read_point.mark.is_none());
        for range in &ranges {
            let input = blocks.last().map_or(body.input, Stack::output);
            let layers = &body.trunk[range.clone()];
            if !blocks.is_empty() && masked {
                carries.push(Stack::build_from("sharing.carry", range.start, layers, input, weights)?);
            }
            blocks.push(Stack::build_from("trunk", range.start, layers, input, weights)?);
        }
        let mut parts: Vec<NetworkPart> =
            blocks.iter().chain(&carries).flat_map(Stack::parts).cloned().collect();
        let mut masks = Vec::new();
        for (task, read_point) in body.tasks.iter().zip(&read_points) {
            let mut own = Vec::new();
            for (block, stack) in blocks.iter().enumerate().filter(|_| read_point.mark.is_none()) {
                let name = format!("sharing.{}.{}", task.name, ranges[block].end - 1);
                let (shape, before) = (stack.output(), weights.parameters());
                let read = concat_shape(shape, if block == 0 { 1 } else { 2 });
                own.push(AttentionMask::build(&name, read, shape, weights)?);
                let parameters = weights.parameters() - before;
                parts.push(NetworkPart { name, kind: "mask", shape, parameters });
            }
            masks.push(own);
        }
        Ok(Box::new(Mtan { blocks, carries, read_points, masks, parts }))
    }
}

/// sigmoid(N(P relu(N(P x))))
struct AttentionMask {
    name: String,
    axis: usize,
    layers: Vec<Box<dyn Module>>,
}

impl AttentionMask {
    fn build(name: &str, read: Shape, shape: Shape, weights: &mut Weights) -> ModelResult<Self> {
        let norm: Box<dyn BuildLayer> = match shape {
            Shape::Image { .. } => Box::new(BatchNormConfig {
                momentum: Fraction::constant(0.1),
                epsilon: Positive::constant(1e-5),
            }),
            _ => Box::new(LayerNormConfig { epsilon: Positive::constant(1e-5) }),
        };
        let units = features(shape);
        let layers: Vec<Box<dyn Module>> = vec![
            pointwise(&format!("{name}.first"), read, units, Activation::Identity, weights)?,
            norm.build(&format!("{name}.first_norm"), shape, weights)?,
            Box::new(Activation::Relu),
            pointwise(&format!("{name}.second"), shape, units, Activation::Identity, weights)?,
            norm.build(&format!("{name}.second_norm"), shape, weights)?,
            Box::new(Activation::Sigmoid),
        ];
        Ok(Self { name: name.to_owned(), axis: feature_axis(shape), layers })
    }

    /// a * s, given s and f(t), the transformed output of the previous mask.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        s: &Activations<O::Value>,
        carried: Option<&Activations<O::Value>>,
    ) -> ModelResult<Activations<O::Value>> {
        ops.scope(&self.name);
        let read = match carried {
            Some(carried) => s.with(ops.concat(&[s.x.clone(), carried.x.clone()], self.axis as i64)?),
            None => s.clone(),
        };
        let mask = self.layers.iter().try_fold(read, |x, layer| ops.module(layer.as_ref(), &x))?;
        Ok(s.with(ops.mul(&mask.x, &s.x)?))
    }
}

/// A trunk in blocks, and the tasks' masks.
struct Mtan {
    blocks: Vec<Stack>,
    /// f of every block but the first.
    carries: Vec<Stack>,
    read_points: Vec<ReadPoint>,
    /// By task, then by block; empty for tasks that read a mark.
    masks: Vec<Vec<AttentionMask>>,
    parts: Vec<NetworkPart>,
}

impl Mtan {
    /// Number of blocks that these tasks need.
    fn depth(&self, tasks: &[usize]) -> usize {
        tasks.iter().map(|task| self.read_points[*task].block + 1).max().unwrap_or(0)
    }

    fn is_masked(&self, task: usize) -> bool {
        self.read_points[task].mark.is_none()
    }
}

impl Sharing for Mtan {
    fn tasks(&self) -> usize {
        self.read_points.len()
    }

    fn output(&self, task: usize) -> Shape {
        let read_point = &self.read_points[task];
        read_point.shape(&self.blocks[read_point.block])
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let by_masks = || {
            let owns = |mask: &AttentionMask| {
                weight.strip_prefix(mask.name.as_str()).is_some_and(|suffix| suffix.starts_with('.'))
            };
            let masked = tasks.iter().any(|task| self.is_masked(*task));
            self.carries.iter().flat_map(Stack::parts).any(|part| masked && part.owns(weight))
                || tasks.iter().any(|task| self.masks[*task].iter().any(owns))
        };
        trunk_uses(&self.blocks, &self.read_points, tasks, weight).unwrap_or_else(by_masks)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.parts.clone()
    }
}

impl SharingForward for Mtan {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let mut states: Vec<Option<Activations<O::Value>>> = vec![None; tasks.len()];
        let mut shared = x.clone();
        for (block, stack) in self.blocks[..self.depth(tasks)].iter().enumerate() {
            let outputs = stack.compute(ops, &shared)?;
            for (task, state) in tasks.iter().zip(&mut states) {
                if let Some(mask) = self.masks[*task].get(block) {
                    let carried = match state.as_ref() {
                        Some(before) => Some(self.carries[block - 1].compute(ops, before)?.end),
                        None => None,
                    };
                    *state = Some(mask.compute(ops, &outputs.end, carried.as_ref())?);
                } else if self.read_points[*task].block == block {
                    *state =
                        self.read_points[*task].mark.as_ref().and_then(|mark| outputs.mark(mark)).cloned();
                }
            }
            shared = outputs.end;
        }
        Ok(states.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// numpy:
    ///   x = np.array([1., 2.]); W = np.array([[1., 2.], [0., -1.]])      # y = x W
    ///   norm = lambda r: (r - r.mean()) / np.sqrt(r.var() + 1e-5)
    ///   mask = lambda r, P, Q: 1 / (1 + np.exp(-norm(np.maximum(norm(r @ P), 0) @ Q)))
    ///   I = np.eye(2); P2 = np.array([[1., 0.], [0., 2.], [3., 0.], [0., -1.]])
    ///   s1 = x @ W; t1 = mask(s1, I, -I) * s1
    ///   s2 = s1 @ W; t2 = mask(np.concatenate([s2, t1 @ (2 * I)]), P2, I) * s2
    #[test]
    fn by_its_definition() {
        let dense = json!({"dense": {"units": 2, "bias": false}});
        let (sharing, weights) = example::build(json!("mtan"), 2, json!([dense, dense]), &["a"]);
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        for name in ["trunk.0.dense.weight", "trunk.1.dense.weight"] {
            set(name, &[1.0, 2.0, 0.0, -1.0]);
        }
        set("sharing.carry.1.dense.weight", &[2.0, 0.0, 0.0, 2.0]);
        for (name, values) in [("0.first", 1.0), ("0.second", -1.0), ("1.second", 1.0)] {
            set(&format!("sharing.a.{name}.weight"), &[values, 0.0, 0.0, values]);
        }
        set("sharing.a.1.first.weight", &[1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, -1.0]);
        for name in ["0.first", "0.second", "1.first", "1.second"] {
            set(&format!("sharing.a.{name}.bias"), &[0.0, 0.0]);
        }
        let x = example::row(&[1.0, 2.0]);
        let read = example::read(&*sharing, &x, &[0]).concat();
        assert!(read.iter().zip(EXPECTED).all(|(a, b)| (a - b).abs() < 1e-5), "{read:?}");
    }

    const EXPECTED: [f32; 2] = [0.268_945_35, 1.462_109_29];
}
