//! Every weighting in a whole training: it trains, resumes after an interruption, and has the capabilities
//! that it declares.

use serde_json::{Value, json};

use crate::domain::array::Array;
use crate::domain::choice_config::Choice;
use crate::domain::event::{Event, FinishedEpoch};
use crate::train::config::{BalanceConfig, WeightingConfig};
use crate::train::harness::{TestObserver, TrainingHarness, task};
use crate::train::weighting::WeightingContext;
use crate::train::weighting::capabilities::GradientView;
use crate::train::weighting::method::GradientMethod;

/// Every weighting, and some pairs.
fn choices() -> Vec<Value> {
    let config = |name: &&str| match *name {
        "fixed" => json!({"fixed": {"weights": {"sign": 2.0}}}),
        "cr_mogm" => json!({"cr_mogm": {"method": "mgda"}}),
        "smooth_tchebycheff" => json!({"smooth_tchebycheff": {"warmup": 1}}),
        "excess_mtl" => json!({"excess_mtl": {"rate": 0.1}}),
        name => json!(name),
    };
    let mut all: Vec<Value> = WeightingConfig::names().iter().map(config).collect();
    all.extend([json!(["uncertainty", "pcgrad"]), json!(["famo", "moco"]), json!(["dwa", "modo"])]);
    all
}

fn with(weighting: Value) -> TrainingHarness {
    let mut harness = TrainingHarness::new().set("epochs", json!(2)).set("checkpoint", json!({"steps": 5}));
    harness.network = json!([{"dense": {"units": 8, "activation": "relu"}}, "batch_norm", {"dropout": 0.1}]);
    harness.weighting = weighting;
    harness
}

#[test]
fn every_weighting_resumes_after_an_interruption() {
    for choice in choices() {
        let whole = with(choice.clone());
        let uninterrupted = TestObserver::default();
        whole.train(&uninterrupted).unwrap_or_else(|error| panic!("{choice}: {error}"));
        let paused = whole.again();
        assert!(paused.train(&TestObserver { stop_from: Some(10), ..TestObserver::default() }).is_err());
        let later = TestObserver::default();
        paused.train(&later).expect("trained");
        assert_eq!(later.started_from(), Some(11), "{choice}: {:?}", later.notes());
        assert!(paused.weights() == whole.weights(), "{choice}");
        assert_eq!(later.epochs(), uninterrupted.epochs(), "{choice}");
    }
}

/// With enough epochs at a suitable rate both tasks are learned, whatever the gradient method.
#[test]
fn gradient_methods_learn() {
    for choice in
        ["mgda", "pcgrad", "cagrad", "nash_mtl", "upgrad", "imtl", "config", "graddrop", "db_mtl", "sdmgrad"]
    {
        let mut harness = TrainingHarness::new().set("epochs", json!(25));
        harness.weighting = json!(choice);
        let trained = harness.train(&TestObserver::default()).expect("trained");
        let objective = trained.objective.expect("an objective");
        assert!(objective < 0.35, "{choice}: {objective}");
    }
}

fn values(harness: &TrainingHarness) -> Vec<f32> {
    let network = harness.network();
    network.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
    let flat = |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
    network.weights().iter().flat_map(|weight| flat(&weight.var)).collect()
}

/// Gradients taken one by one, of the parameters or of the representation, sum to the gradient of the joint
/// loss.
#[test]
fn observing_gradients_changes_nothing() {
    let train = |gradients: Value| {
        let mut harness =
            TrainingHarness::new().set("epochs", json!(2)).set("optimizer", json!({"sgd": 0.05}));
        harness.network = json!([{"dense": {"units": 8, "activation": "tanh"}}, {"dropout": 0.2}]);
        harness.weighting = json!({"fixed": {"weights": {"sign": 3.0}}});
        let harness = harness.set("gradients", gradients);
        harness.train(&TestObserver::default()).expect("trained");
        values(&harness)
    };
    let plain = train(json!({}));
    for gradients in [json!({"observe": true}), json!({"observe": true, "at": "representation"})] {
        let observed = train(gradients.clone());
        let largest = plain.iter().zip(&observed).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "{gradients}: {largest}");
    }
}

/// A Gramian that is summed layer by layer gives the same training as whole gradients, whatever the method
/// and sharing; this includes layers of single tasks and penalties of the sharing.
#[test]
fn gramians_by_layer_change_nothing() {
    let train = |weighting: &Value, sharing: &Value, gradients: Value| {
        let mut harness =
            TrainingHarness::new().set("epochs", json!(1)).set("optimizer", json!({"sgd": 0.02}));
        let dense = json!({"dense": {"units": 6, "activation": "tanh"}});
        harness.network = json!([dense, "batch_norm", {"dropout": 0.2}, dense]);
        (harness.weighting, harness.sharing) = (weighting.clone(), sharing.clone());
        let harness = harness.set("gradients", gradients);
        let listener = TestObserver::default();
        harness.train(&listener).unwrap_or_else(|error| panic!("{weighting} {sharing}: {error}"));
        let notes = listener.notes();
        (values(&harness), notes)
    };
    let compare = |weighting: Value, sharing: Value, heads: Value| {
        let whole = json!({"observe": true, "heads": heads});
        let by_layer = json!({"observe": true, "heads": heads, "by_layer": true});
        let (whole, notes) = train(&weighting, &sharing, whole);
        let (layered, layered_notes) = train(&weighting, &sharing, by_layer);
        let largest = whole.iter().zip(&layered).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-5, "{weighting} {sharing} {heads}: {largest}");
        assert_eq!(notes, layered_notes, "{weighting} {sharing}");
    };
    for choice in choices() {
        let config: BalanceConfig = serde_json::from_value(choice.clone()).expect("words");
        let mut capabilities = config.0.iter().filter_map(|config| config.view().capabilities().gradients());
        if capabilities.any(|capabilities| capabilities.view == GradientView::DotProducts { parts: 1 }) {
            compare(choice, json!("hard"), json!(null));
        }
    }
    let experts = json!([{"dense": {"units": 5, "activation": "relu"}}]);
    for sharing in [
        json!("cross_stitch"),
        json!("sluice"),
        json!("relation"),
        json!({"mmoe": {"experts": 3, "layers": experts}}),
        json!({"ple": {"layers": experts}}),
        json!({"dselect_k": {"experts": 4, "layers": experts}}),
        json!({"adatt": {"layers": experts}}),
        json!("ltb"),
        json!({"adapter": {"units": 3}}),
        json!({"soft": {"strength": 0.1}}),
        json!("mtan"),
    ] {
        compare(json!("mgda"), sharing.clone(), json!(null));
        compare(json!(["uncertainty", "pcgrad"]), sharing, json!("weighted"));
    }
}

/// The built method is of the kind that its settings claim.
#[test]
fn weightings_have_the_capabilities_that_they_claim() {
    let tasks = [task("value"), task("sign")];
    for choice in choices() {
        let config: BalanceConfig = serde_json::from_value(choice.clone()).expect("words");
        for config in &config.0 {
            let built = config.view().build(&WeightingContext { tasks: &tasks, seed: 0, rate: 0.1 });
            let is_gramian = matches!(built.gradients, Some(GradientMethod::Gramian(_)));
            let capabilities = config.view().capabilities();
            let seen = capabilities.gradients().map(|capabilities| capabilities.view);
            assert_eq!(matches!(seen, Some(GradientView::DotProducts { .. })), is_gramian, "{choice}");
            assert_eq!(seen.is_some(), built.gradients.is_some(), "{choice}");
            assert_eq!(capabilities.weights_losses(), built.losses.is_some(), "{choice}");
        }
    }
}

/// With equal weights, unweighted and weighted heads differ by the weight alone.
#[test]
fn heads_and_scales_take_effect() {
    let weights = |gradients: Value| {
        let mut harness = TrainingHarness::new().set("epochs", json!(1)).set("gradients", gradients);
        harness.weighting = json!("mgda");
        let listener = TestObserver::default();
        harness.train(&listener).expect("trained");
        let events = listener.epochs();
        let Some(Event::EpochFinished(FinishedEpoch { weights, .. })) = events.first() else {
            panic!("no epoch")
        };
        (weights.iter().map(|weight| weight.value).sum::<f64>(), harness.weights())
    };
    let (one, plain) = weights(json!({}));
    assert!((one - 1.0).abs() < 1e-9);
    let (two, scaled) = weights(json!({"scale": "sum_to_tasks"}));
    assert!((two - 2.0).abs() < 1e-9 && plain != scaled);
    let (_, heads) = weights(json!({"heads": "weighted"}));
    assert!(plain != heads);
    let (_, point) = weights(json!({"at": "representation"}));
    assert!(plain != point);
    let (_, long) = weights(json!({"scale": "norm_of_mean"}));
    assert!(plain != long);
}

/// A task without labels is left out of every method's sum, and its head does not change.
#[test]
fn an_absent_task_is_left_out() {
    for choice in choices() {
        let mut harness = with(choice.clone()).set("epochs", json!(1));
        let rows = harness.dataset.tables[0].rows;
        harness.dataset.tables[0].targets[1].1 = Array::f32(&[rows, 1], vec![f32::NAN; rows]);
        harness.train(&TestObserver::default()).unwrap_or_else(|error| panic!("{choice}: {error}"));
        let (before, after) = (harness.network(), harness.network());
        after.weights().load(&harness.folder.path().join("weights.safetensors")).expect("loaded");
        let flat =
            |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        for (old, new) in before.weights().iter().zip(after.weights().iter()) {
            if old.name.starts_with("head.sign.") {
                assert_eq!(flat(&old.var), flat(&new.var), "{choice}: {}", old.name);
            }
        }
    }
}
