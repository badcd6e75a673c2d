//! The laws of layers: every one of the shelf, by its example and in every form that makes a difference,
//! from the first kind of input it takes.

use candle_core::{Tensor, Var};
use mtl::domain::array::Array;
use mtl::domain::choice_config::Choice;
use mtl::domain::shape::Shape;
use mtl::model::activations::Activations;
use mtl::model::layer::LayerConfig;
use mtl::model::mode::Mode;
use mtl::model::weights::host;
use mtl::onnx::session::OnnxSession;
use serde_json::{Value, json};

use crate::laws::signal::{Built, LENGTHS, batch, compared, fed, graph, row, with_noise_behind};
use crate::laws::tensor::{factor, joint, largest_difference, session};

const VECTOR: Shape = Shape::Vector { width: 5 };
const SEQUENCE: Shape = Shape::Sequence { width: 8 };
const TOKENS: Shape = Shape::Tokens { vocabulary: 11 };
const IMAGE: Shape = Shape::Image { channels: 2, height: 6, width: 5 };

/// Layers beside the examples, from what they take.
fn forms() -> Vec<(Value, Shape)> {
    let mut forms = vec![
        (json!({"dense": {"units": 4, "activation": "tanh"}}), VECTOR),
        (json!({"dense": {"units": 4, "activation": "gelu", "bias": false}}), VECTOR),
        (json!({"dense": 3}), SEQUENCE),
        (json!({"dropout": 0.4}), VECTOR),
        (json!({"dropout": 0.4}), SEQUENCE),
        (json!({"batch_norm": {"momentum": 0.3}}), VECTOR),
        (json!("layer_norm"), VECTOR),
        (json!("layer_norm"), SEQUENCE),
        (
            json!({"residual": [{"dense": {"units": 6, "activation": "silu"}}, "layer_norm", {"dense": 5}]}),
            VECTOR,
        ),
        (json!({"residual": [{"dense": {"units": 3, "activation": "elu"}}]}), SEQUENCE),
        (json!({"mark": "here"}), VECTOR),
        (json!({"mark": "here"}), TOKENS),
    ];
    for function in ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"] {
        forms.push((json!({"activation": function}), VECTOR));
    }
    for kind in ["max", "mean", "attention", "last", "first"] {
        forms.push((json!({"pool": kind}), SEQUENCE));
    }
    for config in [
        json!({"pool": {"kind": "attention", "units": 3}}),
        json!({"positions": "sinusoidal"}),
        json!({"multi_head_attention": {"heads": 1, "dropout": 0.3}}),
        json!({"multi_head_attention": {"heads": 2, "causal": true}}),
        json!({"multi_head_attention": {"heads": 4, "causal": true, "rotary": true, "dropout": 0.3}}),
        json!({"transformer": {"layers": 1, "hidden": 12, "positions": "learned", "dropout": 0.2}}),
        json!({"transformer": {"layers": 2, "hidden": 8, "positions": "rotary", "causal": true}}),
        json!({"transformer": {"layers": 1, "heads": 1, "positions": "none", "norm": "post", "activation": "relu"}}),
        json!({"residual": ["layer_norm", {"multi_head_attention": {"heads": 2, "rotary": true}}]}),
        json!({"lstm": {"units": 3, "layers": 2, "dropout": 0.3}}),
        json!({"lstm": {"units": 18, "bidirectional": true}}),
        json!({"gru": 18}),
        json!({"gru": {"units": 2, "bidirectional": true, "layers": 2, "dropout": 0.3}}),
        json!({"activation": "tanh"}),
        json!({"conv1d": {"filters": 3, "activation": "gelu"}}),
        json!({"conv1d": {"filters": 3, "kernel": 4, "bias": false}}),
        json!({"conv1d": {"filters": 3, "kernel": 1}}),
        json!({"conv1d": {"filters": 3, "kernel": 2, "dilation": 3, "padding": "causal"}}),
        json!({"conv1d": {"filters": 3, "dilation": 2, "padding": "valid", "activation": "tanh"}}),
        json!({"dropout": {"rate": 0.4, "channels": true}}),
    ] {
        forms.push((config, SEQUENCE));
    }
    forms.push((json!({"embedding": {"width": 3, "frozen": true}}), TOKENS));
    forms.push((json!({"embedding": {"width": 3, "tied": "words"}}), TOKENS));
    for config in [
        json!({"activation": "silu"}),
        json!({"dropout": {"rate": 0.4, "channels": true}}),
        json!("batch_norm"),
        json!({"conv2d": {"filters": 3, "activation": "softplus"}}),
        json!({"conv2d": {"filters": 3, "kernel": 4, "stride": 2, "bias": false}}),
        json!({"conv2d": {"filters": 9, "kernel": 5, "padding": "valid", "activation": "silu"}}),
        json!({"conv2d": {"filters": 2, "kernel": 2, "stride": 3, "padding": 1}}),
        json!({"conv2d": {"filters": 2, "kernel": 1, "stride": 2}}),
        json!({"conv_transpose2d": 3}),
        json!({"conv_transpose2d": {"filters": 3, "kernel": 4, "padding": 1, "activation": "tanh"}}),
        json!({"conv_transpose2d": {"filters": 2, "kernel": 3, "stride": 2}}),
        json!({"conv_transpose2d": {"filters": 2, "kernel": 1, "stride": 3, "bias": false}}),
        json!({"conv_transpose2d": {"filters": 2, "kernel": 3, "stride": 1, "padding": "valid"}}),
        json!({"max_pool2d": {"size": 3, "stride": 2, "padding": 1}}),
        json!({"max_pool2d": {"size": 2, "stride": 2, "padding": "same"}}),
        json!({"avg_pool2d": {"size": 3, "stride": 1, "padding": "same"}}),
        json!({"avg_pool2d": {"size": 3, "stride": 2, "padding": 1}}),
        json!({"upsample": {"factor": 3}}),
        json!({"global_pool": "max"}),
        json!({"residual": [{"conv2d": {"filters": 2, "activation": "tanh"}}]}),
        json!({"residual": [{"conv2d": {"filters": 4, "stride": 2}}, "batch_norm"]}),
    ] {
        forms.push((config, IMAGE));
    }
    forms
}

struct Case {
    words: String,
    spec: LayerConfig,
    input: Shape,
}

fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (name, example) in LayerConfig::examples() {
        let settings: LayerConfig = serde_yaml::from_str(example).unwrap();
        let accepted =
            [VECTOR, SEQUENCE, TOKENS, IMAGE].into_iter().find(|s| settings.view().shape(*s).is_ok());
        let input = accepted.unwrap_or_else(|| panic!("the example of `{name}` takes no input of the laws"));
        cases.push(Case { words: (*example).to_owned(), spec: settings, input });
    }
    for (config, input) in forms() {
        let settings: LayerConfig = serde_json::from_value(config.clone()).unwrap();
        cases.push(Case { words: format!("{config} of {input}"), spec: settings, input });
    }
    cases
}

impl Case {
    fn built(&self, seed: u64) -> Built {
        Built::new(&self.spec, self.input, seed)
    }

    /// Built, with weights as training might leave them: no zeros and ones.
    fn stirred(&self) -> Built {
        let built = self.built(1);
        built.stir();
        built
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    host(x).unwrap()
}

#[test]
fn the_announced_shape_is_the_true_one() {
    for case in all() {
        let announced = case.spec.view().shape(case.input).unwrap();
        let x = batch(case.input, &LENGTHS, 0);
        for mode in [Mode::evaluate(), Mode::train(1, 1)] {
            let y = case.built(1).layer.forward(&x, &mode).unwrap();
            let (rows, steps) = (LENGTHS.len(), y.mask.as_ref().map(|mask| mask.steps.dims().to_vec()));
            let time = steps.as_ref().map_or(0, |steps| steps[1]);
            let (expected, is_stepped) = match announced {
                Shape::Vector { width } => (vec![rows, width], false),
                Shape::Tokens { .. } => (vec![rows, time], true),
                Shape::Sequence { width } => (vec![rows, time, width], true),
                Shape::Image { channels, height, width } => (vec![rows, channels, height, width], false),
            };
            assert_eq!(y.x.dims(), expected, "{}", case.words);
            assert_eq!(steps, is_stepped.then(|| vec![rows, time]), "{}: its mask", case.words);
            if let Some(mask) = &y.mask {
                let counted: Vec<f32> = values(&mask.steps.sum(1).unwrap());
                let lengths: Vec<f32> = mask.lengths.iter().map(|length| *length as f32).collect();
                assert_eq!(counted, lengths, "{}: steps and lengths of its mask", case.words);
                assert!(lengths.iter().all(|length| *length >= 1.0), "{}: {lengths:?}", case.words);
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    // The larger step drowns rounding, the smaller one steps over no kink.
    const STEPS: [f64; 3] = [4e-3, 1e-3, 2.5e-4];
    /// Elements of each variable that are tried.
    const TRIED: usize = 12;
    for case in all() {
        for mode in [Mode::train(1, 1), Mode::evaluate()] {
            let (built, config) = (case.stirred(), &case.words);
            let x = batch(case.input, &LENGTHS, 9);
            let input = Var::from_tensor(&x.x).unwrap();
            let x = Activations { x: input.as_tensor().clone(), mask: x.mask };
            let mut variables = Vec::new();
            if !matches!(case.input, Shape::Tokens { .. }) {
                variables.push(("x".to_owned(), input.clone()));
            }
            let trained = built.weights.trainable();
            variables.extend(trained.map(|weight| (weight.name.clone(), weight.var.clone())));
            let through = || compared(&built.layer.forward(&x, &mode).unwrap());
            let y = through();
            if variables.is_empty() {
                continue;
            }
            let factors: Vec<f32> = (0..y.elem_count()).map(factor).collect();
            let factors = Tensor::from_vec(factors, y.dims(), y.device()).unwrap();
            let gradients = (y * factors).unwrap().sum_all().unwrap().backward().unwrap();
            let at = |variable: &Var, values: &[f32]| {
                variable
                    .set(&Tensor::from_slice(values, variable.dims(), variable.device()).unwrap())
                    .unwrap();
                // Running statistics move with every training pass; they are not what is measured.
                joint(&through())
            };
            for (name, variable) in &variables {
                let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{config}: {name} has none"));
                let gradient = values(gradient);
                let before = values(variable);
                let stride = before.len().div_ceil(TRIED);
                for index in (0..before.len()).step_by(if stride > 1 { stride | 1 } else { 1 }) {
                    let actual = f64::from(gradient[index]);
                    let slopes = STEPS.map(|step| {
                        let mut moved = before.clone();
                        moved[index] = before[index] + step as f32;
                        let above = at(variable, &moved);
                        moved[index] = before[index] - step as f32;
                        (above - at(variable, &moved)) / (2.0 * step)
                    });
                    let near = |slope: f64| (slope - actual).abs() <= 3e-3 * actual.abs().max(1.0);
                    assert!(
                        slopes.iter().any(|slope| near(*slope)),
                        "{config} {mode:?}: d/d{name}[{index}] is {slopes:?}, not {actual}"
                    );
                }
                at(variable, &before);
            }
        }
    }
}

#[test]
fn answers_depend_on_the_row_alone_and_repeat() {
    for case in all() {
        let built = case.stirred();
        let x = batch(case.input, &LENGTHS, 3);
        let whole = built.answer(&x);
        let all = values(&compared(&whole));
        assert_eq!(all, values(&compared(&built.answer(&x))), "{}", case.words);
        for number in 0..LENGTHS.len() {
            // Without the steps behind its end, which others of the batch forced on it.
            let alone = values(&compared(&built.answer(&row(&x, number))));
            let among = values(&compared(&row(&whole, number)));
            let difference = largest_difference(&among, &alone);
            assert!(difference < 1e-5, "{}: row {number} by {difference}", case.words);
        }
    }
}

#[test]
fn what_stands_behind_a_rows_end_changes_nothing() {
    for case in
        all().into_iter().filter(|case| matches!(case.input, Shape::Sequence { .. } | Shape::Tokens { .. }))
    {
        let built = case.stirred();
        let x = batch(case.input, &LENGTHS, 3);
        let y = values(&compared(&built.answer(&x)));
        let noisy = values(&compared(&built.answer(&with_noise_behind(&x, case.input))));
        let difference = largest_difference(&noisy, &y);
        assert!(difference < 1e-6, "{}: {difference}", case.words);
    }
}

#[test]
fn who_says_causal_does_not_look_ahead() {
    for case in all() {
        let announced = case.spec.view().shape(case.input).unwrap();
        if !matches!(case.input, Shape::Sequence { .. } | Shape::Tokens { .. })
            || !matches!(announced, Shape::Sequence { .. })
        {
            continue;
        }
        let built = case.stirred();
        let time = 6;
        let (x, other) = (batch(case.input, &[time], 3), batch(case.input, &[time], 4));
        // The last step is another one.
        let last = match case.input {
            Shape::Tokens { .. } => other.x.narrow(1, time as usize - 1, 1).unwrap(),
            _ => x.x.narrow(1, time as usize - 1, 1).unwrap().neg().unwrap(),
        };
        let parts = [x.x.narrow(1, 0, time as usize - 1).unwrap(), last];
        let changed = x.with(Tensor::cat(&parts, 1).unwrap());
        let before = |x: &Activations| {
            let y = built.answer(x).x;
            // As many steps as came before the change; all, where the layer gives fewer than it takes.
            let kept = y.dim(1).unwrap().min(time as usize - 1);
            values(&y.narrow(1, 0, kept).unwrap())
        };
        let same = largest_difference(&before(&changed), &before(&x)) < 1e-6;
        if case.spec.view().is_causal() {
            assert!(same, "{} says it is causal", case.words);
        } else {
            assert!(!same, "{} says it is not causal", case.words);
        }
    }
}

#[test]
fn saved_and_loaded_a_layer_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    for case in all() {
        let x = batch(case.input, &LENGTHS, 3);
        let first = case.stirred();
        first.weights.save(&path).unwrap();
        let second = case.built(2);
        second.weights.load(&path).unwrap();
        let y = |built: &Built| values(&built.answer(&x).x);
        assert_eq!(y(&first), y(&second), "{}", case.words);
    }
}

#[test]
fn onnx_runtime_agrees() {
    let folder = tempfile::tempdir().unwrap();
    for case in all() {
        let built = case.stirred();
        let graph = graph(&built, case.input, case.spec.view().shape(case.input).unwrap());
        let mut session: OnnxSession = session(graph, folder.path(), 17);
        let takes: Vec<String> = session.inputs().iter().map(|port| port.name.clone()).collect();
        for lengths in [&LENGTHS[..], &[4], &[1]] {
            let x = batch(case.input, lengths, 8);
            let y = built.answer(&x);
            let mut given: Vec<(String, Array)> = fed(&x);
            given.retain(|(name, _)| takes.contains(name));
            let actual = session.run(&given).unwrap();
            let array = |name: &str| &actual.iter().find(|(output, _)| output == name).unwrap().1;
            let expected = values(&compared(&y));
            let (shape, text) = (y.x.dims(), array("y").as_f32().unwrap().to_vec());
            assert_eq!(array("y").shape, shape, "{}", case.words);
            let text = y.with(Tensor::from_vec(text, shape, y.x.device()).unwrap());
            let difference = largest_difference(&values(&compared(&text)), &expected);
            assert!(difference < 1e-5, "{}: {difference}", case.words);
            if let Some(mask) = &y.mask {
                assert_eq!(array("steps").as_f32().unwrap(), values(&mask.steps), "{}", case.words);
                let lengths: Vec<f32> = mask.lengths.iter().map(|length| *length as f32).collect();
                assert_eq!(array("lengths").as_f32().unwrap(), lengths, "{}", case.words);
            }
        }
    }
}
