//! Cost of a training step with a gradient method, compared with a plain step.
//!
//!     cargo bench --locked --bench gradient_cost
//!
//! The network of `pipelines/benchmark_multi_mnist.yaml` with random batches of 256, in one process: the
//! forward pass, the backward pass of the joint loss, a plain step and the step of each method are timed
//! alternately, and medians are printed. The bound for K tasks is a plain step with K - 1 additional backward
//! passes, plus a tenth of all K. Run nothing else on the machine meanwhile.

use std::time::Instant;

use candle_core::{Device, Tensor};
use mtl::domain::array::{Array, ArrayValues, ElementType};
use mtl::domain::image_resize::{ResizeConfig, ResizeFilter};
use mtl::domain::name::{InputName, TableName, TaskName};
use mtl::domain::signature::{Encoding, InputSignature, Signature, TaskSignature};
use mtl::domain::task::FittedTarget;
use mtl::model::config::NetworkConfig;
use mtl::model::labels::Labels;
use mtl::model::mode::Mode;
use mtl::model::network::Network;
use mtl::train::balance::LossBalancer;
use mtl::train::batch::Batch;
use mtl::train::config::{BalanceConfig, GradientsConfig, OptimizerConfig, ScheduleConfig};
use mtl::train::learner::{Learner, LearnerConfig};
use mtl::train::regularization::PenaltyStrength;
use mtl::train::schedule::ScheduleStep;
use mtl::train::weighting::WeightingContext;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 256;
const SIDE: usize = 36;
const TASKS: usize = 2;
const TURNS: usize = 60;
const METHODS: [&str; 6] = ["equal", "mgda", "pcgrad", "cagrad", "upgrad", "mgda by layer"];

fn main() {
    mtl::cli::threads::settle(None, None).expect("as many threads as cores");
    // Test runners list the tests of every target.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let batches: Vec<Batch> = (0..4).map(batch).collect();
    let learners = METHODS.map(|method| (network(), method));
    let mut learners: Vec<Learner> =
        learners.iter().map(|(network, method)| learner(network, method)).collect();
    let plain = network();
    let mut times = vec![Vec::new(); 2 + METHODS.len()];
    for turn in 0..TURNS {
        let batch = &batches[turn % batches.len()];
        let start = Instant::now();
        let losses =
            plain.losses(&batch.inputs, &batch.labels, &Mode::train(1, turn as u64)).expect("losses");
        let joint = Tensor::stack(&losses, 0).and_then(|losses| losses.sum_all()).expect("a sum");
        times[0].push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let gradients = joint.backward().expect("gradients");
        times[1].push(start.elapsed().as_secs_f64());
        drop((gradients, joint, losses));
        for (learner, times) in learners.iter_mut().zip(&mut times[2..]) {
            let clock = ScheduleStep { step: turn, steps_per_epoch: TURNS, total: TURNS };
            let start = Instant::now();
            learner.learn(std::slice::from_ref(batch), clock).expect("a step");
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let (forward, backward, step) = (medians[0], medians[1], medians[2]);
    println!("{:<16} {:>8}", "", "ms");
    println!("{:<16} {:>8.2}\n{:<16} {:>8.2}", "forward", forward, "backward", backward);
    let bound = step + (1.1 * TASKS as f64 - 1.0) * backward;
    println!("{:<16} {:>8.2}   relative to a plain step and to the bound:", "bound", bound);
    for (method, time) in METHODS.iter().zip(&medians[2..]) {
        println!("{method:<16} {time:>8.2} {:>8.2} {:>8.2}", time / step, time / bound);
    }
}

/// The median in milliseconds, without the warm-up turns.
fn median(mut times: Vec<f64>) -> f64 {
    times.drain(..TURNS / 6);
    times.sort_by(f64::total_cmp);
    1000.0 * times[times.len() / 2]
}

fn learner<'a>(network: &'a Network, name: &str) -> Learner<'a> {
    let (method, by_layer) = name.split_once(' ').map_or((name, false), |(method, _)| (method, true));
    let optimizer: &OptimizerConfig = Box::leak(Box::new(read(json!({"adam": {"rate": 2e-3}}))));
    let schedule: &ScheduleConfig = Box::leak(Box::default());
    let config = LearnerConfig {
        seed: 1,
        update: optimizer.view(),
        schedule: schedule.view(),
        strength: PenaltyStrength::default(),
        clip_norm: None,
        affinity: None,
    };
    let weighting: BalanceConfig = read(json!(method));
    let gradients: GradientsConfig = read(json!({"by_layer": by_layer}));
    let tasks: Vec<TaskName> = network.signature().tasks.iter().map(|task| task.name.clone()).collect();
    let balance =
        LossBalancer::new(&weighting, &gradients, &WeightingContext { tasks: &tasks, seed: 1, rate: 2e-3 });
    Learner::new(network, balance, config).expect("a learner")
}

fn network() -> Network {
    let head = |name: &str| {
        let layers = json!([{"dense": {"units": 50, "activation": "relu"}}]);
        json!({"name": name, "from": null, "after": [], "head": layers, "loss": null})
    };
    let config: NetworkConfig = read(json!({
        "encoders": [],
        "trunk": [
            {"conv2d": {"filters": 10, "kernel": 5, "padding": "valid", "activation": "relu"}},
            {"max_pool2d": 2},
            {"conv2d": {"filters": 20, "kernel": 5, "padding": "valid", "activation": "relu"}},
            {"max_pool2d": 2},
            "flatten",
            {"dense": {"units": 50, "activation": "relu"}},
        ],
        "sharing": "hard",
        "tasks": [head("left"), head("right")],
    }));
    let encoding = Encoding::Image {
        channels: 1,
        height: SIDE,
        width: SIDE,
        mean: vec![0.13],
        deviation: vec![0.31],
        augment: vec![],
        background: 255,
        range: [0, u16::MAX],
        resize: ResizeConfig::Stretch,
        filter: ResizeFilter::Bilinear,
    };
    let image = InputSignature { name: input(), raw: ElementType::Uint8, encoding, required: false };
    let task = |name: &str| TaskSignature {
        name: TaskName::new(name).expect("a name"),
        table: TableName::new("digits").expect("a name"),
        target: FittedTarget::Multiclass {
            classes: (0..10).map(|c| c.to_string()).collect(),
            counts: vec![1; 10],
        },
    };
    let signature = Signature {
        inputs: vec![image],
        tasks: vec![task("left"), task("right")],
        readings: Default::default(),
    };
    Network::build(&config, &signature, 1, &Device::Cpu).expect("a network")
}

/// A batch of pseudo-random pixels and digits.
fn batch(number: u32) -> Batch {
    let noise = |i: usize, salt: u32| ((i as u32 + 1 + 7919 * salt).wrapping_mul(2_654_435_761)) >> 8;
    let pixels = (0..ROWS * SIDE * SIDE).map(|i| (noise(i, number) % 256) as u8).collect();
    let pixels = Array::new(&[ROWS, 1, SIDE, SIDE], ArrayValues::U8(pixels));
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let network = network();
    let labels = (0..TASKS).map(|task| {
        let digits = (0..ROWS).map(|i| (noise(i, number + 31 * (task as u32 + 1)) % 10) as f32).collect();
        let digits = Array::f32(&[ROWS, 1], digits);
        let target = &network.signature().tasks[task].target;
        Labels::gather(task, target, &digits, &rows, &Device::Cpu).expect("labels").expect("present")
    });
    let inputs = network.input_tensors_of(&[(input(), pixels)]).expect("inputs");
    Batch { rows: ROWS, inputs, labels: labels.collect() }
}

fn input() -> InputName {
    InputName::new("image").expect("a name")
}

fn read<T: serde::de::DeserializeOwned>(config: Value) -> T {
    serde_json::from_value(config).expect("settings")
}
