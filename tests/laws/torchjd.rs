//! Comparison with TorchJD on the same matrices: 2 to 8 tasks, norms from 1e-10 to 1e10, with zero rows,
//! nearly equal, cancelling and low-rank rows. `ask_torchjd.py` computed the numbers; it documents where
//! TorchJD itself fails, and by which property its result for an easier matrix was used instead.

use mtl::train::solver::Matrix;
use mtl::train::weighting::gradient_method::GradientContext;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::laws::weighting::{Jacobian, compute_weights, direction, dot, gramian_method, norm, read};

#[derive(Deserialize)]
struct Case {
    name: String,
    rows: Jacobian,
    found: serde_json::Map<String, Value>,
}

/// TorchJD's name, our settings, and the tolerance relative to the norm.
fn methods() -> Vec<(&'static str, Value, f64)> {
    vec![
        ("upgrad", json!({"upgrad": 1e-4}), 1e-6),
        ("dualproj", json!({"dualproj": 1e-4}), 1e-6),
        ("upgrad_exact", json!("upgrad"), 1e-5),
        ("dualproj_exact", json!("dualproj"), 1e-5),
        ("aligned_mtl", json!("aligned_mtl"), 1e-6),
        ("imtl_g", json!("imtl_g"), 1e-5),
        ("fairgrad", json!({"fairgrad": 2.0}), 1e-4),
        ("nash_mtl", json!({"nash_mtl": {"max_norm": 1e30}}), 1e-4),
        ("cagrad", json!({"cagrad": {"c": 0.5, "rescale": "none"}}), 2e-4),
        ("modo", json!("modo"), 1e-6),
        ("sdmgrad", json!("sdmgrad"), 1e-6),
    ]
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("numbers")
}

fn distance(actual: &[f64], expected: &[f64]) -> f64 {
    actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn cases() -> Vec<Case> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/laws/torchjd.json");
    serde_json::from_str(&std::fs::read_to_string(file).expect("read")).expect("cases")
}

#[test]
fn weights_equal_torchjd() {
    let (mut counts, mut wrong) = (vec![0; methods().len()], Vec::new());
    for case in cases() {
        for (index, (name, config, tolerance)) in methods().into_iter().enumerate() {
            let Some(expected) = case.found.get(name).map(numbers) else { continue };
            let actual = compute_weights(&read(config), &case.rows).weights;
            if distance(&actual, &expected) > tolerance * norm(&expected) {
                wrong.push(format!("{}: {name}: {actual:?} is not {expected:?}", case.name));
            }
            counts[index] += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.iter().all(|count| *count >= 15), "{counts:?}");
}

#[test]
fn config_has_the_direction_of_torchjd() {
    for case in cases() {
        let expected = numbers(&case.found["config"]);
        let actual = direction(&case.rows, &compute_weights(&read(json!("config")), &case.rows).weights);
        // The direction of cancelling gradients is 0 up to rounding.
        let longest = case.rows.iter().map(|row| norm(row)).fold(0.0, f64::max);
        let near = distance(&actual, &expected) <= 1e-5 * norm(&expected) + 1e-13 * longest;
        assert!(near, "{}: {actual:?} is not {expected:?}", case.name);
    }
}

/// TorchJD's combination t is not shorter than ours, d, and |d - t|^2 <= |t|^2 - |d|^2.
#[test]
fn mgda_is_not_longer_than_that_of_torchjd() {
    for case in cases() {
        let theirs = direction(&case.rows, &numbers(&case.found["mgda"]));
        let ours = direction(&case.rows, &compute_weights(&read(json!("mgda")), &case.rows).weights);
        let difference: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let tolerance = 1e-9 * case.rows.iter().map(|row| dot(row, row)).fold(f64::INFINITY, f64::min);
        let longer = dot(&theirs, &theirs) - dot(&ours, &ours);
        assert!(dot(&difference, &difference) <= longer + tolerance, "{}: {ours:?} {theirs:?}", case.name);
    }
}

/// For up to three tasks: our results over random task orders are exactly those of TorchJD.
#[test]
fn random_orders_give_the_results_of_torchjd() {
    for case in cases().into_iter().filter(|case| case.rows.len() <= 3) {
        for name in ["pcgrad", "gradvac"] {
            let expected: Vec<Vec<f64>> = serde_json::from_value(case.found[name].clone()).expect("weights");
            let (tasks, losses) = ([0, 1, 2], [1.0; 3]);
            let gramian = Matrix::gramian(&case.rows);
            let count = case.rows.len();
            let mut drawn = vec![false; expected.len()];
            for step in 0..100 {
                // GradVac has a state, so each step uses a new method.
                let mut method = gramian_method(&read(json!(name)), count).expect("a Gramian method");
                let context = GradientContext {
                    step,
                    tasks: &tasks[..count],
                    losses: &losses[..count],
                    gramian: &gramian,
                };
                let actual = method.compute_weights(&context).weights;
                let near = |known: &Vec<f64>| distance(&actual, known) <= 1e-4 * norm(known);
                let index = expected.iter().position(near);
                let Some(index) = index else { panic!("{}: {name}: {actual:?} of {expected:?}", case.name) };
                drawn[index] = true;
            }
            assert!(drawn.iter().all(|drawn| *drawn), "{}: {name}: {drawn:?} of {expected:?}", case.name);
        }
    }
}
