//! The sharing `aitm`: see [`AitmConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::diagnostic::Path;
use crate::domain::event::SourceShare;
use crate::domain::name::TaskName;
use crate::domain::number::NonNegative;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::stack::{Stack, StackOutputs, shape_after};
use crate::model::layer::{LayerConfig, vector};
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{Arithmetic, Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::model::sharing::body::add_term;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, LogitsSource, Sharing, SharingForward};
use crate::model::weights::{Weights, host};

/// Adaptive information transfer (AITM; Xi et al., KDD 2021): for tasks whose events follow each other, such
/// as click and purchase; each task learns how much information to take from the one before.
///
/// Task t of `order` has its own tower q_t = layers(h), h being its output of the trunk; z_1 = q_1, and then
///
/// ```text
/// p = relu(z_(t-1) G + g)
/// z_t = sum over u in (p, q_t) of softmax((u Q) . (u K) / sqrt(width)) u V
/// ```
///
/// with task-specific G, g, Q, K, V. Its head reads z_t. The joint loss gets the term penalty *
/// mean(max(y_t - y_(t-1), 0)) over the rows of the batch for each pair of neighbors that the batch has
/// labels of, y being the probabilities: a later event is not more likely than the one before. The shares
/// of p and q_t on validation rows are reported after every epoch. Tasks that are not in `order` read the
/// trunk as with `hard`.
///
/// ```yaml
/// sharing: {aitm: {order: [impression, click, purchase], layers: [{dense: {units: 32, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AitmConfig {
    /// The tasks in the order of their events; all binary.
    pub order: Vec<TaskName>,
    /// The layers of every task's tower.
    pub layers: Vec<LayerConfig>,
    /// Weight of the order penalty in the joint loss. Default 0.6.
    #[serde(default = "default_penalty")]
    pub penalty: NonNegative,
}

impl Settings for AitmConfig {
    const EXAMPLE: &'static str =
        "{aitm: {order: [click, purchase], layers: [{dense: {units: 32, activation: relu}}]}}";
}

fn default_penalty() -> NonNegative {
    NonNegative::constant(0.6)
}

impl BuildSharing for AitmConfig {
    fn shape_for(&self, task: &str, read: Shape, _: bool) -> ModelResult<Shape, String> {
        if self.order.iter().all(|name| name.as_str() != task) {
            return Ok(read);
        }
        let after = shape_after(&self.layers, read)
            .map_err(|(index, reason)| format!("cannot use layer {index} of its towers: {reason}"))?;
        vector(after).map(Shape::vector).map_err(|reason| format!("{reason} (at the end of its towers)"))
    }

    fn task_settings(&self) -> Vec<(Path, &TaskName)> {
        let with_path = |(index, name)| (Path::from_key("order").index(index), name);
        self.order.iter().enumerate().map(with_path).collect()
    }

    fn layer_lists(&self) -> Vec<(&'static str, &[LayerConfig])> {
        vec![("layers", &self.layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let trunk = Trunk::build(body, weights)?;
        let mut chain: Vec<TaskTransfer> = Vec::new();
        for name in &self.order {
            let Some(task) = body.tasks.iter().position(|task| task.name == name.as_str()) else { continue };
            let tower_name = format!("sharing.tower.{name}");
            let tower = Stack::build(&tower_name, &self.layers, trunk.shape(task), weights)?;
            let width =
                vector(tower.output()).map_err(|reason| ModelError::Shape { part: tower_name, reason })?;
            let before = chain.last().map(|link| link.tower.output().width());
            let transfer = before.map(|before| Transfer::build(name.as_str(), before, width, weights));
            chain.push(TaskTransfer { task, name: name.to_string(), tower, transfer: transfer.transpose()? });
        }
        Ok(Box::new(Aitm { trunk, chain, penalty: self.penalty.get() }))
    }
}

/// One task of the order.
struct TaskTransfer {
    task: usize,
    name: String,
    tower: Stack,
    /// `None` for the first task.
    transfer: Option<Transfer>,
}

/// The information transfer to a task from the one before.
struct Transfer {
    transform: Dense,
    query: Dense,
    key: Dense,
    value: Dense,
    part: NetworkPart,
}

impl Transfer {
    fn build(task: &str, before: usize, width: usize, weights: &mut Weights) -> ModelResult<Self> {
        let name = format!("sharing.transfer.{task}");
        let parameters_before = weights.parameters();
        let mut projection = |part: &str| {
            Dense::build(&format!("{name}.{part}"), width, width, Activation::Identity, false, weights)
        };
        let (query, key, value) = (projection("query")?, projection("key")?, projection("value")?);
        let transform =
            Dense::build(&format!("{name}.gives"), before, width, Activation::Relu, true, weights)?;
        let parameters = weights.parameters() - parameters_before;
        let part = NetworkPart { name, kind: "transfer", shape: Shape::vector(width), parameters };
        Ok(Self { transform, query, key, value, part })
    }

    /// z and the shares `[rows, 2]` of p and q, from the previous task's z `[rows, width before]` and q
    /// `[rows, width]`.
    fn compute<O: Ops>(&self, ops: &mut O, z: &O::Value, q: &O::Value) -> ModelResult<(O::Value, O::Value)> {
        ops.scope(&self.part.name);
        let candidates = [self.transform.on(ops, z)?, q.clone()];
        let scale = 1.0 / (self.part.shape.width() as f64).sqrt();
        let mut scores = Vec::new();
        for u in &candidates {
            let (query, key) = (self.query.on(ops, u)?, self.key.on(ops, u)?);
            let product = ops.mul(&query, &key)?;
            let sum = ops.sum(&product, 1, true)?;
            scores.push(ops.scale(&sum, scale)?);
        }
        let scores = ops.concat(&scores, 1)?;
        let shares = ops.softmax(&scores)?;
        let mut term = |index: usize| {
            let share = ops.narrow(&shares, 1, index, 1)?;
            let value = self.value.on(ops, &candidates[index])?;
            ops.mul(&value, &share)
        };
        let (transferred, own) = (term(0)?, term(1)?);
        Ok((ops.add(&transferred, &own)?, shares))
    }
}

/// A shared trunk and a chain of tasks that transfer information.
struct Aitm {
    trunk: Trunk,
    chain: Vec<TaskTransfer>,
    penalty: f64,
}

impl Aitm {
    /// The position of a task in the chain.
    fn position(&self, task: usize) -> Option<usize> {
        self.chain.iter().position(|link| link.task == task)
    }

    /// The part of the chain that these tasks' heads depend on.
    fn needed(&self, tasks: &[usize]) -> &[TaskTransfer] {
        let last = tasks.iter().filter_map(|task| self.position(*task)).max();
        &self.chain[..last.map_or(0, |last| last + 1)]
    }

    /// z of the needed links, and the shares of p and q.
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        outputs: &StackOutputs<Activations<O::Value>>,
        tasks: &[usize],
    ) -> ModelResult<Vec<(Activations<O::Value>, Option<O::Value>)>> {
        let mut all: Vec<(Activations<O::Value>, Option<O::Value>)> = Vec::new();
        for link in self.needed(tasks) {
            let q = link.tower.compute(ops, &self.trunk.read(outputs, link.task))?.end;
            all.push(match (&link.transfer, all.last()) {
                (Some(transfer), Some((before, _))) => {
                    let (z, shares) = transfer.compute(ops, &before.x, &q.x)?;
                    (Activations::plain(z), Some(shares))
                }
                _ => (q, None),
            });
        }
        Ok(all)
    }
}

impl Sharing for Aitm {
    fn tasks(&self) -> usize {
        self.trunk.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        self.position(task).map_or(self.trunk.shape(task), |at| self.chain[at].tower.output())
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let links = self.needed(tasks);
        let read: Vec<usize> = links.iter().map(|link| link.task).chain(tasks.iter().copied()).collect();
        let owns = |link: &TaskTransfer| {
            let transfer = link.transfer.as_ref().is_some_and(|transfer| transfer.part.owns(weight));
            transfer || link.tower.parts().iter().any(|part| part.owns(weight))
        };
        links.iter().any(owns) || self.trunk.uses(&read, weight)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        let transfer = |link: &TaskTransfer| link.transfer.as_ref().map(|transfer| transfer.part.clone());
        let links =
            self.chain.iter().flat_map(|link| link.tower.parts().iter().cloned().chain(transfer(link)));
        self.trunk.parts().iter().cloned().chain(links).collect()
    }

    fn penalty(&self, tasks: &[usize], logits: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for pair in self.chain.windows(2).filter(|_| self.penalty > 0.0) {
            if !pair.iter().all(|link| tasks.contains(&link.task)) {
                continue;
            }
            let mut probability = |link: &TaskTransfer| {
                Tensors::evaluate().activation(Activation::Sigmoid, &logits(link.task)?)
            };
            let (before, later) = (probability(&pair[0])?, probability(&pair[1])?);
            let excess = (later - before)?.relu()?.mean_all()?.affine(self.penalty, 0.0)?;
            add_term(&mut sum, excess)?;
        }
        Ok(sum)
    }

    fn reports_shares(&self) -> bool {
        self.chain.len() > 1
    }

    fn shares(&self, x: &Activations, mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<SourceShare>> {
        let ops = &mut Tensors::new(mode);
        let outputs = self.trunk.compute(ops, x)?;
        let mut sources_of_tasks = Vec::new();
        for (position, (_, shares)) in self.compute(ops, &outputs, tasks)?.into_iter().enumerate() {
            let name = |position: usize| self.chain[position].name.clone();
            let sources = match shares {
                Some(shares) => [position - 1, position].into_iter().zip(host(&shares.mean(0)?)?).collect(),
                None => vec![(position, 1.0)],
            };
            for (source, value) in sources {
                let (unit, reader, source) = ("transfer".to_owned(), name(position), name(source));
                sources_of_tasks.push(SourceShare { unit, reader, source, value: f64::from(value) });
            }
        }
        Ok(sources_of_tasks)
    }
}

impl SharingForward for Aitm {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let outputs = self.trunk.compute(ops, x)?;
        let all = self.compute(ops, &outputs, tasks)?;
        let read = |task: &usize| match self.position(*task) {
            Some(at) => all[at].0.clone(),
            None => self.trunk.read(&outputs, *task),
        };
        Ok(tasks.iter().map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::model::mode::Mode;
    use crate::model::sharing::example;

    /// Towers of one number, x = 2, by hand: q_a = z_a = 2; q_b = .5 2 = 1; p = relu(3 2 - 4) = 2;
    /// scores u Q u K = .5 u^2: 2 and .5, softmax .817574 .182426; z_b = 10 (.817574 2 + .182426 1) =
    /// 18.17574. For the logits 0 and ln 3 the penalty is .6 (.75 - .5) = .15; in the other order it is 0.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"aitm": {
                "order": ["a", "b"], "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            1,
            json!([]),
            &["b", "a", "c"],
        );
        let set = |name: &str, value: f32| example::set(&weights, name, &[value]);
        set("sharing.tower.a.0.dense.weight", 1.0);
        set("sharing.tower.b.0.dense.weight", 0.5);
        set("sharing.transfer.b.gives.weight", 3.0);
        set("sharing.transfer.b.gives.bias", -4.0);
        set("sharing.transfer.b.query.weight", 0.5);
        set("sharing.transfer.b.key.weight", 1.0);
        set("sharing.transfer.b.value.weight", 10.0);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0, 1, 2]).concat();
        assert!((read[0] - 18.175_74).abs() < 1e-4 && read[1..] == [2.0, 2.0], "{read:?}");
        let shares = sharing.shares(&x, &Mode::evaluate(), &[0]).unwrap();
        assert!((shares[1].value - 0.817_574).abs() < 1e-5 && shares[1].source == "a", "{shares:?}");
        assert!(sharing.uses(&[0], "sharing.tower.a.0.dense.weight"), "information flows from a to b");
        assert!(!sharing.uses(&[1], "sharing.tower.b.0.dense.weight"));

        let penalty = |b: f32, a: f32| {
            let mut logits = |task: usize| Ok(Tensor::new(&[[[b, a][task]]], &Device::Cpu)?);
            let penalty = sharing.penalty(&[0, 1], &mut logits).unwrap().unwrap();
            penalty.to_scalar::<f32>().unwrap()
        };
        assert!((penalty(3.0_f32.ln(), 0.0) - 0.15).abs() < 1e-6);
        assert_eq!(penalty(0.0, 3.0_f32.ln()), 0.0);
        assert!(sharing.penalty(&[0, 2], &mut |_| unreachable!()).unwrap().is_none());
    }
}
