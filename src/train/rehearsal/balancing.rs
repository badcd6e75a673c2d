//! Every weighting in a whole training: it trains, goes on after an interruption, and steps along what it promises.

use serde_json::{Value, json};

use crate::domain::array::Array;
use crate::domain::event::{Event, FinishedEpoch};
use crate::domain::kinds::Choice;
use crate::train::rehearsal::{Listener, Rehearsal, task};
use crate::train::spec::{BalanceSpec, WeightingSpec};
use crate::train::weighting::Setting;
use crate::train::weighting::claims::Seen;
use crate::train::weighting::method::Gradients;

/// Every choice of the shelf, and pairs.
fn choices() -> Vec<Value> {
    let words = |name: &&str| match *name {
        "fixed" => json!({"fixed": {"weights": {"sign": 2.0}}}),
        "cr_mogm" => json!({"cr_mogm": {"method": "mgda"}}),
        "smooth_tchebycheff" => json!({"smooth_tchebycheff": {"warmup": 1}}),
        "excess_mtl" => json!({"excess_mtl": {"rate": 0.1}}),
        name => json!(name),
    };
    let mut all: Vec<Value> = WeightingSpec::names().iter().map(words).collect();
    all.extend([json!(["uncertainty", "pcgrad"]), json!(["famo", "moco"]), json!(["dwa", "modo"])]);
    all
}

fn with(weighting: Value) -> Rehearsal {
    let mut rehearsal = Rehearsal::new().set("epochs", json!(2)).set("checkpoint", json!({"steps": 5}));
    rehearsal.network =
        json!([{"dense": {"units": 8, "activation": "relu"}}, "batch_norm", {"dropout": 0.1}]);
    rehearsal.weighting = weighting;
    rehearsal
}

#[test]
fn every_weighting_goes_on_after_an_interruption() {
    for choice in choices() {
        let whole = with(choice.clone());
        let heard = Listener::default();
        whole.train(&heard).unwrap_or_else(|error| panic!("{choice}: {error}"));
        let paused = whole.again();
        assert!(paused.train(&Listener { stop_from: Some(10), ..Listener::default() }).is_err());
        let later = Listener::default();
        paused.train(&later).expect("trained");
        assert_eq!(later.started_from(), Some(11), "{choice}: {:?}", later.notes());
        assert!(paused.weights() == whole.weights(), "{choice}");
        assert_eq!(later.epochs(), heard.epochs(), "{choice}");
    }
}

/// Many epochs of a rate that fits: both tasks are learned, whatever balances them.
#[test]
fn gradient_methods_learn() {
    for choice in
        ["mgda", "pcgrad", "cagrad", "nash_mtl", "upgrad", "imtl", "config", "graddrop", "db_mtl", "sdmgrad"]
    {
        let mut rehearsal = Rehearsal::new().set("epochs", json!(25));
        rehearsal.weighting = json!(choice);
        let trained = rehearsal.train(&Listener::default()).expect("trained");
        let objective = trained.objective.expect("an objective");
        assert!(objective < 0.35, "{choice}: {objective}");
    }
}

fn values(rehearsal: &Rehearsal) -> Vec<f32> {
    let network = rehearsal.network();
    network.weights().load(&rehearsal.folder.path().join("weights.safetensors")).expect("loaded");
    let flat = |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
    network.weights().iter().flat_map(|weight| flat(&weight.var)).collect()
}

/// Gradients taken one by one, of the weights or at the point that tasks read, sum to the joint loss's gradient.
#[test]
fn watching_gradients_changes_nothing() {
    let of = |gradients: Value| {
        let mut rehearsal = Rehearsal::new().set("epochs", json!(2)).set("optimizer", json!({"sgd": 0.05}));
        rehearsal.network = json!([{"dense": {"units": 8, "activation": "tanh"}}, {"dropout": 0.2}]);
        rehearsal.weighting = json!({"fixed": {"weights": {"sign": 3.0}}});
        let rehearsal = rehearsal.set("gradients", gradients);
        rehearsal.train(&Listener::default()).expect("trained");
        values(&rehearsal)
    };
    let plain = of(json!({}));
    for gradients in [json!({"observe": true}), json!({"observe": true, "at": "representation"})] {
        let found = of(gradients.clone());
        let largest = plain.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "{gradients}: {largest}");
    }
}

/// A Gramian that is summed a layer at a time trains as one of whole gradients, whatever the method and the sharing; and so do
/// the layers that one task has alone, and what the sharing adds to the loss.
#[test]
fn gramians_by_layer_change_nothing() {
    let of = |weighting: &Value, sharing: &Value, gradients: Value| {
        let mut rehearsal = Rehearsal::new().set("epochs", json!(1)).set("optimizer", json!({"sgd": 0.02}));
        let dense = json!({"dense": {"units": 6, "activation": "tanh"}});
        rehearsal.network = json!([dense, "batch_norm", {"dropout": 0.2}, dense]);
        (rehearsal.weighting, rehearsal.sharing) = (weighting.clone(), sharing.clone());
        let rehearsal = rehearsal.set("gradients", gradients);
        let listener = Listener::default();
        rehearsal.train(&listener).unwrap_or_else(|error| panic!("{weighting} {sharing}: {error}"));
        let notes = listener.notes();
        (values(&rehearsal), notes)
    };
    let compare = |weighting: Value, sharing: Value, heads: Value| {
        let whole = json!({"observe": true, "heads": heads});
        let by_layer = json!({"observe": true, "heads": heads, "by_layer": true});
        let (whole, notes) = of(&weighting, &sharing, whole);
        let (found, their_notes) = of(&weighting, &sharing, by_layer);
        let largest = whole.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-5, "{weighting} {sharing} {heads}: {largest}");
        assert_eq!(notes, their_notes, "{weighting} {sharing}");
    };
    for choice in choices() {
        let words: BalanceSpec = serde_json::from_value(choice.clone()).expect("words");
        let mut claims = words.0.iter().filter_map(|words| words.view().claims().gradients());
        if claims.any(|claims| claims.sees == Seen::DotProducts { parts: 1 }) {
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

/// Which methods may be asked for what is what their words claim.
#[test]
fn weightings_are_what_they_claim() {
    let tasks = [task("value"), task("sign")];
    for choice in choices() {
        let words: BalanceSpec = serde_json::from_value(choice.clone()).expect("words");
        for words in &words.0 {
            let built = words.view().build(&Setting { tasks: &tasks, seed: 0, rate: 0.1 });
            let is_gramian = matches!(built.gradients, Some(Gradients::Gramian(_)));
            let claims = words.view().claims();
            let seen = claims.gradients().map(|claims| claims.sees);
            assert_eq!(matches!(seen, Some(Seen::DotProducts { .. })), is_gramian, "{choice}");
            assert_eq!(seen.is_some(), built.gradients.is_some(), "{choice}");
            assert_eq!(claims.weighs_losses(), built.losses.is_some(), "{choice}");
        }
    }
}

/// With every weight the same, unweighted and weighted heads differ by the weight alone.
#[test]
fn heads_and_scales_hold() {
    let weights = |gradients: Value| {
        let mut rehearsal = Rehearsal::new().set("epochs", json!(1)).set("gradients", gradients);
        rehearsal.weighting = json!("mgda");
        let listener = Listener::default();
        rehearsal.train(&listener).expect("trained");
        let events = listener.epochs();
        let Some(Event::EpochFinished(FinishedEpoch { weights, .. })) = events.first() else {
            panic!("no epoch")
        };
        (weights.iter().map(|weight| weight.value).sum::<f64>(), rehearsal.weights())
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

/// A task without labels is left out of every method's sum, and its head stays.
#[test]
fn an_absent_task_is_left_out() {
    for choice in choices() {
        let mut rehearsal = with(choice.clone()).set("epochs", json!(1));
        let rows = rehearsal.dataset.tables[0].rows;
        rehearsal.dataset.tables[0].targets[1].1 = Array::f32(&[rows, 1], vec![f32::NAN; rows]);
        rehearsal.train(&Listener::default()).unwrap_or_else(|error| panic!("{choice}: {error}"));
        let (before, after) = (rehearsal.network(), rehearsal.network());
        after.weights().load(&rehearsal.folder.path().join("weights.safetensors")).expect("loaded");
        let flat =
            |var: &candle_core::Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        for (old, new) in before.weights().iter().zip(after.weights().iter()) {
            if old.name.starts_with("head.sign.") {
                assert_eq!(flat(&old.var), flat(&new.var), "{choice}: {}", old.name);
            }
        }
    }
}
