//! Stacked recurrent layers in one or both directions, shared by `gru` and `lstm`.

use crate::domain::number::{Count, Rate};
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::Layer;
use crate::model::ops::Ops;
use crate::model::ops::pass::{OnnxCell, RecurrentPass};
use crate::model::weights::Weights;

/// Stacked recurrent layers with cell `C`.
pub struct RecurrentLayers<C> {
    /// Each with a forward pass and, if bidirectional, a backward pass.
    layers: Vec<Vec<RecurrentPass<C>>>,
    name: String,
    /// Dropout rate between layers.
    dropout: f64,
}

pub(crate) fn default_layers() -> Count {
    Count::constant(1)
}

pub(crate) fn default_dropout() -> Rate {
    Rate::constant(0.0)
}

impl<C: OnnxCell> RecurrentLayers<C> {
    /// Layers over steps of `width` features; weights are named below `name`.
    pub fn build(
        name: &str,
        width: usize,
        (units, bidirectional, layers): (usize, bool, usize),
        dropout: Rate,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let directions: &[&str] = if bidirectional { &["forward", "backward"] } else { &["forward"] };
        let mut built = Self { layers: Vec::new(), name: name.to_owned(), dropout: dropout.get() };
        for layer in 0..layers {
            let width = if layer == 0 { width } else { units * directions.len() };
            let pass = |direction: &&str| {
                RecurrentPass::build(&format!("{name}.{layer}.{direction}"), width, units, weights)
            };
            built.layers.push(directions.iter().map(pass).collect::<ModelResult<_>>()?);
        }
        Ok(built)
    }
}

impl<C: OnnxCell> Layer for RecurrentLayers<C> {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
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
    use crate::domain::choice_config::Choice;
    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, GraphActivations, GraphMask, SequenceMask};
    use crate::model::kernel::gru::GruCell;
    use crate::model::kernel::lstm::LstmCell;
    use crate::model::kernel::recurrence::SequenceOptions;
    use crate::model::kernel::reference_check::variable;
    use crate::model::layer::LayerConfig;
    use crate::model::mode::Mode;
    use crate::model::ops::pass::{OnnxCell, RecurrentPass};
    use crate::model::weights::{Weights, host};
    use crate::onnx::graph::{Dim, Graph};
    use crate::onnx::runtime::for_tests;
    use crate::onnx::session::OnnxSession;
    use crate::onnx::write::save;

    fn run(graph: Graph, opset: i64, inputs: &[(String, Array)]) -> Vec<(String, Array)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        save(&graph.finish(opset, &[]).unwrap(), &path).unwrap();
        OnnxSession::open_with(&for_tests(), &path, 1).unwrap().run(inputs).unwrap()
    }

    fn near(what: &str, actual: &Array, expected: &Tensor) {
        assert_eq!(actual.shape, expected.dims(), "{what}");
        for (actual, expected) in actual.as_f32().unwrap().iter().zip(host(expected).unwrap()) {
            assert!((actual - expected).abs() < 2e-6, "{what}: {actual} and {expected}");
        }
    }

    const TIME: usize = 7;
    const WIDTH: usize = 3;

    /// Sequences of 7, 1 and 4 steps with random numbers as padding.
    fn batch() -> (Tensor, Vec<u32>, Vec<(String, Array)>) {
        let x = variable(&[3, TIME, WIDTH], 5).as_tensor().detach();
        let lengths = vec![7, 1, 4];
        let steps = SequenceMask::from_lengths(lengths.clone(), TIME, &Device::Cpu).unwrap().steps;
        let values = lengths.iter().map(|length| i64::from(*length)).collect();
        let inputs = vec![
            ("x".to_owned(), Array::f32(x.dims(), host(&x).unwrap())),
            ("steps".to_owned(), Array::f32(&[3, TIME], host(&steps).unwrap())),
            ("lengths".to_owned(), Array::new(&[3], crate::domain::array::ArrayValues::I64(values))),
        ];
        (x, lengths, inputs)
    }

    #[test]
    fn equals_onnx_runtime() {
        let (x, lengths, inputs) = batch();
        for kind in ["lstm", "gru"] {
            for config in [
                format!("{{{kind}: 4}}"),
                format!("{{{kind}: {{units: 2, bidirectional: true}}}}"),
                format!("{{{kind}: {{units: 3, bidirectional: true, layers: 2, dropout: 0.3}}}}"),
            ] {
                let settings: LayerConfig = serde_yaml::from_str(&config).unwrap();
                assert_eq!(settings.name(), kind);
                let shape = Shape::Sequence { width: WIDTH };
                let width = settings.view().shape(shape).unwrap().width();
                let mut weights = Weights::new(1, &Device::Cpu);
                let layer = settings.view().build("trunk.0.layer", shape, &mut weights).unwrap();
                let mask = SequenceMask::from_lengths(lengths.clone(), TIME, &Device::Cpu).unwrap();
                let input = Activations { x: x.clone(), mask: Some(mask) };
                let expected = layer.forward(&input, &Mode::evaluate()).unwrap().x;

                let mut graph = Graph::new("layer");
                let time = Dim::Dynamic("time".to_owned());
                let dims = [Dim::Batch, time.clone(), Dim::Fixed(WIDTH)];
                let x = graph.input("x", ElementType::Float32, &dims);
                let steps = graph.input("steps", ElementType::Float32, &dims[..2]);
                let lengths = graph.input("lengths", ElementType::Int64, &dims[..1]);
                let input = GraphActivations { x, mask: Some(GraphMask::new(steps, lengths)) };
                let y = layer.to_onnx(&mut graph, &input).unwrap().x;
                graph.output("y", &y, ElementType::Float32, &[Dim::Batch, time.clone(), Dim::Fixed(width)]);
                for opset in [17, 21] {
                    near(&config, &run(graph.clone(), opset, &inputs)[0].1, &expected);
                }
            }
        }
    }

    fn check_initial_state<C: OnnxCell>() {
        let (x, lengths, inputs) = batch();
        let mut weights = Weights::new(1, &Device::Cpu);
        let pass: RecurrentPass<C> = RecurrentPass::build("decoder", WIDTH, 2, &mut weights).unwrap();
        let state = variable(&[3, pass.state()], 9).as_tensor().detach();
        let traversal = SequenceOptions { lengths: Some(&lengths), reversed: false };
        let (y, last) = pass.from_state(&x, Some(&state), traversal).unwrap();

        let mut graph = Graph::new("pass");
        let dims = [Dim::Batch, Dim::Dynamic("time".to_owned()), Dim::Fixed(WIDTH)];
        let x = graph.input("x", ElementType::Float32, &dims);
        let lengths = graph.input("lengths", ElementType::Int64, &dims[..1]);
        let by_time = crate::onnx::operator::transpose(&mut graph, &x, &[1, 0, 2]);
        let initial: Vec<_> = (state.chunk(C::STATE, 1).unwrap().iter())
            .map(|part| graph.weight("initial", &[1, 3, 2], &host(part).unwrap()))
            .collect();
        let (outputs, states) = pass.to_onnx(&mut graph, &by_time, Some(&lengths), &initial).unwrap();
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
        let outputs = run(graph, 17, &[inputs[0].clone(), inputs[2].clone()]);
        let y = y.transpose(0, 1).unwrap().unsqueeze(1).unwrap();
        near("y", &outputs[0].1, &y);
        for ((_, state), last) in outputs[1..].iter().zip(last.chunk(C::STATE, 1).unwrap()) {
            near("state", state, &last.unsqueeze(0).unwrap());
        }
        assert_eq!(outputs.len(), 1 + C::STATE);
    }

    #[test]
    fn equals_onnx_runtime_with_an_initial_state() {
        check_initial_state::<LstmCell>();
        check_initial_state::<GruCell>();
    }

    #[test]
    fn a_vector_is_refused() {
        for config in ["{lstm: 4}", "{gru: 4}"] {
            let settings: LayerConfig = serde_yaml::from_str(config).unwrap();
            assert!(
                settings.view().shape(Shape::vector(3)).unwrap_err().contains("needs a sequence, not [3]")
            );
            assert!(settings.view().is_causal());
        }
        let bidirectional: LayerConfig =
            serde_yaml::from_str("{lstm: {units: 4, bidirectional: true}}").unwrap();
        assert!(!bidirectional.view().is_causal());
    }
}
