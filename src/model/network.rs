//! The multi-task network: inputs, the shared body, and the head of each task.

mod features;
mod generation;
mod inference;
mod initial_weights;
mod members;
pub mod outline;
mod representation;
mod to_onnx;

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::domain::choice_config::Choice;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::EncodedTable;
use crate::model::activations::Activations;
use crate::model::config::{NetworkConfig, TaskNetworkConfig};
use crate::model::error::{ModelError, ModelResult};
use crate::model::feature_store::FeatureStore;
use crate::model::head::{self, Head};
use crate::model::input::{Inputs, PackedInputs};
use crate::model::layer::stack::Stack;
use crate::model::layer::{LayerConfig, vector};
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::order::{closure, order};
use crate::model::part::NetworkPart;
use crate::model::preference::PreferenceInput;
use crate::model::sharing::{Body, BuiltSharing, TaskReader};
use crate::model::tabm::TabmMembers;
use crate::model::weights::{Weight, WeightOwner, Weights};

/// A built multi-task network. Tasks are numbered in the signature's order.
pub struct Network {
    signature: Signature,
    weights: Weights,
    inputs: Inputs,
    members: Option<TabmMembers>,
    body: Box<dyn BuiltSharing>,
    tasks: Vec<TaskHead>,
    /// Dependencies of each task: tasks whose predictions its head reads, or whose logits the sharing joins.
    dependencies: Vec<Vec<usize>>,
    /// Topological order of the tasks by `dependencies`.
    order: Vec<usize>,
    /// What it reads in place of inputs, and the parts that computed it.
    features: Option<Arc<FeatureStore>>,
    computed: Vec<String>,
}

/// One task's own layers, its output head and its loss.
struct TaskHead {
    name: TaskName,
    layers: Stack,
    head: Box<dyn Head>,
    loss: LossConfig,
    /// Tasks whose predictions the head reads.
    after: Vec<usize>,
    /// Description of the output head.
    end: NetworkPart,
}

/// What a forward pass computed for a task.
#[derive(Clone, Debug, Default)]
struct TaskActivations {
    /// The input of the output head.
    features: Option<Activations>,
    logits: Option<Tensor>,
}

impl Network {
    /// Builds a network for a signature. Initial weights depend only on `seed` and the weights' names.
    ///
    /// # Errors
    /// If a layer does not accept its input, a name is unknown, tasks depend on each other in a cycle, or a
    /// loss does not fit its task.
    pub fn build(
        config: &NetworkConfig,
        signature: &Signature,
        seed: u64,
        device: &Device,
    ) -> ModelResult<Self> {
        Self::with_weights(config, signature, Weights::new(seed, device))
    }

    fn with_weights(
        config: &NetworkConfig,
        signature: &Signature,
        mut weights: Weights,
    ) -> ModelResult<Self> {
        let specs = ordered_tasks(config, signature)?;
        check_marks(config)?;
        let after = specs.iter().map(|task| after_indices(task, &specs)).collect::<ModelResult<Vec<_>>>()?;
        let preference = config.preference.then(|| PreferenceInput::even(specs.len()));
        let inputs = Inputs::build(&signature.inputs, &config.encoders, preference, &mut weights)?;
        let members = members::build(config, signature, inputs.output_shape(), &mut weights)?;
        let readers: Vec<TaskReader> = specs
            .iter()
            .map(|task| TaskReader { name: task.name.to_string(), from: task.from.clone() })
            .collect();
        let body = Body { input: inputs.output_shape(), trunk: &config.trunk, tasks: &readers };
        let sharing = config.sharing.view();
        let part = || format!("sharing.{}", config.sharing.name());
        sharing.check(body.trunk, body.input).map_err(|reason| ModelError::Shape { part: part(), reason })?;
        weights.set_owner(WeightOwner::Body);
        let body = sharing.build(&body, &mut weights)?;
        let all = |(task, after): (usize, &Vec<usize>)| [after, body.joined(task)].concat();
        let dependencies: Vec<Vec<usize>> = after.iter().enumerate().map(all).collect();
        let order = order(&dependencies).map_err(|cycle| {
            ModelError::Cycle(cycle.into_iter().map(|task| specs[task].name.clone()).collect())
        })?;
        let mut tasks = Vec::with_capacity(specs.len());
        for (index, task) in specs.iter().enumerate() {
            let predictions: usize =
                after[index].iter().map(|t| signature.tasks[*t].target.prediction_width()).sum();
            let mut input = body.output(index);
            if predictions > 0 {
                let part = format!("head.{}", task.name);
                let width = vector(input).map_err(|reason| ModelError::Shape { part, reason })?;
                input = Shape::vector(width + predictions);
            }
            let own = members.as_ref().map(TabmMembers::count);
            let after = after[index].clone();
            tasks.push(build_task_head(task, index, input, after, own, signature, &mut weights)?);
        }
        let (signature, computed) = (signature.clone(), Vec::new());
        let features = None;
        Ok(Self { signature, weights, inputs, members, body, tasks, dependencies, order, features, computed })
    }

    /// Inputs and outputs.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// All weights by name.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        self.weights.device()
    }

    /// Index of a task in the signature.
    pub fn task(&self, name: &TaskName) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == *name)
    }

    /// Inputs, layers and output heads in order, for summaries.
    pub fn parts(&self) -> Vec<NetworkPart> {
        let mut parts = self.inputs.parts().to_vec();
        parts.extend(self.body.parts());
        for task in &self.tasks {
            parts.extend_from_slice(task.layers.parts());
            parts.push(task.end.clone());
        }
        parts
    }

    /// The learned task relation matrix `[tasks, tasks]`, if the sharing has one.
    pub fn relations(&self) -> ModelResult<Option<Array>> {
        self.body.relations()
    }

    /// Whether the logits of any of `tasks` depend on `weight`; otherwise it gets no gradient from them.
    pub fn uses(&self, tasks: &[usize], weight: &Weight) -> bool {
        let needed = closure(tasks, &self.order, |task| &self.dependencies[task]);
        match &weight.owner {
            WeightOwner::Inputs | WeightOwner::Input(_) => true,
            WeightOwner::Body => self.body.uses(&needed, &weight.name),
            WeightOwner::Task(task) => needed.contains(task),
            WeightOwner::Heads => needed.iter().any(|task| self.tasks[*task].head.shares(&weight.name)),
        }
    }

    /// Packs a table for fast repeated gathering of rows.
    pub fn packed(&self, table: &EncodedTable) -> ModelResult<PackedInputs> {
        self.inputs.packed(&table.inputs)
    }

    /// The logits of `tasks`, in that order.
    pub fn forward(&self, inputs: &[Activations], mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<Tensor>> {
        let mut outputs = self.task_activations(inputs, mode, tasks)?;
        tasks.iter().map(|task| self.mean_logits(&mut outputs, *task, mode)).collect()
    }

    /// Runs inputs, body and the heads' own layers for `tasks` and their dependencies. Logits are computed
    /// only for tasks whose predictions a head reads.
    fn task_activations(
        &self,
        inputs: &[Activations],
        mode: &Mode,
        tasks: &[usize],
    ) -> ModelResult<Vec<TaskActivations>> {
        let mode = &self.passing_over(mode);
        let needed = closure(tasks, &self.order, |task| &self.dependencies[task]);
        let x = self.detach(self.features_of(inputs, mode)?, WeightOwner::is_of_inputs);
        let shared = self.body.forward(&mode.detach(&x)?, mode, &needed)?;
        let shared = shared.iter().map(|x| mode.detach(x)).collect::<ModelResult<Vec<_>>>()?;
        // Only shared layers are cut: a task's own layers need no segments.
        self.task_heads(needed, shared, &mode.cut_by(None))
    }

    /// Runs the heads' own layers for the tasks `needed`; `shared` has the body's output for each of them.
    fn task_heads(
        &self,
        needed: Vec<usize>,
        shared: Vec<Activations>,
        mode: &Mode,
    ) -> ModelResult<Vec<TaskActivations>> {
        let mut outputs = vec![TaskActivations::default(); self.tasks.len()];
        for (task, shared) in needed.into_iter().zip(shared) {
            let shared = self.detach(shared, |owner| !owner.is_of_tasks());
            let head = &self.tasks[task];
            let mut inputs = vec![shared.x.clone()];
            for other in &head.after {
                let logits = self.logits(&mut outputs, *other, mode)?;
                inputs.push(self.tasks[*other].head.predictions(&logits)?);
            }
            let x = if inputs.len() == 1 { shared } else { Activations::plain(Tensor::cat(&inputs, 1)?) };
            outputs[task].features = Some(head.head.read(head.layers.forward(&x, mode)?)?);
        }
        Ok(outputs)
    }

    /// The logits of a task, of all members, computed on first use.
    fn logits(&self, outputs: &mut [TaskActivations], task: usize, mode: &Mode) -> ModelResult<Tensor> {
        if let Some(logits) = &outputs[task].logits {
            return Ok(logits.clone());
        }
        let Some(features) = &outputs[task].features else {
            return Err(candle_core::Error::msg("the features of a task were not computed").into());
        };
        let own = self.tasks[task].head.logits(features, mode)?;
        let others = self.body.joined(task).iter();
        let others =
            others.map(|other| self.logits(outputs, *other, mode)).collect::<ModelResult<Vec<_>>>()?;
        let logits = self.body.join(task, own, &others)?;
        outputs[task].logits = Some(logits.clone());
        Ok(logits)
    }

    /// A task's loss over all cells, a scalar tensor. See [`crate::model::loss::Loss::forward`].
    pub fn loss(&self, task: usize, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> ModelResult<Tensor> {
        let target = &self.signature.tasks[task].target;
        let loss = self.tasks[task].loss.view();
        if logits.rank() == 2 {
            return loss.forward(logits, truth, mask, target);
        }
        let (logits, width) = (logits.reshape(((), target.logits()))?, target.width());
        loss.forward(&logits, &truth.reshape(((), width))?, &mask.reshape(((), width))?, target)
    }

    /// Default number of rows per inference batch: enough to keep all threads busy, few enough to save
    /// memory. Predictions do not depend on it.
    pub fn inference_batch_size(&self) -> usize {
        match self.inputs.are_vectors() {
            true => (4096 / self.members.as_ref().map_or(1, TabmMembers::count)).max(64),
            false => 256,
        }
    }

    /// Whether the task's loss is computed by its head instead of from logits by a [`LossConfig`].
    pub fn has_own_loss(&self, task: usize) -> bool {
        self.tasks[task].head.has_own_loss()
    }

    /// The predicted class of every step, if it is decoded jointly (CRF); `logits` as from [`Self::predict`].
    pub fn decide(&self, task: usize, logits: &Array) -> ModelResult<Option<Vec<u32>>> {
        self.tasks[task].head.decide(logits)
    }

    /// The transition scores of tasks whose steps are decoded jointly (CRF).
    pub fn transitions(&self) -> ModelResult<Vec<(TaskName, Transitions)>> {
        let named = |task: &TaskHead| Ok(task.head.transitions()?.map(|all| (task.name.clone(), all)));
        self.tasks.iter().filter_map(|task| named(task).transpose()).collect()
    }
}

fn build_task_head(
    config: &TaskNetworkConfig,
    task: usize,
    input: Shape,
    after: Vec<usize>,
    members: Option<usize>,
    signature: &Signature,
    weights: &mut Weights,
) -> ModelResult<TaskHead> {
    let target = &signature.tasks[task].target;
    let name = format!("head.{}", config.name);
    weights.set_owner(WeightOwner::Task(task));
    let layers = Stack::build(&name, &config.head, input, weights)?;
    let end = format!("{name}.output");
    let input = layers.output();
    head::accepts(target.kind(), input).map_err(|reason| ModelError::Shape { part: end.clone(), reason })?;
    let before = weights.parameters();
    weights.set_members(members);
    let head = head::build(&end, target, input, weights);
    weights.set_members(None);
    let head = head?;
    let loss = config.loss.clone().unwrap_or_else(|| LossConfig::for_kind(target.kind()));
    let wrong = |reason| ModelError::Loss { task: config.name.clone(), reason };
    if !loss.view().accepts(target.kind()) {
        return Err(wrong(format!("is not available for {} tasks", target.kind())));
    }
    loss.view().check(target).map_err(wrong)?;
    let shape = match input {
        Shape::Image { height, width, .. } => Shape::Image { channels: target.logits(), height, width },
        input => input.with_width(target.logits()),
    };
    let end = NetworkPart {
        name: end,
        kind: target.kind().name(),
        shape,
        parameters: weights.parameters() - before,
    };
    Ok(TaskHead { name: config.name.clone(), layers, head, loss, after, end })
}

/// The tasks' settings in the signature's order.
fn ordered_tasks<'a>(
    settings: &'a NetworkConfig,
    signature: &Signature,
) -> ModelResult<Vec<&'a TaskNetworkConfig>> {
    let tasks: Option<Vec<_>> = signature
        .tasks
        .iter()
        .map(|task| settings.tasks.iter().find(|config| config.name == task.name))
        .collect();
    tasks.filter(|tasks| tasks.len() == settings.tasks.len()).ok_or_else(|| ModelError::Tasks {
        network: names(settings.tasks.iter().map(|task| &task.name)),
        signature: names(signature.tasks.iter().map(|task| &task.name)),
    })
}

fn names<'a>(names: impl Iterator<Item = &'a TaskName>) -> String {
    names.map(TaskName::as_str).collect::<Vec<_>>().join(", ")
}

/// Checks that every mark in a task's `from` exists in the trunk.
fn check_marks(config: &NetworkConfig) -> ModelResult<()> {
    let marks: Vec<_> = config
        .trunk
        .iter()
        .filter_map(|layer| match layer {
            LayerConfig::Mark(mark) => Some(&mark.name),
            _ => None,
        })
        .collect();
    for task in &config.tasks {
        if let Some(mark) = task.from.as_ref().filter(|mark| !marks.contains(mark)) {
            let known = match marks.is_empty() {
                true => "no marks".to_owned(),
                false => marks.iter().map(|mark| mark.as_str()).collect::<Vec<_>>().join(", "),
            };
            return Err(ModelError::UnknownMark { task: task.name.clone(), mark: mark.clone(), known });
        }
    }
    Ok(())
}

/// Indices of the tasks in a task's `after`.
fn after_indices(task: &TaskNetworkConfig, all: &[&TaskNetworkConfig]) -> ModelResult<Vec<usize>> {
    let index = |after: &TaskName| {
        all.iter()
            .position(|other| other.name == *after)
            .ok_or_else(|| ModelError::UnknownTask { task: task.name.clone(), after: after.clone() })
    };
    task.after.iter().map(index).collect()
}
