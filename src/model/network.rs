//! A network: inputs, the body tasks share, and each task's own layers and end.

mod answering;
mod beginning;
mod emission;
pub mod outline;
mod point;
mod writing;

use candle_core::{Device, Tensor};

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::domain::kinds::Choice;
use crate::domain::name::{InputName, TaskName};
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::Table;
use crate::model::error::{Error, Result};
use crate::model::head::{self, Head};
use crate::model::input::{Inputs, Packed};
use crate::model::layer::stack::Stack;
use crate::model::layer::{LayerSpec, vector};
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::order::{closure, order};
use crate::model::part::Part;
use crate::model::preference::Preference;
use crate::model::sharing::{Body, BuiltSharing, Reader};
use crate::model::signal::Signal;
use crate::model::spec::{NetworkSpec, TaskNetworkSpec};
use crate::model::weights::{Owner, Weight, Weights};

/// A built multi-task network. Tasks are numbered in the signature's order.
pub struct Network {
    signature: Signature,
    weights: Weights,
    inputs: Inputs,
    body: Box<dyn BuiltSharing>,
    tasks: Vec<Tower>,
    /// For each task those whose answers make its own, by its head or by the sharing.
    needs: Vec<Vec<usize>>,
    /// Every task after those whose answers it sees.
    order: Vec<usize>,
}

/// One task's own part.
struct Tower {
    name: TaskName,
    layers: Stack,
    head: Box<dyn Head>,
    loss: LossSpec,
    after: Vec<usize>,
    end: Part,
}

/// What was found of a task on the way forward.
#[derive(Clone, Debug, Default)]
struct Said {
    /// What its head reads.
    read: Option<Signal>,
    logits: Option<Tensor>,
}

impl Network {
    /// Builds a network for fitted data, with initial weights that depend on `seed` and names alone.
    pub fn build(spec: &NetworkSpec, signature: &Signature, seed: u64, device: &Device) -> Result<Self> {
        Self::with_weights(spec, signature, Weights::new(seed, device))
    }

    fn with_weights(spec: &NetworkSpec, signature: &Signature, mut weights: Weights) -> Result<Self> {
        let specs = matched(spec, signature)?;
        known_marks(spec)?;
        let after = specs.iter().map(|task| indices(task, &specs)).collect::<Result<Vec<_>>>()?;
        let preference = spec.preference.then(|| Preference::even(specs.len()));
        let inputs = Inputs::build(&signature.inputs, &spec.encoders, preference, &mut weights)?;
        let readers: Vec<Reader> = specs
            .iter()
            .map(|task| Reader { name: task.name.to_string(), from: task.from.clone() })
            .collect();
        let body = Body { input: inputs.output(), trunk: &spec.trunk, tasks: &readers };
        let sharing = spec.sharing.view();
        let part = || format!("sharing.{}", spec.sharing.name());
        sharing.check(body.trunk, body.input).map_err(|reason| Error::Shape { part: part(), reason })?;
        weights.begin(Owner::Body);
        let body = sharing.build(&body, &mut weights)?;
        let waits = |(task, after): (usize, &Vec<usize>)| [after, body.joined(task)].concat();
        let needs: Vec<Vec<usize>> = after.iter().enumerate().map(waits).collect();
        let order = order(&needs).map_err(|cycle| {
            Error::Cycle(cycle.into_iter().map(|task| specs[task].name.clone()).collect())
        })?;
        let mut tasks = Vec::with_capacity(specs.len());
        for (index, task) in specs.iter().enumerate() {
            let evidence: usize = after[index].iter().map(|t| evidence_width(signature, *t)).sum();
            let mut input = body.output(index);
            if evidence > 0 {
                let part = format!("head.{}", task.name);
                let width = vector(input).map_err(|reason| Error::Shape { part, reason })?;
                input = Shape::vector(width + evidence);
            }
            tasks.push(tower(task, index, input, after[index].clone(), signature, &mut weights)?);
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
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = self.inputs.parts().to_vec();
        parts.extend(self.body.parts());
        for task in &self.tasks {
            parts.extend_from_slice(task.layers.parts());
            parts.push(task.end.clone());
        }
        parts
    }

    /// How much of what each task reads is each task's, where that is learned: `[tasks, tasks]`.
    pub fn relations(&self) -> Result<Option<Array>> {
        self.body.relations()
    }

    /// Do these tasks' logits depend on this weight? The others get no gradient from them.
    pub fn uses(&self, tasks: &[usize], weight: &Weight) -> bool {
        let needed = closure(tasks, &self.order, |task| &self.needs[task]);
        match &weight.owner {
            Owner::Inputs | Owner::Input(_) => true,
            Owner::Body => self.body.uses(&needed, &weight.name),
            Owner::Task(task) => needed.contains(task),
            Owner::Heads => needed.iter().any(|task| self.tasks[*task].head.shares(&weight.name)),
        }
    }

    /// The encoded rows of a table as `forward` takes them; all rows without `rows`.
    pub fn signals(&self, table: &Table, rows: Option<&[u32]>) -> Result<Vec<Signal>> {
        self.inputs.signals(&table.inputs, rows, self.device())
    }

    /// A table, made ready for gathering rows of it again and again.
    pub fn packed(&self, table: &Table) -> Result<Packed> {
        self.inputs.packed(&table.inputs)
    }

    /// The same as `signals`, from what was made ready of the table.
    pub fn packed_signals(&self, table: &Table, packed: &Packed, rows: &[u32]) -> Result<Vec<Signal>> {
        self.inputs.signals_of(&table.inputs, packed, Some(rows), self.device())
    }

    /// Encoded arrays as `forward` takes them, given by the inputs' names.
    pub fn signals_of(&self, arrays: &[(InputName, Array)]) -> Result<Vec<Signal>> {
        self.inputs.signals(arrays, None, self.device())
    }

    /// The logits of `tasks`, in that order, from one signal per input.
    pub fn forward(&self, inputs: &[Signal], mode: &Mode, tasks: &[usize]) -> Result<Vec<Tensor>> {
        let mut said = self.walk(inputs, mode, tasks)?;
        tasks.iter().map(|task| self.logits(&mut said, *task, mode)).collect()
    }

    /// What the heads of `tasks` read, and the logits of those that others see.
    fn walk(&self, inputs: &[Signal], mode: &Mode, tasks: &[usize]) -> Result<Vec<Said>> {
        let needed = closure(tasks, &self.order, |task| &self.needs[task]);
        let x = self.cut(self.inputs.forward(inputs, mode)?, Owner::is_of_inputs);
        let read = self.body.forward(&mode.cut(&x)?, mode, &needed)?;
        let read = read.iter().map(|read| mode.cut(read)).collect::<Result<Vec<_>>>()?;
        // A task's own layers are behind all that tasks share: nothing is gained by walking them in pieces.
        self.towers(needed, read, &mode.cut_by(None))
    }

    /// The same, from what the body gives to each of `needed`.
    fn towers(&self, needed: Vec<usize>, read: Vec<Signal>, mode: &Mode) -> Result<Vec<Said>> {
        let mut said: Vec<Said> = self.tasks.iter().map(|_| Said::default()).collect();
        for (task, read) in needed.into_iter().zip(read) {
            let read = self.cut(read, |owner| !owner.is_of_tasks());
            let tower = &self.tasks[task];
            let mut seen = vec![read.x.clone()];
            for other in &tower.after {
                let known = self.logits(&mut said, *other, mode)?;
                seen.push(self.tasks[*other].head.answers(&known)?);
            }
            let x = if seen.len() == 1 { read } else { Signal::plain(Tensor::cat(&seen, 1)?) };
            said[task].read = Some(tower.layers.forward(&x, mode)?);
        }
        Ok(said)
    }

    /// The logits of a task that was walked to; made once.
    fn logits(&self, said: &mut [Said], task: usize, mode: &Mode) -> Result<Tensor> {
        if let Some(logits) = &said[task].logits {
            return Ok(logits.clone());
        }
        let Some(read) = &said[task].read else {
            return Err(
                candle_core::Error::msg("a task's logits were asked for before it was reached").into()
            );
        };
        let own = self.tasks[task].head.logits(read, mode)?;
        let others = self.body.joined(task).iter();
        let others = others.map(|other| self.logits(said, *other, mode)).collect::<Result<Vec<_>>>()?;
        let logits = self.body.join(task, own, &others)?;
        said[task].logits = Some(logits.clone());
        Ok(logits)
    }

    /// Probabilities, or numbers in standardized units, from a task's logits.
    pub fn answer(&self, task: usize, logits: &Tensor) -> Result<Tensor> {
        self.tasks[task].head.answers(logits)
    }

    /// A task's loss, as a scalar tensor, of every cell. See [`crate::model::loss::Loss::forward`].
    pub fn loss(&self, task: usize, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> Result<Tensor> {
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
    pub fn decide(&self, task: usize, logits: &Array) -> Result<Option<Vec<u32>>> {
        self.tasks[task].head.decide(logits)
    }

    /// What tasks decide by, where more than each step's own logits does.
    pub fn transitions(&self) -> Result<Vec<(TaskName, Transitions)>> {
        let of = |tower: &Tower| Ok(tower.head.transitions()?.map(|all| (tower.name.clone(), all)));
        self.tasks.iter().filter_map(|tower| of(tower).transpose()).collect()
    }
}

fn tower(
    spec: &TaskNetworkSpec,
    task: usize,
    input: Shape,
    after: Vec<usize>,
    signature: &Signature,
    weights: &mut Weights,
) -> Result<Tower> {
    let target = &signature.tasks[task].target;
    let name = format!("head.{}", spec.name);
    weights.begin(Owner::Task(task));
    let layers = Stack::build(&name, &spec.head, input, weights)?;
    let end = format!("{name}.output");
    let input = layers.output();
    head::accepts(target.kind(), input).map_err(|reason| Error::Shape { part: end.clone(), reason })?;
    let before = weights.parameters();
    let head = head::build(&end, target, input, weights)?;
    let loss = spec.loss.clone().unwrap_or_else(|| LossSpec::for_kind(target.kind()));
    let wrong = |reason| Error::Loss { task: spec.name.clone(), reason };
    if !loss.view().accepts(target.kind()) {
        return Err(wrong(format!("is not for {} tasks", target.kind())));
    }
    loss.view().check(target).map_err(wrong)?;
    let shape = match input {
        Shape::Image { height, width, .. } => Shape::Image { channels: target.logits(), height, width },
        input => input.with_width(target.logits()),
    };
    let end =
        Part { name: end, kind: target.kind().name(), shape, parameters: weights.parameters() - before };
    Ok(Tower { name: spec.name.clone(), layers, head, loss, after, end })
}

/// The tasks' words in the signature's order.
fn matched<'a>(spec: &'a NetworkSpec, signature: &Signature) -> Result<Vec<&'a TaskNetworkSpec>> {
    let found: Option<Vec<_>> =
        signature.tasks.iter().map(|task| spec.tasks.iter().find(|words| words.name == task.name)).collect();
    found.filter(|found| found.len() == spec.tasks.len()).ok_or_else(|| Error::Tasks {
        network: names(spec.tasks.iter().map(|task| &task.name)),
        signature: names(signature.tasks.iter().map(|task| &task.name)),
    })
}

fn names<'a>(names: impl Iterator<Item = &'a TaskName>) -> String {
    names.map(TaskName::as_str).collect::<Vec<_>>().join(", ")
}

/// Every mark a task reads from is one of the trunk's.
fn known_marks(spec: &NetworkSpec) -> Result<()> {
    let marks: Vec<_> = spec
        .trunk
        .iter()
        .filter_map(|layer| match layer {
            LayerSpec::Mark(mark) => Some(&mark.name),
            _ => None,
        })
        .collect();
    for task in &spec.tasks {
        if let Some(mark) = task.from.as_ref().filter(|mark| !marks.contains(mark)) {
            let known = match marks.is_empty() {
                true => "nothing".to_owned(),
                false => marks.iter().map(|mark| mark.as_str()).collect::<Vec<_>>().join(", "),
            };
            return Err(Error::UnknownMark { task: task.name.clone(), mark: mark.clone(), known });
        }
    }
    Ok(())
}

/// The numbers of the tasks whose answers a task sees.
fn indices(task: &TaskNetworkSpec, all: &[&TaskNetworkSpec]) -> Result<Vec<usize>> {
    let index = |after: &TaskName| {
        all.iter()
            .position(|other| other.name == *after)
            .ok_or_else(|| Error::UnknownTask { task: task.name.clone(), after: after.clone() })
    };
    task.after.iter().map(index).collect()
}

/// How many numbers a task's evidence has: those of its answer.
fn evidence_width(signature: &Signature, task: usize) -> usize {
    signature.tasks[task].target.answers()
}
