//! The laws of losses.

use candle_core::{Device, Tensor, Var};
use mtl::domain::kinds::Choice;
use mtl::domain::task::Target;
use mtl::model::loss::LossSpec;
use mtl::model::weights::host;
use serde_json::json;

use crate::laws::tensor::tensor;

const ROWS: usize = 4;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn targets() -> Vec<Target> {
    vec![
        Target::Binary { classes: ["no".into(), "yes".into()], counts: [5, 3], threshold: 0.5 },
        Target::Multiclass { classes: texts(&["a", "b", "c"]), counts: vec![2, 3, 3] },
        Target::Multilabel {
            labels: texts(&["p", "q"]),
            positives: vec![2, 5],
            present: vec![8, 7],
            threshold: 0.5,
        },
        Target::Ordinal { classes: texts(&["low", "middle", "high"]), counts: vec![2, 3, 3] },
        Target::Regression { columns: texts(&["u", "v"]), center: vec![10.0, 0.0], scale: vec![2.0, 1.0] },
        Target::Segmentation { classes: texts(&["a", "b", "c"]), counts: vec![2, 3, 3], height: 2, width: 1 },
        Target::PixelRegression { height: 2, width: 2, center: 10.0, scale: 2.0 },
    ]
}

/// Every loss of the shelf with every kind of target it accepts.
fn all() -> Vec<(String, LossSpec, Target)> {
    let words = [
        json!("binary_cross_entropy"),
        json!({"binary_cross_entropy": {"class_weights": "balanced"}}),
        json!("cross_entropy"),
        json!({"cross_entropy": {"class_weights": [0.5, 1.0, 3.0]}}),
        json!("focal"),
        json!({"focal": {"gamma": 0.5, "class_weights": "balanced"}}),
        json!("mse"),
        json!("mae"),
        json!({"huber": 0.7}),
        json!("dice"),
        json!({"dice": 0.1}),
        json!("ordinal"),
    ];
    let specs: Vec<LossSpec> = words.iter().map(|w| serde_json::from_value(w.clone()).unwrap()).collect();
    for name in LossSpec::names() {
        assert!(specs.iter().any(|spec| spec.name() == *name), "`{name}` is not tried");
    }
    let mut all = Vec::new();
    for (words, spec) in words.iter().zip(specs) {
        for target in targets().into_iter().filter(|target| spec.view().accepts(target.kind())) {
            spec.view().check(&target).unwrap();
            all.push((format!("{words} of a {} task", target.kind()), spec.clone(), target));
        }
    }
    all
}

/// Labels of ROWS rows, numbers standardized.
fn truth(target: &Target) -> Vec<f32> {
    match target {
        Target::Binary { .. } => vec![0.0, 1.0, 1.0, 0.0],
        Target::Multiclass { .. } | Target::Ordinal { .. } | Target::Segmentation { .. } => {
            vec![2.0, 0.0, 1.0, 2.0]
        }
        Target::PixelRegression { .. } => vec![-0.5, 2.0, 0.0, -1.0],
        Target::Multilabel { .. } => vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        Target::Regression { .. } => vec![-0.5, 0.5, 2.0, -1.0, 0.0, 0.0, -1.0, 2.0],
        other => panic!("{} tasks have laws of their own", other.kind()),
    }
}

/// Logits that say exactly what the labels say, `size` strong.
fn certain(target: &Target, size: f32) -> Vec<f32> {
    let sign = |yes: bool| if yes { size } else { -size };
    let truth = truth(target);
    match target {
        Target::Binary { .. } | Target::Multilabel { .. } => truth.iter().map(|y| sign(*y > 0.5)).collect(),
        Target::Multiclass { .. } | Target::Segmentation { .. } => {
            truth.iter().flat_map(|y| (0..3).map(move |class| sign(*y == class as f32))).collect()
        }
        Target::Ordinal { .. } => {
            truth.iter().flat_map(|y| (0..2).map(move |cut| sign(*y > cut as f32))).collect()
        }
        Target::Regression { .. } | Target::PixelRegression { .. } => truth,
        other => panic!("{} tasks have laws of their own", other.kind()),
    }
}

fn columns(values: Vec<f32>) -> Tensor {
    let width = values.len() / ROWS;
    Tensor::from_vec(values, (ROWS, width), &Device::Cpu).unwrap()
}

fn present(target: &Target) -> Tensor {
    columns(vec![1.0; ROWS * target.width()])
}

fn value(spec: &LossSpec, target: &Target, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> f32 {
    spec.view().forward(logits, truth, mask, target).unwrap().to_scalar().unwrap()
}

#[test]
fn smallest_at_the_target() {
    for (words, spec, target) in all() {
        let (truth, mask) = (columns(truth(&target)), present(&target));
        let best = value(&spec, &target, &columns(certain(&target, 30.0)), &truth, &mask);
        assert!((0.0..1e-6).contains(&best), "{words}: {best}");
        for salt in 0..20 {
            let other = value(&spec, &target, &tensor(ROWS, target.logits(), salt), &truth, &mask);
            assert!(other > best, "{words}: {other}");
        }
    }
}

#[test]
fn what_is_masked_has_no_say() {
    for (words, spec, target) in all() {
        let width = target.width();
        let mut mask = vec![1.0; ROWS * width];
        mask[width..2 * width].fill(0.0);
        let (mask, logits) = (columns(mask), tensor(ROWS, target.logits(), 3));
        let mut labels = truth(&target);
        let before = value(&spec, &target, &logits, &columns(labels.clone()), &mask);
        labels[width..2 * width].fill(0.0);
        let x = Var::from_tensor(&logits).unwrap();
        let loss = spec.view().forward(&x, &columns(labels), &mask, &target).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), before, "{words}");
        let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
        let row = &gradient[target.logits()..2 * target.logits()];
        assert!(row.iter().all(|g| *g == 0.0), "{words}: {gradient:?}");
        assert!(gradient.iter().any(|g| *g != 0.0), "{words}: {gradient:?}");
        // The mean of the others is that of the rows without it.
        let three =
            |t: &Tensor| Tensor::cat(&[t.narrow(0, 0, 1).unwrap(), t.narrow(0, 2, 2).unwrap()], 0).unwrap();
        let alone = value(&spec, &target, &three(&logits), &three(&columns(truth(&target))), &three(&mask));
        assert!((alone - before).abs() < 1e-6, "{words}: {alone} and {before}");
        let nothing = (mask * 0.0).unwrap();
        assert_eq!(value(&spec, &target, &logits, &columns(truth(&target)), &nothing), 0.0, "{words}");
    }
}

#[test]
fn extremes_stay_finite() {
    for (words, spec, target) in all() {
        for size in [1e4, -1e4] {
            let x = Var::from_tensor(&columns(certain(&target, size))).unwrap();
            let x = if matches!(target, Target::Regression { .. } | Target::PixelRegression { .. }) {
                Var::from_tensor(&(x.as_tensor() * f64::from(size)).unwrap()).unwrap()
            } else {
                x
            };
            let loss = spec.view().forward(&x, &columns(truth(&target)), &present(&target), &target).unwrap();
            assert!(loss.to_scalar::<f32>().unwrap().is_finite(), "{words}");
            let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
            assert!(gradient.iter().all(|g| g.is_finite()), "{words}: {gradient:?}");
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f32 = 4e-3;
    for (words, spec, target) in all() {
        let (truth, mask) = (columns(truth(&target)), present(&target));
        let logits = tensor(ROWS, target.logits(), 6);
        let x = Var::from_tensor(&logits).unwrap();
        let loss = spec.view().forward(&x, &truth, &mask, &target).unwrap();
        let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
        let values = host(&logits).unwrap();
        for index in 0..values.len() {
            let at = |step: f32| {
                let mut moved = values.clone();
                moved[index] += step;
                value(&spec, &target, &columns(moved), &truth, &mask)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!((slope - gradient[index]).abs() < 1e-3, "{words}[{index}]: {slope}, {}", gradient[index]);
        }
    }
}
