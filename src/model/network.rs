//! A network: inputs, the body tasks share, and each task's own layers and end.

mod generation;
mod inference;
mod initial_weights;
pub mod outline;
mod representation;
mod to_onnx;

use candle_core::{Device, Tensor};

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::domain::choice_config::Choice;
use crate::domain::name::{InputName, TaskName};
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::EncodedTable;
use crate::model::activations::Activations;
use crate::model::config::{NetworkConfig, TaskNetworkConfig};
use crate::model::error::{ModelError, ModelResult};
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
use crate::model::weights::{Weight, WeightOwner, Weights};

/// A built multi-task network. Tasks are numbered in the signature's order.
pub struct Network {
    signature: Signature,
    weights: Weights,
    inputs: Inputs,
    body: Box<dyn BuiltSharing>,
    tasks: Vec<TaskHead>,
    /// For each task those whose answers make its own, by its head or by the sharing.
    needs: Vec<Vec<usize>>,
    /// Every task after those whose answers it sees.
    order: Vec<usize>,
}

/// One task's own part.
struct TaskHead {
    name: TaskName,
    layers: Stack,
    head: Box<dyn Head>,
    loss: LossConfig,
    after: Vec<usize>,
    end: NetworkPart,
}

/// What was found of a task on the way forward.
#[derive(Clone, Debug, Default)]
struct TaskActivations {
    /// What its head reads.
    read: Option<Activations>,
    logits: Option<Tensor>,
}

impl Network {
    /// Builds a network for fitted data, with initial weights that depend on `seed` and names alone.
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
        let specs = matched(config, signature)?;
        known_marks(config)?;
        let after = specs.iter().map(|task| indices(task, &specs)).collect::<ModelResult<Vec<_>>>()?;
        let preference = config.preference.then(|| PreferenceInput::even(specs.len()));
        let inputs = Inputs::build(&signature.inputs, &config.encoders, preference, &mut weights)?;
        let readers: Vec<TaskReader> = specs
            .iter()
            .map(|task| TaskReader { name: task.name.to_string(), from: task.from.clone() })
            .collect();
        let body = Body { input: inputs.output(), trunk: &config.trunk, tasks: &readers };
        let sharing = config.sharing.view();
        let part = || format!("sharing.{}", config.sharing.name());
        sharing.check(body.trunk, body.input).map_err(|reason| ModelError::Shape { part: part(), reason })?;
        weights.set_owner(WeightOwner::Body);
        let body = sharing.build(&body, &mut weights)?;
        let waits = |(task, after): (usize, &Vec<usize>)| [after, body.joined(task)].concat();
        let needs: Vec<Vec<usize>> = after.iter().enumerate().map(waits).collect();
        let order = order(&needs).map_err(|cycle| {
            ModelError::Cycle(cycle.into_iter().map(|task| specs[task].name.clone()).collect())
        })?;
        let mut tasks = Vec::with_capacity(specs.len());
        for (index, task) in specs.iter().enumerate() {
            let features: usize = after[index].iter().map(|t| conditioning_width(signature, *t)).sum();
            let mut input = body.output(index);
            if features > 0 {
                let part = format!("head.{}", task.name);
                let width = vector(input).map_err(|reason| ModelError::Shape { part, reason })?;
                input = Shape::vector(width + features);
            }
            tasks.push(build_task_head(task, index, input, after[index].clone(), signature, &mut weights)?);
        }
        Ok(Self { signature: signature.clone(), weights, inputs, body, tasks, needs, order })
    }

    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    pub fn device(&self) -> &Device {
        self.weights.device()
    }

    /// The number of a task.
    pub fn task(&self, name: &TaskName) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == *name)
    }

    /// Its inputs, layers and ends in order, for people.
    pub fn parts(&self) -> Vec<NetworkPart> {
        let mut parts = self.inputs.parts().to_vec();
        parts.extend(self.body.parts());
        for task in &self.tasks {
            parts.extend_from_slice(task.layers.parts());
            parts.push(task.end.clone());
        }
        parts
    }

    /// How much of what each task reads is each task's, where that is learned: `[tasks, tasks]`.
    pub fn relations(&self) -> ModelResult<Option<Array>> {
        self.body.relations()
    }

    /// Do these tasks' logits depend on this weight? The others get no gradient from them.
    pub fn uses(&self, tasks: &[usize], weight: &Weight) -> bool {
        let needed = closure(tasks, &self.order, |task| &self.needs[task]);
        match &weight.owner {
            WeightOwner::Inputs | WeightOwner::Input(_) => true,
            WeightOwner::Body => self.body.uses(&needed, &weight.name),
            WeightOwner::Task(task) => needed.contains(task),
            WeightOwner::Heads => needed.iter().any(|task| self.tasks[*task].head.shares(&weight.name)),
        }
    }

    /// The encoded rows of a table as `forward` takes them; all rows without `rows`.
    pub fn signals(&self, table: &EncodedTable, rows: Option<&[u32]>) -> ModelResult<Vec<Activations>> {
        self.inputs.signals(&table.inputs, rows, self.device())
    }

    /// A table, made ready for gathering rows of it again and again.
    pub fn packed(&self, table: &EncodedTable) -> ModelResult<PackedInputs> {
        self.inputs.packed(&table.inputs)
    }

    /// The same as `signals`, from what was made ready of the table.
    pub fn packed_signals(
        &self,
        table: &EncodedTable,
        packed: &PackedInputs,
        rows: &[u32],
    ) -> ModelResult<Vec<Activations>> {
        self.inputs.signals_of(&table.inputs, packed, Some(rows), self.device())
    }

    /// Encoded arrays as `forward` takes them, given by the inputs' names.
    pub fn signals_of(&self, arrays: &[(InputName, Array)]) -> ModelResult<Vec<Activations>> {
        self.inputs.signals(arrays, None, self.device())
    }

    /// The logits of `tasks`, in that order, from one signal per input.
    pub fn forward(&self, inputs: &[Activations], mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<Tensor>> {
        let mut outputs = self.compute(inputs, mode, tasks)?;
        tasks.iter().map(|task| self.logits(&mut outputs, *task, mode)).collect()
    }

    /// What the heads of `tasks` read, and the logits of those that others see.
    fn compute(
        &self,
        inputs: &[Activations],
        mode: &Mode,
        tasks: &[usize],
    ) -> ModelResult<Vec<TaskActivations>> {
        let needed = closure(tasks, &self.order, |task| &self.needs[task]);
        let x = self.detach(self.inputs.forward(inputs, mode)?, WeightOwner::is_of_inputs);
        let read = self.body.forward(&mode.detach(&x)?, mode, &needed)?;
        let read = read.iter().map(|read| mode.detach(read)).collect::<ModelResult<Vec<_>>>()?;
        // A task's own layers are behind all that tasks share: nothing is gained by walking them in pieces.
        self.task_heads(needed, read, &mode.cut_by(None))
    }

    /// The same, from what the body gives to each of `needed`.
    fn task_heads(
        &self,
        needed: Vec<usize>,
        read: Vec<Activations>,
        mode: &Mode,
    ) -> ModelResult<Vec<TaskActivations>> {
        let mut outputs: Vec<TaskActivations> =
            self.tasks.iter().map(|_| TaskActivations::default()).collect();
        for (task, read) in needed.into_iter().zip(read) {
            let read = self.detach(read, |owner| !owner.is_of_tasks());
            let head = &self.tasks[task];
            let mut seen = vec![read.x.clone()];
            for other in &head.after {
                let known = self.logits(&mut outputs, *other, mode)?;
                seen.push(self.tasks[*other].head.answers(&known)?);
            }
            let x = if seen.len() == 1 { read } else { Activations::plain(Tensor::cat(&seen, 1)?) };
            outputs[task].read = Some(head.layers.forward(&x, mode)?);
        }
        Ok(outputs)
    }

    /// The logits of a task that was walked to; made once.
    fn logits(&self, outputs: &mut [TaskActivations], task: usize, mode: &Mode) -> ModelResult<Tensor> {
        if let Some(logits) = &outputs[task].logits {
            return Ok(logits.clone());
        }
        let Some(read) = &outputs[task].read else {
            return Err(
                candle_core::Error::msg("a task's logits were asked for before it was reached").into()
            );
        };
        let own = self.tasks[task].head.logits(read, mode)?;
        let others = self.body.joined(task).iter();
        let others =
            others.map(|other| self.logits(outputs, *other, mode)).collect::<ModelResult<Vec<_>>>()?;
        let logits = self.body.join(task, own, &others)?;
        outputs[task].logits = Some(logits.clone());
        Ok(logits)
    }

    /// Probabilities, or numbers in standardized units, from a task's logits.
    pub fn answer(&self, task: usize, logits: &Tensor) -> ModelResult<Tensor> {
        self.tasks[task].head.answers(logits)
    }

    /// A task's loss, as a scalar tensor, of every cell. See [`crate::model::loss::Loss::forward`].
    pub fn loss(&self, task: usize, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> ModelResult<Tensor> {
        let target = &self.signature.tasks[task].target;
        let loss = self.tasks[task].loss.view();
        if logits.rank() == 2 {
            return loss.forward(logits, truth, mask, target);
        }
        let (logits, width) = (logits.reshape(((), target.logits()))?, target.width());
        loss.forward(&logits, &truth.reshape(((), width))?, &mask.reshape(((), width))?, target)
    }

    /// Rows at a time, where nothing else asks for a number: enough to keep the threads busy, few
    /// enough to stay small. Changes no answer.
    pub fn comfortable_rows(&self) -> usize {
        match self.inputs.are_vectors() {
            true => 4096,
            false => 256,
        }
    }

    /// Does more than its logits make a task's loss?
    pub fn has_own_loss(&self, task: usize) -> bool {
        self.tasks[task].head.has_own_loss()
    }

    /// The class of every step, where more than each step's own logits decide; `logits` as predicted.
    pub fn decide(&self, task: usize, logits: &Array) -> ModelResult<Option<Vec<u32>>> {
        self.tasks[task].head.decide(logits)
    }

    /// What tasks decide by, where more than each step's own logits does.
    pub fn transitions(&self) -> ModelResult<Vec<(TaskName, Transitions)>> {
        let of = |head: &TaskHead| Ok(head.head.transitions()?.map(|all| (head.name.clone(), all)));
        self.tasks.iter().filter_map(|head| of(head).transpose()).collect()
    }
}

fn build_task_head(
    config: &TaskNetworkConfig,
    task: usize,
    input: Shape,
    after: Vec<usize>,
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
    let head = head::build(&end, target, input, weights)?;
    let loss = config.loss.clone().unwrap_or_else(|| LossConfig::for_kind(target.kind()));
    let wrong = |reason| ModelError::Loss { task: config.name.clone(), reason };
    if !loss.view().accepts(target.kind()) {
        return Err(wrong(format!("is not for {} tasks", target.kind())));
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

/// The tasks' words in the signature's order.
fn matched<'a>(
    settings: &'a NetworkConfig,
    signature: &Signature,
) -> ModelResult<Vec<&'a TaskNetworkConfig>> {
    let layers: Option<Vec<_>> = signature
        .tasks
        .iter()
        .map(|task| settings.tasks.iter().find(|config| config.name == task.name))
        .collect();
    layers.filter(|layers| layers.len() == settings.tasks.len()).ok_or_else(|| ModelError::Tasks {
        network: names(settings.tasks.iter().map(|task| &task.name)),
        signature: names(signature.tasks.iter().map(|task| &task.name)),
    })
}

fn names<'a>(names: impl Iterator<Item = &'a TaskName>) -> String {
    names.map(TaskName::as_str).collect::<Vec<_>>().join(", ")
}

/// Every mark a task reads from is one of the trunk's.
fn known_marks(config: &NetworkConfig) -> ModelResult<()> {
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
                true => "nothing".to_owned(),
                false => marks.iter().map(|mark| mark.as_str()).collect::<Vec<_>>().join(", "),
            };
            return Err(ModelError::UnknownMark { task: task.name.clone(), mark: mark.clone(), known });
        }
    }
    Ok(())
}

/// The numbers of the tasks whose answers a task sees.
fn indices(task: &TaskNetworkConfig, all: &[&TaskNetworkConfig]) -> ModelResult<Vec<usize>> {
    let index = |after: &TaskName| {
        all.iter()
            .position(|other| other.name == *after)
            .ok_or_else(|| ModelError::UnknownTask { task: task.name.clone(), after: after.clone() })
    };
    task.after.iter().map(index).collect()
}

/// How many numbers a task's evidence has: those of its answer.
fn conditioning_width(signature: &Signature, task: usize) -> usize {
    signature.tasks[task].target.answers()
}
