//! Lookaheads: losses at moved weights, compared with torch, and without side effects on training.

use candle_core::{Tensor, Var};
use serde_json::json;

use super::{TestObserver, TrainingHarness, task};
use crate::data::config::SamplingConfig;
use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::name::TaskName;
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::TrainJob;
use crate::train::balance::LossBalancer;
use crate::train::batch::{Batch, targets};
use crate::train::config::{BalanceConfig, GradientsConfig, OptimizerConfig, ScheduleConfig, TrainConfig};
use crate::train::learner::{Learner, LearnerConfig};
use crate::train::regularization::PenaltyStrength;
use crate::train::schedule::ScheduleStep;
use crate::train::validation_sampler::ValidationSampler;
use crate::train::weighting::WeightingContext;
use crate::train::weighting::method::Lookahead;

/// Runs `look` with a learner whose weights are set to known values (as `P` below), all training rows as one
/// batch, and a rate of 0.05.
fn with_learner<T>(
    weighting: serde_json::Value,
    look: impl FnOnce(&mut Learner, &[Batch], ScheduleStep) -> T,
) -> T {
    let mut harness = TrainingHarness::new().set("batch_size", json!(480));
    harness.network = json!([{"dense": {"units": 5, "activation": "tanh"}}]);
    let network = harness.network();
    for (index, weight) in network.weights().trainable().enumerate() {
        let value = |i: usize| (0.5 * (1.0 + index as f64 + 0.7 * i as f64).sin()) as f32;
        let numbers = (0..weight.count()).map(value).collect();
        let values = Tensor::from_vec(numbers, weight.var.shape(), network.device()).expect("weights");
        weight.var.set(&values).expect("values");
    }
    let optimizer: OptimizerConfig = serde_json::from_value(json!({"adamw": {"rate": 0.05}})).expect("words");
    let schedule = ScheduleConfig::default();
    let config = LearnerConfig {
        seed: 3,
        update: optimizer.view(),
        schedule: schedule.view(),
        strength: PenaltyStrength::default(),
        clip_norm: None,
        affinity: None,
    };
    let tasks: Vec<TaskName> = vec![task("value"), task("sign")];
    let setting = WeightingContext { tasks: &tasks, seed: 3, rate: 0.05 };
    let weighting: BalanceConfig = serde_json::from_value(weighting).expect("words");
    let balance = LossBalancer::new(&weighting, &GradientsConfig::default(), &setting);
    let mut learner = Learner::new(&network, balance, config).expect("a learner");
    let (settings, network_config): (TrainConfig, _) =
        (serde_json::from_value(harness.spec.clone()).expect("words"), harness.network_spec());
    let job = TrainJob {
        pruner: None,
        start: None,
        sampling: &SamplingConfig::default(),
        trial: 1,
        seed: 3,
        network: &network_config,
        spec: &settings,
        weighting: &weighting,
        metrics: Vec::new(),
        dataset: &harness.dataset,
        features: None,
        checkpoint_dir: harness.folder.path(),
        job_fingerprint: "job",
        output: harness.folder.path(),
    };
    learner.held_out = Some(ValidationSampler::new(&job, &network).expect("validation rows"));
    let batch = training_batch(&harness, &network);
    look(&mut learner, &[batch], ScheduleStep { step: 0, steps_per_epoch: 1, total: 1 })
}

pub(super) fn training_batch(harness: &TrainingHarness, network: &Network) -> Batch {
    let table = &harness.dataset.tables[0];
    let labels = targets(&harness.dataset, table).into_iter().map(|(task, truth)| {
        let target = &harness.dataset.signature.tasks[task].target;
        Labels::gather(task, target, truth, &table.train, network.device()).expect("labels").expect("some")
    });
    let inputs = network.input_tensors(table, Some(&table.train)).expect("inputs");
    Batch { rows: table.train.len(), inputs, labels: labels.collect() }
}

fn near(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
}

// torch 2.11, float64; the tasks' losses are mse of value / 1.5 and binary cross entropy with logits:
//   noise = lambda n, s: torch.tensor([math.fmod(math.sin((i+1)*12.9898+s*78.233)*43758.5453, 1.)
//     for i in range(n)])
//   x, y, g = noise(600, 0.), noise(600, 1.), noise(600, 2.); c = (g.abs()*3.99).long()
//   exact = 2*x - y + c*.5 - .75
//   shapes = [(4,4), (6,5), (5,), (5,1), (1,), (5,1), (1,)]
//   P = [(.5*torch.sin(1+p+.7*torch.arange(math.prod(s)))).reshape(s) for p, s in enumerate(shapes)]
//   h = torch.tanh(torch.cat([x[:,None], y[:,None], P[0][c]], 1) @ P[1] + P[2])
//   heads h @ P[3] + P[4], h @ P[5] + P[6]
//   G = autograd.grad(L[k], P[:3]); A = losses([p - .05*q for p, q in zip(P, G)] + P[3:]); Z[k] = 1 - A/L
#[test]
fn affinities_equal_torch() {
    let affinities = with_learner(json!("equal"), |learner, parts, clock| {
        learner.measure_affinity(parts, clock).expect("measured")
    });
    let expected = [
        ((0, 0), 0.044_124_530_095),
        ((0, 1), -0.005_875_017_196),
        ((1, 0), -0.002_914_183_870),
        ((1, 1), 0.002_825_758_773),
    ];
    assert_eq!(affinities.len(), 4);
    for (affinity, (tasks, value)) in affinities.iter().zip(expected) {
        assert_eq!(affinity.tasks, tasks);
        near(affinity.value, value, 1e-6);
    }
}

// As above, with all 120 validation rows, w = .1, .1:
//   T = [p - .05*q for p, q in zip(P, grad(w0 L0 + w1 L1, P, create_graph=True))]
//   autograd.grad(sum of the primary losses of T on validation rows, w): the exact second-order derivative
#[test]
fn the_derivative_by_the_weights_is_of_second_order() {
    let derivatives = |primary: [bool; 2]| {
        with_learner(json!("auto_lambda"), |learner, parts, clock| {
            let lookahead = Lookahead { number: 0, primary: primary.to_vec() };
            learner.validation_lookahead(parts, clock, &lookahead).expect("derivatives")
        })
    };
    for (primary, expected) in
        [([true, true], [-0.297_379_592, -0.004_231_744]), ([true, false], [-0.302_476_000, 0.005_611_874])]
    {
        for (derivative, expected) in derivatives(primary).into_iter().zip(expected) {
            near(derivative.expect("a label"), expected, 5e-5);
        }
    }
}

// As the two tests above, with steps p - .05*r*q for r in R = [2., .5, 1.5, 3., .25, 1., .1].
#[test]
fn lookaheads_move_each_weight_by_its_own_rate() {
    let set_rates = |learner: &mut Learner| {
        let rates = [2.0, 0.5, 1.5, 3.0, 0.25, 1.0, 0.1];
        learner.variables.iter_mut().zip(rates).for_each(|(variable, rate)| variable.relative_rate = rate);
    };
    let affinities = with_learner(json!("equal"), |learner, parts, clock| {
        set_rates(learner);
        learner.measure_affinity(parts, clock).expect("measured")
    });
    let expected = [0.030_350_661, -0.004_021_369, -0.001_996_226, 0.001_756_424];
    for (affinity, expected) in affinities.iter().zip(expected) {
        near(affinity.value, expected, 1e-6);
    }
    let derivatives = with_learner(json!("auto_lambda"), |learner, parts, clock| {
        set_rates(learner);
        let lookahead = Lookahead { number: 0, primary: vec![true, true] };
        learner.validation_lookahead(parts, clock, &lookahead).expect("derivatives")
    });
    for (derivative, expected) in derivatives.into_iter().zip([-0.662_822_644, -0.005_349_106]) {
        near(derivative.expect("a label"), expected, 2e-4);
    }
}

/// Measuring affinity does not affect training: all bits are the same, including running statistics.
#[test]
fn measuring_affinity_does_not_affect_training() {
    for weighting in [json!("equal"), json!("mgda"), json!(["famo", "modo"]), json!("auto_lambda")] {
        let train = |affinity: serde_json::Value| {
            let mut harness = TrainingHarness::new().set("epochs", json!(2)).set("affinity", affinity);
            harness.network =
                json!([{"dense": {"units": 8, "activation": "relu"}}, "batch_norm", {"dropout": 0.2}]);
            harness.weighting = weighting.clone();
            let listener = TestObserver::default();
            harness.train(&listener).expect("trained");
            let events = listener.events.lock().expect("events");
            let measured =
                |event: &&Event| matches!(event, Event::AffinityMeasured { pairs, .. } if pairs.len() == 4);
            let measured = events.iter().filter(measured).count();
            drop(events);
            (harness.weights(), listener.epochs(), measured)
        };
        let (plain, measured) = (train(json!(null)), train(json!({"every": 4})));
        assert!(plain.0 == measured.0, "{weighting}: other weights");
        assert_eq!(plain.1, measured.1, "{weighting}");
        assert_eq!((plain.2, measured.2), (0, 2), "{weighting}");
    }
}

/// Measurements before an interruption are emitted again, and later ones are as without an interruption.
#[test]
fn affinities_resume_after_an_interruption() {
    let mut whole = TrainingHarness::new().set("epochs", json!(2)).set("affinity", json!({"every": 4}));
    whole.weighting = json!({"auto_lambda": {"rate": 0.01, "every": 2, "primary": ["sign"]}});
    let whole = whole.set("checkpoint", json!({"steps": 5}));
    let uninterrupted = TestObserver::default();
    whole.train(&uninterrupted).expect("trained");
    let paused = whole.again();
    assert!(paused.train(&TestObserver { stop_from: Some(10), ..TestObserver::default() }).is_err());
    let later = TestObserver::default();
    paused.train(&later).expect("trained");
    let measured = |listener: &TestObserver| -> Vec<Event> {
        let events = listener.events.lock().expect("events");
        events.iter().filter(|event| matches!(event, Event::AffinityMeasured { .. })).cloned().collect()
    };
    assert_eq!(measured(&uninterrupted).len(), 2);
    assert_eq!(measured(&later), measured(&uninterrupted));
    assert!(paused.weights() == whole.weights());
}

/// The weights depend on validation rows; without any, the training is refused. Test rows are never read.
#[test]
fn auto_lambda_learns_from_validation_rows() {
    let mut harness = TrainingHarness::new().set("epochs", json!(3));
    harness.weighting = json!({"auto_lambda": {"rate": 0.01}});
    let listener = TestObserver::default();
    harness.train(&listener).expect("trained");
    let epochs = listener.epochs();
    let Some(Event::EpochFinished(FinishedEpoch { weights, .. })) = epochs.last() else { panic!("no epoch") };
    assert!(weights.iter().all(|weight| weight.value > 0.1), "both tasks help themselves: {weights:?}");
    harness.dataset.tables[0].valid.clear();
    let empty = TrainingHarness { dataset: harness.dataset.clone(), ..harness.again() };
    let error = empty.train(&TestObserver::default());
    assert!(error.expect_err("refused").to_string().contains("validation rows"));
}

/// Moved parameters are restored to the last bit, also after an error.
#[test]
fn moved_weights_are_restored() {
    with_learner(json!("equal"), |learner, _, _| {
        let values = |learner: &Learner| -> Vec<Vec<f32>> {
            let one = |var: &Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
            learner.variables.iter().map(|variable| one(&variable.var)).collect()
        };
        let before = values(learner);
        let direction: Vec<Option<Tensor>> =
            learner.variables.iter().map(|variable| variable.var.ones_like().ok()).collect();
        let indices: Vec<usize> = (0..direction.len()).collect();
        let seen = learner.with_moved(&indices, &direction, 0.1, || Ok(values(learner))).expect("seen");
        assert!((seen[0][0] - before[0][0] - 0.1).abs() < 1e-6);
        assert_eq!(values(learner), before);
        let failed: crate::train::TrainResult<()> =
            learner.with_moved(&indices, &direction, 0.1, || Err(crate::train::TrainError::NoRows));
        assert!(failed.is_err());
        assert_eq!(values(learner), before);
    });
}
