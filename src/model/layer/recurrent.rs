//! What recurrent layers share: passes over the steps in one direction or both, stacked.

use crate::domain::number::Rate;
use crate::model::error::Result;
use crate::model::layer::Layer;
use crate::model::ops::Ops;
use crate::model::ops::pass::{Pass, Written};
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// Passes one upon the other.
pub struct Passes<C> {
    /// Forward, and backward if there are two directions.
    layers: Vec<Vec<Pass<C>>>,
    name: String,
    /// Share of what is dropped between two layers.
    dropout: f64,
}

impl<C: Written> Passes<C> {
    pub fn build(
        name: &str,
        width: usize,
        (units, bidirectional, layers): (usize, bool, usize),
        dropout: Rate,
        weights: &mut Weights,
    ) -> Result<Self> {
        let directions: &[&str] = if bidirectional { &["forward", "backward"] } else { &["forward"] };
        let mut built = Self { layers: Vec::new(), name: name.to_owned(), dropout: dropout.get() };
        for layer in 0..layers {
            let width = if layer == 0 { width } else { units * directions.len() };
            let pass =
                |direction: &&str| Pass::build(&format!("{name}.{layer}.{direction}"), width, units, weights);
            built.layers.push(directions.iter().map(pass).collect::<Result<_>>()?);
        }
        Ok(built)
    }
}

impl<C: Written> Layer for Passes<C> {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        let mut y = x.x.clone();
        for (index, passes) in self.layers.iter().enumerate() {
            y = ops.recurrence(passes, &y, x.mask.as_ref())?;
            if index + 1 < self.layers.len() {
                y = ops.dropout(&format!("{}.{index}.dropout", self.name), self.dropout, &y)?;
            }
        }
        Ok(x.with(y))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::array::{Array, ElementType};
    use crate::domain::kinds::Choice;
    use crate::domain::shape::Shape;
    use crate::model::kernel::agreement::variable;
    use crate::model::kernel::gru::Gru;
    use crate::model::kernel::lstm::Lstm;
    use crate::model::kernel::recurrence::Course;
    use crate::model::layer::LayerSpec;
    use crate::model::mode::Mode;
    use crate::model::ops::pass::{Pass, Written};
    use crate::model::signal::{Mask, Signal, Wire, WireMask};
    use crate::model::weights::{Weights, host};
    use crate::onnx::graph::{Dim, Graph};
    use crate::onnx::runtime::for_tests;
    use crate::onnx::session::Session;
    use crate::onnx::write::save;

    fn run(graph: Graph, opset: i64, inputs: &[(String, Array)]) -> Vec<(String, Array)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        save(&graph.finish(opset, &[]).unwrap(), &path).unwrap();
        Session::open_with(&for_tests(), &path, 1).unwrap().run(inputs).unwrap()
    }

    fn near(what: &str, found: &Array, expected: &Tensor) {
        assert_eq!(found.shape, expected.dims(), "{what}");
        for (found, expected) in found.as_f32().unwrap().iter().zip(host(expected).unwrap()) {
            assert!((found - expected).abs() < 2e-6, "{what}: {found} and {expected}");
        }
    }

    const TIME: usize = 7;
    const WIDTH: usize = 3;

    /// Rows of 7, 1 and 4 steps with noise behind their ends.
    fn batch() -> (Tensor, Vec<u32>, Vec<(String, Array)>) {
        let x = variable(&[3, TIME, WIDTH], 5).as_tensor().detach();
        let lengths = vec![7, 1, 4];
        let steps = Mask::of(lengths.clone(), TIME, &Device::Cpu).unwrap().steps;
        let whole = lengths.iter().map(|length| i64::from(*length)).collect();
        let inputs = vec![
            ("x".to_owned(), Array::f32(x.dims(), host(&x).unwrap())),
            ("steps".to_owned(), Array::f32(&[3, TIME], host(&steps).unwrap())),
            ("lengths".to_owned(), Array::new(&[3], crate::domain::array::Values::I64(whole))),
        ];
        (x, lengths, inputs)
    }

    #[test]
    fn onnx_runtime_agrees() {
        let (x, lengths, inputs) = batch();
        for kind in ["lstm", "gru"] {
            for words in [
                format!("{{{kind}: 4}}"),
                format!("{{{kind}: {{units: 2, bidirectional: true}}}}"),
                format!("{{{kind}: {{units: 3, bidirectional: true, layers: 2, dropout: 0.3}}}}"),
            ] {
                let spec: LayerSpec = serde_yaml::from_str(&words).unwrap();
                assert_eq!(spec.name(), kind);
                let input = Shape::Sequence { width: WIDTH };
                let width = spec.view().shape(input).unwrap().width();
                let mut weights = Weights::new(1, &Device::Cpu);
                let layer = spec.view().build("trunk.0.layer", input, &mut weights).unwrap();
                let mask = Mask::of(lengths.clone(), TIME, &Device::Cpu).unwrap();
                let signal = Signal { x: x.clone(), mask: Some(mask) };
                let expected = layer.forward(&signal, &Mode::evaluate()).unwrap().x;

                let mut graph = Graph::new("layer");
                let time = Dim::Free("time".to_owned());
                let dims = [Dim::Batch, time.clone(), Dim::Fixed(WIDTH)];
                let x = graph.input("x", ElementType::Float32, &dims);
                let steps = graph.input("steps", ElementType::Float32, &dims[..2]);
                let lengths = graph.input("lengths", ElementType::Int64, &dims[..1]);
                let wire = Wire { x, mask: Some(WireMask::new(steps, lengths)) };
                let y = layer.emit(&mut graph, &wire).unwrap().x;
                graph.output("y", &y, ElementType::Float32, &[Dim::Batch, time.clone(), Dim::Fixed(width)]);
                for opset in [17, 21] {
                    near(&words, &run(graph.clone(), opset, &inputs)[0].1, &expected);
                }
            }
        }
    }

    fn from_a_state<C: Written>() {
        let (x, lengths, inputs) = batch();
        let mut weights = Weights::new(1, &Device::Cpu);
        let pass: Pass<C> = Pass::build("decoder", WIDTH, 2, &mut weights).unwrap();
        let state = variable(&[3, pass.state()], 9).as_tensor().detach();
        let course = Course { lengths: Some(&lengths), reversed: false };
        let (y, last) = pass.from_state(&x, Some(&state), course).unwrap();

        let mut graph = Graph::new("pass");
        let dims = [Dim::Batch, Dim::Free("time".to_owned()), Dim::Fixed(WIDTH)];
        let x = graph.input("x", ElementType::Float32, &dims);
        let lengths = graph.input("lengths", ElementType::Int64, &dims[..1]);
        let by_time = crate::onnx::operator::transpose(&mut graph, &x, &[1, 0, 2]);
        let initial: Vec<_> = (state.chunk(C::STATE, 1).unwrap().iter())
            .map(|part| graph.weight("initial", &[1, 3, 2], &host(part).unwrap()))
            .collect();
        let (outputs, states) = pass.emit(&mut graph, &by_time, Some(&lengths), &initial).unwrap();
        graph.output(
            "y",
            &outputs,
            ElementType::Float32,
            &[dims[1].clone(), Dim::Fixed(1), Dim::Batch, Dim::Fixed(2)],
        );
        for (index, state) in states.iter().enumerate() {
            let dims = [Dim::Fixed(1), Dim::Batch, Dim::Fixed(2)];
            graph.output(&format!("state{index}"), state, ElementType::Float32, &dims);
        }
        let found = run(graph, 17, &[inputs[0].clone(), inputs[2].clone()]);
        let y = y.transpose(0, 1).unwrap().unsqueeze(1).unwrap();
        near("y", &found[0].1, &y);
        for ((_, found), last) in found[1..].iter().zip(last.chunk(C::STATE, 1).unwrap()) {
            near("state", found, &last.unsqueeze(0).unwrap());
        }
        assert_eq!(found.len(), 1 + C::STATE);
    }

    #[test]
    fn onnx_runtime_agrees_from_a_state_on() {
        from_a_state::<Lstm>();
        from_a_state::<Gru>();
    }

    #[test]
    fn a_vector_is_refused() {
        for words in ["{lstm: 4}", "{gru: 4}"] {
            let spec: LayerSpec = serde_yaml::from_str(words).unwrap();
            assert!(spec.view().shape(Shape::vector(3)).unwrap_err().contains("needs a sequence, not [3]"));
            assert!(spec.view().is_causal());
        }
        let both: LayerSpec = serde_yaml::from_str("{lstm: {units: 4, bidirectional: true}}").unwrap();
        assert!(!both.view().is_causal());
    }
}
