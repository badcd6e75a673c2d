//! The sharing `relation`: see [`RelationConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::array::Array;
use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, NonNegative};
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::ops::{Arithmetic, Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::model::sharing::pointwise::dense_features;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, Sharing, SharingForward};
use crate::model::weights::{Init, Parameter, Weights, host};

/// A learned task-to-task relation matrix: every task reads a weighted mixture of all tasks' projections of
/// the shared trunk.
///
/// h_k = sum_j M_kj (W_j h), M = softmax(R) over each row: h is the output of the trunk, W_j task j's
/// projection, R `[tasks, tasks]` is learned. M_kj is the share of task j's features in what task k reads;
/// it is reported after every epoch. The diagonal of R is initialized to `identity`, other entries to 0, so
/// each task starts mostly with its own features.
///
/// This is our definition of a task relation network. It applies the linear mixing between tasks of
/// cross-stitch networks (Misra, Shrivastava, Gupta & Hebert 2016) once, after a fully shared trunk, with
/// shares that sum to 1. Deep relationship networks (Long & Wang 2015) also learn task relations, but by a
/// prior on the weights.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not related to the
/// others.
///
/// ```yaml
/// sharing: {relation: {units: 64}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationConfig {
    /// Width of a task's projection. Default: that of the trunk's output.
    #[serde(default)]
    pub units: Option<Count>,
    /// Initial logit of a task's own share. Default 3: its own share is e^3 = 20 times that of another task.
    #[serde(default = "default_identity")]
    pub identity: NonNegative,
}

impl Settings for RelationConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{relation: {units: 64, identity: 3}}";
}

fn default_identity() -> NonNegative {
    NonNegative::constant(3.0)
}

impl BuildSharing for RelationConfig {
    fn shape(&self, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        match read {
            read if marked => Ok(read),
            Shape::Vector { width } => Ok(Shape::vector(self.units.map_or(width, Count::get))),
            Shape::Sequence { width } => Ok(Shape::Sequence { width: self.units.map_or(width, Count::get) }),
            Shape::Tokens { .. } => dense_features(read),
            Shape::Image { .. } => {
                Err("needs a vector; found an image: end the trunk with a `flatten`".into())
            }
        }
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let trunk = Trunk::build(body, weights)?;
        let output = self
            .shape(trunk.output(), false)
            .map_err(|reason| ModelError::Shape { part: "sharing.relation".into(), reason })?;
        let before = weights.parameters();
        let related = body.tasks.iter().filter(|task| task.from.is_none());
        let (width, units) = (trunk.output().width(), output.width());
        let projections = related
            .map(|task| {
                let name = format!("sharing.{}.view", task.name);
                weights.parameter(&name, &[width, units], Init::fan_in(width))
            })
            .collect::<ModelResult<Vec<_>>>()?;
        // One-dimensional, because weight decay applies to matrices and would pull all relations together.
        let count = projections.len();
        let entry =
            |index: usize| if index / count == index % count { self.identity.get() as f32 } else { 0.0 };
        let relations = (0..count * count).map(entry).collect();
        let relations = weights.parameter("sharing.relations", &[count * count], Init::Given(relations))?;
        let parameters = weights.parameters() - before;
        let part =
            NetworkPart { name: "sharing.relation".into(), kind: "relation", shape: output, parameters };
        Ok(Box::new(RelationBody { trunk, relations, projections, output, part }))
    }
}

/// A trunk, the tasks' projections of its output, and their relations.
struct RelationBody {
    /// Tasks that read its end are related.
    trunk: Trunk,
    /// `[related x related]`
    relations: Parameter,
    /// One per related task, `[width, units]`.
    projections: Vec<Parameter>,
    output: Shape,
    part: NetworkPart,
}

impl RelationBody {
    /// The position of a task among the related ones.
    fn position(&self, task: usize) -> Option<usize> {
        let is_related = |task: &usize| self.trunk.reads_end(*task);
        is_related(&task).then(|| (0..task).filter(is_related).count())
    }

    /// M: `[related, related]`.
    fn shares(&self) -> ModelResult<Tensor> {
        let related = self.projections.len();
        Tensors::evaluate().softmax(&self.relations.tensor().reshape((related, related))?)
    }

    /// The mixed projections sum_j M_kj W_j of all related tasks: `[related, width, units]`. Mixing weights
    /// is less work than mixing activations.
    fn mixed(&self) -> ModelResult<Tensor> {
        let projections: Vec<Tensor> = self.projections.iter().map(Parameter::tensor).collect();
        let (width, units) = projections[0].dims2()?;
        let flat = Tensor::stack(&projections, 0)?.reshape((self.projections.len(), width * units))?;
        Ok(self.shares()?.matmul(&flat)?.reshape((self.projections.len(), width, units))?)
    }
}

impl Sharing for RelationBody {
    fn tasks(&self) -> usize {
        self.trunk.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        match self.position(task) {
            Some(_) => self.output,
            None => self.trunk.shape(task),
        }
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        if weight.starts_with("sharing.") {
            return tasks.iter().any(|task| self.position(*task).is_some());
        }
        self.trunk.uses(tasks, weight)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.trunk.parts().iter().chain([&self.part]).cloned().collect()
    }

    fn relations(&self) -> ModelResult<Option<Array>> {
        let shares = host(&self.shares()?)?;
        let tasks = self.trunk.tasks();
        let share = |task: usize, other: usize| match (self.position(task), self.position(other)) {
            (Some(row), Some(column)) => shares[row * self.projections.len() + column],
            _ => f32::from(u8::from(task == other)),
        };
        let all = (0..tasks * tasks).map(|index| share(index / tasks, index % tasks)).collect();
        Ok(Some(Array::f32(&[tasks, tasks], all)))
    }
}

impl SharingForward for RelationBody {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let outputs = self.trunk.compute(ops, x)?;
        if tasks.iter().all(|task| self.position(*task).is_none()) {
            return Ok(tasks.iter().map(|task| self.trunk.read(&outputs, *task)).collect());
        }
        ops.scope(&self.part.name);
        let mixed = self.mixed()?;
        let end = &outputs.end;
        let rows = ops.rows(&end.x, self.trunk.output().width())?;
        let mut read = Vec::new();
        for task in tasks {
            let Some(position) = self.position(*task) else {
                read.push(self.trunk.read(&outputs, *task));
                continue;
            };
            let projection =
                ops.constant_from_weights(&format!("sharing.{position}.mixed"), &mixed.get(position)?)?;
            let projected = ops.matmul(&rows, &projection)?;
            read.push(end.with(ops.unflatten_rows(&projected, &end.x)?));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::kernel::reference_check::{near, variable};
    use crate::model::mode::Mode;
    use crate::model::sharing::{Body, BuiltSharing, SharingConfig, TaskReader};
    use crate::model::weights::Weights;

    fn build(weights: &mut Weights) -> Box<dyn BuiltSharing> {
        let config: SharingConfig = serde_json::from_value(json!({"relation": {"units": 2}})).unwrap();
        let trunk = serde_json::from_value::<Vec<_>>(json!([{"mark": "early"}])).unwrap();
        let early = Some(serde_json::from_value(json!("early")).unwrap());
        let task = |name: &str, from| TaskReader { name: name.into(), from };
        let tasks = [task("a", None), task("b", early), task("c", None)];
        let body = Body { input: Shape::vector(3), trunk: &trunk, tasks: &tasks };
        config.view().build(&body, weights).unwrap()
    }

    #[test]
    fn by_its_definition() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let body = build(&mut weights);
        let find = |name: &str| weights.iter().find(|weight| weight.name == name).unwrap().var.clone();
        find("sharing.relations")
            .set(&Tensor::new(&[2.0_f32, 0.5, -1.0, 1.0], &Device::Cpu).unwrap())
            .unwrap();
        let x = variable(&[5, 3], 1).as_tensor().clone();
        let read = body.forward(&Activations::plain(x.clone()), &Mode::evaluate(), &[2, 1, 0]).unwrap();
        let view = |name: &str| x.matmul(find(name).as_tensor()).unwrap();
        let (a, c) = (view("sharing.a.view"), view("sharing.c.view"));
        // softmax of [2, 0.5] and of [-1, 1]
        let mixture = |own: f64, other: f64| ((&a * own).unwrap() + (&c * other).unwrap()).unwrap();
        near("a", &read[2].x, &mixture(0.817_574_476, 0.182_425_524), 1e-6);
        near("b reads its mark", &read[1].x, &x, 0.0);
        near("c", &read[0].x, &mixture(0.119_202_922, 0.880_797_078), 1e-6);
        let relations = body.relations().unwrap().unwrap();
        assert_eq!(relations.shape, [3, 3]);
        let expected = [0.817_574_5, 0.0, 0.182_425_5, 0.0, 1.0, 0.0, 0.119_202_9, 0.0, 0.880_797_1];
        let actual = relations.as_f32().unwrap();
        assert!(
            actual.iter().zip(expected).all(|(actual, expected)| (actual - expected).abs() < 1e-6),
            "{actual:?}"
        );
    }

    #[test]
    fn starts_near_the_identity() {
        let body = build(&mut Weights::new(0, &Device::Cpu));
        let relations = body.relations().unwrap().unwrap();
        let own = relations.as_f32().unwrap()[0];
        assert!((own - 3.0_f32.exp() / (3.0_f32.exp() + 1.0)).abs() < 1e-6, "{own}");
    }
}
