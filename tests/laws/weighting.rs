//! The laws of weightings and gradient methods: finite, repeatable, going on exactly, and each what it
//! claims.

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

fn words(name: &str) -> WeightingConfig {
    let value = match name {
        "fixed" => json!({"fixed": {"weights": {"t0": 2.0}}}),
        "cr_mogm" => json!({"cr_mogm": {"method": "upgrad"}}),
        name => json!(name),
    };
    read(value)
}

pub(super) fn read(value: Value) -> WeightingConfig {
    serde_json::from_value(value).expect("words")
}

fn built(config: &WeightingConfig, tasks: usize, seed: u64) -> WeightingMethod {
    let tasks: Vec<TaskName> = (0..tasks).filter_map(|k| TaskName::new(format!("t{k}"))).collect();
    config.view().build(&WeightingContext { tasks: &tasks, seed, rate: 0.01 })
}

/// Even numbers from -1 to 1 that look random.
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

/// Random, of low rank, nearly the same, with rows of nothing, opposite, cancelling, and of any length.
fn jacobians() -> Vec<(String, Jacobian)> {
    let mut draw = Draw(7);
    let mut all = Vec::new();
    for tasks in 1..9 {
        all.push((format!("random {tasks}"), draw.rows(tasks, tasks + 3)));
        all.push((format!("low rank {tasks}"), draw.rows(tasks, 2)));
        let mean = draw.rows(1, 6).remove(0);
        let near = |row: Vec<f64>| row.iter().zip(&mean).map(|(a, b)| 1e-6 * a + b).collect();
        all.push((format!("alike {tasks}"), draw.rows(tasks, 6).into_iter().map(near).collect()));
        let mut nothing = draw.rows(tasks, 5);
        nothing[0].fill(0.0);
        all.push((format!("nothing {tasks}"), nothing));
        let mut cancelling = draw.rows(tasks, 5);
        let rest: Vec<f64> = (0..5).map(|i| -cancelling[1..].iter().map(|row| row[i]).sum::<f64>()).collect();
        cancelling[0] = rest;
        all.push((format!("cancelling {tasks}"), cancelling));
        let mut lengths = draw.rows(tasks, 6);
        for (place, row) in lengths.iter_mut().enumerate() {
            let scale = 10.0_f64.powf(-10.0 + 20.0 * place as f64 / tasks as f64);
            row.iter_mut().for_each(|value| *value *= scale);
        }
        all.push((format!("lengths {tasks}"), lengths));
    }
    for scale in [1e-10, 1e10] {
        let scaled =
            draw.rows(3, 5).iter().map(|row| row.iter().map(|value| value * scale).collect()).collect();
        all.push((format!("scale {scale}"), scaled));
    }
    all.push(("all nothing".to_owned(), vec![vec![0.0; 3]; 3]));
    all
}

pub(super) fn gramian_method(config: &WeightingConfig, tasks: usize) -> Option<Box<dyn GramianWeighting>> {
    match built(config, tasks, 0).gradients {
        Some(GradientMethod::Gramian(method)) => Some(method),
        _ => None,
    }
}

fn ask(method: &mut dyn GramianWeighting, rows: &Jacobian, step: u64) -> GradientWeights {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let losses: Vec<f64> = tasks.iter().map(|task| 0.5 + *task as f64).collect();
    method.compute_weights(&GradientContext {
        step,
        tasks: &tasks,
        losses: &losses,
        gramian: &Matrix::gramian(rows),
    })
}

pub(super) fn weigh(config: &WeightingConfig, rows: &Jacobian) -> GradientWeights {
    ask(&mut *gramian_method(config, rows.len()).expect("of dot products"), rows, 0)
}

pub(super) fn direction(rows: &Jacobian, weights: &[f64]) -> Vec<f64> {
    (0..rows[0].len()).map(|place| rows.iter().zip(weights).map(|(row, w)| row[place] * w).sum()).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn of_dot_products() -> Vec<&'static str> {
    WeightingConfig::names()
        .iter()
        .copied()
        .filter(|name| gramian_method(&words(name), 2).is_some())
        .collect()
}

fn combine(method: &mut dyn RowWeighting, rows: &Jacobian, step: u64) -> (GradientWeights, Vec<Vec<f32>>) {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let losses: Vec<f64> = tasks.iter().map(|task| 0.5 + *task as f64).collect();
    let gramian = Matrix::gramian(rows);
    let values = rows.iter().map(|row| row.iter().map(|value| *value as f32).collect()).collect();
    let mut values = GradientRows { values, point: None };
    let answer = method.compute_weights(
        &GradientContext { step, tasks: &tasks, losses: &losses, gramian: &gramian },
        &mut values,
    );
    (answer, values.values)
}

fn row_method(name: &str, tasks: usize) -> Option<Box<dyn RowWeighting>> {
    match built(&words(name), tasks, 0).gradients {
        Some(GradientMethod::Rows(method)) => Some(method),
        _ => None,
    }
}

#[test]
fn weights_are_finite_whatever_comes() {
    for (what, rows) in jacobians() {
        for name in WeightingConfig::names() {
            if let Some(mut method) = gramian_method(&words(name), rows.len()) {
                for step in 0..3 {
                    let answer = ask(&mut *method, &rows, step);
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
fn losses_get_finite_weights_and_a_state_goes_on_exactly() {
    let losses = |step: usize| -> Vec<Option<f64>> {
        (0..3)
            .map(|task| {
                (!(step + task).is_multiple_of(5)).then(|| 0.3 + ((step * 7 + task * 3) % 11) as f64 / 5.0)
            })
            .collect()
    };
    for name in WeightingConfig::names() {
        let (Some(mut one), Some(mut two)) =
            (built(&words(name), 3, 1).losses, built(&words(name), 3, 1).losses)
        else {
            continue;
        };
        let go = |one: &mut dyn mtl::train::weighting::Weighting, step: usize| {
            let losses = losses(step);
            let weights = one.weights(step as u64, &losses);
            assert!(weights.len() == 3 && weights.iter().all(|w| w.is_finite()), "{name}: {weights:?}");
            assert!(one.penalty(&losses).is_finite(), "{name}");
            one.learn(&losses, 0.5);
            if one.wants_losses_after() {
                one.receive_losses_after(
                    &losses.iter().map(|loss| loss.map(|loss| loss * 0.9)).collect::<Vec<_>>(),
                );
            }
            if step % 4 == 3 {
                one.after_epoch(&losses);
            }
            weights
        };
        (0..10).for_each(|step| drop(go(&mut *one, step)));
        assert!(two.restore(&one.state()), "{name}");
        for step in 10..20 {
            assert_eq!(go(&mut *one, step), go(&mut *two, step), "{name}");
        }
        assert!(!two.restore(&[0.0; 999]), "{name} takes a state that is not its own");
    }
}

#[test]
fn gradient_methods_go_on_exactly_and_repeat_by_seed() {
    let mut draw = Draw(3);
    let course: Vec<Jacobian> = (0..8).map(|_| draw.rows(4, 6)).collect();
    for name in WeightingConfig::names() {
        if let (Some(mut one), Some(mut two)) =
            (gramian_method(&words(name), 4), gramian_method(&words(name), 4))
        {
            (0..4).for_each(|step| drop(ask(&mut *one, &course[step], step as u64)));
            assert!(two.restore(&one.state()), "{name}");
            for (step, rows) in course.iter().enumerate().skip(4) {
                assert_eq!(ask(&mut *one, rows, step as u64), ask(&mut *two, rows, step as u64), "{name}");
            }
            assert!(!two.restore(&[0.0; 999]), "{name} takes a state that is not its own");
        }
        if let (Some(mut one), Some(mut two)) = (row_method(name, 4), row_method(name, 4)) {
            (0..4).for_each(|step| drop(combine(&mut *one, &course[step], step as u64)));
            assert!(two.restore(&one.state(), one.buffers()), "{name}");
            for (step, rows) in course.iter().enumerate().skip(4) {
                let (a, b) = (combine(&mut *one, rows, step as u64), combine(&mut *two, rows, step as u64));
                assert_eq!(a, b, "{name}");
            }
        }
    }
}

/// No task's gradient points against the step: d . g_k >= 0, up to rounding.
#[test]
fn methods_without_conflict_have_none() {
    let none = [
        json!("mgda"),
        json!("upgrad"),
        json!("dualproj"),
        json!("nash_mtl"),
        json!({"fairgrad": 0.5}),
        json!({"fairgrad": 2.0}),
        json!({"cagrad": {"c": 1.0, "rescale": "none"}}),
        json!({"cagrad": {"c": 2.0}}),
    ];
    for value in none {
        let config = read(value.clone());
        for (what, rows) in jacobians() {
            let answer = weigh(&config, &rows);
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

/// Tasks in another order get their weights in that order.
#[test]
fn order_does_not_matter_where_none_is_drawn() {
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
            let plain = ask_even(name, &rows);
            let back: Jacobian = rows.iter().rev().cloned().collect();
            let mut turned = ask_even(name, &back);
            turned.reverse();
            for (a, b) in plain.iter().zip(&turned) {
                assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{name}: {what}: {plain:?} {turned:?}");
            }
        }
    }
}

/// All losses 1, so that order is the gradients' alone.
fn ask_even(name: &str, rows: &Jacobian) -> Vec<f64> {
    let tasks: Vec<usize> = (0..rows.len()).collect();
    let (losses, gramian) = (vec![1.0; rows.len()], Matrix::gramian(rows));
    let context = GradientContext { step: 0, tasks: &tasks, losses: &losses, gramian: &gramian };
    gramian_method(&words(name), rows.len()).expect("of dot products").compute_weights(&context).weights
}

/// Gradients of another length: MGDA and the like keep w, Nash and FairGrad turn it round, UPGrad and the
/// like go along.
#[test]
fn lengths_go_through_as_they_should() {
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
            let plain = weigh(&read(value.clone()), &rows).weights;
            for by in [1e-8, 1e8] {
                let actual = weigh(&read(value.clone()), &scaled(&rows, by)).weights;
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

/// Each solver's own equation: MGDA is no longer than any mixture; Nash has G w = 1 / w and length sqrt K;
/// IMTL-G is as far along all; DualProj is the mean where nothing conflicts; CAGrad with c = 0 is the mean.
#[test]
fn equations_hold() {
    let mut draw = Draw(11);
    for (what, rows) in
        jacobians().into_iter().filter(|(what, _)| what.starts_with("random") || what.starts_with("lengths"))
    {
        let (tasks, gramian) = (rows.len(), Matrix::gramian(&rows));
        let mgda = direction(&rows, &weigh(&read(json!("mgda")), &rows).weights);
        for _ in 0..50 {
            let mixture: Vec<f64> = (0..tasks).map(|_| draw.next().abs()).collect();
            let sum: f64 = mixture.iter().sum();
            let mixed = direction(&rows, &mixture.iter().map(|w| w / sum).collect::<Vec<_>>());
            assert!(norm(&mgda) <= norm(&mixed) * (1.0 + 1e-9), "{what}");
        }
        let nash = weigh(&read(json!({"nash_mtl": {"max_norm": 1e30}})), &rows);
        assert_eq!(nash.weights, weigh(&read(json!({"fairgrad": 1.0})), &rows).weights, "{what}");
        if nash.regular && what.starts_with("random") {
            for (left, w) in gramian.times(&nash.weights).iter().zip(&nash.weights) {
                assert!((left * w - 1.0).abs() < 2e-3, "{what}: {left} {w}");
            }
            assert!((norm(&direction(&rows, &nash.weights)) - (tasks as f64).sqrt()).abs() < 1e-2, "{what}");
        }
        if what.starts_with("random") {
            let d = direction(&rows, &weigh(&read(json!("imtl_g")), &rows).weights);
            let along: Vec<f64> = rows.iter().map(|row| dot(&d, row) / norm(row)).collect();
            assert!(
                along.iter().all(|a| (a - along[0]).abs() < 1e-8 * norm(&d).max(1e-3)),
                "{what}: {along:?}"
            );
            let none = weigh(&read(json!({"cagrad": {"c": 0.0}})), &rows).weights;
            assert!(none.iter().all(|w| (w - 1.0 / tasks as f64).abs() < 1e-12), "{what}");
        }
    }
    let agreeing = vec![vec![1.0, 0.0, 0.2], vec![1.0, 1.0, 0.1], vec![0.5, 0.2, 3.0]];
    assert!(weigh(&words("dualproj"), &agreeing).weights.iter().all(|w| (w - 1.0 / 3.0).abs() < 1e-12));
}

/// methods.md 11: K = 2: PCGrad = 2 UPGrad. GradVac's first step = PCGrad with the same orders.
#[test]
fn methods_that_are_the_same_agree() {
    for (what, rows) in
        jacobians().into_iter().filter(|(what, rows)| rows.len() == 2 && !what.contains("nothing"))
    {
        let (pcgrad, upgrad) =
            (weigh(&words("pcgrad"), &rows).weights, weigh(&words("upgrad"), &rows).weights);
        for (a, b) in pcgrad.iter().zip(&upgrad) {
            assert!((a - 2.0 * b).abs() < 1e-6 * a.abs(), "{what}: {pcgrad:?} {upgrad:?}");
        }
    }
    for (what, rows) in jacobians().into_iter().filter(|(what, _)| what.starts_with("random")) {
        let (one, two) = (weigh(&words("gradvac"), &rows).weights, weigh(&words("pcgrad"), &rows).weights);
        assert!(one.iter().zip(&two).all(|(a, b)| (a - b).abs() < 1e-9), "{what}: {one:?} {two:?}");
    }
}

/// Gradients that cancel or are nothing are told by every method that has no answer of its own to them.
#[test]
fn what_has_no_answer_is_told() {
    let nothing = vec![vec![0.0; 3]; 3];
    for name in ["mgda", "imtl_g", "nash_mtl", "fairgrad", "aligned_mtl", "config", "cagrad", "sdmgrad"] {
        assert!(!weigh(&words(name), &nothing).regular, "{name}");
    }
    let opposite = vec![vec![1.0, 0.0], vec![-2.0, 0.0]];
    for name in ["imtl_g", "nash_mtl", "fairgrad", "aligned_mtl", "config"] {
        assert!(!weigh(&words(name), &opposite).regular, "{name}");
    }
    for name in of_dot_products() {
        let plain = weigh(&words(name), &vec![vec![1.0, 0.0], vec![0.5, 1.0]]);
        assert!(plain.regular, "{name}");
    }
}

/// Karush, Kuhn and Tucker: what is free has no slope, what is fixed would not go down.
#[test]
fn quadratic_programs_are_solved() {
    let mut draw = Draw(5);
    for size in 1..13 {
        for width in [2, size, 2 * size] {
            let rows = draw.rows(size, width);
            let quadratic = Matrix::gramian(&rows);
            // A slope in the rows' span, so that there is a least value.
            let linear: Vec<f64> = quadratic.times(&(0..size).map(|_| draw.next()).collect::<Vec<_>>());
            let total: Vec<f64> = (0..size).map(|_| 0.1 + draw.next().abs()).collect();
            for total in [None, Some(total.as_slice())] {
                let actual = QuadraticProgram { quadratic: &quadratic, linear: &linear, total }.solve();
                assert!(actual.reached, "{size} {width}");
                let slope: Vec<f64> =
                    quadratic.times(&actual.x).iter().zip(&linear).map(|(h, p)| h + p).collect();
                let price = match total {
                    Some(total) => {
                        assert!((dot(total, &actual.x) - 1.0).abs() < 1e-9);
                        let free =
                            (0..size).max_by(|a, b| actual.x[*a].total_cmp(&actual.x[*b])).expect("one");
                        slope[free] / total[free]
                    }
                    None => 0.0,
                };
                for i in 0..size {
                    let left = slope[i] - price * total.map_or(0.0, |total| total[i]);
                    assert!(actual.x[i] >= 0.0);
                    assert!(left > -1e-7, "{size} {width} {i}: {left}");
                    assert!(actual.x[i] == 0.0 || left.abs() < 1e-7, "{size} {width} {i}: {left}");
                }
            }
        }
    }
}
