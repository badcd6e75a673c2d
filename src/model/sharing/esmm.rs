//! Entire-space multi-task model (Ma et al., SIGIR 2018): of two tasks of which one can happen only after
//! the other, the second's probability is a product.
//!
//! P(click and conversion) = P(click) P(conversion given click): the head of `click` says the first factor,
//! that of `conversion` the second, and the answer of `conversion` is their product, which is learned from
//! all rows. Its target is therefore 1 where both happened and 0 everywhere else, also where there was no
//! click; P(conversion given click) is the answer of `conversion` over that of `click`. With a and b the
//! heads' logits, the product's is -log(exp(-a) + exp(-b) + exp(-a - b)), so that every loss, metric and
//! threshold of a binary task holds. The body is that of `hard`: both tasks, and others, read one trunk.
//!
//! ```yaml
//! sharing: {esmm: {click: click, conversion: purchase}}
//! ```

use candle_core::{D, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::diagnostic::Path;
use crate::domain::kinds::Settings;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::sharing::hard::HardSpec;
use crate::model::sharing::{Body, Sharing, SharingWords};
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Of two tasks the second's probability is a product with the first's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EsmmSpec {
    /// The task that comes first: was there a click?
    pub click: TaskName,
    /// The task that can happen only after it: were there a click and a conversion?
    pub conversion: TaskName,
}

impl Settings for EsmmSpec {
    const EXAMPLE: &'static str = "{esmm: {click: click, conversion: purchase}}";
}

impl SharingWords for EsmmSpec {
    fn named(&self) -> Vec<(Path, &TaskName)> {
        vec![(Path::of("click"), &self.click), (Path::of("conversion"), &self.conversion)]
    }

    fn joins(&self) -> Vec<(&TaskName, &TaskName)> {
        vec![(&self.conversion, &self.click)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>> {
        let find = |name: &TaskName| body.tasks.iter().position(|task| task.name == name.as_str());
        let pair =
            find(&self.click).zip(find(&self.conversion)).filter(|(click, conversion)| click != conversion);
        let (click, conversion) =
            pair.map_or((Vec::new(), None), |(click, other)| (vec![click], Some(other)));
        Ok(Box::new(Esmm { hard: HardSpec {}.build(body, weights)?, click, conversion }))
    }
}

/// One trunk, and a task whose logits are joined with another's.
struct Esmm {
    hard: Box<dyn Sharing>,
    click: Vec<usize>,
    conversion: Option<usize>,
}

impl Sharing for Esmm {
    fn output(&self, task: usize) -> Shape {
        self.hard.output(task)
    }

    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>> {
        self.hard.forward(x, mode, tasks)
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>> {
        self.hard.emit(graph, x)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        self.hard.uses(tasks, weight)
    }

    fn parts(&self) -> Vec<Part> {
        self.hard.parts()
    }

    fn joined(&self, task: usize) -> &[usize] {
        if self.conversion == Some(task) { &self.click } else { &[] }
    }

    // [rows, 1]
    fn join(&self, task: usize, own: Tensor, others: &[Tensor]) -> Result<Tensor> {
        match (self.conversion == Some(task), others) {
            (true, [click]) => product(click, &own),
            _ => Ok(own),
        }
    }

    fn emit_join(&self, graph: &mut Graph, task: usize, own: Value, others: &[Value]) -> Value {
        let (true, [click]) = (self.conversion == Some(task), others) else { return own };
        graph.scope("sharing.product");
        let (a, b) = (operator::neg(graph, click), operator::neg(graph, &own));
        let both = operator::add(graph, &a, &b);
        let all = operator::concat(graph, &[&a, &b, &both], 1);
        let largest = operator::reduce(graph, "ReduceMax", &all, &[1], true);
        let apart = operator::sub(graph, &all, &largest);
        let exp = operator::exp(graph, &apart);
        let sum = operator::reduce_sum(graph, &exp, &[1], true);
        let log = operator::log(graph, &sum);
        let total = operator::add(graph, &log, &largest);
        operator::neg(graph, &total)
    }
}

/// The logit of the product of two probabilities, from theirs.
fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let all = Tensor::cat(&[&a.neg()?, &b.neg()?, &(a + b)?.neg()?], 1)?;
    let largest = all.detach().max_keepdim(D::Minus1)?;
    let log = all.broadcast_sub(&largest)?.exp()?.sum_keepdim(D::Minus1)?.log()?;
    Ok((log + largest)?.neg()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::sharing::esmm::product;
    use crate::model::weights::host;

    /// p = .8 .5 = .4; .1 .1 = .01; far out, -60 and 60 give -60, and 60 and 60 give 60 - ln 2.
    #[test]
    fn the_product_has_the_logit_of_a_product() {
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let column = |values: [f32; 4]| Tensor::new(&values, &Device::Cpu).unwrap().reshape((4, 1)).unwrap();
        let a = column([logit(0.8), logit(0.1), -60.0, 60.0]);
        let b = column([logit(0.5), logit(0.1), 60.0, 60.0]);
        let found = host(&product(&a, &b).unwrap()).unwrap();
        let expected = [logit(0.4), logit(0.01), -60.0, 60.0 - 2.0_f32.ln()];
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5 * b.abs().max(1.0)),
            "{found:?}"
        );
    }
}
