//! Properties of sharings, checked for every registered sharing: its example and more settings, with every
//! kind of input that it accepts.

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use mtl::domain::array::{Array, ElementType};
use mtl::domain::choice_config::Choice;
use mtl::domain::shape::Shape;
use mtl::model::activations::{Activations, GraphActivations, GraphMask};
use mtl::model::layer::LayerConfig;
use mtl::model::layer::pretrained::model_cell::ModelFolders;
use mtl::model::mode::Mode;
use mtl::model::sharing::{Body, BuiltSharing, SharingConfig, TaskReader};
use mtl::model::weights::{Weights, host};
use mtl::onnx::graph::{Dim, Graph};
use mtl::onnx::operator;
use serde_json::{Value, json};

use crate::laws::signal::{LENGTHS, batch, graph_inputs, masked, row, with_noisy_padding};
use crate::laws::tensor::{factor, largest_difference, session, tensor, weighted_sum};

const VECTOR: Shape = Shape::Vector { width: 5 };
const SEQUENCE: Shape = Shape::Sequence { width: 6 };
const TOKENS: Shape = Shape::Tokens { vocabulary: 11 };
const IMAGE: Shape = Shape::Image { channels: 2, height: 6, width: 5 };

/// The tasks of every case; the last reads a mark, if the trunk has one.
const TASKS: [&str; 3] = ["a", "b", "c"];

/// A sharing, its trunk, and what it reads.
struct Case {
    sharing: SharingConfig,
    trunk: Vec<LayerConfig>,
    input: Shape,
    name: String,
}

fn trunks() -> Vec<(Value, Shape)> {
    vec![
        (json!([{"dense": {"units": 4, "activation": "tanh"}}, {"mark": "m"}, {"dense": 4}]), VECTOR),
        (json!([{"dense": 4}, "layer_norm", {"gru": {"units": 4}}]), SEQUENCE),
        (
            json!([{"embedding": 4}, {"mark": "m"}, {"transformer": {"layers": 1, "heads": 2, "hidden": 6}}]),
            TOKENS,
        ),
        (
            json!([
                {"conv2d": {"filters": 4, "activation": "tanh"}},
                {"conv2d": {"filters": 3, "stride": 2}}
            ]),
            IMAGE,
        ),
        (json!([{"conv2d": 2}, "batch_norm", {"mark": "m"}, {"activation": "silu"}, {"conv2d": 2}]), IMAGE),
    ]
}

/// Trunks whose pretrained layer has updates of each task.
fn adapted_trunks() -> Vec<(Value, Shape)> {
    let lora = json!({"rank": 2, "alpha": 3.0, "targets": ["query", "value", "up"]});
    let whole = json!({"pretrained": {"path": "bert", "dropout": 0, "lora": lora}});
    let part = json!({"pretrained": {"path": "bert", "freeze": 1, "dropout": 0, "lora": lora}});
    let shared = json!({"pretrained": {"path": "albert", "dropout": 0, "lora": lora}});
    let causal = json!({"pretrained": {"path": "gpt2", "freeze": 1, "dropout": 0, "lora": lora}});
    vec![
        (json!([whole, {"mark": "m"}, {"dense": {"units": 4, "activation": "tanh"}}]), TOKENS),
        (json!([part, {"pool": "mean"}, {"dense": 4}]), TOKENS),
        (json!([shared, {"pool": "mean"}]), TOKENS),
        (json!([causal, {"dense": 3}, {"mark": "m"}, "layer_norm"]), TOKENS),
    ]
}

/// Layers of experts, for each shape of the trunk's output.
fn expert_layers(input: Shape) -> Vec<Value> {
    match input {
        Shape::Vector { .. } => vec![json!([{"dense": {"units": 3, "activation": "tanh"}}])],
        Shape::Image { .. } => vec![
            json!([{"conv2d": {"filters": 2, "kernel": 1}}]),
            json!(["flatten", {"dense": {"units": 3, "activation": "silu"}}]),
        ],
        _ => vec![
            json!([{"lstm": {"units": 3}}]),
            json!([{"conv1d": {"filters": 3, "activation": "tanh"}}]),
            json!([{"pool": "max"}, {"dense": 3}]),
        ],
    }
}

/// Settings of sharings with these layers.
fn with_layers(layers: &Value) -> Vec<Value> {
    vec![
        json!({"omoe": {"experts": 3, "layers": layers}}),
        json!({"mmoe": {"experts": 3, "layers": layers}}),
        json!({"cgc": {"shared": 2, "own": 1, "layers": layers}}),
        json!({"ple": {"levels": 2, "shared": 1, "own": 2, "layers": layers}}),
        json!({"dselect_k": {"experts": 3, "k": 2, "layers": layers}}),
        json!({"dselect_k": {"experts": 1, "k": 1, "layers": layers}}),
        json!({"adatt": {"levels": 2, "own": 2, "shared": 1, "layers": layers}}),
        json!({"adatt": {"levels": 1, "own": 1, "layers": layers}}),
        json!({"aitm": {"order": ["a", "c", "b"], "layers": layers}}),
        json!({"aitm": {"order": ["b", "a"], "layers": layers}}),
    ]
}

/// Settings of sharings without layers.
fn without_layers() -> Vec<Value> {
    vec![
        json!("hard"),
        json!({"relation": {"units": 3}}),
        json!({"cross_stitch": 0.6}),
        json!({"sluice": {"subspaces": 2, "skip": "last"}}),
        json!({"sluice": {"subspaces": 1, "orthogonality": 0}}),
        json!("ltb"),
        json!({"soft": {"strength": 0.5}}),
        json!({"soft": {"penalty": "trace_norm", "strength": 0.5}}),
        json!({"adapter": {"units": 3, "activation": "tanh"}}),
        json!({"esmm": {"click": "b", "conversion": "a"}}),
    ]
}

/// Settings of sharings of updates.
fn of_updates() -> Vec<Value> {
    vec![
        json!("task_lora"),
        json!({"mtl_lora": {"ups": 2, "temperature": 0.7}}),
        json!({"mtl_lora": {"ups": 3, "diagonal": true}}),
    ]
}

fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (trunk, input) in trunks() {
        let layers = expert_layers(input);
        let settings = layers.iter().flat_map(with_layers).chain(without_layers());
        let examples =
            SharingConfig::examples().iter().map(|(_, example)| serde_yaml::from_str(example).unwrap());
        let layers: Vec<LayerConfig> = serde_json::from_value(trunk.clone()).unwrap();
        let configs = settings.map(|json| serde_json::from_value::<SharingConfig>(json).unwrap());
        for sharing in configs.chain(examples) {
            let name = format!("{} over {trunk} of {input}", serde_json::to_string(&sharing).unwrap());
            let case = Case { sharing, trunk: layers.clone(), input, name };
            if case.check().is_ok() {
                cases.push(case);
            }
        }
    }
    for (trunk, input) in adapted_trunks() {
        let layers: Vec<LayerConfig> = serde_json::from_value(trunk.clone()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
        for layer in &layers {
            if let LayerConfig::Pretrained(config) = layer {
                config.read(&ModelFolders::in_folder(&folder)).unwrap();
            }
        }
        for json in of_updates() {
            let sharing: SharingConfig = serde_json::from_value(json.clone()).unwrap();
            let case = Case { sharing, trunk: layers.clone(), input, name: format!("{json} over {trunk}") };
            assert_eq!(case.check(), Ok(()), "{}", case.name);
            cases.push(case);
        }
    }
    cases
}

/// A sharing and its weights.
struct Built {
    body: Box<dyn BuiltSharing>,
    weights: Weights,
}

impl Case {
    /// Whether the sharing accepts the trunk and its output.
    fn check(&self) -> Result<(), String> {
        let mut end = self.input;
        for layer in &self.trunk {
            end = layer.view().shape(end)?;
        }
        let view = self.sharing.view();
        view.check(&self.trunk, self.input)?;
        TASKS.iter().try_for_each(|task| view.shape_for(task, end, false).map(drop))
    }

    fn tasks(&self) -> Vec<TaskReader> {
        let marked = self.trunk.iter().any(|layer| matches!(layer, LayerConfig::Mark(_)));
        let from = |at: usize| (at == 2 && marked).then(|| serde_json::from_value(json!("m")).unwrap());
        TASKS
            .iter()
            .enumerate()
            .map(|(at, name)| TaskReader { name: (*name).into(), from: from(at) })
            .collect()
    }

    fn build(&self, seed: u64) -> Built {
        let mut weights = Weights::new(seed, &Device::Cpu);
        let body = Body { input: self.input, trunk: &self.trunk, tasks: &self.tasks() };
        let body = self.sharing.view().build(&body, &mut weights);
        Built { body: body.unwrap_or_else(|error| panic!("{}: {error}", self.name)), weights }
    }

    /// Builds the sharing with perturbed weights, as after training: no zeros and ones.
    fn build_perturbed(&self) -> Built {
        let built = self.build(1);
        for (salt, weight) in built.weights.iter().enumerate() {
            let noise = tensor(1, weight.count(), salt as u32).reshape(weight.var.dims()).unwrap();
            let noise = if weight.trainable { noise } else { noise.abs().unwrap() };
            weight.var.set(&(weight.var.as_tensor() + noise * 0.2).unwrap()).unwrap();
        }
        built
    }

    fn has_steps(&self) -> bool {
        matches!(self.input, Shape::Sequence { .. } | Shape::Tokens { .. })
    }
}

impl Built {
    fn evaluate(&self, x: &Activations) -> Vec<Activations> {
        self.body.forward(x, &Mode::evaluate(), &[0, 1, 2]).unwrap()
    }

    /// The masked outputs of all tasks.
    fn values(&self, x: &Activations) -> Vec<f32> {
        self.evaluate(x).iter().flat_map(|y| values(&masked(y))).collect()
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    host(x).unwrap()
}

fn concatenated(ys: &[Activations]) -> Tensor {
    let flat: Vec<Tensor> = ys.iter().map(|y| masked(y).flatten_all().unwrap()).collect();
    Tensor::cat(&flat, 0).unwrap()
}

#[test]
fn every_sharing_has_cases() {
    let cases = all();
    for name in SharingConfig::names() {
        let actual = cases.iter().filter(|case| case.sharing.name() == *name).count();
        assert!(actual >= 3, "`{name}` has {actual} cases");
    }
}

#[test]
fn shape_inference_is_correct() {
    for case in all() {
        let x = batch(case.input, &LENGTHS, 0);
        for mode in [Mode::evaluate(), Mode::train(1, 1)] {
            let built = case.build(1);
            for (task, y) in built.body.forward(&x, &mode, &[0, 1, 2]).unwrap().iter().enumerate() {
                let rows = LENGTHS.len();
                let time = y.mask.as_ref().map(|mask| mask.steps.dims()[1]);
                let expected = match built.body.output(task) {
                    Shape::Vector { width } => vec![rows, width],
                    Shape::Tokens { .. } => vec![rows, time.unwrap()],
                    Shape::Sequence { width } => vec![rows, time.unwrap(), width],
                    Shape::Image { channels, height, width } => vec![rows, channels, height, width],
                };
                assert_eq!(y.x.dims(), expected, "{}: task {task}", case.name);
            }
        }
        let mut end = case.input;
        let mut marked = None;
        for layer in &case.trunk {
            marked = if matches!(layer, LayerConfig::Mark(_)) { Some(end) } else { marked };
            end = layer.view().shape(end).unwrap();
        }
        let inferred = |task, read, marked| case.sharing.view().shape_for(task, read, marked).unwrap();
        let built = case.build(1);
        assert_eq!(built.body.output(0), inferred("a", end, false), "{}", case.name);
        if let Some(marked) = marked {
            assert_eq!(built.body.output(2), inferred("c", marked, true), "{}", case.name);
        }
    }
}

#[test]
fn gradients_reach_exactly_the_declared_weights() {
    for case in all() {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        for tasks in [vec![0], vec![1], vec![2], vec![0, 2], vec![2, 1, 0]] {
            for mode in [Mode::train(1, 1), Mode::evaluate()] {
                let y = built.body.forward(&x, &mode, &tasks).unwrap();
                let store = concatenated(&y).sqr().unwrap().sum_all().unwrap().backward().unwrap();
                for weight in built.weights.trainable() {
                    let used = built.body.uses(&tasks, &weight.name);
                    // In evaluation a discrete choice may skip weights that training uses.
                    if mode.is_training() || !used {
                        let reached = store.get(&weight.var).is_some();
                        assert_eq!(reached, used, "{}: {tasks:?} and {}", case.name, weight.name);
                    }
                }
            }
        }
    }
}

#[test]
fn outputs_do_not_depend_on_the_requested_tasks() {
    for case in all() {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        let all_tasks = built.evaluate(&x);
        let reordered = built.body.forward(&x, &Mode::evaluate(), &[2, 0, 1]).unwrap();
        for (at, task) in [2, 0, 1].into_iter().enumerate() {
            let alone = built.body.forward(&x, &Mode::evaluate(), &[task]).unwrap();
            let expected = values(&masked(&all_tasks[task]));
            for actual in [&reordered[at], &alone[0]] {
                let difference = largest_difference(&values(&masked(actual)), &expected);
                assert!(difference < 1e-6, "{}: task {task} by {difference}", case.name);
            }
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    const STEPS: [f64; 3] = [4e-3, 1e-3, 2.5e-4];
    /// Number of elements tested per variable.
    const TESTED: usize = 3;
    // Close to a kink of relu, or where nearly inactive units are normalized (`mtan`), difference quotients
    // are unreliable: they differ between steps or between both sides. Such elements may be skipped, but only
    // few.
    let is_kinked = |case: &Case| case.name.contains("relu") || case.name.contains("mtan");
    // Gradients of low-rank updates are smaller than the rounding errors of these differences; unit tests
    // compare them with PyTorch.
    for case in all().into_iter().filter(|case| !case.name.contains("lora")) {
        let (mut tested, mut skipped) = (0, 0);
        let (built, case_name) = (case.build_perturbed(), &case.name);
        let mode = Mode::evaluate();
        let x = batch(case.input, &LENGTHS, 9);
        let input = Var::from_tensor(&x.x).unwrap();
        let x = Activations { x: input.as_tensor().clone(), mask: x.mask };
        let mut variables = Vec::new();
        if !matches!(case.input, Shape::Tokens { .. }) {
            variables.push(("x".to_owned(), input.clone()));
        }
        variables.extend(built.weights.trainable().map(|weight| (weight.name.clone(), weight.var.clone())));
        // With the penalty, unless it needs logits.
        let forward = || {
            let y = concatenated(&built.body.forward(&x, &mode, &[0, 1, 2]).unwrap());
            let mut none = |_| Err(candle_core::Error::msg("no logits").into());
            let penalty = built.body.penalty(&[0, 1, 2], &mut none).ok().flatten();
            (y, penalty.map(|penalty| penalty.reshape(1).unwrap()))
        };
        let (y, penalty) = forward();
        let factors: Vec<f32> = (0..y.elem_count()).map(factor).collect();
        let factors = Tensor::from_vec(factors, y.dims(), y.device()).unwrap();
        let mut sum = (y * factors).unwrap().sum_all().unwrap();
        if let Some(penalty) = penalty {
            sum = (sum + penalty.sum_all().unwrap()).unwrap();
        }
        let gradients = sum.backward().unwrap();
        let objective = || {
            let (y, penalty) = forward();
            weighted_sum(&y) + penalty.map_or(0.0, |penalty| f64::from(host(&penalty).unwrap()[0]))
        };
        let at = |variable: &Var, values: &[f32]| {
            let values = Tensor::from_slice(values, variable.dims(), variable.device()).unwrap();
            variable.set(&values).unwrap();
            objective()
        };
        let here = objective();
        for (name, variable) in &variables {
            // Parameters of a discrete choice have no gradient in evaluation.
            let Some(gradient) = gradients.get(variable) else { continue };
            let gradient = values(gradient);
            let before = values(variable);
            for index in (0..before.len()).step_by(before.len().div_ceil(TESTED)) {
                let actual = f64::from(gradient[index]);
                let value = |by: f64| {
                    let mut moved = before.clone();
                    moved[index] = before[index] + by as f32;
                    at(variable, &moved)
                };
                let sides = STEPS.map(|step| ((value(step) - here) / step, (here - value(-step)) / step));
                let slopes = sides.map(|(above, below)| (above + below) / 2.0);
                let near = |slope: f64| (slope - actual).abs() <= 5e-3 * actual.abs().max(1.0);
                tested += 1;
                if slopes.iter().any(|slope| near(*slope)) {
                    continue;
                }
                let ends = || sides.iter().flat_map(|(above, below)| [*above, *below]);
                let spread = ends().fold(f64::MIN, f64::max) - ends().fold(f64::MAX, f64::min);
                let bent = spread > 2e-2 * ends().fold(1.0, |most, slope| slope.abs().max(most));
                assert!(
                    is_kinked(&case) && bent,
                    "{case_name}: d/d{name}[{index}] is {sides:?}, not {actual}"
                );
                skipped += 1;
            }
            at(variable, &before);
        }
        assert!(20 * skipped <= tested, "{case_name}: {skipped} of {tested} are skipped");
    }
}

#[test]
fn outputs_are_deterministic_and_independent_of_other_rows() {
    for case in all() {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        let whole = built.evaluate(&x);
        assert_eq!(built.values(&x), built.values(&x), "{}", case.name);
        for number in 0..LENGTHS.len() {
            for (alone, in_batch) in built.evaluate(&row(&x, number)).iter().zip(&whole) {
                let (alone, in_batch) = (values(&masked(alone)), values(&masked(&row(in_batch, number))));
                let difference = largest_difference(&in_batch, &alone);
                assert!(difference < 1e-5, "{}: row {number} by {difference}", case.name);
            }
        }
    }
}

#[test]
fn padding_does_not_affect_outputs() {
    for case in all().into_iter().filter(Case::has_steps) {
        let built = case.build_perturbed();
        let x = batch(case.input, &LENGTHS, 3);
        let noisy = built.values(&with_noisy_padding(&x, case.input));
        let difference = largest_difference(&noisy, &built.values(&x));
        assert!(difference < 1e-6, "{}: {difference}", case.name);
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
        assert_eq!(first.values(&x), second.values(&x), "{}", case.name);
    }
}

#[test]
fn shares_are_reported_for_every_task() {
    for case in all() {
        let built = case.build(1);
        let shares = built.body.shares(&batch(case.input, &LENGTHS, 3), &Mode::evaluate(), &[0, 1]).unwrap();
        assert_eq!(built.body.reports_shares(), !shares.is_empty(), "{}", case.name);
        assert!(shares.iter().all(|share| share.value.is_finite()), "{}: {shares:?}", case.name);
        for task in TASKS.iter().take(2).filter(|_| !shares.is_empty()) {
            assert!(shares.iter().any(|share| share.reader == *task), "{}: {task}", case.name);
        }
    }
}

#[test]
fn equals_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    for case in all() {
        let built = case.build_perturbed();
        let mut session = session(graph(&case, &built), folder.path(), 17);
        let input_names: Vec<String> = session.inputs().iter().map(|port| port.name.clone()).collect();
        for lengths in [&LENGTHS[..], &[4], &[1]] {
            let x = batch(case.input, lengths, 8);
            let mut inputs: Vec<(String, Array)> = graph_inputs(&x);
            inputs.retain(|(name, _)| input_names.contains(name));
            let outputs = session.run(&inputs).unwrap();
            for (name, y) in TASKS.iter().zip(built.evaluate(&x)) {
                let (_, actual) = outputs.iter().find(|(output, _)| output == name).unwrap();
                assert_eq!(actual.shape, y.x.dims(), "{}", case.name);
                let actual = Tensor::from_slice(actual.as_f32().unwrap(), y.x.dims(), y.x.device()).unwrap();
                let actual = values(&masked(&y.with(actual)));
                let expected = values(&masked(&y));
                let difference = largest_difference(&actual, &expected);
                let largest = expected.iter().fold(1.0, |largest: f32, value| largest.max(value.abs()));
                assert!(difference < 1e-5 * largest, "{}: {name} by {difference} of {largest}", case.name);
            }
        }
    }
}

/// A sharing as a graph with the input `x` (and `mask`) and an output per task, named after the task.
fn graph(case: &Case, built: &Built) -> Graph {
    let mut graph = Graph::new("sharing");
    let time = || Dim::Dynamic("time".to_owned());
    let (element, dims) = match case.input {
        Shape::Vector { width } => (ElementType::Float32, vec![Dim::Batch, Dim::Fixed(width)]),
        Shape::Sequence { width } => (ElementType::Float32, vec![Dim::Batch, time(), Dim::Fixed(width)]),
        Shape::Tokens { .. } => (ElementType::Int64, vec![Dim::Batch, time()]),
        Shape::Image { channels, height, width } => {
            let sides = [channels, height, width].map(Dim::Fixed);
            (ElementType::Float32, [Dim::Batch].into_iter().chain(sides).collect())
        }
    };
    let x = graph.input("x", element, &dims);
    let mask = case.has_steps().then(|| {
        let steps = graph.input("mask", ElementType::Float32, &[Dim::Batch, time()]);
        let lengths = operator::reduce_sum(&mut graph, &steps, &[1], false);
        GraphMask::new(steps, operator::cast(&mut graph, &lengths, ElementType::Int64))
    });
    let read = built.body.to_onnx(&mut graph, &GraphActivations { x, mask }).unwrap();
    for (task, (name, y)) in TASKS.iter().zip(read).enumerate() {
        let dims = match built.body.output(task) {
            Shape::Vector { width } => vec![Dim::Batch, Dim::Fixed(width)],
            Shape::Sequence { width } => vec![Dim::Batch, time(), Dim::Fixed(width)],
            Shape::Tokens { .. } => vec![Dim::Batch, time()],
            Shape::Image { channels, height, width } => {
                vec![Dim::Batch, Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]
            }
        };
        graph.output(name, &y.x, ElementType::Float32, &dims);
    }
    graph
}
