//! A network: inputs, the body tasks share, and each task's own layers and end.

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ElementType};
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::signature::Signature;
use crate::domain::table::Table;
use crate::model::error::{Error, Result};
use crate::model::head::{self, Head};
use crate::model::input::Inputs;
use crate::model::layer::{LayerSpec, vector};
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::order::{closure, order};
use crate::model::part::Part;
use crate::model::sharing::{Body, Reader, Sharing};
use crate::model::spec::{NetworkSpec, TaskNetworkSpec};
use crate::model::stack::Stack;
use crate::model::weights::{Weight, Weights, host};
use crate::onnx::graph::{Dim, Graph, Value};
use crate::onnx::operator;

/// A built multi-task network. Tasks are numbered in the signature's order.
pub struct Network {
    signature: Signature,
    weights: Weights,
    inputs: Inputs,
    body: Box<dyn Sharing>,
    tasks: Vec<Tower>,
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

/// What a task says of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[rows, logits]`
    pub logits: Array,
    /// `[rows, answers]`
    pub answers: Array,
}

impl Network {
    /// Builds a network for fitted data, with initial weights that depend on `seed` and names alone.
    pub fn build(spec: &NetworkSpec, signature: &Signature, seed: u64, device: &Device) -> Result<Self> {
        let specs = matched(spec, signature)?;
        known_marks(spec)?;
        let after = specs.iter().map(|task| indices(task, &specs)).collect::<Result<Vec<_>>>()?;
        let order = order(&after).map_err(|cycle| {
            Error::Cycle(cycle.into_iter().map(|task| specs[task].name.clone()).collect())
        })?;
        let mut weights = Weights::new(seed, device);
        let inputs = Inputs::build(&signature.inputs, &spec.encoders, &mut weights)?;
        let readers: Vec<Reader> = specs
            .iter()
            .map(|task| Reader { name: task.name.to_string(), from: task.from.clone() })
            .collect();
        let body = Body { input: inputs.output(), trunk: &spec.trunk, tasks: &readers };
        let body = spec.sharing.view().build(&body, &mut weights)?;
        let mut tasks = Vec::with_capacity(specs.len());
        for (index, task) in specs.iter().enumerate() {
            let evidence: usize = after[index].iter().map(|t| evidence_width(signature, *t)).sum();
            let input = body.output(index);
            let input = input.with_width(input.width() + evidence);
            tasks.push(tower(task, index, input, after[index].clone(), signature, &mut weights)?);
        }
        Ok(Self { signature: signature.clone(), weights, inputs, body, tasks, order })
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

    /// Do these tasks' logits depend on this weight? The others get no gradient from them.
    pub fn uses(&self, tasks: &[usize], weight: &Weight) -> bool {
        let needed = closure(tasks, &self.order, |task| &self.tasks[task].after);
        match weight.name.split('.').next() {
            Some("input") => true,
            Some("head") => {
                needed.iter().any(|t| weight.name.starts_with(&format!("head.{}.", self.tasks[*t].name)))
            }
            _ => self.body.uses(&needed, &weight.name),
        }
    }

    /// The encoded rows of a table as the tensors `forward` takes; all rows without `rows`.
    pub fn tensors(&self, table: &Table, rows: Option<&[u32]>) -> Result<Vec<Tensor>> {
        self.inputs.tensors(&table.inputs, rows, self.device())
    }

    /// The logits of `tasks`, in that order, from one tensor per input.
    pub fn forward(&self, inputs: &[Tensor], mode: &Mode, tasks: &[usize]) -> Result<Vec<Tensor>> {
        let needed = closure(tasks, &self.order, |task| &self.tasks[task].after);
        let x = self.inputs.forward(inputs, mode)?;
        let read = self.body.forward(&x, mode, &needed)?;
        let mut logits: Vec<Option<Tensor>> = vec![None; self.tasks.len()];
        for (task, read) in needed.into_iter().zip(read) {
            let tower = &self.tasks[task];
            let mut seen = vec![read];
            for other in &tower.after {
                // The order has put it before.
                let Some(known) = &logits[*other] else { continue };
                seen.push(self.tasks[*other].head.evidence(known)?);
            }
            let x = if seen.len() == 1 { seen.remove(0) } else { Tensor::cat(&seen, 1)? };
            logits[task] = Some(tower.head.logits(&tower.layers.forward(&x, mode)?)?);
        }
        Ok(tasks.iter().filter_map(|task| logits[*task].clone()).collect())
    }

    /// Probabilities, or numbers in the target's unit, from a task's logits.
    pub fn answer(&self, task: usize, logits: &Tensor) -> Result<Tensor> {
        self.tasks[task].head.answers(logits)
    }

    /// A task's loss, as a scalar tensor. See [`crate::model::loss::Loss::forward`].
    pub fn loss(&self, task: usize, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> Result<Tensor> {
        self.tasks[task].loss.view().forward(logits, truth, mask, &self.signature.tasks[task].target)
    }

    /// What every task says of these rows, `batch` rows at a time.
    pub fn predict(&self, table: &Table, rows: &[u32], batch: usize) -> Result<Vec<(TaskName, Prediction)>> {
        let all: Vec<usize> = (0..self.tasks.len()).collect();
        let said = self.predict_tasks(table, rows, batch, &all)?;
        Ok(self.tasks.iter().map(|task| task.name.clone()).zip(said).collect())
    }

    /// What `tasks` say of these rows.
    pub fn predict_tasks(
        &self,
        table: &Table,
        rows: &[u32],
        batch: usize,
        tasks: &[usize],
    ) -> Result<Vec<Prediction>> {
        let mut logits: Vec<Vec<f32>> = vec![Vec::new(); tasks.len()];
        let mut answers = logits.clone();
        for rows in rows.chunks(batch.max(1)) {
            let given = self.forward(&self.tensors(table, Some(rows))?, &Mode::evaluate(), tasks)?;
            for (position, task) in tasks.iter().enumerate() {
                logits[position].extend(host(&given[position])?);
                answers[position].extend(host(&self.answer(*task, &given[position])?)?);
            }
        }
        let both = tasks.iter().zip(logits.into_iter().zip(answers));
        Ok(both
            .map(|(task, (logits, answers))| {
                let target = &self.signature.tasks[*task].target;
                Prediction {
                    logits: Array::f32(&[rows.len(), target.logits()], logits),
                    answers: Array::f32(&[rows.len(), target.answers()], answers),
                }
            })
            .collect())
    }

    /// The network as an ONNX graph: raw values in, logits and answers of every task out.
    pub fn emit(&self) -> Result<Graph> {
        let mut graph = Graph::new("mtl");
        let x = self.inputs.emit(&mut graph)?;
        let read = self.body.emit(&mut graph, &x)?;
        let mut logits: Vec<Option<Value>> = vec![None; self.tasks.len()];
        for task in &self.order {
            let tower = &self.tasks[*task];
            let mut seen = vec![read[*task].clone()];
            for other in &tower.after {
                let Some(known) = &logits[*other] else { continue };
                graph.scope(&format!("head.{}.after", tower.name));
                seen.push(self.tasks[*other].head.emit_evidence(&mut graph, known)?);
            }
            let x = operator::concat(&mut graph, &seen.iter().collect::<Vec<_>>(), 1);
            let x = tower.layers.emit(&mut graph, &x)?;
            graph.scope(&tower.end.name);
            logits[*task] = Some(tower.head.emit_logits(&mut graph, &x)?);
        }
        for ((tower, signature), logits) in self.tasks.iter().zip(&self.signature.tasks).zip(&logits) {
            let Some(logits) = logits else { continue };
            graph.scope(&format!("{}.answer", tower.end.name));
            let answers = tower.head.emit_answers(&mut graph, logits)?;
            let dims = |width: usize| [Dim::Batch, Dim::Fixed(width)];
            let (name, width) = (signature.logits_output(), signature.target.logits());
            graph.output(&name, logits, ElementType::Float32, &dims(width));
            let (name, width) = (signature.answer_output(), signature.target.answers());
            graph.output(&name, &answers, ElementType::Float32, &dims(width));
        }
        Ok(graph)
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
    let layers = Stack::build(&name, &spec.head, input, weights)?;
    let end = format!("{name}.output");
    let width = vector(layers.output()).map_err(|reason| Error::Shape { part: end.clone(), reason })?;
    let before = weights.parameters();
    let head = head::build(&end, target, width, weights)?;
    let loss = spec.loss.clone().unwrap_or_else(|| LossSpec::for_kind(target.kind()));
    let wrong = |reason| Error::Loss { task: spec.name.clone(), reason };
    if !loss.view().accepts(target.kind()) {
        return Err(wrong(format!("is not for {} tasks", target.kind())));
    }
    loss.view().check(target).map_err(wrong)?;
    let shape = Shape::vector(target.logits());
    let end = Part { name: end, kind: target.kind(), shape, parameters: weights.parameters() - before };
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
