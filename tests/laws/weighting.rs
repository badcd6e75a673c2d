//! Properties of weightings and gradient methods: finite weights, determinism, exact resumption from saved
//! states, and the properties that each method claims.

use mtl::domain::choice_config::Choice;
use mtl::domain::name::TaskName;
use mtl::train::config::WeightingConfig;
use mtl::train::solver::Matrix;
use mtl::train::solver::program::QuadraticProgram;
use mtl::train::weighting::WeightingContext;
use mtl::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, GramianWeighting, RowWeighting,
};
use mtl::train::weighting::method::{GradientMethod, WeightingMethod};
use serde_json::{Value, json};

pub(super) type Jacobian = Vec<Vec<f64>>;

fn default_config(name: &str) -> WeightingConfig {
    let value = match name {
        "fixed" => json!({"fixed": {"weights": {"t0": 2.0}}}),
        "cr_mogm" => json!({"cr_mogm": {"method": "upgrad"}}),
        name => json!(name),
    };
    read(value)
}

pub(super) fn read(value: Value) -> WeightingConfig {
    serde_json::from_value(value).expect("settings")
}

fn build(config: &WeightingConfig, tasks: usize, seed: u64) -> WeightingMethod {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    config.view().build(&WeightingContext { tasks: &tasks, seed, rate: 0.01 })
}

/// Pseudo-random numbers from U(-1, 1).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn rows(&mut self, tasks: usize, width: usize) -> Jacobian {
        (0..tasks).map(|_| (0..width).map(|_| self.next()).collect()).collect()
    }
}

/// Random, low-rank, nearly equal, zero, cancelling and very long or short gradients.
fn jacobians() -> Vec<(String, Jacobian)> {
    let mut draw = Draw(7);
    let mut all = Vec::new();
    for tasks in 1..9 {
        all.push((format!("random {tasks}"), draw.rows(tasks, tasks + 3)));
        all.push((format!("low rank {tasks}"), draw.rows(tasks, 2)));
        let mean = draw.rows(1, 6).remove(0);
        let near = |row: Vec<f64>| row.iter().zip(&mean).map(|(a, b)| 1e-6 * a + b).collect();
        all.push((format!("nearly equal {tasks}"), draw.rows(tasks, 6).into_iter().map(near).collect()));
        let mut zero = draw.rows(tasks, 5);
        zero[0].fill(0.0);
        all.push((format!("zero {tasks}"), zero));
        let mut cancelling = draw.rows(tasks, 5);
        cancelling[0] = (0..5).map(|i| -cancelling[1..].iter().map(|row| row[i]).sum::<f64>()).collect();
        all.push((format!("cancelling {tasks}"), cancelling));
        let mut norms = draw.rows(tasks, 6);
        for (task, row) in norms.iter_mut().enumerate() {
            let scale = 10.0_f64.powf(-10.0 + 20.0 * task as f64 / tasks as f64);
            row.iter_mut().for_each(|value| *value *= scale);
        }
        all.push((format!("norms {tasks}"), norms));
    }
    for scale in [1e-10, 1e10] {
        let scaled =
            draw.rows(3, 5).iter().map(|row| row.iter().map(|value| value * scale).collect()).collect();
        all.push((format!("scale {scale}"), scaled));
    }
    all.push(("all zero".to_owned(), vec![vec![0.0; 3]; 3]));
    all
}

pub(super) fn gramian_method(config: &WeightingConfig, tasks: usize) -> Option<Box<dyn GramianWeighting>> {
    match build(config, tasks, 0).gradients {
        Some(GradientMethod::Gramian(method)) => Some(method),
        _ => None,
    }
}

fn compute_step(method: &mut dyn GramianWeighting, rows: &Jacobian, step: u64) -> GradientWeights {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let losses: Vec<f64> = tasks.iter().map(|task| 0.5 + *task as f64).collect();
    method.compute_weights(&GradientContext {
        step,
        tasks: &tasks,
        losses: &losses,
        gramian: &Matrix::gramian(rows),
    })
}

pub(super) fn compute_weights(config: &WeightingConfig, rows: &Jacobian) -> GradientWeights {
    compute_step(&mut *gramian_method(config, rows.len()).expect("a Gramian method"), rows, 0)
}

pub(super) fn direction(rows: &Jacobian, weights: &[f64]) -> Vec<f64> {
    (0..rows[0].len()).map(|i| rows.iter().zip(weights).map(|(row, w)| row[i] * w).sum()).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn gramian_methods() -> Vec<&'static str> {
    WeightingConfig::names()
        .iter()
        .copied()
        .filter(|name| gramian_method(&default_config(name), 2).is_some())
        .collect()
}

fn combine(method: &mut dyn RowWeighting, rows: &Jacobian, step: u64) -> (GradientWeights, Vec<Vec<f32>>) {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let losses: Vec<f64> = tasks.iter().map(|task| 0.5 + *task as f64).collect();
    let gramian = Matrix::gramian(rows);
    let values = rows.iter().map(|row| row.iter().map(|value| *value as f32).collect()).collect();
    let mut values = GradientRows { values, representation: None };
    let answer = method.compute_weights(
        &GradientContext { step, tasks: &tasks, losses: &losses, gramian: &gramian },
        &mut values,
    );
    (answer, values.values)
}

fn row_method(name: &str, tasks: usize) -> Option<Box<dyn RowWeighting>> {
    match build(&default_config(name), tasks, 0).gradients {
        Some(GradientMethod::Rows(method)) => Some(method),
        _ => None,
    }
}

#[test]
fn weights_are_always_finite() {
    for (what, rows) in jacobians() {
        for name in WeightingConfig::names() {
            if let Some(mut method) = gramian_method(&default_config(name), rows.len()) {
                for step in 0..3 {
                    let answer = compute_step(&mut *method, &rows, step);
                    assert_eq!(answer.weights.len(), rows.len(), "{name}: {what}");
                    assert!(answer.weights.iter().all(|w| w.is_finite()), "{name}: {what}: {answer:?}");
                }
            }
            if let Some(mut method) = row_method(name, rows.len()) {
                for step in 0..3 {
                    let (answer, values) = combine(&mut *method, &rows, step);
                    assert!(answer.weights.iter().all(|w| w.is_finite()), "{name}: {what}: {answer:?}");
                    assert!(values.iter().flatten().all(|value| value.is_finite()), "{name}: {what}");
                }
            }
        }
    }
}

#[test]
fn loss_weightings_are_finite_and_resume_exactly() {
    let losses = |step: usize| -> Vec<Option<f64>> {
        (0..3)
            .map(|task| {
                (!(step + task).is_multiple_of(5)).then(|| 0.3 + ((step * 7 + task * 3) % 11) as f64 / 5.0)
            })
            .collect()
    };
    for name in WeightingConfig::names() {
        let (Some(mut one), Some(mut two)) =
            (build(&default_config(name), 3, 1).losses, build(&default_config(name), 3, 1).losses)
        else {
            continue;
        };
        let run_step = |one: &mut dyn mtl::train::weighting::Weighting, step: usize| {
            let losses = losses(step);
            let weights = one.weights(step as u64, &losses);
            assert!(weights.len() == 3 && weights.iter().all(|w| w.is_finite()), "{name}: {weights:?}");
            assert!(one.penalty(&losses).is_finite(), "{name}");
            one.learn(&losses, 0.5);
            if one.needs_losses_after_step() {
                one.receive_losses_after_step(
                    &losses.iter().map(|loss| loss.map(|loss| loss * 0.9)).collect::<Vec<_>>(),
                );
            }
            if step % 4 == 3 {
                one.after_epoch(&losses);
            }
            weights
        };
        (0..10).for_each(|step| drop(run_step(&mut *one, step)));
        assert!(two.restore(&one.state()), "{name}");
        for step in 10..20 {
            assert_eq!(run_step(&mut *one, step), run_step(&mut *two, step), "{name}");
        }
        assert!(!two.restore(&[0.0; 999]), "{name} accepts an invalid state");
    }
}

#[test]
fn gradient_methods_resume_exactly() {
    let mut draw = Draw(3);
    let steps: Vec<Jacobian> = (0..8).map(|_| draw.rows(4, 6)).collect();
    for name in WeightingConfig::names() {
        if let (Some(mut one), Some(mut two)) =
            (gramian_method(&default_config(name), 4), gramian_method(&default_config(name), 4))
        {
            (0..4).for_each(|step| drop(compute_step(&mut *one, &steps[step], step as u64)));
            assert!(two.restore(&one.state()), "{name}");
            for (step, rows) in steps.iter().enumerate().skip(4) {
                assert_eq!(
                    compute_step(&mut *one, rows, step as u64),
                    compute_step(&mut *two, rows, step as u64),
                    "{name}"
                );
            }
            assert!(!two.restore(&[0.0; 999]), "{name} accepts an invalid state");
        }
        if let (Some(mut one), Some(mut two)) = (row_method(name, 4), row_method(name, 4)) {
            (0..4).for_each(|step| drop(combine(&mut *one, &steps[step], step as u64)));
            assert!(two.restore(&one.state(), one.buffers()), "{name}");
            for (step, rows) in steps.iter().enumerate().skip(4) {
                let (a, b) = (combine(&mut *one, rows, step as u64), combine(&mut *two, rows, step as u64));
                assert_eq!(a, b, "{name}");
            }
        }
    }
}

/// The direction d does not conflict with any task's gradient: d . g_k >= 0, up to rounding.
#[test]
fn conflict_free_methods_have_no_conflicts() {
    let conflict_free = [
        json!("mgda"),
        json!("upgrad"),
        json!("dualproj"),
        json!("nash_mtl"),
        json!({"fairgrad": 0.5}),
        json!({"fairgrad": 2.0}),
        json!({"cagrad": {"c": 1.0, "rescale": "none"}}),
        json!({"cagrad": {"c": 2.0}}),
    ];
    for value in conflict_free {
        let config = read(value.clone());
        for (what, rows) in jacobians() {
            let answer = compute_weights(&config, &rows);
            let d = direction(&rows, &answer.weights);
            let terms = rows.iter().zip(&answer.weights).map(|(row, w)| norm(row) * w.abs()).sum::<f64>();
            for row in &rows {
                let along = dot(&d, row);
                assert!(
                    along >= -1e-6 * terms * norm(row),
                    "{value}: {what}: {along} of {}",
                    terms * norm(row)
                );
            }
        }
    }
}

/// Permuting the tasks permutes the weights.
#[test]
fn deterministic_methods_are_equivariant() {
    let names = [
        "mgda",
        "upgrad",
        "dualproj",
        "imtl_g",
        "aligned_mtl",
        "config",
        "nash_mtl",
        "fairgrad",
        "cagrad",
        "modo",
        "sdmgrad",
    ];
    for name in names {
        for (what, rows) in jacobians().into_iter().filter(|(what, _)| what.starts_with("random")) {
            let weights = equal_loss_weights(name, &rows);
            let reversed: Jacobian = rows.iter().rev().cloned().collect();
            let mut other = equal_loss_weights(name, &reversed);
            other.reverse();
            for (a, b) in weights.iter().zip(&other) {
                assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{name}: {what}: {weights:?} {other:?}");
            }
        }
    }
}

/// The weights if all losses are 1, so that only gradients matter.
fn equal_loss_weights(name: &str, rows: &Jacobian) -> Vec<f64> {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let (losses, gramian) = (vec![1.0; rows.len()], Matrix::gramian(rows));
    let context = GradientContext { step: 0, tasks: &tasks, losses: &losses, gramian: &gramian };
    gramian_method(&default_config(name), rows.len())
        .expect("a Gramian method")
        .compute_weights(&context)
        .weights
}

/// Scaling all gradients by s scales the weights by s^power: 0 for most methods, -1 for Nash-MTL.
#[test]
fn weights_scale_with_gradients() {
    let scaled = |rows: &Jacobian, by: f64| -> Jacobian {
        rows.iter().map(|row| row.iter().map(|value| value * by).collect()).collect()
    };
    let cases = [
        ("mgda", json!("mgda"), 0.0),
        ("upgrad", json!("upgrad"), 0.0),
        ("dualproj", json!("dualproj"), 0.0),
        ("pcgrad", json!("pcgrad"), 0.0),
        ("gradvac", json!("gradvac"), 0.0),
        ("cagrad", json!("cagrad"), 0.0),
        ("imtl_g", json!("imtl_g"), 0.0),
        ("aligned_mtl", json!("aligned_mtl"), 0.0),
        ("config", json!("config"), 0.0),
        ("nash_mtl", json!({"nash_mtl": {"max_norm": 1e30}}), -1.0),
        ("fairgrad", json!({"fairgrad": 2.0}), -4.0 / 3.0),
    ];
    for (name, value, power) in cases {
        for (what, rows) in jacobians().into_iter().filter(|(what, _)| what.starts_with("random")) {
            let plain = compute_weights(&read(value.clone()), &rows).weights;
            for by in [1e-8, 1e8] {
                let actual = compute_weights(&read(value.clone()), &scaled(&rows, by)).weights;
                for (a, b) in plain.iter().zip(&actual) {
                    let expected = a * f64::powf(by, power);
                    assert!(
                        (b - expected).abs() < 1e-5 * expected.abs().max(1e-3 * f64::powf(by, power)),
                        "{name}: {what} {by}: {plain:?} {actual:?}"
                    );
                }
            }
        }
    }
}

/// The defining equation of each method: MGDA has the minimum norm of all convex combinations; Nash-MTL has
/// G w = 1 / w and norm sqrt K; IMTL-G has equal projections onto all gradients; DualProj without conflicts
/// and CAGrad with c = 0 are the mean.
#[test]
fn defining_equations_hold() {
    let mut draw = Draw(11);
    for (what, rows) in
        jacobians().into_iter().filter(|(what, _)| what.starts_with("random") || what.starts_with("norms"))
    {
        let (tasks, gramian) = (rows.len(), Matrix::gramian(&rows));
        let mgda = direction(&rows, &compute_weights(&read(json!("mgda")), &rows).weights);
        for _ in 0..50 {
            let mixture: Vec<f64> = (0..tasks).map(|_| draw.next().abs()).collect();
            let sum: f64 = mixture.iter().sum();
            let mixed = direction(&rows, &mixture.iter().map(|w| w / sum).collect::<Vec<_>>());
            assert!(norm(&mgda) <= norm(&mixed) * (1.0 + 1e-9), "{what}");
        }
        let nash = compute_weights(&read(json!({"nash_mtl": {"max_norm": 1e30}})), &rows);
        assert_eq!(nash.weights, compute_weights(&read(json!({"fairgrad": 1.0})), &rows).weights, "{what}");
        if nash.regular && what.starts_with("random") {
            for (left, w) in gramian.matvec(&nash.weights).iter().zip(&nash.weights) {
                assert!((left * w - 1.0).abs() < 2e-3, "{what}: {left} {w}");
            }
            assert!((norm(&direction(&rows, &nash.weights)) - (tasks as f64).sqrt()).abs() < 1e-2, "{what}");
        }
        if what.starts_with("random") {
            let d = direction(&rows, &compute_weights(&read(json!("imtl_g")), &rows).weights);
            let along: Vec<f64> = rows.iter().map(|row| dot(&d, row) / norm(row)).collect();
            assert!(
                along.iter().all(|a| (a - along[0]).abs() < 1e-8 * norm(&d).max(1e-3)),
                "{what}: {along:?}"
            );
            let none = compute_weights(&read(json!({"cagrad": {"c": 0.0}})), &rows).weights;
            assert!(none.iter().all(|w| (w - 1.0 / tasks as f64).abs() < 1e-12), "{what}");
        }
    }
    let agreeing = vec![vec![1.0, 0.0, 0.2], vec![1.0, 1.0, 0.1], vec![0.5, 0.2, 3.0]];
    assert!(
        compute_weights(&default_config("dualproj"), &agreeing)
            .weights
            .iter()
            .all(|w| (w - 1.0 / 3.0).abs() < 1e-12)
    );
}

/// For two tasks PCGrad = 2 UPGrad; GradVac's first step = PCGrad with the same orders (methods.md 11).
#[test]
fn equivalent_methods_agree() {
    for (what, rows) in
        jacobians().into_iter().filter(|(what, rows)| rows.len() == 2 && !what.contains("zero"))
    {
        let (pcgrad, upgrad) = (
            compute_weights(&default_config("pcgrad"), &rows).weights,
            compute_weights(&default_config("upgrad"), &rows).weights,
        );
        for (a, b) in pcgrad.iter().zip(&upgrad) {
            assert!((a - 2.0 * b).abs() < 1e-6 * a.abs(), "{what}: {pcgrad:?} {upgrad:?}");
        }
    }
    for (what, rows) in jacobians().into_iter().filter(|(what, _)| what.starts_with("random")) {
        let (one, two) = (
            compute_weights(&default_config("gradvac"), &rows).weights,
            compute_weights(&default_config("pcgrad"), &rows).weights,
        );
        assert!(one.iter().zip(&two).all(|(a, b)| (a - b).abs() < 1e-9), "{what}: {one:?} {two:?}");
    }
}

/// Methods without a solution for cancelling or zero gradients report it.
#[test]
fn irregular_gradients_are_reported() {
    let zero = vec![vec![0.0; 3]; 3];
    for name in ["mgda", "imtl_g", "nash_mtl", "fairgrad", "aligned_mtl", "config", "cagrad", "sdmgrad"] {
        assert!(!compute_weights(&default_config(name), &zero).regular, "{name}");
    }
    let opposite = vec![vec![1.0, 0.0], vec![-2.0, 0.0]];
    for name in ["imtl_g", "nash_mtl", "fairgrad", "aligned_mtl", "config"] {
        assert!(!compute_weights(&default_config(name), &opposite).regular, "{name}");
    }
    for name in gramian_methods() {
        let plain = compute_weights(&default_config(name), &vec![vec![1.0, 0.0], vec![0.5, 1.0]]);
        assert!(plain.regular, "{name}");
    }
}

/// The Karush-Kuhn-Tucker conditions: free variables have slope 0, bound ones a nonnegative slope.
#[test]
fn quadratic_programs_are_solved() {
    let mut draw = Draw(5);
    for size in 1..13 {
        for width in [2, size, 2 * size] {
            let rows = draw.rows(size, width);
            let quadratic = Matrix::gramian(&rows);
            // A linear term in the row space, so that the minimum exists.
            let linear: Vec<f64> = quadratic.matvec(&(0..size).map(|_| draw.next()).collect::<Vec<_>>());
            let total: Vec<f64> = (0..size).map(|_| 0.1 + draw.next().abs()).collect();
            for total in [None, Some(total.as_slice())] {
                let actual =
                    QuadraticProgram { quadratic: &quadratic, linear: &linear, equality: total }.solve();
                assert!(actual.converged, "{size} {width}");
                let slope: Vec<f64> =
                    quadratic.matvec(&actual.x).iter().zip(&linear).map(|(h, p)| h + p).collect();
                let multiplier = match total {
                    Some(total) => {
                        assert!((dot(total, &actual.x) - 1.0).abs() < 1e-9);
                        let free =
                            (0..size).max_by(|a, b| actual.x[*a].total_cmp(&actual.x[*b])).expect("one");
                        slope[free] / total[free]
                    }
                    None => 0.0,
                };
                for i in 0..size {
                    let reduced = slope[i] - multiplier * total.map_or(0.0, |total| total[i]);
                    assert!(actual.x[i] >= 0.0);
                    assert!(reduced > -1e-7, "{size} {width} {i}: {reduced}");
                    assert!(actual.x[i] == 0.0 || reduced.abs() < 1e-7, "{size} {width} {i}: {reduced}");
                }
            }
        }
    }
}
