//! Properties of layers, checked for every registered layer: its example, with the first shape it accepts,
//! and more settings below.

use std::path::Path;

use candle_core::{Tensor, Var};
use mtl::domain::array::Array;
use mtl::domain::choice_config::Choice;
use mtl::domain::shape::Shape;
use mtl::model::activations::Activations;
use mtl::model::layer::LayerConfig;
use mtl::model::layer::pretrained::model_cell::ModelFolders;
use mtl::model::mode::Mode;
use mtl::model::weights::host;
use mtl::onnx::session::OnnxSession;
use serde_json::{Value, json};

use crate::laws::signal::{Built, LENGTHS, batch, graph, graph_inputs, masked, row, with_noisy_padding};
use crate::laws::tensor::{factor, largest_difference, session, weighted_sum};

const VECTOR: Shape = Shape::Vector { width: 5 };
const SEQUENCE: Shape = Shape::Sequence { width: 8 };
const TOKENS: Shape = Shape::Tokens { vocabulary: 11 };
const IMAGE: Shape = Shape::Image { channels: 2, height: 6, width: 5 };

/// More layers beside the examples, with their input shapes.
fn more_layers() -> Vec<(Value, Shape)> {
    let mut layers = vec![
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
    for function in [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "gelu",
        "gelu_tanh",
        "quick_gelu",
        "silu",
        "hard_swish",
        "mish",
        "tanh",
        "sigmoid",
        "hard_sigmoid",
        "softplus",
        "identity",
    ] {
        layers.push((json!({"activation": function}), VECTOR));
    }
    for kind in ["max", "mean", "attention", "last", "first"] {
        layers.push((json!({"pool": kind}), SEQUENCE));
    }
    for config in [
        json!({"pool": {"kind": "attention", "units": 3}}),
        json!({"positions": "sinusoidal"}),
        json!({"multi_head_attention": {"heads": 1, "dropout": 0.3}}),
        json!({"multi_head_attention": {"heads": 2, "causal": true}}),
        json!({"multi_head_attention": {"heads": 4, "causal": true, "rotary": true, "dropout": 0.3}}),
        json!({"multi_head_attention": {"heads": 4, "kv_heads": 2, "rotary": true, "rotary_theta": 50}}),
        json!({"multi_head_attention": {"heads": 4, "kv_heads": 1, "window": 2, "dropout": 0.3}}),
        json!({"transformer": {"layers": 1, "hidden": 12, "positions": "learned", "dropout": 0.2}}),
        json!({"transformer": {
            "layers": 2, "hidden": 8, "positions": "relative", "norm_kind": "layer_without_bias"
        }}),
        json!({"transformer": {
            "layers": 1, "hidden": 8, "positions": "relative", "causal": true, "kv_heads": 2, "window": 3
        }}),
        json!({"transformer": {"layers": 2, "hidden": 8, "positions": "rotary", "causal": true}}),
        json!({"transformer": {
            "layers": 1, "heads": 1, "positions": "none", "norm": "post", "activation": "relu"
        }}),
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
        layers.push((config, SEQUENCE));
    }
    layers.push((json!({"embedding": {"width": 3, "frozen": true}}), TOKENS));
    for family in [
        "albert",
        "bert",
        "deberta_v2",
        "deberta_v3",
        "distilbert",
        "electra",
        "gpt2",
        "llama",
        "llama3",
        "modernbert",
        "mpnet",
        "qwen2",
        "roberta",
        "t5",
        "t5_gated",
    ] {
        layers.push((json!({"pretrained": {"path": family}}), TOKENS));
    }
    layers.push((json!({"pretrained": {"path": "bert", "freeze": 1, "dropout": 0.2}}), TOKENS));
    let lora = json!({"rank": 2, "alpha": 3.0, "dropout": 0.3, "targets": ["query", "value", "up"]});
    layers.push((json!({"pretrained": {"path": "bert", "freeze": 1, "lora": lora}}), TOKENS));
    let dora = json!({"rank": 2, "dropout": 0.3, "dora": true, "targets": ["key", "value", "down"]});
    layers.push((json!({"pretrained": {"path": "bert", "lora": dora}}), TOKENS));
    layers.push((json!({"pretrained": {"path": "bert", "adapter": "adapter_bert_dora"}}), TOKENS));
    layers.push((json!({"pretrained": {"path": "gpt2", "adapter": "adapter_gpt2"}}), TOKENS));
    layers.push((json!({"embedding": {"width": 3, "tied": "words"}}), TOKENS));
    for config in [
        json!({"activation": "silu"}),
        json!({"dropout": {"rate": 0.4, "channels": true}}),
        json!("batch_norm"),
        json!({"conv2d": {"filters": 3, "activation": "softplus"}}),
        json!({"conv2d": {"filters": 3, "kernel": 4, "stride": 2, "bias": false}}),
        json!({"conv2d": {"filters": 9, "kernel": 5, "padding": "valid", "activation": "silu"}}),
        json!({"conv2d": {"filters": 2, "kernel": 2, "stride": 3, "padding": 1}}),
        json!({"conv2d": {"filters": 2, "kernel": 1, "stride": 2}}),
        json!({"conv2d": {"filters": 4, "groups": "depthwise", "stride": 2, "activation": "gelu_tanh"}}),
        json!({"conv2d": {"filters": 2, "groups": "depthwise", "kernel": 5, "padding": "valid"}}),
        json!({"residual": [{"conv2d": 6}, {"conv2d": {"filters": 4, "groups": 2, "activation": "mish"}}]}),
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
        json!("layer_norm"),
        json!({"layer_scale": 0.5}),
        json!({"drop_path": 0.4}),
        json!({"squeeze_excite": {"reduction": 1, "activation": "tanh"}}),
        json!({"patch_embedding": {"width": 3, "patch": 1, "positions": false}}),
        json!({"global_pool": "max"}),
        json!({"residual": [{"conv2d": {"filters": 2, "activation": "tanh"}}]}),
        json!({"residual": [{"conv2d": {"filters": 4, "stride": 2}}, "batch_norm"]}),
    ] {
        layers.push((config, IMAGE));
    }
    layers
}

struct Case {
    name: String,
    config: LayerConfig,
    input: Shape,
}

fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (name, example) in LayerConfig::examples() {
        let config: LayerConfig = serde_yaml::from_str(example).unwrap();
        if matches!(config, LayerConfig::Pretrained(_)) {
            // Its folder is the user's; those of the tests are among the layers above.
            continue;
        }
        let accepted =
            [VECTOR, SEQUENCE, TOKENS, IMAGE].into_iter().find(|s| config.view().shape(*s).is_ok());
        let input = accepted.unwrap_or_else(|| panic!("the example of `{name}` accepts none of the shapes"));
        cases.push(Case { name: (*example).to_owned(), config, input });
    }
    for (json, input) in more_layers() {
        let config: LayerConfig = serde_json::from_value(json.clone()).unwrap();
        if let LayerConfig::Pretrained(pretrained) = &config {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
            pretrained.read(&ModelFolders::in_folder(&folder)).unwrap();
            pretrained.read_adapter(&ModelFolders::in_folder(&folder)).unwrap();
        }
        cases.push(Case { name: format!("{json} of {input}"), config, input });
    }
    cases
}

impl Case {
    fn build(&self, seed: u64) -> Built {
        Built::new(&self.config, self.input, seed)
    }

    /// Builds the layer with perturbed weights, as after training: no zeros and ones.
    fn build_perturbed(&self) -> Built {
        let built = self.build(1);
        built.perturb();
        built
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    host(x).unwrap()
}

#[test]
fn shape_inference_is_correct() {
    for case in all() {
        let output = case.config.view().shape(case.input).unwrap();
        let x = batch(case.input, &LENGTHS, 0);
        for mode in [Mode::evaluate(), Mode::train(1, 1)] {
            let y = case.build(1).layer.forward(&x, &mode).unwrap();
            let (rows, steps) = (LENGTHS.len(), y.mask.as_ref().map(|mask| mask.steps.dims().to_vec()));
            let time = steps.as_ref().map_or(0, |steps| steps[1]);
            let (expected, has_steps) = match output {
                Shape::Vector { width } => (vec![rows, width], false),
                Shape::Tokens { .. } => (vec![rows, time], true),
                Shape::Sequence { width } => (vec![rows, time, width], true),
                Shape::Image { channels, height, width } => (vec![rows, channels, height, width], false),
            };
            assert_eq!(y.x.dims(), expected, "{}", case.name);
            assert_eq!(steps, has_steps.then(|| vec![rows, time]), "{}: its mask", case.name);
            if let Some(mask) = &y.mask {
                let sums: Vec<f32> = values(&mask.steps.sum(1).unwrap());
                let lengths: Vec<f32> = mask.lengths.iter().map(|length| *length as f32).collect();
                assert_eq!(sums, lengths, "{}: steps and lengths of its mask", case.name);
                assert!(lengths.iter().all(|length| *length >= 1.0), "{}: {lengths:?}", case.name);
            }
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    // Larger steps reduce rounding errors, smaller ones avoid kinks.
    const STEPS: [f64; 3] = [4e-3, 1e-3, 2.5e-4];
    /// Number of elements tested per variable.
    const TESTED: usize = 12;
    // Gradients of low-rank updates are smaller than the rounding errors of these differences: a unit test
    // of the layer computes them from those of the merged weights, and adapters are compared with peft.
    let is_adapted = |case: &Case| case.name.contains("lora") || case.name.contains("adapter");
    // T5 does not scale its scores, so that its random weights choose sharply and small steps meet large
    // curvature; a unit test compares its gradients with those of transformers.
    let is_sharp = |case: &Case| case.name.contains("\"t5\"");
    for case in all().into_iter().filter(|case| !is_adapted(case) && !is_sharp(case)) {
        for mode in [Mode::train(1, 1), Mode::evaluate()] {
            let (built, name) = (case.build_perturbed(), &case.name);
            let x = batch(case.input, &LENGTHS, 9);
            let input = Var::from_tensor(&x.x).unwrap();
            let x = Activations { x: input.as_tensor().clone(), mask: x.mask };
            let mut variables = Vec::new();
            if !matches!(case.input, Shape::Tokens { .. }) {
                variables.push(("x".to_owned(), input.clone()));
            }
            let trained = built.weights.trainable();
            variables.extend(trained.map(|weight| (weight.name.clone(), weight.var.clone())));
            let forward = || masked(&built.layer.forward(&x, &mode).unwrap());
            let y = forward();
            if variables.is_empty() {
                continue;
            }
            let factors: Vec<f32> = (0..y.elem_count()).map(factor).collect();
            let factors = Tensor::from_vec(factors, y.dims(), y.device()).unwrap();
            let gradients = (y * factors).unwrap().sum_all().unwrap().backward().unwrap();
            let objective = |variable: &Var, values: &[f32]| {
                variable
                    .set(&Tensor::from_slice(values, variable.dims(), variable.device()).unwrap())
                    .unwrap();
                // Every training pass also updates running statistics, which do not affect the output.
                weighted_sum(&forward())
            };
            for (variable_name, variable) in &variables {
                let gradient = gradients.get(variable);
                let gradient = gradient.unwrap_or_else(|| panic!("{name}: no gradient of {variable_name}"));
                let gradient = values(gradient);
                let before = values(variable);
                let stride = before.len().div_ceil(TESTED);
                for index in (0..before.len()).step_by(if stride > 1 { stride | 1 } else { 1 }) {
                    let actual = f64::from(gradient[index]);
                    let slopes = STEPS.map(|step| {
                        let mut moved = before.clone();
                        moved[index] = before[index] + step as f32;
                        let above = objective(variable, &moved);
                        moved[index] = before[index] - step as f32;
                        (above - objective(variable, &moved)) / (2.0 * step)
                    });
                    let near = |slope: f64| (slope - actual).abs() <= 3e-3 * actual.abs().max(1.0);
                    assert!(
                        slopes.iter().any(|slope| near(*slope)),
                        "{name} {mode:?}: d/d{variable_name}[{index}] is {slopes:?}, not {actual}"
                    );
                }
                objective(variable, &before);
            }
        }
    }
}

#[test]
fn outputs_are_deterministic_and_independent_of_other_rows() {
    for case in all() {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        let whole = built.evaluate(&x);
        let all = values(&masked(&whole));
        assert_eq!(all, values(&masked(&built.evaluate(&x))), "{}", case.name);
        for number in 0..LENGTHS.len() {
            // Without the padding that longer rows of the batch require.
            let alone = values(&masked(&built.evaluate(&row(&x, number))));
            let in_batch = values(&masked(&row(&whole, number)));
            let difference = largest_difference(&in_batch, &alone);
            assert!(difference < 1e-5, "{}: row {number} by {difference}", case.name);
        }
    }
}

#[test]
fn padding_does_not_affect_outputs() {
    for case in
        all().into_iter().filter(|case| matches!(case.input, Shape::Sequence { .. } | Shape::Tokens { .. }))
    {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        let y = values(&masked(&built.evaluate(&x)));
        let noisy = values(&masked(&built.evaluate(&with_noisy_padding(&x, case.input))));
        let difference = largest_difference(&noisy, &y);
        assert!(difference < 1e-6, "{}: {difference}", case.name);
    }
}

#[test]
fn causal_layers_do_not_look_ahead() {
    for case in all() {
        let output = case.config.view().shape(case.input).unwrap();
        if !matches!(case.input, Shape::Sequence { .. } | Shape::Tokens { .. })
            || !matches!(output, Shape::Sequence { .. })
        {
            continue;
        }
        let built = case.build_perturbed();
        let time = 6;
        let (x, other) = (batch(case.input, &[time], 3), batch(case.input, &[time], 4));
        // Change the last step.
        let last = match case.input {
            Shape::Tokens { .. } => other.x.narrow(1, time as usize - 1, 1).unwrap(),
            _ => x.x.narrow(1, time as usize - 1, 1).unwrap().neg().unwrap(),
        };
        let parts = [x.x.narrow(1, 0, time as usize - 1).unwrap(), last];
        let changed = x.with(Tensor::cat(&parts, 1).unwrap());
        let before = |x: &Activations| {
            let y = built.evaluate(x).x;
            // The steps before the change; all steps if the layer shortens the sequence.
            let kept = y.dim(1).unwrap().min(time as usize - 1);
            values(&y.narrow(1, 0, kept).unwrap())
        };
        let same = largest_difference(&before(&changed), &before(&x)) < 1e-6;
        if case.config.view().is_causal() {
            assert!(same, "{} should be causal", case.name);
        } else {
            assert!(!same, "{} should not be causal", case.name);
        }
    }
}

#[test]
fn saving_and_loading_weights_preserves_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    for case in all() {
        let x = batch(case.input, &LENGTHS, 3);
        let first = case.build_perturbed();
        first.weights.save(&path).unwrap();
        let second = case.build(2);
        second.weights.load(&path).unwrap();
        let y = |built: &Built| values(&built.evaluate(&x).x);
        assert_eq!(y(&first), y(&second), "{}", case.name);
    }
}

#[test]
fn equals_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    for case in all() {
        let built = case.build_perturbed();
        let graph = graph(&built, case.input, case.config.view().shape(case.input).unwrap());
        let mut session: OnnxSession = session(graph, folder.path(), 17);
        let input_names: Vec<String> = session.inputs().iter().map(|port| port.name.clone()).collect();
        for lengths in [&LENGTHS[..], &[4], &[1]] {
            let x = batch(case.input, lengths, 8);
            let y = built.evaluate(&x);
            let mut inputs: Vec<(String, Array)> = graph_inputs(&x);
            inputs.retain(|(name, _)| input_names.contains(name));
            let outputs = session.run(&inputs).unwrap();
            let array = |name: &str| &outputs.iter().find(|(output, _)| output == name).unwrap().1;
            let expected = values(&masked(&y));
            let (shape, actual) = (y.x.dims(), array("y").as_f32().unwrap().to_vec());
            assert_eq!(array("y").shape, shape, "{}", case.name);
            let actual = y.with(Tensor::from_vec(actual, shape, y.x.device()).unwrap());
            let difference = largest_difference(&values(&masked(&actual)), &expected);
            let largest = expected.iter().fold(1.0, |largest: f32, value| largest.max(value.abs()));
            assert!(difference < 1e-5 * largest, "{}: {difference} of {largest}", case.name);
            if let Some(mask) = &y.mask {
                assert_eq!(array("steps").as_f32().unwrap(), values(&mask.steps), "{}", case.name);
                let lengths: Vec<f32> = mask.lengths.iter().map(|length| *length as f32).collect();
                assert_eq!(array("lengths").as_f32().unwrap(), lengths, "{}", case.name);
            }
        }
    }
}
