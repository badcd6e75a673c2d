//! A trunk whose `pretrained` layer has low-rank updates of each task: one pass per task from the first
//! adapted block on, and one pass for all before it.

use std::collections::BTreeSet;

use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::LayerConfig;
use crate::model::layer::pretrained::PretrainedConfig;
use crate::model::layer::stack::{Stack, StackOutputs};
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::{Body, Sharing, SharingForward};
use crate::model::weights::{TaskUpdates, Weights};

/// Checks that the trunk has a `pretrained` layer with `lora`.
///
/// # Errors
/// Says what the trunk lacks.
pub fn check_trunk(trunk: &[LayerConfig]) -> ModelResult<(), String> {
    let Some((_, config)) = adapted_layer(trunk) else {
        let has_adapter = |layer: &LayerConfig| match layer {
            LayerConfig::Pretrained(config) => config.adapter.is_some(),
            _ => false,
        };
        return Err(match trunk.iter().any(has_adapter) {
            true => "needs `lora` in the `pretrained` layer, not `adapter`: updates begin anew for each task",
            false => {
                "needs a `pretrained` layer with `lora` in the trunk itself: add, for example, \
                 `lora: {rank: 8}`"
            }
        }
        .to_owned());
    };
    config.blocks_before_updates().map(drop).map_err(|reason| format!("needs updates: the layer {reason}"))
}

/// The first `pretrained` layer with updates, and its index.
fn adapted_layer(trunk: &[LayerConfig]) -> Option<(usize, &PretrainedConfig)> {
    trunk.iter().enumerate().find_map(|(index, layer)| match layer {
        LayerConfig::Pretrained(config) if config.lora.is_some() => Some((index, config)),
        _ => None,
    })
}

/// A trunk with one pass for each task.
pub struct TaskPasses {
    /// The layers before the adapted one.
    before: Stack,
    /// The blocks of the adapted layer before the first with updates, if it is divisible.
    front: Option<Stack>,
    tasks: Vec<TaskPass>,
    parts: Vec<NetworkPart>,
}

/// What one task reads.
struct TaskPass {
    /// Number of the trunk's layers that it reads.
    depth: usize,
    /// From the first adapted block on; `None` if it reads a mark before the adapted layer.
    rest: Option<Stack>,
    /// The names of the weights that no other task uses.
    own: BTreeSet<String>,
    /// The output, at the read point.
    output: Shape,
    /// The mark before the adapted layer that it reads.
    mark: Option<MarkName>,
}

impl TaskPasses {
    /// Builds the trunk; `updates` says whose the updates of the task called so are.
    ///
    /// # Errors
    /// A layer does not accept its input, or there is no adapted layer.
    pub fn build(
        body: &Body,
        updates: impl Fn(String) -> TaskUpdates,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let lacks = |reason: String| ModelError::Shape { part: "sharing".to_owned(), reason };
        check_trunk(body.trunk).map_err(lacks)?;
        let (at, config) =
            adapted_layer(body.trunk).ok_or_else(|| lacks("needs a `pretrained` layer".to_owned()))?;
        let before = Stack::build_from("trunk", 0, &body.trunk[..at], body.input, weights)?;
        let divided = config.divided(config.blocks_before_updates().map_err(lacks)?);
        let (front, adapted) = match divided {
            Some((front, after)) => {
                let layers = [LayerConfig::Pretrained(front)];
                (Some(Stack::build_from("trunk", at, &layers, before.output(), weights)?), after)
            }
            None => (None, config.clone()),
        };
        let input = front.as_ref().map_or(before.output(), Stack::output);
        let mut parts: Vec<NetworkPart> = before.parts().to_vec();
        parts.extend(front.iter().flat_map(|front| front.parts().to_vec()));
        let mut tasks = Vec::with_capacity(body.tasks.len());
        let mut known: BTreeSet<String> = weights.iter().map(|weight| weight.name.clone()).collect();
        let outside = weights.reuse(true);
        for reader in body.tasks {
            let is_read = |layer: &LayerConfig| match layer {
                LayerConfig::Mark(mark) => reader.from.as_ref() == Some(&mark.name),
                _ => false,
            };
            let mark = body.trunk.iter().position(is_read);
            let depth = mark.unwrap_or(body.trunk.len());
            let mut own = BTreeSet::new();
            let rest = if depth > at {
                let mut layers = vec![LayerConfig::Pretrained(adapted.clone())];
                layers.extend_from_slice(&body.trunk[at + 1..depth]);
                weights.set_task_updates(Some(updates(reader.name.clone())));
                let rest = Stack::build_from("trunk", at, &layers, input, weights);
                weights.set_task_updates(None);
                Some(rest?)
            } else {
                None
            };
            if let Some(rest) = &rest {
                count_parts(&mut parts, rest.parts());
            }
            for weight in weights.iter().filter(|weight| !known.contains(&weight.name)) {
                own.insert(weight.name.clone());
            }
            known.extend(own.iter().cloned());
            own.retain(|name| is_of_task(name, &reader.name));
            let marked = reader.from.as_ref().filter(|_| rest.is_none());
            let output = match (&rest, marked) {
                (Some(rest), _) => rest.output(),
                (None, mark) => {
                    let known = before.marks().find(|(name, _)| Some(*name) == mark);
                    known.map_or(before.output(), |(_, shape)| shape)
                }
            };
            tasks.push(TaskPass { depth, rest, own, output, mark: marked.cloned() });
        }
        weights.reuse(outside);
        Ok(Self { before, front, tasks, parts })
    }
}

/// Whether a weight of this name belongs to the updates of the task called so.
fn is_of_task(weight: &str, task: &str) -> bool {
    let (owner, part) = weight.rsplit_once('.').unwrap_or(("", weight));
    part.starts_with("lora_") && owner.strip_suffix(task).is_some_and(|owner| owner.ends_with('.'))
}

/// Adds the layers of one task's pass: each once, with the weights of all tasks.
pub(super) fn count_parts(parts: &mut Vec<NetworkPart>, more: &[NetworkPart]) {
    for part in more {
        match parts.iter_mut().find(|known| known.name == part.name) {
            Some(known) => {
                known.parameters += part.parameters;
                known.shape = part.shape;
            }
            None => parts.push(part.clone()),
        }
    }
}

impl Sharing for TaskPasses {
    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    fn output(&self, task: usize) -> Shape {
        self.tasks[task].output
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        if let Some(owner) = self.tasks.iter().position(|task| task.own.contains(weight)) {
            return tasks.contains(&owner);
        }
        let layer = self.parts.iter().position(|part| part.owns(weight));
        layer.is_some_and(|layer| tasks.iter().any(|task| self.tasks[*task].depth > layer))
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.parts.clone()
    }
}

impl SharingForward for TaskPasses {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let StackOutputs { end, marks } = self.before.compute(ops, x)?;
        let reads_rest = tasks.iter().any(|task| self.tasks[*task].rest.is_some());
        let start = match &self.front {
            Some(front) if reads_rest => front.compute(ops, &end)?.end,
            _ => end.clone(),
        };
        let read = |task: &usize| -> ModelResult<Activations<O::Value>> {
            let task = &self.tasks[*task];
            match (&task.rest, &task.mark) {
                (Some(rest), _) => Ok(rest.compute(ops, &start)?.end),
                (None, Some(mark)) => {
                    let marked = marks.iter().find(|(name, _)| name == mark);
                    Ok(marked.map_or(&end, |(_, value)| value).clone())
                }
                (None, None) => Ok(end.clone()),
            }
        };
        tasks.iter().map(read).collect()
    }
}
