//! The sharing `esmm`: see [`EsmmConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::diagnostic::Path;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::hard::Hard;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, Sharing, SharingForward};
use crate::model::weights::Weights;

/// Entire-space multi-task model (ESMM; Ma et al., SIGIR 2018): for two tasks whose second event requires
/// the first, the second probability is a product.
///
/// P(click and conversion) = P(click) P(conversion given click): the head of `click` outputs the first
/// factor, that of `conversion` the second, and the prediction of `conversion` is their product, which is
/// trained on all rows. Its target is therefore 1 if both events happened and 0 otherwise, also without a
/// click; P(conversion given click) is the prediction of `conversion` divided by that of `click`. With the
/// heads' logits a and b, the logit of the product is -log(exp(-a) + exp(-b) + exp(-a - b)), so every loss,
/// metric and threshold of a binary task applies. The body is that of `hard`: all tasks read one trunk.
///
/// ```yaml
/// sharing: {esmm: {click: click, conversion: purchase}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EsmmConfig {
    /// The task of the first event: was there a click?
    pub click: TaskName,
    /// The task of the second event: were there a click and a conversion?
    pub conversion: TaskName,
}

impl Settings for EsmmConfig {
    const EXAMPLE: &'static str = "{esmm: {click: click, conversion: purchase}}";
}

impl BuildSharing for EsmmConfig {
    fn task_settings(&self) -> Vec<(Path, &TaskName)> {
        vec![(Path::from_key("click"), &self.click), (Path::from_key("conversion"), &self.conversion)]
    }

    fn joined_tasks(&self) -> Vec<(&TaskName, &TaskName)> {
        vec![(&self.conversion, &self.click)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let find = |name: &TaskName| body.tasks.iter().position(|task| task.name == name.as_str());
        let pair =
            find(&self.click).zip(find(&self.conversion)).filter(|(click, conversion)| click != conversion);
        let (click, conversion) =
            pair.map_or((Vec::new(), None), |(click, other)| (vec![click], Some(other)));
        Ok(Box::new(Esmm { hard: Hard::build(body, weights)?, click, conversion }))
    }
}

/// A shared trunk, and a task whose logits are combined with another's.
struct Esmm {
    hard: Hard,
    click: Vec<usize>,
    conversion: Option<usize>,
}

impl Sharing for Esmm {
    fn tasks(&self) -> usize {
        self.hard.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        self.hard.output(task)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        self.hard.uses(tasks, weight)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.hard.parts()
    }

    fn joined(&self, task: usize) -> &[usize] {
        if self.conversion == Some(task) { &self.click } else { &[] }
    }
}

impl SharingForward for Esmm {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        self.hard.read(ops, x, tasks)
    }

    // [rows, 1]
    fn join<O: Ops>(
        &self,
        ops: &mut O,
        task: usize,
        own: O::Value,
        others: &[O::Value],
    ) -> ModelResult<O::Value> {
        let (true, [click]) = (self.conversion == Some(task), others) else { return Ok(own) };
        ops.scope("sharing.product");
        ops.logit_of_product(click, &own)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::ops::{Arithmetic, Tensors};
    use crate::model::weights::host;

    /// p = .8 .5 = .4; .1 .1 = .01; extreme logits: -60 and 60 yield -60, 60 and 60 yield 60 - ln 2.
    #[test]
    fn logit_of_product_is_exact() {
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let column = |values: [f32; 4]| Tensor::new(&values, &Device::Cpu).unwrap().reshape((4, 1)).unwrap();
        let a = column([logit(0.8), logit(0.1), -60.0, 60.0]);
        let b = column([logit(0.5), logit(0.1), 60.0, 60.0]);
        let actual = host(&Tensors::evaluate().logit_of_product(&a, &b).unwrap()).unwrap();
        let expected = [logit(0.4), logit(0.01), -60.0, 60.0 - 2.0_f32.ln()];
        assert!(
            actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5 * b.abs().max(1.0)),
            "{actual:?}"
        );
    }
}
