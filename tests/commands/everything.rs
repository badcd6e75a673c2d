//! Many kinds of tasks, layers, loss weightings, optimizers, schedules and penalties end to end: training,
//! database, ONNX parity and predictions.

use super::number;
use crate::support::{Project, Ran};

const PIPELINE: &str = r#"name: sink
data:
  t: {source: {csv: {path: rows.csv}}, split: {stratified: {by: n, valid: 0.15, test: 0.15}}}
inputs:
  a: {standardize: {encoder: [{dense: {units: 4, activation: tanh}}]}}
  b: min_max
  r: robust
  q: {quantile: {missing: median}}
  p: {piecewise: {bins: 6, missing: median, indicator: true}}
  c: {number: {missing: median, indicator: true}}
  k: {category: {width: 3, minimum: 2}}
  n: one_hot
trunk:
  - dense: {units: 16, activation: gelu}
  - mark: early
  - batch_norm
  - residual: [{dense: {units: 24, activation: silu}}, layer_norm]
  - activation: elu
  - dropout: 0.1
tasks:
  bin:
    target: bin
    kind: binary
    loss: {binary_cross_entropy: {class_weights: balanced, label_smoothing: 0.05}}
    metrics:
      [accuracy, balanced_accuracy, precision, recall, {f1: micro}, auroc, average_precision, log_loss, brier,
       calibration_error]
  multi:
    target: multi
    kind: multiclass
    loss: {focal: 1.5}
    after: [bin]
    head: [{dense: 8}]
    metrics: [accuracy, {f1: macro}, auroc, log_loss, quadratic_kappa]
  ordn: {target: ord, kind: ordinal, from: early, metrics: [quadratic_kappa, mae, accuracy]}
  labels: {target: [l1, l2], kind: multilabel}
  nums:
    target: [r1, r2]
    kind: regression
    loss: {huber: 0.5}
    metrics: [rmse, mae, mse, r2, spearman, pearson]
weighting: WEIGHTING
train: {epochs: 2, batch_size: 64, TRAIN}
export: {onnx: {opset: OPSET}}
"#;

/// Values of WEIGHTING, TRAIN and OPSET.
const VARIANTS: [(&str, &str, &str); 5] = [
    (
        "equal",
        "optimizer: {sgd: {rate: 0.05, momentum: 0.9, nesterov: true}}, schedule: {step: 2}, clip_norm: 1.0",
        "17",
    ),
    (
        // A task of weight 0.
        "{fixed: {weights: {bin: 2.0, nums: 0.0}}}",
        "optimizer: adam, schedule: cosine, monitor: {task: bin, metric: auroc}",
        "18",
    ),
    (
        "uncertainty",
        "schedule: {warmup_cosine: 10}, regularization: {elastic: {l1: 1.0e-6, l2: 1.0e-5}}",
        "19",
    ),
    ("dwa", "schedule: {warmup_linear: {warmup: 10, floor: 0.1}}, regularization: {l1: 1.0e-5}", "20"),
    (
        "{random: bernoulli}",
        "regularization: {l2: 1.0e-5}, monitor: {task: nums, metric: r2, patience: 3}",
        "21",
    ),
];

/// Rows with text, missing inputs, and missing labels for every task.
fn rows() -> String {
    let mut state = 3_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut text = String::from("a,b,c,k,n,r,q,p,bin,multi,ord,l1,l2,r1,r2\n");
    for _ in 0..400 {
        let (a, b, n) = (draw(100) as f64 / 25.0 - 2.0, draw(100) as f64 / 10.0, draw(6));
        let c = if draw(10) == 0 { String::new() } else { format!("{}", draw(1000) as f64 / 1e3) };
        let k = ["x", "y", "z", ""][draw(4) as usize];
        let sum = a + 0.3 * b;
        let mut label = |value: String| if draw(7) == 0 { String::new() } else { value };
        let labels = [
            label(if sum > 1.5 { "yes" } else { "no" }.to_owned()),
            label(["red", "green", "blue"][(n % 3) as usize].to_owned()),
            label(((sum as i64) + 1).clamp(1, 4).to_string()),
            label(u8::from(a > 0.0).to_string()),
            label(u8::from(b > 5.0).to_string()),
            label(format!("{:.2}", sum * 10.0)),
            label(format!("{:.2}", a - b)),
        ];
        text.push_str(&format!("{a},{b},{c},{k},{n},{},{c},{c},{}\n", b * b, labels.join(",")));
    }
    text
}

#[test]
fn everything_works_end_to_end() {
    let project = Project::new().file("rows.csv", rows());
    let online = |arguments: &[&str]| Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"));
    for (index, (weighting, train, opset)) in VARIANTS.iter().enumerate() {
        let text = PIPELINE.replace("WEIGHTING", weighting).replace("TRAIN", train).replace("OPSET", opset);
        let file = format!("p{index}.yaml");
        std::fs::write(project.path(&file), text).expect("written");
        online(&["run", &file, "--quiet"]).expect(0);
        let runs = (index + 1) as f64;
        assert_eq!(
            number(&project, "select count(*) from parity where verified and largest <= tolerance"),
            runs
        );
        online(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
        assert_eq!(project.read("predictions.csv").lines().count(), 401);
    }
    let answers = project.read("predictions.csv");
    let heading = answers.lines().next().unwrap_or_default();
    for column in ["bin_probability", "multi_green", "ordn_4", "labels_l2_probability", "nums_r2"] {
        assert!(heading.split(',').any(|name| name == column), "{column}: {heading}");
    }
}
