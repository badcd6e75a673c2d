//! What TorchJD makes of the same matrices: from 2 to 8 tasks, of lengths from 1e-10 to 1e10, with rows of
//! nothing, nearly alike, cancelling, and of low rank. `ask_torchjd.py` made the numbers, and says where
//! TorchJD itself breaks down and by which law its answer to an easier matrix was taken over.

use mtl::train::solver::Matrix;
use mtl::train::weighting::gradient_method::GradientContext;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::laws::weighting::{Jacobian, direction, dot, gramian_method, norm, read, weigh};

#[derive(Deserialize)]
struct Case {
    name: String,
    rows: Jacobian,
    found: serde_json::Map<String, Value>,
}

/// TorchJD's name, our words, and how far apart answers may be, as a share of their length.
fn compared() -> Vec<(&'static str, Value, f64)> {
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
fn torchjd_says_the_same() {
    let (mut seen, mut wrong) = (vec![0; compared().len()], Vec::new());
    for case in cases() {
        for (place, (name, config, within)) in compared().into_iter().enumerate() {
            let Some(expected) = case.found.get(name).map(numbers) else { continue };
            let actual = weigh(&read(config), &case.rows).weights;
            if distance(&actual, &expected) > within * norm(&expected) {
                wrong.push(format!("{}: {name}: {actual:?} is not {expected:?}", case.name));
            }
            seen[place] += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.iter().all(|count| *count >= 15), "{seen:?}");
}

#[test]
fn torchjd_takes_the_same_direction_at_even_angles() {
    for case in cases() {
        let expected = numbers(&case.found["config"]);
        let actual = direction(&case.rows, &weigh(&read(json!("config")), &case.rows).weights);
        // Of gradients that cancel the direction is nothing, but for rounding.
        let longest = case.rows.iter().map(|row| norm(row)).fold(0.0, f64::max);
        let near = distance(&actual, &expected) <= 1e-5 * norm(&expected) + 1e-13 * longest;
        assert!(near, "{}: {actual:?} is not {expected:?}", case.name);
    }
}

/// Its combination is never shorter, and no further away than by how much it is longer: |d - t|^2 <= |t|^2 -
/// |d|^2.
#[test]
fn torchjd_finds_no_shorter_combination() {
    for case in cases() {
        let theirs = direction(&case.rows, &numbers(&case.found["mgda"]));
        let ours = direction(&case.rows, &weigh(&read(json!("mgda")), &case.rows).weights);
        let apart: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let room = 1e-9 * case.rows.iter().map(|row| dot(row, row)).fold(f64::INFINITY, f64::min);
        let longer = dot(&theirs, &theirs) - dot(&ours, &ours);
        assert!(dot(&apart, &apart) <= longer + room, "{}: {ours:?} {theirs:?}", case.name);
    }
}

/// Each order of three tasks or fewer is one of those that TorchJD drew; all that ours draws are among them.
#[test]
fn torchjd_knows_every_order() {
    for case in cases().into_iter().filter(|case| case.rows.len() <= 3) {
        for name in ["pcgrad", "gradvac"] {
            let known: Vec<Vec<f64>> = serde_json::from_value(case.found[name].clone()).expect("answers");
            let (tasks, losses) = ([0, 1, 2], [1.0; 3]);
            let gramian = Matrix::gramian(&case.rows);
            let count = case.rows.len();
            let mut drawn = vec![false; known.len()];
            for step in 0..100 {
                // GradVac remembers, so each step is the first of a new one.
                let mut method = gramian_method(&read(json!(name)), count).expect("of dot products");
                let context = GradientContext {
                    step,
                    tasks: &tasks[..count],
                    losses: &losses[..count],
                    gramian: &gramian,
                };
                let actual = method.compute_weights(&context).weights;
                let one = known.iter().position(|known| distance(&actual, known) <= 1e-4 * norm(known));
                let Some(one) = one else { panic!("{}: {name}: {actual:?} of {known:?}", case.name) };
                drawn[one] = true;
            }
            assert!(drawn.iter().all(|drawn| *drawn), "{}: {name}: {drawn:?} of {known:?}", case.name);
        }
    }
}
