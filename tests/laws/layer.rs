//! The laws of layers.

use candle_core::{Device, Tensor, Var};
use mtl::domain::array::ElementType;
use mtl::domain::kinds::Choice;
use mtl::domain::shape::Shape;
use mtl::model::layer::{Layer, LayerSpec};
use mtl::model::mode::Mode;
use mtl::model::signal::{Signal, Wire};
use mtl::model::weights::{Weights, host};
use mtl::onnx::graph::{Dim, Graph};
use serde_json::json;

use crate::laws::tensor::{array, factor, joint, largest_difference, session, tensor};

const WIDTH: usize = 5;

/// Every layer of the shelf, in every form that makes a difference.
fn all() -> Vec<(String, LayerSpec)> {
    let mut words = vec![
        json!({"dense": {"units": 4, "activation": "tanh"}}),
        json!({"dense": {"units": 4, "activation": "gelu", "bias": false}}),
        json!({"dense": 3}),
        json!({"dropout": 0.4}),
        json!({"batch_norm": {"momentum": 0.3}}),
        json!("layer_norm"),
        json!({"residual": [{"dense": {"units": 6, "activation": "silu"}}, "layer_norm", {"dense": 5}]}),
        json!({"residual": [{"dense": {"units": 3, "activation": "elu"}}]}),
        json!({"mark": "here"}),
    ];
    for function in ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"] {
        words.push(json!({"activation": function}));
    }
    let specs: Vec<LayerSpec> =
        words.iter().map(|words| serde_json::from_value(words.clone()).unwrap()).collect();
    for name in LayerSpec::NAMES {
        assert!(specs.iter().any(|spec| spec.name() == *name), "`{name}` is not tried");
    }
    words.iter().map(ToString::to_string).zip(specs).collect()
}

fn built(spec: &LayerSpec, seed: u64) -> (Box<dyn Layer>, Weights) {
    let mut weights = Weights::new(seed, &Device::Cpu);
    let layer = spec.view().build("trunk.0.layer", Shape::vector(WIDTH), &mut weights).unwrap();
    (layer, weights)
}

/// Weights as training might leave them: no zeros and ones.
fn stir(weights: &Weights) {
    for (salt, weight) in weights.iter().enumerate() {
        let noise = tensor(1, weight.count(), salt as u32).reshape(weight.var.dims()).unwrap();
        let noise = if weight.trainable { noise } else { noise.abs().unwrap() };
        weight.var.set(&(weight.var.as_tensor() + noise * 0.2).unwrap()).unwrap();
    }
}

fn through(layer: &dyn Layer, x: &Tensor, mode: &Mode) -> Tensor {
    layer.forward(&Signal::plain(x.clone()), mode).unwrap().x
}

#[test]
fn the_announced_shape_is_the_true_one() {
    for (words, spec) in all() {
        let announced = spec.view().shape(Shape::vector(WIDTH)).unwrap();
        for mode in [Mode::evaluate(), Mode::train(1, 1)] {
            let y = through(built(&spec, 1).0.as_ref(), &tensor(3, WIDTH, 0), &mode);
            assert_eq!(y.dims(), [3, announced.width()], "{words}");
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 4e-3;
    for (words, spec) in all() {
        for mode in [Mode::train(1, 1), Mode::evaluate()] {
            let (layer, weights) = built(&spec, 1);
            stir(&weights);
            let x = Var::from_tensor(&tensor(6, WIDTH, 9)).unwrap();
            let mut variables = vec![("x".to_owned(), x.clone())];
            variables.extend(weights.trainable().map(|weight| (weight.name.clone(), weight.var.clone())));
            let y = through(&*layer, &x, &mode);
            let factors: Vec<f32> = (0..y.elem_count()).map(factor).collect();
            let factors = Tensor::from_vec(factors, y.dims(), &Device::Cpu).unwrap();
            let gradients = (y * factors).unwrap().sum_all().unwrap().backward().unwrap();
            let at = |variable: &Var, values: &[f32]| {
                variable.set(&Tensor::from_slice(values, variable.dims(), &Device::Cpu).unwrap()).unwrap();
                // Running statistics move with every training pass; they are not what is measured.
                joint(&through(&*layer, &x, &mode))
            };
            for (name, variable) in &variables {
                let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{words}: {name} has none"));
                let gradient = host(gradient).unwrap();
                let values = host(variable).unwrap();
                for index in 0..values.len() {
                    let mut moved = values.clone();
                    moved[index] = values[index] + STEP as f32;
                    let above = at(variable, &moved);
                    moved[index] = values[index] - STEP as f32;
                    let slope = (above - at(variable, &moved)) / (2.0 * STEP);
                    let found = f64::from(gradient[index]);
                    let near = (slope - found).abs() <= 2e-3 * found.abs().max(1.0);
                    assert!(near, "{words} {mode:?}: d/d{name}[{index}] is {slope}, not {found}");
                }
                at(variable, &values);
            }
        }
    }
}

#[test]
fn answers_depend_on_the_row_alone_and_repeat() {
    for (words, spec) in all() {
        let (layer, weights) = built(&spec, 1);
        stir(&weights);
        let x = tensor(6, WIDTH, 3);
        let y = |x: &Tensor| host(&through(&*layer, x, &Mode::evaluate())).unwrap();
        let all = y(&x);
        assert_eq!(all, y(&x), "{words}");
        let last = y(&x.narrow(0, 5, 1).unwrap());
        assert!(largest_difference(&all[5 * last.len()..], &last) < 1e-6, "{words}");
    }
}

#[test]
fn saved_and_loaded_a_layer_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    for (words, spec) in all() {
        let x = tensor(4, WIDTH, 3);
        let (first, weights) = built(&spec, 1);
        stir(&weights);
        weights.save(&path).unwrap();
        let (second, weights) = built(&spec, 2);
        weights.load(&path).unwrap();
        let y = |layer: &dyn Layer| host(&through(layer, &x, &Mode::evaluate())).unwrap();
        assert_eq!(y(first.as_ref()), y(second.as_ref()), "{words}");
    }
}

#[test]
fn onnx_runtime_agrees() {
    let folder = tempfile::tempdir().unwrap();
    for (words, spec) in all() {
        let (layer, weights) = built(&spec, 1);
        stir(&weights);
        let width = spec.view().shape(Shape::vector(WIDTH)).unwrap().width();
        let mut graph = Graph::new("layer");
        let x = graph.input("x", ElementType::Float32, &[Dim::Batch, Dim::Fixed(WIDTH)]);
        let y = layer.emit(&mut graph, &Wire::plain(x)).unwrap().x;
        graph.output("y", &y, ElementType::Float32, &[Dim::Batch, Dim::Fixed(width)]);
        let mut session = session(graph, folder.path(), 17);
        for rows in [1, 7] {
            let x = tensor(rows, WIDTH, 8);
            let expected = host(&through(&*layer, &x, &Mode::evaluate())).unwrap();
            let found = session.run(&[("x".to_owned(), array(&x))]).unwrap();
            let difference = largest_difference(found[0].1.as_f32().unwrap(), &expected);
            assert!(difference < 1e-5, "{words}: {difference}");
        }
    }
}
