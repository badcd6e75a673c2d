//! The shared cases of the metric tests, and the comparison of a metric with its reference.
//!
//! scikit-learn 1.9.1, numpy 2.4.6 and scipy 1.17.1 computed the expected numbers from the same cases:
//! ```text
//! import numpy as np; from sklearn import metrics as m; from scipy import stats
//! i = np.arange(120); nan = np.nan
//! def mix(a, n, i=i): return ((i + 1000 * a) * 2654435761 % 2**32 >> 16) % n
//! def shares(s): return (s.astype("f4") / s.sum(1, keepdims=True).astype("f4"))
//! def likelihood(truth, classes):
//!     scores = [1 + mix(2 * k + 1, 7, i + 5 * k) + 3 * (truth == k) for k in range(classes)]
//!     return shares(np.stack(scores, 1))
//! b = (mix(7, 11) < 4).astype(int); bp = ((mix(5, 17) + 8 * b) / 24).astype("f4"); bk = i % 13 != 5
//! c = np.array([0, 1, 3])[mix(3, 13) % 3]; cp = likelihood(c, 4); ck = i % 17 != 4  # class 2 is absent
//! o = mix(3, 5); o[mix(2, 23) < 9] = 4; op = likelihood((o + (i % 3 == 0)) % 5, 5); ok = i % 19 != 2
//! l = np.stack([mix(3 + k, 5, i + k) < 2 for k in range(3)] + [i >= 0], 1).astype(int)
//! # label 3 is on every row
//! lp = np.stack([(mix(5 + k, 17) + 8 * l[:, k]) / 24 for k in range(4)], 1).astype("f4")
//! lk = np.stack([(i + k) % (7 + k) != 3 for k in range(4)], 1)
//! r = np.stack([mix(9, 19) - 5.0, mix(2, 29) * 3.0], 1)
//! rp = np.stack([(r[:, 0] + mix(4, 7)) / 2 - 3, r[:, 1] - mix(3, 13) * 2], 1)
//! rk = np.stack([i % 11 != 3, i % 5 != 1], 1)
//! b, bp, c, cp, o, op = b[bk], bp[bk], c[ck], cp[ck], o[ok], op[ok]  # rows with a label
//! labels = [(l[lk[:, k], k], lp[lk[:, k], k]) for k in range(4)]
//! columns = [(r[rk[:, k], k], rp[rk[:, k], k]) for k in range(2)]
//! def over(columns, f): return np.mean([f(*column) for column in columns])
//! def rest(truth, p, f):
//!     both = [k for k in range(p.shape[1]) if 0 < (truth == k).sum() < len(truth)]
//!     return np.mean([f(truth == k, p[:, k]) for k in both])
//! def both(columns): return [column for column in columns if len(set(column[0])) == 2]
//! def ece(truth, p, bins=15):
//!     p = p.astype("f8"); at = np.minimum((p * bins).astype(int), bins - 1)
//!     return sum((at == a).mean() * abs(truth[at == a].mean() - p[at == a].mean()) for a in set(at))
//! def top(truth, p): return (p.argmax(1) == truth).astype(int), p.max(1)
//! d = bp >= 0.5; cd, od = cp.argmax(1), op.argmax(1); ld = [(t, p >= 0.5) for t, p in labels]
//! pot = (np.concatenate([t for t, _ in ld]), np.concatenate([p for _, p in ld]))
//! ```

pub mod sequence;

use serde_json::Value;

use crate::domain::task::{FittedTarget, TagScheme};
use crate::evaluate::metric::MetricConfig;
use crate::evaluate::predictions::TaskPredictions;

const ROWS: usize = 120;

/// A target with its true values and predictions.
#[derive(Clone, Debug)]
pub struct MetricCase {
    /// The fitted target.
    pub target: FittedTarget,
    /// True values, row-major.
    pub truth: Vec<f32>,
    /// Predictions, row-major.
    pub answers: Vec<f32>,
    /// Number of cells.
    pub rows: usize,
    /// Row offsets of a task with a label per step.
    pub offsets: Option<Vec<u32>>,
    /// Generated and true texts.
    pub texts: Option<(Vec<String>, Vec<Option<String>>)>,
    /// Negative log-likelihood per token, of a language model or decoder.
    pub nll: Option<f64>,
    /// Share of the tokens that are predicted correctly.
    pub guessed: Option<f64>,
}

impl MetricCase {
    /// One label per row, without texts.
    pub fn new(target: FittedTarget, truth: Vec<f32>, answers: Vec<f32>) -> Self {
        let rows = truth.len() / target.width();
        Self { target, truth, answers, rows, offsets: None, texts: None, nll: None, guessed: None }
    }

    /// What a metric sees.
    pub fn view(&self) -> TaskPredictions<'_> {
        let mut view = TaskPredictions::new(&self.target, &self.truth, &self.answers, self.rows);
        view = self.offsets.as_deref().map_or(view, |offsets| view.with_offsets(offsets));
        view = self.guessed.map_or(view, |guessed| view.with_token_accuracy(guessed));
        view = self.texts.as_ref().map_or(view, |(answer, truth)| view.with_texts(answer, truth));
        self.nll.map_or(view, |nll| view.with_nll(nll))
    }

    /// The number of rows of steps or texts, or else of cells: what `at` selects.
    pub fn count(&self) -> usize {
        let texts = self.texts.as_ref().map(|(answer, _)| answer.len());
        self.offsets.as_ref().map(|offsets| offsets.len() - 1).or(texts).unwrap_or(self.rows)
    }

    /// The rows at `order`, in that order.
    pub fn at(&self, order: &[usize]) -> Self {
        let cells: Vec<usize> = match (&self.offsets, &self.texts) {
            (Some(offsets), _) => {
                order.iter().flat_map(|row| offsets[*row] as usize..offsets[row + 1] as usize).collect()
            }
            (None, Some(_)) => Vec::new(),
            (None, None) => order.to_vec(),
        };
        let gather = |from: &[f32], width: usize| {
            cells.iter().flat_map(|cell| from[cell * width..(cell + 1) * width].to_vec()).collect()
        };
        let width = if self.answers.is_empty() { 0 } else { self.target.prediction_width() };
        let mut selected = Self::new(
            self.target.clone(),
            gather(&self.truth, self.target.width()),
            gather(&self.answers, width),
        );
        let reordered = |offsets: &Vec<u32>| -> Vec<u32> {
            let lengths = order.iter().map(|row| offsets[row + 1] - offsets[*row]);
            std::iter::once(0)
                .chain(lengths.scan(0, |end, length| {
                    *end += length;
                    Some(*end)
                }))
                .collect()
        };
        selected.offsets = self.offsets.as_ref().map(reordered);
        selected.texts = self.texts.as_ref().map(|(answer, truth)| {
            order.iter().map(|row| (answer[*row].clone(), truth[*row].clone())).unzip()
        });
        selected.nll = self.nll.filter(|_| !order.is_empty());
        selected.guessed = self.guessed.filter(|_| !order.is_empty());
        selected
    }

    /// The same case without any label.
    pub fn unlabelled(&self) -> Self {
        let texts = self.texts.clone().map(|(answer, truth)| (answer, vec![None; truth.len()]));
        Self { truth: vec![f32::NAN; self.truth.len()], texts, nll: None, guessed: None, ..self.clone() }
    }
}

/// A metric as a user writes it: a name, or `(name, settings)`.
pub fn metric(name: &str, settings: Value) -> MetricConfig {
    serde_json::from_value(serde_json::json!({ name: settings })).expect("a metric")
}

/// Asserts that a metric's score is the reference's number.
#[track_caller]
pub fn assert_score(metric: &MetricConfig, case: &MetricCase, expected: f64) {
    assert!(metric.view().accepts(case.target.kind()), "{} of {}", metric.label(), case.target.kind());
    let result = metric.view().score(&case.view()).expect("defined");
    // The reference sums some float32 numbers in float32.
    assert!((result - expected).abs() < 1e-6, "{}: {result}, expected {expected}", metric.label());
}

/// A pseudo-random number below `n`, different for each `a` and `i`.
pub fn mix(a: usize, n: usize, i: usize) -> usize {
    let i = (i + 1000 * a) as u32;
    (i.wrapping_mul(2_654_435_761) >> 16) as usize % n
}

/// Names of classes: 0, 1, 2 ...
pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// The label, or NaN if it is missing.
fn label(present: bool, truth: usize) -> f32 {
    if present { truth as f32 } else { f32::NAN }
}

fn likelihood(i: usize, truth: usize, classes: usize) -> Vec<f32> {
    let score = |k: usize| (1 + mix(2 * k + 1, 7, i + 5 * k) + if truth == k { 3 } else { 0 }) as f32;
    let sum: f32 = (0..classes).map(score).sum();
    (0..classes).map(|k| score(k) / sum).collect()
}

/// Ties, certain predictions (0 and 1), predictions at the threshold, missing labels.
pub fn binary() -> MetricCase {
    let target = binary_target();
    let yes = |i: usize| usize::from(mix(7, 11, i) < 4);
    let truth = (0..ROWS).map(|i| label(i % 13 != 5, yes(i))).collect();
    let answers = (0..ROWS).map(|i| (mix(5, 17, i) + 8 * yes(i)) as f32 / 24.0).collect();
    MetricCase::new(target, truth, answers)
}

/// Four classes, one of them absent; ties for the most likely class; missing labels.
pub fn multiclass() -> MetricCase {
    let class = |i: usize| [0, 1, 3][mix(3, 13, i) % 3];
    let truth = (0..ROWS).map(|i| label(i % 17 != 4, class(i))).collect();
    let answers = (0..ROWS).flat_map(|i| likelihood(i, class(i), 4)).collect();
    MetricCase::new(FittedTarget::Multiclass { classes: names(4), counts: vec![1; 4] }, truth, answers)
}

/// Four labels, the last on every row; missing cells.
pub fn multilabel() -> MetricCase {
    let on = |i: usize, k: usize| usize::from(k == 3 || mix(3 + k, 5, i + k) < 2);
    let cells = || (0..ROWS).flat_map(|i| (0..4).map(move |k| (i, k)));
    let truth = cells().map(|(i, k)| label((i + k) % (7 + k) != 3, on(i, k))).collect();
    let answers = cells().map(|(i, k)| (mix(5 + k, 17, i) + 8 * on(i, k)) as f32 / 24.0).collect();
    let target = FittedTarget::Multilabel {
        labels: names(4),
        positives: vec![1; 4],
        present: vec![2; 4],
        threshold: 0.5,
    };
    MetricCase::new(target, truth, answers)
}

/// Five ordered classes; missing labels.
pub fn ordinal() -> MetricCase {
    let class = |i: usize| if mix(2, 23, i) < 9 { 4 } else { mix(3, 5, i) };
    let truth = (0..ROWS).map(|i| label(i % 19 != 2, class(i))).collect();
    let answers =
        (0..ROWS).flat_map(|i| likelihood(i, (class(i) + usize::from(i % 3 == 0)) % 5, 5)).collect();
    MetricCase::new(FittedTarget::Ordinal { classes: names(5), counts: vec![1; 5] }, truth, answers)
}

/// Two columns of numbers with ties; missing cells.
pub fn regression() -> MetricCase {
    let mut truth = Vec::new();
    let mut answers = Vec::new();
    for i in 0..ROWS {
        let (first, second) = (mix(9, 19, i) as f32 - 5.0, mix(2, 29, i) as f32 * 3.0);
        truth.push(if i % 11 != 3 { first } else { f32::NAN });
        truth.push(if i % 5 != 1 { second } else { f32::NAN });
        answers.push((first + mix(4, 7, i) as f32) / 2.0 - 3.0);
        answers.push(second - mix(3, 13, i) as f32 * 2.0);
    }
    let target = FittedTarget::Regression { columns: names(2), center: vec![0.0; 2], scale: vec![1.0; 2] };
    MetricCase::new(target, truth, answers)
}

/// The first column of `regression` as pixels.
pub fn pixels() -> MetricCase {
    let MetricCase { truth, answers, .. } = regression();
    let first = |cells: Vec<f32>| cells.into_iter().step_by(2).collect();
    let target = FittedTarget::PixelRegression { height: 4, width: 5, center: 0.0, scale: 1.0 };
    MetricCase::new(target, first(truth), first(answers))
}

/// The classes of `multiclass` as pixels.
pub fn segmentation() -> MetricCase {
    let MetricCase { truth, answers, .. } = multiclass();
    let target = FittedTarget::Segmentation { classes: names(4), counts: vec![1; 4], height: 4, width: 5 };
    MetricCase::new(target, truth, answers)
}

/// All shared cases.
pub fn all() -> Vec<MetricCase> {
    let spans = sequence::spans(TagScheme::Bio);
    let rows = [binary(), multiclass(), multilabel(), ordinal(), regression()];
    rows.into_iter()
        .chain([pixels(), segmentation(), spans, sequence::texts(), sequence::language()])
        .collect()
}

/// A binary target with a threshold of 0.5.
pub fn binary_target() -> FittedTarget {
    FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [1, 1], threshold: 0.5 }
}

/// A binary case from rows of (truth, probability).
pub fn of_binary(rows: &[(f32, f32)]) -> MetricCase {
    let (truth, answers) = rows.iter().copied().unzip();
    MetricCase::new(binary_target(), truth, answers)
}

/// A regression case of one column, from rows of (truth, prediction).
pub fn of_regression(rows: &[(f32, f32)]) -> MetricCase {
    let (truth, answers) = rows.iter().copied().unzip();
    let target = FittedTarget::Regression { columns: names(1), center: vec![0.0], scale: vec![1.0] };
    MetricCase::new(target, truth, answers)
}
