//! Properties of losses.

use candle_core::{Device, Tensor, Var};
use mtl::domain::choice_config::Choice;
use mtl::domain::task::FittedTarget;
use mtl::model::loss::LossConfig;
use mtl::model::weights::host;
use serde_json::json;

use crate::laws::tensor::tensor;

const ROWS: usize = 4;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn targets() -> Vec<FittedTarget> {
    vec![
        FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [5, 3], threshold: 0.5 },
        FittedTarget::Multiclass { classes: texts(&["a", "b", "c"]), counts: vec![2, 3, 3] },
        FittedTarget::Multilabel {
            labels: texts(&["p", "q"]),
            positives: vec![2, 5],
            present: vec![8, 7],
            threshold: 0.5,
        },
        FittedTarget::Ordinal { classes: texts(&["low", "middle", "high"]), counts: vec![2, 3, 3] },
        FittedTarget::Regression {
            columns: texts(&["u", "v"]),
            center: vec![10.0, 0.0],
            scale: vec![2.0, 1.0],
        },
        FittedTarget::Segmentation {
            classes: texts(&["a", "b", "c"]),
            counts: vec![2, 3, 3],
            height: 2,
            width: 1,
        },
        FittedTarget::PixelRegression { height: 2, width: 2, center: 10.0, scale: 2.0 },
    ]
}

/// Every registered loss with every kind of target that it accepts.
fn all() -> Vec<(String, LossConfig, FittedTarget)> {
    let examples = [
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
    let read = |json: &serde_json::Value| serde_json::from_value(json.clone()).unwrap();
    let configs: Vec<LossConfig> = examples.iter().map(read).collect();
    for name in LossConfig::names() {
        assert!(configs.iter().any(|config| config.name() == *name), "`{name}` is not tested");
    }
    let mut all = Vec::new();
    for (example, config) in examples.iter().zip(configs) {
        for target in targets().into_iter().filter(|target| config.view().accepts(target.kind())) {
            config.view().check(&target).unwrap();
            all.push((format!("{example} of a {} task", target.kind()), config.clone(), target));
        }
    }
    all
}

/// Labels of `ROWS` rows; numbers are standardized.
fn truth(target: &FittedTarget) -> Vec<f32> {
    match target {
        FittedTarget::Binary { .. } => vec![0.0, 1.0, 1.0, 0.0],
        FittedTarget::Multiclass { .. }
        | FittedTarget::Ordinal { .. }
        | FittedTarget::Segmentation { .. } => {
            vec![2.0, 0.0, 1.0, 2.0]
        }
        FittedTarget::PixelRegression { .. } => vec![-0.5, 2.0, 0.0, -1.0],
        FittedTarget::Multilabel { .. } => vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        FittedTarget::Regression { .. } => vec![-0.5, 0.5, 2.0, -1.0, 0.0, 0.0, -1.0, 2.0],
        other => panic!("{} tasks are tested elsewhere", other.kind()),
    }
}

/// Logits of absolute value `size` that predict exactly the labels.
fn perfect_logits(target: &FittedTarget, size: f32) -> Vec<f32> {
    let sign = |yes: bool| if yes { size } else { -size };
    let truth = truth(target);
    match target {
        FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
            truth.iter().map(|y| sign(*y > 0.5)).collect()
        }
        FittedTarget::Multiclass { .. } | FittedTarget::Segmentation { .. } => {
            truth.iter().flat_map(|y| (0..3).map(move |class| sign(*y == class as f32))).collect()
        }
        FittedTarget::Ordinal { .. } => {
            truth.iter().flat_map(|y| (0..2).map(move |cut| sign(*y > cut as f32))).collect()
        }
        FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. } => truth,
        other => panic!("{} tasks are tested elsewhere", other.kind()),
    }
}

fn columns(values: Vec<f32>) -> Tensor {
    let width = values.len() / ROWS;
    Tensor::from_vec(values, (ROWS, width), &Device::Cpu).unwrap()
}

fn full_mask(target: &FittedTarget) -> Tensor {
    columns(vec![1.0; ROWS * target.width()])
}

fn value(config: &LossConfig, target: &FittedTarget, logits: &Tensor, truth: &Tensor, mask: &Tensor) -> f32 {
    config.view().forward(logits, truth, mask, target).unwrap().to_scalar().unwrap()
}

#[test]
fn losses_are_smallest_at_the_target() {
    for (name, config, target) in all() {
        let (truth, mask) = (columns(truth(&target)), full_mask(&target));
        let best = value(&config, &target, &columns(perfect_logits(&target, 30.0)), &truth, &mask);
        assert!((0.0..1e-6).contains(&best), "{name}: {best}");
        for salt in 0..20 {
            let other = value(&config, &target, &tensor(ROWS, target.logits(), salt), &truth, &mask);
            assert!(other > best, "{name}: {other}");
        }
    }
}

#[test]
fn masked_labels_do_not_count() {
    for (name, config, target) in all() {
        let width = target.width();
        let mut mask = vec![1.0; ROWS * width];
        mask[width..2 * width].fill(0.0);
        let (mask, logits) = (columns(mask), tensor(ROWS, target.logits(), 3));
        let mut labels = truth(&target);
        let before = value(&config, &target, &logits, &columns(labels.clone()), &mask);
        labels[width..2 * width].fill(0.0);
        let x = Var::from_tensor(&logits).unwrap();
        let loss = config.view().forward(&x, &columns(labels), &mask, &target).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), before, "{name}");
        let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
        let row = &gradient[target.logits()..2 * target.logits()];
        assert!(row.iter().all(|g| *g == 0.0), "{name}: {gradient:?}");
        assert!(gradient.iter().any(|g| *g != 0.0), "{name}: {gradient:?}");
        // The loss equals that of the other rows alone.
        let three =
            |t: &Tensor| Tensor::cat(&[t.narrow(0, 0, 1).unwrap(), t.narrow(0, 2, 2).unwrap()], 0).unwrap();
        let alone = value(&config, &target, &three(&logits), &three(&columns(truth(&target))), &three(&mask));
        assert!((alone - before).abs() < 1e-6, "{name}: {alone} and {before}");
        let empty = (mask * 0.0).unwrap();
        assert_eq!(value(&config, &target, &logits, &columns(truth(&target)), &empty), 0.0, "{name}");
    }
}

#[test]
fn losses_of_extreme_logits_are_finite() {
    for (name, config, target) in all() {
        for size in [1e4, -1e4] {
            let x = Var::from_tensor(&columns(perfect_logits(&target, size))).unwrap();
            let x =
                if matches!(target, FittedTarget::Regression { .. } | FittedTarget::PixelRegression { .. }) {
                    Var::from_tensor(&(x.as_tensor() * f64::from(size)).unwrap()).unwrap()
                } else {
                    x
                };
            let loss =
                config.view().forward(&x, &columns(truth(&target)), &full_mask(&target), &target).unwrap();
            assert!(loss.to_scalar::<f32>().unwrap().is_finite(), "{name}");
            let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}: {gradient:?}");
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    const STEP: f32 = 4e-3;
    for (name, config, target) in all() {
        let (truth, mask) = (columns(truth(&target)), full_mask(&target));
        let logits = tensor(ROWS, target.logits(), 6);
        let x = Var::from_tensor(&logits).unwrap();
        let loss = config.view().forward(&x, &truth, &mask, &target).unwrap();
        let gradient = host(loss.backward().unwrap().get(&x).unwrap()).unwrap();
        let values = host(&logits).unwrap();
        for index in 0..values.len() {
            let at = |step: f32| {
                let mut moved = values.clone();
                moved[index] += step;
                value(&config, &target, &columns(moved), &truth, &mask)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!((slope - gradient[index]).abs() < 1e-3, "{name}[{index}]: {slope}, {}", gradient[index]);
        }
    }
}
