//! Batches of every shape, with sequences of different lengths, and layers for them.

use candle_core::{DType, Device, Tensor};
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::shape::Shape;
use mtl::model::activations::{Activations, GraphActivations, GraphMask, SequenceMask};
use mtl::model::layer::{LayerConfig, Module};
use mtl::model::mode::Mode;
use mtl::model::weights::{Weights, host};
use mtl::onnx::graph::{Dim, Graph, GraphValue};
use mtl::onnx::operator;

use crate::laws::tensor::tensor;

/// Sequence lengths of a batch; batches of other shapes have as many rows.
pub const LENGTHS: [u32; 6] = [4, 7, 1, 7, 2, 5];

/// A layer and its weights.
pub struct Built {
    pub layer: Box<dyn Module>,
    pub weights: Weights,
}

impl Built {
    pub fn new(config: &LayerConfig, input: Shape, seed: u64) -> Self {
        let mut weights = Weights::new(seed, &Device::Cpu);
        let layer = config.view().build("trunk.0.layer", input, &mut weights).unwrap();
        Self { layer, weights }
    }

    /// Perturbs the weights, as after training: no zeros and ones.
    pub fn perturb(&self) {
        for (salt, weight) in self.weights.iter().enumerate() {
            let noise = tensor(1, weight.count(), salt as u32).reshape(weight.var.dims()).unwrap();
            let noise = if weight.trainable { noise } else { noise.abs().unwrap() };
            weight.var.set(&(weight.var.as_tensor() + noise * 0.2).unwrap()).unwrap();
        }
    }

    pub fn evaluate(&self, x: &Activations) -> Activations {
        self.layer.forward(x, &Mode::evaluate()).unwrap()
    }
}

/// A batch of this shape with sequences of these `lengths`, padded with zeros.
pub fn batch(shape: Shape, lengths: &[u32], salt: u32) -> Activations {
    let (rows, time) = (lengths.len(), *lengths.iter().max().unwrap() as usize);
    let mask = || SequenceMask::from_lengths(lengths.to_vec(), time, &Device::Cpu).unwrap();
    match shape {
        Shape::Vector { width } => Activations::plain(tensor(rows, width, salt)),
        Shape::Image { channels, height, width } => {
            let x = tensor(rows, channels * height * width, salt);
            Activations::plain(x.reshape((rows, channels, height, width)).unwrap())
        }
        Shape::Sequence { width } => {
            let x = tensor(rows, time * width, salt).reshape((rows, time, width)).unwrap();
            let x = Activations { x, mask: Some(mask()) };
            x.with(x.mask_padding().unwrap())
        }
        Shape::Tokens { vocabulary } => {
            let mask = mask();
            let draws = host(&tensor(rows, time, salt)).unwrap();
            let real = host(&mask.steps).unwrap();
            // 0 is the padding token, which no real step has.
            let token = |draw: &f32| 1 + ((draw + 2.0) * 1e6) as u32 % (vocabulary as u32 - 1);
            let tokens = draws.iter().zip(real).map(|(draw, real)| token(draw) * real as u32).collect();
            Activations {
                x: Tensor::from_vec::<_, u32>(tokens, (rows, time), &Device::Cpu).unwrap(),
                mask: Some(mask),
            }
        }
    }
}

/// The same batch with random padding. Padded tokens do not change.
pub fn with_noisy_padding(x: &Activations, shape: Shape) -> Activations {
    let (Some(mask), Shape::Sequence { width }) = (&x.mask, shape) else { return x.clone() };
    let (rows, time) = mask.steps.dims2().unwrap();
    let noise = tensor(rows, time * width, 77).reshape((rows, time, width)).unwrap();
    let padding = mask.steps.affine(-1.0, 1.0).unwrap().reshape((rows, time, 1)).unwrap();
    x.with((&x.x + (noise * 50.0).unwrap().broadcast_mul(&padding).unwrap()).unwrap())
}

/// The output as floats with padding set to 0, for comparisons.
pub fn masked(y: &Activations) -> Tensor {
    y.with(y.x.to_dtype(DType::F32).unwrap()).mask_padding().unwrap()
}

/// One row, without padding.
pub fn row(x: &Activations, number: usize) -> Activations {
    let row = x.x.narrow(0, number, 1).unwrap();
    match &x.mask {
        None => Activations::plain(row.contiguous().unwrap()),
        Some(mask) => {
            let length = mask.lengths[number];
            let row = row.narrow(1, 0, length as usize).unwrap().contiguous().unwrap();
            let mask = SequenceMask::from_lengths(vec![length], length as usize, &Device::Cpu).unwrap();
            Activations { x: row, mask: Some(mask) }
        }
    }
}

/// A layer as a graph with the input `x` (and `mask`) and the output `y` (and `steps` and `lengths`).
pub fn graph(built: &Built, input: Shape, output: Shape) -> Graph {
    let mut graph = Graph::new("layer");
    let time = || Dim::Dynamic("time".to_owned());
    let x = match input {
        Shape::Vector { width } => graph.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(width)]),
        Shape::Sequence { width } => {
            graph.input("x", ElementType::Float32, &[Dim::Batch, time(), Dim::Fixed(width)])
        }
        Shape::Tokens { .. } => graph.input("x", ElementType::Int64, &[Dim::Batch, time()]),
        Shape::Image { channels, height, width } => {
            let dims = [Dim::Batch, Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)];
            graph.input("x", ElementType::Float32, &dims)
        }
    };
    let mask = matches!(input, Shape::Sequence { .. } | Shape::Tokens { .. }).then(|| {
        let steps = graph.input("mask", ElementType::Float32, &[Dim::Batch, time()]);
        let lengths = operator::reduce_sum(&mut graph, &steps, &[1], false);
        GraphMask::new(steps, operator::cast(&mut graph, &lengths, ElementType::Int64))
    });
    let y = built.layer.to_onnx(&mut graph, &GraphActivations { x, mask }).unwrap();
    let element = match output {
        Shape::Tokens { .. } => ElementType::Int64,
        _ => ElementType::Float32,
    };
    let out_time = || Dim::Dynamic("out_time".to_owned());
    let dims = match output {
        Shape::Vector { width } => vec![Dim::Batch, Dim::Fixed(width)],
        Shape::Sequence { width } => vec![Dim::Batch, out_time(), Dim::Fixed(width)],
        Shape::Tokens { .. } => vec![Dim::Batch, out_time()],
        Shape::Image { channels, height, width } => {
            vec![Dim::Batch, Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]
        }
    };
    let as_floats = |graph: &mut Graph, value: &GraphValue| match element {
        ElementType::Int64 => operator::cast(graph, value, ElementType::Float32),
        _ => value.clone(),
    };
    let output = as_floats(&mut graph, &y.x);
    graph.output("y", &output, ElementType::Float32, &dims);
    if let Some(mask) = y.mask {
        let lengths = operator::cast(&mut graph, &mask.lengths, ElementType::Float32);
        graph.output("lengths", &lengths, ElementType::Float32, &[Dim::Batch]);
        graph.output("steps", &mask.steps, ElementType::Float32, &[Dim::Batch, out_time()]);
    }
    graph
}

/// The inputs of that graph for a batch.
pub fn graph_inputs(x: &Activations) -> Vec<(String, Array)> {
    let values = match x.x.dtype() {
        DType::U32 => {
            let tokens = x.x.flatten_all().unwrap().to_vec1::<u32>().unwrap();
            ArrayValues::I64(tokens.into_iter().map(i64::from).collect())
        }
        _ => ArrayValues::F32(host(&x.x).unwrap()),
    };
    let mut inputs = vec![("x".to_owned(), Array::new(x.x.dims(), values))];
    if let Some(mask) = &x.mask {
        inputs.push(("mask".to_owned(), Array::f32(mask.steps.dims(), host(&mask.steps).unwrap())));
    }
    inputs
}
