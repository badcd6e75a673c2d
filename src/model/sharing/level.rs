//! One level of experts: each reads its stream, and each stream that goes on has a gate that mixes what
//! some of them give.
//!
//! A stream is a task, or the shared one, which belongs to none.

use std::sync::Arc;

use candle_core::{D, Tensor, Var};

use crate::domain::event::Share;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::{Error, Result};
use crate::model::layer::LayerSpec;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::sharing::gate::{Eye, Gate, SoftmaxGate};
use crate::model::signal::{Signal, Wire};
use crate::model::stack::Stack;
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// How a level is built.
pub struct LevelWords<'a> {
    /// Counting from 1.
    pub number: usize,
    /// Every expert's layers.
    pub layers: &'a [LayerSpec],
    /// Experts of the shared stream.
    pub shared: usize,
    /// Experts of each task.
    pub own: usize,
    pub gates: Gates<'a>,
    /// Which experts a task's gate mixes.
    pub reach: Reach,
    /// Does the shared stream go on, through a gate over all experts?
    pub goes_on: bool,
    /// Is a linear mixture of a task's own experts added?
    pub residual: bool,
}

/// Which experts a task's gate mixes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its own and the shared ones.
    Own,
    All,
}

/// Makes a gate of that name over so many experts.
pub type Selects<'a> = &'a dyn Fn(&str, usize, &mut Weights) -> Result<Arc<dyn Gate>>;

/// What gates a level has.
#[derive(Clone, Copy)]
pub enum Gates<'a> {
    /// A softmax for each stream.
    Each,
    /// One softmax for all.
    One,
    /// Others, which read nothing.
    Other(Selects<'a>),
}

/// The streams by name; behind them stands the shared one.
pub struct Level {
    experts: Vec<Expert>,
    /// By stream; none of one that does not go on.
    mixers: Vec<Option<Mixer>>,
    eye: Eye,
    output: Shape,
    unit: String,
    part: Part,
}

struct Expert {
    stream: usize,
    /// For people: `shared 2`.
    label: String,
    layers: Stack,
}

struct Mixer {
    name: String,
    reader: String,
    gate: Arc<dyn Gate>,
    /// The experts it mixes.
    over: Vec<usize>,
    residual: Option<Residual>,
}

/// A linear mixture of a task's own experts.
struct Residual {
    /// One weight each; of a single expert there is none to learn: 1.
    weights: Option<Var>,
    name: String,
    /// Where they stand among what is mixed: from here, so many.
    first: usize,
    count: usize,
}

impl Residual {
    /// The weights among `all` experts that are mixed, zeros elsewhere.
    fn among(&self, all: usize, like: &Tensor) -> Result<Tensor> {
        let zeros = |count: usize| Tensor::zeros(count, like.dtype(), like.device());
        let own = match &self.weights {
            Some(weights) => weights.as_tensor().clone(),
            None => Tensor::ones(self.count, like.dtype(), like.device())?,
        };
        let behind = all - self.first - self.count;
        let parts = [(self.first, zeros(self.first)?), (self.count, own), (behind, zeros(behind)?)];
        let parts: Vec<Tensor> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
        Ok(Tensor::cat(&parts, 0)?)
    }
}

impl Mixer {
    // x: [rows, width] -> [rows, experts]
    fn shares(&self, x: &Tensor) -> Result<Tensor> {
        let shares = self.gate.shares(x)?;
        match &self.residual {
            Some(residual) => Ok(shares.broadcast_add(&residual.among(self.over.len(), &shares)?)?),
            None => Ok(shares),
        }
    }
}

impl Level {
    /// Builds a level over `streams` that all give `input`.
    pub fn build(
        words: &LevelWords,
        streams: &[String],
        input: Shape,
        weights: &mut Weights,
    ) -> Result<Self> {
        let name = format!("sharing.{}", words.number);
        let mut experts = Vec::new();
        let owners = streams.iter().map(Some).chain([None]).enumerate();
        for (stream, owner) in owners.clone() {
            let (count, place) = match owner {
                Some(task) => (words.own, format!("of.{task}")),
                None => (words.shared, "shared".to_owned()),
            };
            for number in 1..=count {
                let label = format!("{} {number}", owner.map_or("shared", String::as_str));
                let layers = Stack::build(&format!("{name}.{place}.{number}"), words.layers, input, weights)?;
                experts.push(Expert { stream, label, layers });
            }
        }
        let output = experts.first().map_or(input, |expert| expert.layers.output());
        if matches!(output, Shape::Tokens { .. }) {
            let reason = "needs numbers: put an `embedding` into the trunk".to_owned();
            return Err(Error::Shape { part: name, reason });
        }
        let before = weights.parameters();
        let eye = Eye::build(input, output, weights)?;
        let mut one = None;
        let mut mixers = Vec::new();
        for (stream, owner) in owners {
            if owner.is_none() && !words.goes_on {
                mixers.push(None);
                continue;
            }
            let reaches = |expert: &Expert| {
                expert.stream == stream
                    || expert.stream == streams.len()
                    || words.reach == Reach::All
                    || owner.is_none()
            };
            let over: Vec<usize> = (0..experts.len()).filter(|at| reaches(&experts[*at])).collect();
            let place = match (owner, words.gates) {
                (_, Gates::One) => format!("{name}.gate"),
                (Some(task), _) => format!("{name}.gate.{task}"),
                (None, _) => format!("{name}.shared.gate"),
            };
            let gate: Arc<dyn Gate> = match (words.gates, &one) {
                (Gates::One, Some(one)) => Arc::clone(one),
                (Gates::Other(selects), _) => selects(&place, over.len(), weights)?,
                _ => Arc::new(SoftmaxGate::build(&place, eye.width, over.len(), weights)?),
            };
            one = Some(Arc::clone(&gate));
            let residual = match (owner, words.residual) {
                (Some(task), true) => {
                    let place = format!("{name}.of.{task}.residual");
                    let bound = Init::Uniform(1.0 / (words.own as f32).sqrt());
                    let var = (words.own > 1).then(|| weights.variable(&place, &[words.own], bound));
                    let first = over.iter().position(|at| experts[*at].stream == stream).unwrap_or(0);
                    Some(Residual { weights: var.transpose()?, name: place, first, count: words.own })
                }
                _ => None,
            };
            let reader = owner.map_or("shared", String::as_str).to_owned();
            mixers.push(Some(Mixer { name: place, reader, gate, over, residual }));
        }
        let gates = weights.parameters() - before;
        let part = Part { name: format!("{name}.gates"), kind: "gates", shape: output, parameters: gates };
        Ok(Self { experts, mixers, eye, output, unit: format!("level {}", words.number), part })
    }

    pub fn output(&self) -> Shape {
        self.output
    }

    /// Which streams must be known for these to go on.
    pub fn reads(&self, wanted: &[usize]) -> Vec<usize> {
        let experts = self.needs(wanted);
        let stream = |stream: &usize| {
            wanted.contains(stream) || experts.iter().any(|at| self.experts[*at].stream == *stream)
        };
        (0..self.mixers.len()).filter(stream).collect()
    }

    /// The experts that are mixed for these streams.
    fn needs(&self, wanted: &[usize]) -> Vec<usize> {
        let mixers: Vec<&Mixer> = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref()).collect();
        (0..self.experts.len()).filter(|at| mixers.iter().any(|mixer| mixer.over.contains(at))).collect()
    }

    /// From what the streams hold to what the `wanted` ones hold next. `seen` is told of every gate.
    pub fn forward(
        &self,
        streams: &[Option<Signal>],
        mode: &Mode,
        wanted: &[usize],
        mut seen: Option<&mut Vec<Share>>,
    ) -> Result<Vec<Option<Signal>>> {
        let mut said: Vec<Option<Signal>> = vec![None; self.experts.len()];
        for at in self.needs(wanted) {
            let expert = &self.experts[at];
            if let Some(x) = &streams[expert.stream] {
                said[at] = Some(expert.layers.forward(x, mode)?);
            }
        }
        let mut next: Vec<Option<Signal>> = vec![None; self.mixers.len()];
        // Mostly all gates mix the same experts: those are put side by side once.
        let mut beside: Option<(&[usize], Tensor)> = None;
        for stream in wanted {
            let (Some(mixer), Some(x)) = (&self.mixers[*stream], &streams[*stream]) else { continue };
            let Some(like) = mixer.over.first().and_then(|at| said[*at].clone()) else { continue };
            let shares = mixer.shares(&self.eye.forward(x, mode)?)?;
            if let Some(seen) = seen.as_deref_mut() {
                seen.extend(self.seen(mixer, &shares, x)?);
            }
            let stack = match &beside {
                Some((over, stack)) if *over == mixer.over.as_slice() => stack.clone(),
                _ => {
                    let rows = shares.dim(0)?;
                    let flat = |at: &usize| said[*at].as_ref().map(|said| said.x.reshape((rows, ())));
                    let flat = mixer.over.iter().filter_map(flat).collect::<candle_core::Result<Vec<_>>>()?;
                    let stack = Tensor::stack(&flat, 1)?;
                    beside = Some((&mixer.over, stack.clone()));
                    stack
                }
            };
            // [rows, 1, experts] x [rows, experts, numbers]
            let mixed = shares.unsqueeze(1)?.matmul(&stack)?.reshape(like.x.dims())?;
            next[*stream] = Some(like.with(mixed));
        }
        Ok(next)
    }

    /// The mean of a gate's shares over rows, or over real steps.
    fn seen(&self, mixer: &Mixer, shares: &Tensor, x: &Signal) -> Result<Vec<Share>> {
        let mean = match x.mask.as_ref().filter(|_| self.eye.is_stepped) {
            Some(mask) => {
                let real = mask.steps.reshape((1, ()))?;
                real.matmul(shares)?.broadcast_div(&real.sum_keepdim(D::Minus1)?)?
            }
            None => shares.mean(0)?,
        };
        let share = |(at, value): (&usize, f32)| Share {
            reader: mixer.reader.clone(),
            unit: self.unit.clone(),
            source: self.experts[*at].label.clone(),
            value: f64::from(value),
        };
        Ok(mixer.over.iter().zip(host(&mean)?).map(share).collect())
    }

    /// All streams that go on, as values of an ONNX graph.
    pub fn emit(&self, graph: &mut Graph, streams: &[Option<Wire>]) -> Result<Vec<Option<Wire>>> {
        let mut said: Vec<Option<Wire>> = Vec::new();
        for expert in &self.experts {
            said.push(match &streams[expert.stream] {
                Some(x) => Some(expert.layers.emit(graph, x)?),
                None => None,
            });
        }
        // Before the experts' own dimension stand rows, and steps with shares of their own.
        let axis = if self.eye.is_stepped { 2 } else { 1 };
        let rank = match self.output {
            Shape::Vector { .. } | Shape::Tokens { .. } => 2,
            Shape::Sequence { .. } => 3,
            Shape::Image { .. } => 4,
        };
        let mut next: Vec<Option<Wire>> = Vec::new();
        for (stream, mixer) in self.mixers.iter().enumerate() {
            let (Some(mixer), Some(x)) = (mixer, &streams[stream]) else {
                next.push(None);
                continue;
            };
            graph.scope(&mixer.name);
            let read = self.eye.emit(graph, x)?;
            let mut shares = mixer.gate.emit(graph, &read)?;
            if let Some(residual) = &mixer.residual {
                let like = Tensor::zeros(1, candle_core::DType::F32, &candle_core::Device::Cpu)?;
                let own = residual.among(mixer.over.len(), &like)?;
                let own = constant(graph, &residual.name, &own)?;
                shares = operator::add(graph, &shares, &own);
            }
            let over: Vec<&Wire> = mixer.over.iter().filter_map(|at| said[*at].as_ref()).collect();
            let Some(like) = over.first() else {
                next.push(None);
                continue;
            };
            let each: Vec<Value> =
                over.iter().map(|said| operator::unsqueeze(graph, &said.x, &[axis])).collect();
            let beside = operator::concat(graph, &each.iter().collect::<Vec<_>>(), axis);
            let behind: Vec<i64> = (axis + 1..=rank).collect();
            let shares = match mixer.gate.is_alike() {
                // [experts] stands against the experts' dimension from behind.
                true => operator::unsqueeze(graph, &shares, &(1..=rank - axis).collect::<Vec<_>>()),
                false => operator::unsqueeze(graph, &shares, &behind),
            };
            let parts = operator::mul(graph, &beside, &shares);
            next.push(Some(like.with(operator::reduce_sum(graph, &parts, &[axis], false))));
        }
        Ok(next)
    }

    /// Do these streams depend on the weight of this name, as far as it is this level's?
    pub fn uses(&self, wanted: &[usize], weight: &str) -> bool {
        let under = |name: &str| weight.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let owned = |at: &usize| self.experts[*at].layers.parts().iter().any(|part| part.owns(weight));
        let mut mixers = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref());
        self.needs(wanted).iter().any(owned)
            || mixers.any(|mixer| {
                let residual = mixer.residual.as_ref().is_some_and(|residual| residual.name == weight);
                under(&mixer.name) || residual
            })
    }

    /// What the gates of these streams add to the joint loss.
    pub fn penalties(&self, wanted: &[usize]) -> Result<Vec<Tensor>> {
        let mixers = wanted.iter().filter_map(|stream| self.mixers[*stream].as_ref());
        mixers.filter_map(|mixer| mixer.gate.penalty().transpose()).collect()
    }

    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.experts.iter().flat_map(|expert| expert.layers.parts()).chain([&self.part])
    }
}
