//! What recurrent layers share: passes over the steps in one direction or both, stacked.

use std::marker::PhantomData;

use candle_core::{Tensor, Var};

use crate::domain::number::Rate;
use crate::model::error::Result;
use crate::model::kernel::gru::Gru;
use crate::model::kernel::lstm::Lstm;
use crate::model::kernel::recurrence::{BIAS, Cell, Course, recur};
use crate::model::layer::Layer;
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator::recurrent::{Direction, Recurrence, Recurrent, recurrent};

/// A cell with its place in ONNX.
pub trait Written: Cell {
    const KIND: Recurrence;
    /// Our block that stands at each place of ONNX's.
    const ORDER: &'static [usize];
}

impl Written for Lstm {
    const KIND: Recurrence = Recurrence::Lstm;
    // i o f c, of ours: i f g o.
    const ORDER: &'static [usize] = &[0, 3, 1, 2];
}

impl Written for Gru {
    const KIND: Recurrence = Recurrence::Gru;
    // z r h, of ours: r z n.
    const ORDER: &'static [usize] = &[1, 0, 2];
}

/// One recurrence with its weights, which begin evenly within 1 / sqrt(units) as PyTorch's do.
#[derive(Clone, Debug)]
pub struct Pass<C> {
    name: String,
    width: usize,
    units: usize,
    /// `[width + units, gates * units]`
    weight: Var,
    /// `[4 * units]`
    bias: Var,
    cell: PhantomData<C>,
}

impl<C: Written> Pass<C> {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        let init = Init::fan_in(units);
        let shape = [width + units, C::GATES * units];
        Ok(Self {
            name: name.to_owned(),
            width,
            units,
            weight: weights.variable(&format!("{name}.weight"), &shape, init.clone())?,
            bias: weights.variable(&format!("{name}.bias"), &[BIAS * units], init)?,
            cell: PhantomData,
        })
    }

    /// Width of its output.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Numbers of a state: h, and c if there is one.
    pub fn state(&self) -> usize {
        C::STATE * self.units
    }

    /// `[batch, time, units]` of `[batch, time, width]`.
    pub fn over(&self, x: &Tensor, course: Course) -> Result<Tensor> {
        Ok(recur::<C>(x, &self.weight, &self.bias, None, course, false)?.0)
    }

    /// The same from a state `[batch, state]` on, or from zeros; with the state after each row's last step.
    pub fn from_state(&self, x: &Tensor, state: Option<&Tensor>, course: Course) -> Result<(Tensor, Tensor)> {
        match recur::<C>(x, &self.weight, &self.bias, state, course, true)? {
            (y, Some(state)) => Ok((y, state)),
            (_, None) => Err(candle_core::Error::Msg(format!("`{}` gave no state", self.name)).into()),
        }
    }

    /// As a node over x `[time, batch, width]`; the states `[1, batch, units]` are h, and c if there is one. Gives
    /// `[time, 1, batch, units]` and the states.
    pub fn emit(
        &self,
        graph: &mut Graph,
        x: &Value,
        lengths: Option<&Value>,
        initial: &[Value],
    ) -> Result<(Value, Vec<Value>)> {
        emit(graph, &[self], x, lengths, initial)
    }

    /// The weights in ONNX's order: the input's `[gates * units, width]`, the state's, and the bias.
    fn written(&self) -> Result<[Vec<f32>; 3]> {
        let (units, columns) = (self.units, C::GATES * self.units);
        let (weight, bias) = (host(&self.weight)?, host(&self.bias)?);
        let turned = |rows: std::ops::Range<usize>| {
            let columns_of = |block: &usize| block * units..(block + 1) * units;
            let weight = &weight;
            C::ORDER
                .iter()
                .flat_map(columns_of)
                .flat_map(|column| rows.clone().map(move |row| weight[row * columns + column]))
                .collect::<Vec<f32>>()
        };
        let block = |block: &usize| &bias[block * units..(block + 1) * units];
        let mut ordered: Vec<f32> = C::ORDER.iter().flat_map(block).copied().collect();
        // The state's part is nothing but what is left of our bias, which belongs to the last gate.
        let left = &bias[columns..];
        ordered.resize(2 * columns - left.len(), 0.0);
        ordered.extend(left);
        Ok([turned(0..self.width), turned(self.width..self.width + units), ordered])
    }
}

/// One pass, or a forward and a backward one, as a node.
pub fn emit<C: Written>(
    graph: &mut Graph,
    passes: &[&Pass<C>],
    x: &Value,
    lengths: Option<&Value>,
    initial: &[Value],
) -> Result<(Value, Vec<Value>)> {
    let Pass { name, width, units, .. } = passes[0];
    let (width, units, rows) = (*width, *units, C::GATES * passes[0].units);
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for pass in passes {
        parts.iter_mut().zip(pass.written()?).for_each(|(all, part)| all.extend(part));
    }
    let name = name.strip_suffix(".forward").unwrap_or(name);
    let mut constant = |kind: &str, shape: &[usize], values: &[f32]| {
        graph.weight(&format!("{name}.{kind}"), &[&[passes.len()], shape].concat(), values)
    };
    let input = constant("input", &[rows, width], &parts[0]);
    let state = constant("state", &[rows, units], &parts[1]);
    let bias = constant("bias", &[2 * rows], &parts[2]);
    let direction = if passes.len() == 1 { Direction::Forward } else { Direction::Bidirectional };
    let of = Recurrent {
        kind: C::KIND,
        direction,
        units,
        x,
        input: &input,
        state: &state,
        bias: &bias,
        lengths,
        initial,
    };
    Ok(recurrent(graph, &of))
}

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
    use crate::model::layer::recurrent::{Pass, Written};
    use crate::model::mode::Mode;
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
